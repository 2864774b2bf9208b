//! A request to try: which endpoint, in which language, and the live answer.

use leptos::prelude::*;

use super::examples::{Language, shortened};
use crate::{
    analytics::{Client, Failure, Table, Values, endpoint},
    components::{DataTable, Icon, copy_button},
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
    raw: impl Fn() -> String + Copy + Send + Sync + 'static,
    decoded: Memo<DecodedToken>,
) -> AnyView {
    let client = Client::from_context();
    let origin = client.origin();
    let chosen = RwSignal::new(None::<String>);
    let pipe = Memo::new(move |_| {
        let chosen = chosen.get();
        decoded.with(|decoded| {
            let chosen = chosen.filter(|chosen| decoded.pipes.contains(chosen));
            chosen.or_else(|| decoded.pipes.first().cloned())
        })
    });
    let pipe = move || pipe.get().unwrap_or_else(|| "flights_summary".to_owned());
    let origin = StoredValue::new(origin);
    let url = move || origin.get_value() + &endpoint(&pipe(), &[]);
    let run = RwSignal::new(None::<Run>);
    let running = RwSignal::new(false);
    let answer = dynamic::text(move || {
        run.with(|run| run.as_ref().map(result))
            .unwrap_or_default()
            .into_html()
    });
    view! {
        <section class="panel" aria-labelledby="request">
            <div class="panel-head">
                <h2 id="request">"Ask with it"</h2>
                <label class="field">
                    <span>"Endpoint"</span>
                    <select
                        on:change=move |event| chosen.set(Some(event_target_value(&event)))
                        inner_html=dynamic::text(move || decoded.with(options).into_html())
                    ></select>
                </label>
            </div>
            {languages(url, raw)}
            <p class="actions">
                <button
                    type="button"
                    class="button primary needs-script"
                    on:click=move |_| start(client.clone(), untrack(pipe), run, running)
                >
                    "Run it"
                </button>
                <span class="hint">"Straight from this browser to " <code>{dynamic::text(url)}</code></span>
            </p>
            <div
                class="run"
                role="status"
                aria-busy=dynamic::flag(move || running.get())
                inner_html=answer
            ></div>
        </section>
    }
    .into_any()
}

/// The endpoints that the token may read.
fn options(decoded: &DecodedToken) -> Markup {
    let option = |pipe: &String| Markup::element_of_text("option", &[("value", pipe)], pipe);
    decoded.pipes.iter().map(option).sum()
}

/// The example in each language; radio buttons and CSS choose, so that it
/// works without wasm too.
fn languages(
    url: impl Fn() -> String + Copy + Send + Sync + 'static,
    raw: impl Fn() -> String + Copy + Send + Sync + 'static,
) -> AnyView {
    let choices = Language::ALL.map(|language| {
        view! {
            <label>
                <input type="radio" name="language" value=language.label() checked=language == Language::Fetch />
                <span>{language.label()}</span>
            </label>
        }
        .into_any()
    });
    let examples = Language::ALL.map(|language| {
        let shown = dynamic::text(move || language.example(&url(), &shortened(&raw())));
        view! {
            <div class="example" data-language=language.label()>
                <pre class="code" tabindex="0">
                    <code>{shown}</code>
                </pre>
                {copy_button("example", move || language.example(&url(), &raw()))}
            </div>
        }
        .into_any()
    });
    view! {
        <div class="languages">
            <fieldset class="choices">
                <legend class="visually-hidden">"Language"</legend>
                {Vec::from(choices)}
            </fieldset>
            {Vec::from(examples)}
        </div>
    }
    .into_any()
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
    Markup::element("ul", &[("class", class)], facts) + body
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
        caption: format!("The first {shown} rows of the answer"),
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
