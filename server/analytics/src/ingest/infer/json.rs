//! Rows of JSON: what stands in them, by JSONPath.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::kind::Kind;
use super::{LOOKED_AT, Seen};
use crate::ingest::IngestError;
use datafile::{JsonPath, JsonPathStep};

/// Objects inside objects that become columns; deeper ones stay whole.
const MOST_STEPS: usize = 16;

/// One value of a row: its path, its kind, whether it is an array, itself.
type Found = (String, Kind, bool, Value);

/// Looks at one row a line.
pub(super) fn lines(data: &[u8]) -> Result<Seen, IngestError> {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let lines = data.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let rows = lines.filter(|line| !line.is_empty()).take(LOOKED_AT);
    let mut seen = new();
    for (number, row) in rows.enumerate() {
        let row: Map<String, Value> = serde_json::from_slice(row).map_err(|error| {
            let number = number + 1;
            IngestError::Unreadable(format!("row {number} is not a JSON object: {error}"))
        })?;
        seen.row(values(row));
    }
    Ok(seen)
}

/// Looks at one object, or an array of them.
pub(super) fn document(data: &[u8]) -> Result<Seen, IngestError> {
    let unreadable = |error: serde_json::Error| {
        IngestError::Unreadable(format!("the body is not JSON objects: {error}"))
    };
    let document: &RawValue = serde_json::from_slice(data).map_err(unreadable)?;
    let rows: Vec<&RawValue> = match document.get().starts_with('[') {
        true => serde_json::from_str(document.get()).map_err(unreadable)?,
        false => vec![document],
    };
    let mut seen = new();
    for row in rows.into_iter().take(LOOKED_AT) {
        seen.row(values(serde_json::from_str(row.get()).map_err(unreadable)?));
    }
    Ok(seen)
}

fn new() -> Seen {
    Seen {
        is_json: true,
        ..Seen::default()
    }
}

fn values(row: Map<String, Value>) -> Vec<Found> {
    let mut found = Vec::new();
    descend(&mut Vec::new(), row, &mut found);
    found
}

fn descend(steps: &mut Vec<JsonPathStep>, object: Map<String, Value>, found: &mut Vec<Found>) {
    for (key, value) in object {
        if !has_path(&key) {
            continue;
        }
        steps.push(JsonPathStep::Key(key));
        match value {
            Value::Object(inner) if steps.len() < MOST_STEPS && !inner.is_empty() => {
                descend(steps, inner, found);
            }
            Value::Array(elements) => array(steps, elements, found),
            value => found.push((path(steps), kind(&value), false, value)),
        }
        steps.pop();
    }
}

/// An array of objects is a column for each of their members; any other is
/// one.
fn array(steps: &mut Vec<JsonPathStep>, elements: Vec<Value>, found: &mut Vec<Found>) {
    let all_objects = !elements.is_empty() && elements.iter().all(Value::is_object);
    steps.push(JsonPathStep::EachElement);
    if !all_objects {
        let kind = elements.iter().map(kind).fold(Kind::Unknown, Kind::or);
        found.push((path(steps), kind, true, Value::Array(elements)));
        steps.pop();
        return;
    }
    let mut members: indexmap::IndexMap<String, Vec<Value>> = indexmap::IndexMap::new();
    for (at, element) in elements.into_iter().enumerate() {
        let Value::Object(element) = element else {
            continue;
        };
        for (key, value) in element {
            if has_path(&key) {
                let values = members.entry(key).or_default();
                // Elements before that lack it have none.
                values.resize(at, Value::Null);
                values.push(value);
            }
        }
    }
    for (key, values) in members {
        steps.push(JsonPathStep::Key(key));
        let kind = values.iter().map(kind).fold(Kind::Unknown, Kind::or);
        found.push((path(steps), kind, true, Value::Array(values)));
        steps.pop();
    }
    steps.pop();
}

/// Whether a JSONPath can name the member.
fn has_path(key: &str) -> bool {
    !key.is_empty() && key != "*" && !key.contains(|c: char| c == '`' || c.is_control())
}

fn path(steps: &[JsonPathStep]) -> String {
    JsonPath {
        steps: steps.to_vec(),
    }
    .to_string()
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Unknown,
        Value::Bool(_) => Kind::Boolean,
        Value::Number(number) => Kind::of_number(&number.to_string()),
        Value::String(text) => Kind::of_time(text),
        Value::Array(_) | Value::Object(_) => Kind::Text,
    }
}
