//! The frame of a panel: loading, failed, empty, or its content. A panel that
//! fails leaves the others alone.

use leptos::prelude::*;

use crate::{
    analytics::{Failure, Query, Statistics, Table},
    charts::{ColumnChartData, readable_chart},
    components::{Icon, panel},
    dynamic,
    markup::Markup,
    numbers,
    period::{Preset, address_of_preset},
};

/// What a panel holds.
pub(super) enum Content {
    /// Something to read.
    Markup(Markup),
    /// A chart.
    Chart(ColumnChartData),
}

/// Makes the content out of an answer that has rows.
pub(super) type Body = Box<dyn Fn(&Table) -> Result<Content, Failure> + Send + Sync>;

/// A panel that shows what came of a query, and what it cost.
pub(super) fn data_panel(
    id: &'static str,
    title: &'static str,
    class: &'static str,
    query: Query,
    body: Body,
) -> AnyView {
    let cost = move || {
        query.outcome.with(|outcome| match outcome {
            Some(Ok(table)) => cost(table.statistics),
            _ => Markup::default(),
        })
    };
    panel(
        id,
        title,
        class,
        busy(query),
        vec![content(query, body), dynamic::block(cost)],
    )
}

/// Whether newer data are on their way: the style sheet dims the old ones.
pub(super) fn busy(query: Query) -> dynamic::Attribute {
    dynamic::flag(move || query.pending.get())
}

/// The inside of a panel; follows its query.
pub(super) fn content(query: Query, body: Body) -> AnyView {
    dynamic::view(move || {
        let content = query.outcome.with(|outcome| match outcome {
            None => Ok(Content::Markup(skeleton())),
            Some(Ok(table)) if table.rows == 0 => Ok(Content::Markup(nothing())),
            Some(Ok(table)) => body(table),
            Some(Err(failure)) => Err(failure.clone()),
        });
        match content {
            Ok(Content::Markup(markup)) => dynamic::block(move || markup.clone()),
            Ok(Content::Chart(data)) => readable_chart(&data),
            Err(failure) => dynamic::acting_block(move || failed(&failure), move |_| query.retry()),
        }
    })
}

/// What holds the place of the content until it is there.
fn skeleton() -> Markup {
    Markup::fixed("<div class=\"skeleton\"></div><p class=\"visually-hidden\">Loading</p>")
}

fn nothing() -> Markup {
    let all = address_of_preset(Preset::All);
    let link = Markup::element_of_text("a", &[("href", &all)], "Show all days");
    let text = Markup::element_of_text("p", &[], "No flights in these days.");
    let link = Markup::element("p", &[], link);
    Markup::element("div", &[("class", "panel-message")], text + link)
}

/// What failed, in words, and a button to try again.
fn failed(failure: &Failure) -> Markup {
    let title = Icon::Warning.draw() + Markup::text(failure.title());
    let advice = failure
        .advice()
        .map(|advice| Markup::element_of_text("p", &[], &advice));
    let request = failure.request_id.as_ref().map(|id| {
        let id = Markup::element_of_text("code", &[], id);
        Markup::element(
            "p",
            &[("class", "request-id")],
            Markup::text("Request ") + id,
        )
    });
    let retry = Markup::fixed(
        "<button type=\"button\" class=\"button small needs-script\" data-action=\"retry\">Try again</button>",
    );
    let content = Markup::element("h3", &[], title)
        + Markup::element_of_text("p", &[], &failure.message)
        + advice.unwrap_or_default()
        + request.unwrap_or_default()
        + retry;
    Markup::element(
        "div",
        &[("class", "panel-message failure"), ("role", "alert")],
        content,
    )
}

/// What the query cost, in a line. How many rows it read is not told to those
/// who must not know of others' rows.
fn cost(statistics: Statistics) -> Markup {
    let time = numbers::decimal(statistics.elapsed * 1000.0, 1);
    let text = if statistics.rows_read > 0.0 {
        let rows = numbers::count(statistics.rows_read, "row", "rows");
        format!("{rows} read in {time} ms")
    } else {
        format!("Answered in {time} ms")
    };
    Markup::element_of_text("p", &[("class", "panel-cost")], &text)
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
        assert!(
            cost(statistics)
                .into_html()
                .contains("58,665 rows read in 1.2 ms")
        );
        let untold = Statistics {
            rows_read: 0.0,
            ..statistics
        };
        assert!(cost(untold).into_html().contains("Answered in 1.2 ms"));
    }

    #[test]
    fn what_the_server_says_cannot_become_markup() {
        let failure = Failure::from_answer(400, r#"{"error":"<img src=x>"}"#, None, None);
        assert!(
            failed(&failure)
                .into_html()
                .contains("<p>&lt;img src=x&gt;</p>")
        );
    }
}
