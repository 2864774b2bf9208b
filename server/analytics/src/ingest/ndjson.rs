//! Taking rows of JSON apart by the JSONPaths of a data source.
//!
//! Values are passed on to the engine as they are written, so that no number
//! loses a digit on the way.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::batch::{Shape, Writer};
use super::{IngestError, Row, RowError, is_optional, no_value, range};
use datafile::{Column, JsonPathStep};

type Object<'row> = HashMap<String, &'row RawValue>;

/// Rows between two chances for other tasks.
const YIELD_EVERY: usize = 1000;

/// Reads one row a line; empty lines are none.
pub(super) async fn read_lines(data: &[u8], writer: &mut Writer<'_>) -> Result<(), IngestError> {
    let columns = begin(writer);
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let row = match str::from_utf8(line) {
            Ok(line) => columns.row(line),
            Err(error) => broken(format!("the row is not UTF-8: {error}")),
        };
        writer.push(row).await?;
        if number % YIELD_EVERY == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Reads one object, or an array of them.
pub(super) async fn read_document(data: &[u8], writer: &mut Writer<'_>) -> Result<(), IngestError> {
    let unreadable = |error: serde_json::Error| {
        IngestError::Unreadable(format!("the body is not JSON: {error}"))
    };
    let document: &RawValue = serde_json::from_slice(data).map_err(unreadable)?;
    let rows: Vec<&RawValue> = if document.get().starts_with('[') {
        serde_json::from_str(document.get()).map_err(unreadable)?
    } else {
        vec![document]
    };
    let columns = begin(writer);
    for row in rows {
        // A line break in JSON stands between tokens, never inside a string.
        let line = row.get().replace(['\n', '\r'], " ");
        writer.push(columns.row(&line)).await?;
    }
    Ok(())
}

fn begin<'data>(writer: &mut Writer<'data>) -> Columns<'data> {
    let columns = Columns {
        columns: writer.target().data_source.columns.iter().collect(),
        stamp: writer
            .stamp()
            .iter()
            .map(|(column, value)| (column.as_str(), json(value)))
            .collect(),
    };
    writer.begin(Shape::Json, columns.columns.clone());
    columns
}

struct Columns<'data> {
    columns: Vec<&'data Column>,
    /// Columns with a fixed value, as JSON.
    stamp: HashMap<&'data str, String>,
}

impl Columns<'_> {
    /// Maps one row: the inside of an object with the columns' names.
    fn row(&self, line: &str) -> Row {
        let raw: &RawValue = match serde_json::from_str(line) {
            Ok(raw) => raw,
            Err(error) => return broken(format!("the row is not JSON: {error}")),
        };
        let Some(object) = object(raw) else {
            return broken("the row is not a JSON object".to_owned());
        };
        let mut row = Row::default();
        for column in &self.columns {
            let value = match self.stamp.get(column.name.as_str()) {
                Some(value) => Some(Cow::Borrowed(value.as_str())),
                None => value(&object, raw, column),
            };
            match value {
                Some(value) => {
                    row.errors.extend(range::check(column, &value));
                    append(&mut row.text, &column.name, &value);
                }
                None if is_optional(column) => {}
                None => row.errors.push(no_value(column)),
            }
        }
        row
    }
}

fn append(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    let _ = write!(text, "{}:{value}", json(name));
}

fn broken(message: String) -> Row {
    Row {
        text: String::new(),
        errors: vec![RowError::new("", message)],
    }
}

/// The column's value as JSON; `None` for null and for no value.
fn value<'row>(
    object: &Object<'row>,
    row: &'row RawValue,
    column: &Column,
) -> Option<Cow<'row, str>> {
    let Some(path) = &column.json_path else {
        return descend(object.get(&column.name)?, &[]);
    };
    match path.steps.split_first() {
        // The whole row: a document, or its text.
        None if column.data_type.bare().name.eq_ignore_ascii_case("JSON") => Some(row.get().into()),
        None => Some(json(row.get()).into()),
        Some((JsonPathStep::Key(key), rest)) => descend(object.get(key)?, rest),
        Some((JsonPathStep::EachElement, _)) => descend(row, &path.steps),
    }
}

fn descend<'row>(raw: &'row RawValue, steps: &[JsonPathStep]) -> Option<Cow<'row, str>> {
    match steps.split_first() {
        None if raw.get() == "null" => None,
        None => Some(raw.get().into()),
        Some((JsonPathStep::Key(key), rest)) => descend(object(raw)?.get(key)?, rest),
        Some((JsonPathStep::EachElement, rest)) => {
            let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
            let elements = elements
                .into_iter()
                .map(|element| descend(element, rest).unwrap_or("null".into()));
            Some(format!("[{}]", elements.collect::<Vec<_>>().join(",")).into())
        }
    }
}

fn object(raw: &RawValue) -> Option<Object<'_>> {
    serde_json::from_str(raw.get()).ok()
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The values of a mapped row as text, by column.
pub(super) fn texts(row: &str) -> HashMap<String, String> {
    let whole = format!("{{{row}}}");
    let values: HashMap<String, &RawValue> = serde_json::from_str(&whole).unwrap_or_default();
    let text = |raw: &RawValue| {
        serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
    };
    values
        .into_iter()
        .map(|(column, raw)| (column, text(raw)))
        .collect()
}
