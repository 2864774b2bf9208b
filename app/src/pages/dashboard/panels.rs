//! The four panels: which endpoint's rows become which figures.

mod cards;
mod days;
mod hours;
mod ranking;

use leptos::prelude::*;

use super::{
    panel::{Content, busy, content, data_panel},
    plan::Plan,
};
use crate::{
    analytics::{Day, Destination, Hour, Query, Summary},
    markup::Markup,
    period::Range,
};

/// The days that the newest answer is about. Not tracked: a new range counts
/// once its answer is here, not before.
fn shown(plan: Memo<Plan>) -> Option<Range> {
    plan.with_untracked(|plan| plan.range)
}

/// Four figures about the whole range.
pub(super) fn summary(query: Query, plan: Memo<Plan>) -> AnyView {
    let body = content(
        query,
        Box::new(move |table| {
            let days = shown(plan).map(Range::days);
            Ok(Content::Markup(cards::draw(Summary::read(table)?, days)))
        }),
    );
    view! {
        <section class="summary" aria-busy=busy(query) aria-label="In short">
            {body}
        </section>
    }
    .into_any()
}

/// Flights over time.
pub(super) fn days(query: Query, plan: Memo<Plan>) -> AnyView {
    let body = move |table: &_| {
        let days = Day::read(table)?;
        let ends = days.first().zip(days.last());
        let of_rows = ends.map(|(first, last)| Range {
            from: first.day,
            to: last.day,
        });
        Ok(match shown(plan).or(of_rows) {
            Some(range) => Content::Chart(days::chart(&days, range)),
            None => Content::Markup(Markup::default()),
        })
    };
    data_panel(
        "days",
        "Flights per day",
        "panel panel-wide",
        query,
        Box::new(body),
    )
}

/// How late flights leave over the day.
pub(super) fn hours(query: Query) -> AnyView {
    let body = |table: &_| Ok(Content::Chart(hours::chart(&Hour::read(table)?)));
    data_panel(
        "hours",
        "Departure delay by hour",
        "panel panel-half",
        query,
        Box::new(body),
    )
}

/// The airports flown to most.
pub(super) fn destinations(query: Query) -> AnyView {
    let body = |table: &_| Ok(Content::Markup(ranking::draw(&Destination::read(table)?)));
    data_panel(
        "destinations",
        "Top destinations",
        "panel panel-half",
        query,
        Box::new(body),
    )
}
