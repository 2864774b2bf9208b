//! A request to try: which endpoint, in which language, and the live answer.

use leptos::prelude::*;

use super::examples::Language;
use crate::{
    analytics::{Client, Failure, Table, Values, endpoint},
    components::{DataTable, Icon, copy_button, panel},
    dynamic,
    markup::Markup,
    numbers,
    token::jwt::DecodedToken,
};

/// So many rows of an answer are shown.
const SHOWN_ROWS: usize = 8;

/// What came of "run it".
#[derive(Clone, Debug, PartialEq)]
struct Run {
    /// 0 without an answer.
    status: u16,
    milliseconds: f64,
    outcome: Result<Table, Failure>,
}

/// The section below the token.
pub(super) fn section(
    raw: impl Fn() -> String + Copy + Send + 'static,
    decoded: impl Fn() -> DecodedToken + Copy + Send + 'static,
) -> AnyView {
    let client = Client::from_context();
    let origin = client.origin();
    let chosen = RwSignal::new(None::<String>);
    let pipe = move || {
        let pipes = decoded().pipes;
        let chosen = chosen.get().filter(|chosen| pipes.contains(chosen));
        chosen
            .or_else(|| pipes.into_iter().next())
            .unwrap_or_else(|| "flights_summary".to_owned())
    };
    let run = RwSignal::new(None::<Run>);
    let running = RwSignal::new(false);
    let content = vec![
        // The chosen endpoint is not tracked: the field would lose its focus.
        dynamic::acting_block(
            move || choice(&decoded().pipes, &untrack(pipe)),
            move |pipe| chosen.set(Some(pipe)),
        ),
        languages(),
        dynamic::acting_block(
            move || {
                let url = origin.clone() + &endpoint(&pipe(), &[]);
                examples(&url, &raw()) + run_button(&url)
            },
            move |_| start(client.clone(), untrack(pipe), run, running),
        ),
        dynamic::block(move || run.with(|run| run.as_ref().map(result)).unwrap_or_default()),
    ];
    panel(
        "request",
        "Ask with it",
        "panel request",
        dynamic::flag(move || running.get()),
        content,
    )
}

/// The endpoints that the token may read.
fn choice(pipes: &[String], chosen: &str) -> Markup {
    let option = |pipe: &String| {
        let attributes = [("value", pipe.as_str()), ("selected", "")];
        let attributes = if pipe == chosen {
            &attributes[..]
        } else {
            &attributes[..1]
        };
        Markup::element_of_text("option", attributes, pipe)
    };
    let select = Markup::element("select", &[], pipes.iter().map(option).sum());
    Markup::element(
        "label",
        &[("class", "field")],
        Markup::fixed("<span>Endpoint</span>") + select,
    )
}

/// Radio buttons, so that CSS can choose without wasm too.
fn languages() -> AnyView {
    dynamic::block(|| {
        let choice = |language: Language| {
            let name = language.label();
            let attributes = [
                ("type", "radio"),
                ("name", "language"),
                ("value", name),
                ("checked", ""),
            ];
            let attributes = if language == Language::Fetch {
                &attributes[..]
            } else {
                &attributes[..3]
            };
            let radio = Markup::empty_element("input", attributes);
            Markup::element(
                "label",
                &[],
                radio + Markup::element_of_text("span", &[], name),
            )
        };
        let choices = Language::ALL.into_iter().map(choice).sum();
        let legend = Markup::fixed("<legend class=\"visually-hidden\">Language</legend>");
        Markup::element("fieldset", &[("class", "choices")], legend + choices)
    })
}

/// The request in each language.
fn examples(url: &str, token: &str) -> Markup {
    let example = |language: Language| {
        let id = format!("example-{}", language.label());
        let [before, after] = language.example(url);
        // The style sheet clips the token; who copies the text gets all of it.
        let code = Markup::text(&before)
            + Markup::element_of_text("span", &[("class", "clipped")], token)
            + Markup::text(&after);
        let code = Markup::element("code", &[("id", &id)], code);
        let code = Markup::element("pre", &[("class", "code"), ("tabindex", "0")], code);
        let frame = [("class", "example"), ("data-language", language.label())];
        Markup::element("div", &frame, code + copy_button(&id, "example"))
    };
    Language::ALL.into_iter().map(example).sum()
}

