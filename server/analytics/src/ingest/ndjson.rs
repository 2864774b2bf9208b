//! Taking rows of JSON apart by the JSONPaths of a data source.
//!
//! Values are passed on as they are written, so that no number loses a digit
//! on the way; which of them a column takes is `accepted`'s to say.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::accepted::Rules;
use super::batch::Writer;
use super::{IngestError, Row, RowError, SHOWN, is_optional, json};
use datafile::{Column, JsonPathStep};

type Object<'row> = HashMap<String, &'row RawValue>;

/// Rows between two chances for other tasks.
const YIELD_EVERY: usize = 1000;

/// Reads the rows of each line, which is one mostly; empty lines have none.
pub(super) async fn read_lines(data: &[u8], writer: &mut Writer<'_>) -> Result<(), IngestError> {
    let columns = Columns::of(writer);
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match str::from_utf8(line) {
            Ok(line) => columns.read_line(line, writer).await?,
            Err(error) => {
                let message = format!("the row is not UTF-8: {error}");
                let row = Row::broken(message, &String::from_utf8_lossy(line));
                writer.push(row).await?;
            }
        }
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
    let columns = Columns::of(writer);
    for row in rows {
        // A line break in JSON stands between tokens, never inside a string.
        let line = row.get().replace(['\n', '\r'], " ");
        columns.read_line(&line, writer).await?;
    }
    Ok(())
}

struct Columns<'data> {
    columns: Vec<&'data Column>,
    /// Columns with a fixed value, as JSON.
    stamp: HashMap<&'data str, String>,
    rules: Rules<'data>,
}

impl<'data> Columns<'data> {
    fn of(writer: &Writer<'data>) -> Self {
        let source = writer.target().data_source;
        let stamp = writer.stamp().iter();
        Self {
            columns: source.columns.iter().collect(),
            stamp: stamp
                .map(|(column, value)| (column.as_str(), json(value)))
                .collect(),
            rules: Rules::of(source),
        }
    }

    /// Writes the rows of a line.
    async fn read_line(&self, line: &str, writer: &mut Writer<'_>) -> Result<(), IngestError> {
        let mut values = serde_json::Deserializer::from_str(line).into_iter::<&RawValue>();
        loop {
            let rest = line.get(values.byte_offset()..).unwrap_or_default();
            let row = match values.next() {
                None => return Ok(()),
                Some(Ok(value)) => self.row(value),
                Some(Err(error)) => {
                    Row::broken(format!("the row is not JSON: {error}"), rest.trim_start())
                }
            };
            writer.push(row).await?;
        }
    }

    /// Maps one row: the inside of an object with the columns' names.
    fn row(&self, raw: &RawValue) -> Row {
        let Some(object) = object(raw) else {
            return Row::broken("the row is not a JSON object", raw.get());
        };
        let mut row = Row::default();
        for column in &self.columns {
            let found = match self.stamp.get(column.name.as_str()) {
                Some(value) => Found::Value(Cow::Borrowed(value.as_str())),
                None => find(&object, raw, column),
            };
            match found {
                Found::Value(value) => self.rules.add(&mut row, column, Some(&value)),
                Found::Nothing => self.rules.add(&mut row, column, None),
                Found::Unreachable(_) if is_optional(column) && !has_elements(column) => {}
                Found::Unreachable(value) => {
                    row.errors.push(unreachable(column, value));
                    row.append(&column.name, value.get());
                }
            }
        }
        row
    }
}

/// Whether the column's path goes over the elements of a list.
fn has_elements(column: &Column) -> bool {
    let path = column.json_path.as_ref();
    path.is_some_and(|path| path.steps.contains(&JsonPathStep::EachElement))
}

fn unreachable(column: &Column, value: &RawValue) -> RowError {
    let kind = match has_elements(column) {
        true => "list",
        false => "object",
    };
    let shown: String = value.get().chars().take(SHOWN).collect();
    let message = format!("`{shown}` is no {kind}, where the column's path goes into one");
    RowError::new(&column.name, message)
}

/// What stands at the end of a column's path.
enum Found<'row> {
    /// A value as JSON.
    Value(Cow<'row, str>),
    /// Null, or no value.
    Nothing,
    /// Something else before the path's end.
    Unreachable(&'row RawValue),
}

fn find<'row>(object: &Object<'row>, row: &'row RawValue, column: &Column) -> Found<'row> {
    let Some(path) = &column.json_path else {
        return match object.get(&column.name) {
            Some(value) => descend(value, &[]),
            None => Found::Nothing,
        };
    };
    match path.steps.split_first() {
        // The whole row: a document, or its text.
        None if column.data_type.bare().name.eq_ignore_ascii_case("JSON") => {
            Found::Value(row.get().into())
        }
        None => Found::Value(json(row.get()).into()),
        Some((JsonPathStep::Key(key), rest)) => match object.get(key) {
            Some(value) => descend(value, rest),
            None => Found::Nothing,
        },
        Some((JsonPathStep::EachElement, _)) => descend(row, &path.steps),
    }
}

fn descend<'row>(raw: &'row RawValue, steps: &[JsonPathStep]) -> Found<'row> {
    if raw.get() == "null" {
        return Found::Nothing;
    }
    match steps.split_first() {
        None => Found::Value(raw.get().into()),
        Some((JsonPathStep::Key(key), rest)) => match object(raw) {
            Some(object) => match object.get(key) {
                Some(value) => descend(value, rest),
                None => Found::Nothing,
            },
            None => Found::Unreachable(raw),
        },
        Some((JsonPathStep::EachElement, rest)) => {
            let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
                return Found::Unreachable(raw);
            };
            let mut values = Vec::with_capacity(elements.len());
            for element in elements {
                match descend(element, rest) {
                    Found::Value(value) => values.push(value),
                    Found::Nothing => values.push("null".into()),
                    Found::Unreachable(value) => return Found::Unreachable(value),
                }
            }
            Found::Value(format!("[{}]", values.join(",")).into())
        }
    }
}

fn object(raw: &RawValue) -> Option<Object<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// The values of a mapped row, as JSON and by column.
pub(super) fn values(row: &str) -> HashMap<String, Box<RawValue>> {
    serde_json::from_str(&format!("{{{row}}}")).unwrap_or_default()
}

/// A value's text: that of a string, or JSON.
pub(super) fn text(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}
