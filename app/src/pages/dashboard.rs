//! The dashboard of an organization: a date range in the address, four
//! figures and three panels.

mod first_paint;
mod panel;
mod panels;
mod period_bar;
mod plan;

use leptos::prelude::*;

use self::{
    first_paint::{FirstPaint, PanelKind, span_request, with_first_paint},
    plan::{Known, Plan},
};
use super::standing::{message, no_organization, sign_in_first};
use crate::{
    analytics::{Client, use_query},
    calendar, dynamic,
    location::{parameter, use_location},
    markup::Markup,
    numbers::whole,
    period::PeriodQuery,
    session::{Standing, use_session},
};

/// The page at `/dashboard`. It is rendered whole: what the server can find
/// out is in the first HTML, also for readers without scripts.
#[component]
pub fn Dashboard() -> impl IntoView {
    let standing = use_session().standing;
    let query = use_location().query;
    dynamic::view(move || match standing.get() {
        Standing::SignedOut => sign_in_first(
            "Sign in to see your flights",
            "Every airline sees its own flights here and nobody else's. Who you are decides which ones.",
        ),
        Standing::NoOrganization => no_organization(),
        Standing::Member => with_first_paint(query.with_untracked(|query| period(query)), board),
    })
}

/// What an address asks for.
fn period(query: &str) -> PeriodQuery {
    PeriodQuery::read(|name| parameter(query, name))
}

fn board(first: FirstPaint) -> AnyView {
    let session = use_session();
    let client = Client::from_context();
    let address = use_location().query;
    let today = calendar::date_of(session.rendered_at);

    let span = use_query(
        client.clone(),
        Memo::new(|_| Some(span_request())),
        first.span,
    );
    let plan = Memo::new(move |_| {
        let known = span.outcome.with(|outcome| Known::of(outcome.as_ref()));
        Plan::of(&address.with(|query| period(query)), known, today)
    });
    let query = |kind: PanelKind, first| {
        let request = Memo::new(move |_| {
            plan.with(|plan| plan.limits.map(|(from, to)| kind.request(from, to)))
        });
        use_query(client.clone(), request, first)
    };
    let [summary, days, hours, destinations] = first.panels;
    let summary = query(PanelKind::Summary, summary);
    let days = query(PanelKind::Days, days);
    let hours = query(PanelKind::Hours, hours);
    let destinations = query(PanelKind::Destinations, destinations);
    let is_empty = Memo::new(move |_| plan.with(|plan| plan.is_empty));

    let head = move || {
        let name = session.organization_name().unwrap_or_default();
        let lead = Markup::fixed("<p class=\"lead\">Departures from New York’s three airports</p>");
        Markup::element("div", &[], Markup::element_of_text("h1", &[], &name) + lead)
    };
    let panels = dynamic::view(move || {
        if is_empty.get() {
            return dynamic::block(no_data);
        }
        let panels = vec![
            panels::days(days, plan),
            panels::hours(hours),
            panels::destinations(destinations),
        ];
        view! {
            {panels::summary(summary, plan)}
            <div class="panels">{panels}</div>
        }
        .into_any()
    });
    view! {
        <header class="page-head">{dynamic::block(head)} {period_bar::stepper(plan)}</header>
        {period_bar::choices(plan)}
        {panels}
        {dynamic::block(move || plan.with(|plan| shift_note(plan.shift_weeks)))}
    }
    .into_any()
}

/// An organization whose table is empty, which is not the same as a range
/// without flights.
fn no_data() -> Markup {
    message(Markup::fixed(
        "<h2>No flights yet</h2><p>Your organization has no rows. Figures appear here as soon as \
         the first ones are loaded, for the demo with <code>rookery load</code>.</p>",
    ))
}

/// Says that the demo's dates are not the real ones.
fn shift_note(weeks: i32) -> Markup {
    if weeks == 0 {
        return Markup::default();
    }
    let note = format!(
        "Demo data of 2013, shifted by {} weeks so that they end now. Days and hours are New York’s.",
        whole(f64::from(weeks))
    );
    Markup::element_of_text("p", &[("class", "footnote")], &note)
}