fn run_button(url: &str) -> Markup {
    let button = Markup::fixed(
        "<button type=\"button\" class=\"button primary needs-script\" data-action=\"run\">Run it</button>",
    );
    let hint =
        Markup::text("Straight from this browser to ") + Markup::element_of_text("code", &[], url);
    let hint = Markup::element("span", &[("class", "hint")], hint);
    Markup::element("div", &[("class", "actions")], button + hint)
}

#[cfg(feature = "hydrate")]
fn start(client: Client, pipe: String, run: RwSignal<Option<Run>>, running: RwSignal<bool>) {
    use crate::{analytics::read_answer, browser};

    running.set(true);
    leptos::task::spawn_local(async move {
        let started = browser::milliseconds();
        let answer = client
            .send(&endpoint(&pipe, &[]), &browser::Abort::new())
            .await;
        let milliseconds = browser::milliseconds() - started;
        let (status, outcome) = match answer {
            Ok(answer) => {
                let status = answer.as_ref().map_or(0, |answer| answer.status);
                (status, read_answer(answer, browser::is_online()))
            }
            Err(failure) => (0, Err(failure)),
        };
        run.try_set(Some(Run {
            status,
            milliseconds,
            outcome,
        }));
        running.try_set(false);
    });
}

#[cfg(not(feature = "hydrate"))]
fn start(_: Client, _: String, _: RwSignal<Option<Run>>, _: RwSignal<bool>) {}

/// The answer: status, time and rows, then the rows themselves.
fn result(run: &Run) -> Markup {
    let (mark, summary, body) = match &run.outcome {
        Ok(table) => {
            let rows = numbers::count(f64::from(table.rows), "row", "rows");
            (Icon::Done, rows, readable(table).draw())
        }
        Err(failure) => {
            let message = Markup::element_of_text("p", &[], &failure.message);
            (Icon::Warning, failure.title().to_owned(), message)
        }
    };
    let status = match run.status {
        0 => "No answer".to_owned(),
        status => status.to_string(),
    };
    let time = numbers::whole(run.milliseconds) + " ms";
    let facts = Markup::element("li", &[], mark.draw() + Markup::text(&status))
        + Markup::element_of_text("li", &[], &time)
        + Markup::element_of_text("li", &[], &summary);
    let class = if run.outcome.is_ok() {
        "chips run-facts"
    } else {
        "chips run-facts failure"
    };
    let content = Markup::element("ul", &[("class", class)], facts) + body;
    Markup::element("div", &[("class", "run"), ("role", "status")], content)
}

/// The first rows of an answer as texts.
fn readable(table: &Table) -> DataTable {
    let shown = (table.rows as usize).min(SHOWN_ROWS);
    let cell = |values: &Values, row: usize| match values {
        Values::Numbers(numbers) => numbers[row].map(|number| {
            let decimals = if number.fract() == 0.0 { 0 } else { 3 };
            numbers::decimal(number, decimals)
        }),
        Values::Texts(texts) => texts[row].clone(),
    };
    let rows = (0..shown).map(|row| {
        let cells = table.columns.iter().map(|column| cell(&column.values, row));
        cells
            .map(|cell| cell.unwrap_or_else(|| "null".to_owned()))
            .collect()
    });
    let texts = table
        .columns
        .iter()
        .take_while(|column| matches!(column.values, Values::Texts(_)))
        .count();
    DataTable {
        caption: "Rows of the answer".to_owned(),
        head: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        texts,
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_shown_as_they_are_up_to_a_few_rows() {
        let rows =
            (0..20).map(|row| format!(r#"{{"day":"2026-11-{row:02}","share":0.25,"none":null}}"#));
        let body = format!(
            r#"{{"meta":[{{"name":"day","type":"Date"}},{{"name":"share","type":"Float64"}},{{"name":"none","type":"Nullable(UInt8)"}}],"data":[{}]}}"#,
            rows.collect::<Vec<_>>().join(",")
        );
        let shown = readable(&Table::parse(&body).unwrap());
        assert_eq!(shown.rows.len(), SHOWN_ROWS);
        assert_eq!(shown.rows[3], ["2026-11-03", "0.250", "null"]);
        assert_eq!(shown.texts, 1);
    }
}
