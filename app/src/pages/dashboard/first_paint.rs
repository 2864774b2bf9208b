//! What the dashboard asks the analytics server for, and the answers that
//! travel with the page.

use leptos::prelude::*;
use serde::Serialize;
use time::Date;

use crate::{
    analytics::{Outcome, endpoint, read_outcome},
    calendar,
    json::{Json, Packed, PageData},
    period::PeriodQuery,
};

/// How many airports the ranking shows.
const DESTINATIONS: u32 = 10;

/// What a panel shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PanelKind {
    Summary,
    Days,
    Hours,
    Destinations,
}

impl PanelKind {
    /// Path and query of the panel's endpoint for these days.
    pub(super) fn request(self, from: Option<Date>, to: Option<Date>) -> String {
        let mut parameters = Vec::new();
        parameters.extend(from.map(|day| ("date_from", calendar::iso(day))));
        parameters.extend(to.map(|day| ("date_to", calendar::iso(day))));
        let pipe = match self {
            Self::Summary => "flights_summary",
            Self::Days => "flights_per_day",
            Self::Hours => "delay_by_hour",
            Self::Destinations => {
                parameters.push(("limit", DESTINATIONS.to_string()));
                "top_destinations"
            }
        };
        endpoint(pipe, &parameters)
    }
}

/// Path and query of the endpoint that tells which days have data.
pub(super) fn span_request() -> String {
    endpoint("flights_period", &[])
}

/// The outcomes that the page brings along; `None` is left to the browser.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct FirstPaint {
    /// Which days have data.
    pub(super) span: Option<Outcome>,
    /// The panels' data.
    pub(super) panels: [Option<Outcome>; 4],
}

impl PageData for FirstPaint {
    #[cfg(feature = "ssr")]
    fn pack(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    fn unpack(json: &Json) -> Option<Self> {
        let panels = json.field("panels").items()?;
        Some(Self {
            span: read_outcome(&json.field("span")),
            panels: std::array::from_fn(|at| panels.get(at).and_then(read_outcome)),
        })
    }
}

/// Draws the page once the first paint is there. While the page is rendered
/// that takes a moment; in the browser it came with the page, or there is none
/// and each panel asks on its own.
///
/// Both sides take one identifier for the value and draw the same elements, so
/// the browser finds what the server wrote.
#[cfg(feature = "ssr")]
pub(super) fn with_first_paint(period: PeriodQuery, draw: fn(FirstPaint) -> AnyView) -> AnyView {
    let first = OnceResource::<_, Packed>::new_with_options(on_server::load(period), false);
    Suspend::new(async move { draw(first.await) }).into_any()
}

/// Draws the page with the first paint that came with it.
#[cfg(not(feature = "ssr"))]
pub(super) fn with_first_paint(_: PeriodQuery, draw: fn(FirstPaint) -> AnyView) -> AnyView {
    let first = SharedValue::<FirstPaint, Packed>::new_with_encoding(FirstPaint::default);
    draw(first.into_inner())
}

#[cfg(feature = "ssr")]
mod on_server {
    use futures::future::join_all;

    use super::{FirstPaint, PanelKind, PeriodQuery, span_request};
    use crate::{
        analytics::{Client, DataSpan, FailureKind, Outcome},
        calendar,
        session::use_session,
    };

    /// In the order of [`FirstPaint::panels`].
    const PANELS: [PanelKind; 4] = [
        PanelKind::Summary,
        PanelKind::Days,
        PanelKind::Hours,
        PanelKind::Destinations,
    ];

    /// Asks for everything at once where the range allows it, else for the
    /// data's span first.
    pub(super) fn load(period: PeriodQuery) -> impl Future<Output = FirstPaint> + Send {
        let client = Client::from_context();
        let session = use_session();
        let today = calendar::date_of(session.rendered_at);
        async move {
            if !period.needs_span() {
                let requests = requests(&period, None, today);
                let (span, panels) =
                    futures::join!(client.get(span_request()), ask(&client, requests));
                return FirstPaint {
                    span: in_time(span),
                    panels,
                };
            }
            let span = client.get(span_request()).await;
            let known = span
                .as_ref()
                .ok()
                .and_then(|table| DataSpan::read(table).ok().flatten());
            let panels = ask(&client, requests(&period, known, today)).await;
            FirstPaint {
                span: in_time(span),
                panels,
            }
        }
    }

    fn requests(period: &PeriodQuery, span: Option<DataSpan>, today: time::Date) -> [String; 4] {
        let (from, to) = period.limits(span, today);
        PANELS.map(|kind| kind.request(from, to))
    }

    async fn ask(client: &Client, requests: [String; 4]) -> [Option<Outcome>; 4] {
        let outcomes = join_all(requests.map(|request| client.get(request))).await;
        let mut outcomes = outcomes.into_iter().map(in_time);
        std::array::from_fn(|_| outcomes.next().flatten())
    }

    /// What took longer than the page could wait, or came too early for the
    /// rate limit, is left to the browser.
    fn in_time(outcome: Outcome) -> Option<Outcome> {
        match outcome {
            Err(failure) if failure.kind == FailureKind::Timeout || failure.pause().is_some() => {
                None
            }
            outcome => Some(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_ask_their_endpoints_for_the_days_that_are_limited() {
        let day = calendar::parse_iso("2026-11-17");
        assert_eq!(
            PanelKind::Summary.request(None, None),
            "/v0/pipes/flights_summary.json"
        );
        assert_eq!(
            PanelKind::Days.request(day, day),
            "/v0/pipes/flights_per_day.json?date_from=2026-11-17&date_to=2026-11-17"
        );
        assert_eq!(
            PanelKind::Destinations.request(None, day),
            "/v0/pipes/top_destinations.json?date_to=2026-11-17&limit=10"
        );
    }
}
