//! A request to try: which endpoint, in which language, and the live answer.

use leptos::prelude::*;

use super::examples::{Language, shortened};
use crate::{
    analytics::{Client, Failure, Table, Values, endpoint},
    components::{CopyButton, DataTable, Icon, data_table, icon},
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
pub(super) fn section(raw: Memo<String>, decoded: Memo<DecodedToken>) -> AnyView {
    let client = Client::from_context();
    let origin = client.origin();
    let chosen = RwSignal::new(None::<String>);
    let pipe = Memo::new(move |_| {
        decoded.with(|decoded| {
            let chosen = chosen.get().filter(|chosen| decoded.pipes.contains(chosen));
            chosen
                .or_else(|| decoded.pipes.first().cloned())
                .unwrap_or_else(|| "flights_summary".to_owned())
        })
    });
    let url = Memo::new(move |_| origin.clone() + &endpoint(&pipe.get(), &[]));
    let options = move || {
        let pipes = decoded.with(|decoded| decoded.pipes.clone());
        pipes
            .into_iter()
            .map(|pipe| view! { <option value=pipe.clone()>{pipe.clone()}</option> })
            .collect_view()
    };
    let run = RwSignal::new(None::<Run>);
    let running = RwSignal::new(false);
    view! {
        <section class="panel" aria-labelledby="request">
            <div class="panel-head">
                <h2 id="request">"Ask with it"</h2>
                <label class="field">
                    <span>"Endpoint"</span>
                    <select on:change=move |event| chosen.set(Some(event_target_value(&event)))>{options}</select>
                </label>
            </div>
            {languages(url, raw)}
            <p class="actions">
                <button
                    type="button"
                    class="button primary needs-script"
                    disabled=running
                    on:click=move |_| start(client.clone(), pipe.get_untracked(), run, running)
                >
                    "Run it"
                </button>
                <span class="hint">"Straight from this browser to " <code>{move || url.get()}</code></span>
            </p>
            <div class="run" role="status" class:is-pending=running>
                {move || run.with(|run| run.as_ref().map(result))}
            </div>
        </section>
    }
    .into_any()
}

/// The example in each language; radio buttons and CSS choose, so that it
/// works without wasm too.
fn languages(url: Memo<String>, raw: Memo<String>) -> AnyView {
    let choices = Language::ALL
        .into_iter()
        .enumerate()
        .map(|(index, language)| {
            view! {
                <label>
                    <input type="radio" name="language" value=index.to_string() checked=index == 0 />
                    <span>{language.label()}</span>
                </label>
            }
        })
        .collect_view();
    let examples = Language::ALL
        .into_iter()
        .map(|language| {
            let shown = move || raw.with(|raw| language.example(&url.get(), &shortened(raw)));
            let whole = Signal::derive(move || raw.with(|raw| language.example(&url.get(), raw)));
            view! {
                <div class="example">
                    <pre class="code" tabindex="0">
                        <code>{shown}</code>
                    </pre>
                    <CopyButton text=whole what="example" />
                </div>
            }
        })
        .collect_view();
    view! {
        <div class="languages">
            <fieldset class="choices">
                <legend class="visually-hidden">"Language"</legend>
                {choices}
            </fieldset>
            {examples}
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
fn result(run: &Run) -> AnyView {
    let time = format!("{} ms", numbers::decimal(run.milliseconds, 0));
    let (rows, body) = match &run.outcome {
        Ok(table) => (
            numbers::count(f64::from(table.rows), "row", "rows"),
            data_table(readable(table)),
        ),
        Err(failure) => (
            failure.title().to_owned(),
            view! { <p>{failure.message.clone()}</p> }.into_any(),
        ),
    };
    let mark = if run.outcome.is_ok() {
        Icon::Done
    } else {
        Icon::Warning
    };
    view! {
        <ul class="chips run-facts" class:failure=run.outcome.is_err()>
            <li>{icon(mark)} {if run.status > 0 { run.status.to_string() } else { "No answer".to_owned() }}</li>
            <li>{time}</li>
            <li>{rows}</li>
        </ul>
        {body}
    }
    .into_any()
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
