//! The dashboard of an organization: a date range in the address, four
//! figures and three charts.

mod first_paint;
mod panel;
mod panels;
mod period_bar;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use self::first_paint::{FirstPaint, PanelKind, span_request};
use super::standing::{no_organization, sign_in_first};
use crate::{
    analytics::{Client, DataSpan, use_query},
    calendar,
    numbers::whole,
    period::{PeriodQuery, Range},
    session::{Standing, use_session},
};

/// The page at `/dashboard`. It is rendered whole: what the server can find
/// out is in the first HTML, also for readers without scripts.
#[component]
pub fn Dashboard() -> impl IntoView {
    let session = use_session();
    let standing = Memo::new(move |_| session.standing());
    let first = first_paint::resource(current_period().get_untracked());
    let title = move || match session.organization_name() {
        Some(name) => format!("{name} · Dashboard"),
        None => "Dashboard".to_owned(),
    };
    view! {
        <Title text=title />
        {move || match standing.get() {
            Standing::SignedOut => {
                sign_in_first(
                    "Sign in to see your flights",
                    "Every airline sees its own flights here and nobody else's. Who you are decides which ones.",
                )
            }
            Standing::NoOrganization => no_organization(),
            Standing::Member => {
                view! {
                    <Suspense fallback=|| view! { <p class="loading">"Loading…"</p> }>
                        {Suspend::new(async move { board(first.await) })}
                    </Suspense>
                }
                    .into_any()
            }
        }}
    }
}

/// What the address asks for; follows it.
fn current_period() -> Memo<PeriodQuery> {
    let parameters = use_query_map();
    Memo::new(move |_| PeriodQuery::read(|name| parameters.with(|parameters| parameters.get(name))))
}

/// What the panels have in common.
#[derive(Clone, Copy)]
struct Shown {
    /// The days that are shown, where both ends are known.
    range: Memo<Option<Range>>,
}

fn board(first: FirstPaint) -> AnyView {
    let session = use_session();
    let client = Client::from_context();
    let period = current_period();
    let today = calendar::date_of(session.rendered_at);

    let span_query = use_query(
        client.clone(),
        Signal::stored(Some(span_request())),
        first.span,
    );
    // The outer level: is it known yet? The inner one: are there data?
    let span = Memo::new(move |_| {
        span_query.outcome.with(|outcome| {
            let outcome = outcome.as_ref()?;
            Some(
                outcome
                    .as_ref()
                    .ok()
                    .and_then(|table| DataSpan::read(table).ok().flatten()),
            )
        })
    });
    let is_empty = Memo::new(move |_| {
        let answered = span_query
            .outcome
            .with(|outcome| matches!(outcome, Some(Ok(_))));
        answered && span.get() == Some(None)
    });
    let limits = Memo::new(move |_| {
        let known = span.get();
        period.with(|period| {
            (known.is_some() || !period.needs_span()).then(|| period.limits(known.flatten(), today))
        })
    });
    let shown = Shown {
        range: Memo::new(move |_| period.with(|period| period.range(span.get().flatten(), today))),
    };
    let queries = PanelKind::ALL
        .into_iter()
        .zip(first.panels)
        .map(|(kind, first)| {
            let request =
                Signal::derive(move || limits.get().map(|(from, to)| kind.request(from, to)));
            use_query(client.clone(), request, first)
        });
    let queries: Vec<_> = queries.collect();

    view! {
        <header class="page-head">
            <div>
                <h1>{move || session.organization_name()}</h1>
                <p class="lead">"Departures from New York’s three airports"</p>
            </div>
            {period_bar::stepper(span, shown.range)}
        </header>
        {period_bar::choices(period, shown.range)}
        {move || {
            if is_empty.get() {
                return no_data();
            }
            view! {
                {panels::summary(queries[0], shown)}
                <div class="panels">
                    {panels::days(queries[1], shown)}
                    {panels::hours(queries[2])}
                    {panels::destinations(queries[3])}
                </div>
            }
                .into_any()
        }}
        {move || span.get().flatten().and_then(shift_note)}
    }
    .into_any()
}

/// An organization whose table is empty, which is not the same as a range
/// without flights.
fn no_data() -> AnyView {
    view! {
        <section class="message">
            <h2>"No flights yet"</h2>
            <p>
                "Your organization has no rows. Figures appear here as soon as the first ones are loaded, for the demo with "
                <code>"rookery load"</code> "."
            </p>
        </section>
    }
    .into_any()
}

/// Says that the demo's dates are not the real ones.
fn shift_note(span: DataSpan) -> Option<AnyView> {
    if span.shift_weeks == 0 {
        return None;
    }
    let weeks = whole(f64::from(span.shift_weeks));
    Some(
        view! {
            <p class="footnote">
                {format!("Demo data of 2013, shifted by {weeks} weeks so that they end now. Days and hours are New York’s.")}
            </p>
        }
        .into_any(),
    )
}
