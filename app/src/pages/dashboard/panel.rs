//! The frame of a panel: loading, failed, empty, or its content. A panel that
//! fails leaves the others alone.

use leptos::prelude::*;

use crate::{
    analytics::{Failure, Query, Statistics, Table},
    components::{Icon, icon},
    numbers,
    period::{Preset, address_of_preset},
};

/// Draws the content out of an answer that has rows.
pub(super) type Body = Box<dyn Fn(&Table) -> Result<AnyView, Failure> + Send + Sync>;

/// A panel with a title. `class` gives it its place and its height, so that
/// nothing moves when the data arrive.
pub(super) fn panel(
    id: &'static str,
    title: &'static str,
    class: &'static str,
    query: Query,
    body: Body,
) -> AnyView {
    let cost = move || {
        query.outcome.with(|outcome| match outcome {
            Some(Ok(table)) => Some(cost(table.statistics)),
            _ => None,
        })
    };
    view! {
        <section
            class=format!("panel {class}")
            class:is-pending=query.pending
            aria-labelledby=id
            aria-busy=move || query.pending.get().to_string()
        >
            <h2 id=id>{title}</h2>
            {content(query, body)}
            <p class="panel-cost">{cost}</p>
        </section>
    }
    .into_any()
}

/// The inside of a panel; follows its query.
pub(super) fn content(query: Query, body: Body) -> impl Fn() -> AnyView + Send {
    move || {
        query.outcome.with(|outcome| match outcome {
            None => view! { <div class="skeleton" aria-label="Loading"></div> }.into_any(),
            Some(Ok(table)) if table.rows == 0 => nothing(),
            Some(Ok(table)) => body(table).unwrap_or_else(|failure| failed(&failure, query)),
            Some(Err(failure)) => failed(failure, query),
        })
    }
}

fn nothing() -> AnyView {
    view! {
        <div class="panel-message">
            <p>"No flights in these days."</p>
            <p>
                <a href=address_of_preset(Preset::All)>"Show all days"</a>
            </p>
        </div>
    }
    .into_any()
}

fn failed(failure: &Failure, query: Query) -> AnyView {
    let request = failure
        .request_id
        .clone()
        .map(|id| view! { <p class="request-id">"Request " <code>{id}</code></p> });
    view! {
        <div class="panel-message failure" role="alert">
            <h3>{icon(Icon::Warning)} {failure.title()}</h3>
            <p>{failure.message.clone()}</p>
            {failure.advice().map(|advice| view! { <p>{advice}</p> })}
            {request}
            <p>
                <button type="button" class="button small needs-script" on:click=move |_| query.retry()>
                    "Try again"
                </button>
            </p>
        </div>
    }
    .into_any()
}

/// What the query cost, in a line.
fn cost(statistics: Statistics) -> String {
    format!(
        "{} read in {} ms",
        numbers::count(statistics.rows_read, "row", "rows"),
        numbers::decimal(statistics.elapsed * 1000.0, 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_told_in_rows_and_milliseconds() {
        let statistics = Statistics {
            elapsed: 0.00123,
            rows_read: 58_665.0,
            bytes_read: 0.0,
        };
        assert_eq!(cost(statistics), "58,665 rows read in 1.2 ms");
    }
}
