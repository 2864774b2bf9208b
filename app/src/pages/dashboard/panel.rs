//! The frame of a panel: loading, failed, empty, or its content. A panel that
//! fails leaves the others alone.

use leptos::prelude::*;

use crate::{
    analytics::{Failure, Query, Statistics, Table},
    charts::{ColumnChart, ColumnChartData},
    components::Icon,
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
            Some(Ok(table)) => cost(table.statistics),
            _ => String::new(),
        })
    };
    view! {
        <section class=class aria-labelledby=id aria-busy=busy(query)>
            <h2 id=id>{title}</h2>
            {content(query, body)}
            <p class="panel-cost">{dynamic::text(cost)}</p>
        </section>
    }
    .into_any()
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
            Ok(Content::Markup(markup)) => {
                view! { <div class="panel-content" inner_html=markup.into_html()></div> }.into_any()
            }
            Ok(Content::Chart(data)) => view! { <ColumnChart data /> }.into_any(),
            Err(failure) => view! {
                <div class="panel-message failure" role="alert">
                    <div inner_html=said(&failure).into_html()></div>
                    <button
                        type="button"
                        class="button small needs-script"
                        on:click=move |_| query.retry()
                    >
                        "Try again"
                    </button>
                </div>
            }
            .into_any(),
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

/// What failed, in words.
fn said(failure: &Failure) -> Markup {
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
    Markup::element("h3", &[], title)
        + Markup::element_of_text("p", &[], &failure.message)
        + advice.unwrap_or_default()
        + request.unwrap_or_default()
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

    #[test]
    fn what_the_server_says_cannot_become_markup() {
        let failure = Failure::from_answer(400, r#"{"error":"<img src=x>"}"#, None, None);
        assert!(
            said(&failure)
                .into_html()
                .contains("<p>&lt;img src=x&gt;</p>")
        );
    }
}
