//! A panel's data: what the page brought along, and every change after it.

use leptos::prelude::*;

use super::{Client, Failure, Table};
use crate::json::Json;

/// What came of a request.
pub type Outcome = Result<Table, Failure>;

/// Reads an outcome that travelled with the page; `None` for none.
pub(crate) fn read_outcome(json: &Json) -> Option<Outcome> {
    let (ok, err) = (
        Table::read(&json.field("Ok")),
        Failure::read(&json.field("Err")),
    );
    ok.map(Ok).or(err.map(Err))
}

/// The data of one panel.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The newest outcome; `None` before the first one.
    pub outcome: RwSignal<Option<Outcome>>,
    /// Whether a newer outcome is on its way.
    pub pending: RwSignal<bool>,
    attempts: RwSignal<u32>,
}

impl Query {
    /// Asks again.
    pub fn retry(self) {
        self.attempts.update(|attempts| *attempts += 1);
    }
}

/// Keeps the answer to `request` in step with it. The outcome that the page
/// brought along is taken as the first one and not asked for again; each
/// change of the request ends the one before it. While the request is `None`
/// nothing is asked.
///
/// ```
/// use app::analytics::{Client, Outcome, endpoint, use_query};
/// use leptos::prelude::*;
///
/// #[component]
/// fn Flights() -> impl IntoView {
///     let flights = use_query(
///         Client::from_context(),
///         Memo::new(|_| Some(endpoint("flights_per_day", &[]))),
///         None,
///     );
///     move || flights.outcome.with(chart)
/// }
///
/// fn chart(outcome: &Option<Outcome>) -> String {
///     format!("{} days", outcome.iter().flatten().map(|table| table.rows).sum::<u32>())
/// }
/// ```
#[cfg_attr(
    not(feature = "hydrate"),
    expect(unused_variables, reason = "only the browser asks again")
)]
pub fn use_query(client: Client, request: Memo<Option<String>>, first: Option<Outcome>) -> Query {
    // What the server could not find out, the browser may.
    let brought = matches!(&first, Some(Ok(_)))
        || matches!(&first, Some(Err(failure)) if !failure.is_passing());
    let query = Query {
        outcome: RwSignal::new(first),
        pending: RwSignal::new(!brought),
        attempts: RwSignal::new(0),
    };
    #[cfg(feature = "hydrate")]
    in_browser::keep(query, client, request, brought);
    query
}

#[cfg(feature = "hydrate")]
mod in_browser {
    use std::time::Duration;

    use leptos::{prelude::*, task::spawn_local};
    use send_wrapper::SendWrapper;

    use super::{Outcome, Query};
    use crate::{
        analytics::{Client, Failure, FailureKind},
        browser::{self, Abort},
        session::use_session,
        token::use_analytics_token,
    };

    /// How often a request that came too early is repeated.
    const REPETITIONS: usize = 3;

    /// Asks, and waits and asks again while the rate limit says "not now".
    async fn patient(client: &Client, request: &str, abort: &Abort) -> Outcome {
        let mut outcome = client.get(request, abort).await;
        for _ in 0..REPETITIONS {
            let Some(pause) = outcome.as_ref().err().and_then(Failure::pause) else {
                break;
            };
            browser::sleep(Duration::from_secs(pause.into())).await;
            if abort.is_aborted() {
                break;
            }
            outcome = client.get(request, abort).await;
        }
        outcome
    }

    pub(super) fn keep(query: Query, client: Client, request: Memo<Option<String>>, brought: bool) {
        Effect::new(move |ran: Option<()>| {
            query.attempts.track();
            let request = request.get();
            if ran.is_none() && brought {
                return;
            }
            let Some(request) = request else { return };
            query.pending.set(true);
            let abort = Abort::new();
            let on_change = SendWrapper::new(abort.clone());
            on_cleanup(move || on_change.abort());
            let client = client.clone();
            spawn_local(async move {
                let outcome = patient(&client, &request, &abort).await;
                if !abort.is_aborted() {
                    query.outcome.set(Some(outcome));
                    query.pending.set(false);
                }
            });
        });
        // What failed for want of a network or a token is asked for again once
        // there is one.
        let reconnections = use_session().reconnections;
        let token = use_analytics_token();
        Effect::new(move |ran: Option<()>| {
            reconnections.track();
            // The token itself does not matter, only that it is another one.
            let _ = token.grant();
            let waits = query.outcome.with_untracked(|outcome| match outcome {
                Some(Err(failure)) => matches!(
                    failure.kind,
                    FailureKind::Offline | FailureKind::Unreachable | FailureKind::NoToken
                ),
                _ => false,
            });
            if ran.is_some() && waits {
                query.retry();
            }
        });
    }
}
