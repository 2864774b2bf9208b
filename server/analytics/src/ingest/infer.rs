//! A schema for rows that nobody has described yet: which columns there are
//! and of which types. A recommendation, made of the first rows; what comes
//! later may not fit.

mod json;
mod kind;

use indexmap::IndexMap;
use serde_json::Value;

use self::kind::Kind;
use super::{Format, IngestError, csv};

/// Rows that are looked at.
const LOOKED_AT: usize = 10_000;
/// Rows that are shown.
const SHOWN: usize = 10;

/// What rows look like.
#[derive(Debug, Default, PartialEq)]
pub struct Analysis {
    /// The columns, in the order in which they were met.
    pub columns: Vec<Recommended>,
    /// The first rows: the columns' values, null where there is none.
    pub preview: Vec<Vec<Value>>,
    /// Rows that were looked at.
    pub rows: usize,
}

/// A column that rows should have.
#[derive(Debug, PartialEq)]
pub struct Recommended {
    /// Where it stands in a row: a JSONPath, or the header of a CSV column.
    pub path: String,
    /// A name made of it, in snake case.
    pub name: String,
    /// A ClickHouse type.
    pub data_type: String,
    /// In how many of a hundred rows it has a value.
    pub present_pct: f64,
    is_json: bool,
}

impl Recommended {
    /// The column as SCHEMA has it.
    #[must_use]
    pub fn definition(&self) -> String {
        let Self {
            path,
            name,
            data_type,
            ..
        } = self;
        if !self.is_json {
            return format!("`{name}` {data_type}");
        }
        let is_optional_array = data_type.starts_with("Array") && self.present_pct < 100.0;
        let default = if is_optional_array { " DEFAULT []" } else { "" };
        format!("`{name}` {data_type} `json:{path}`{default}")
    }
}

impl Analysis {
    /// All columns as SCHEMA has them.
    #[must_use]
    pub fn schema(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(Recommended::definition).collect();
        columns.join(", ")
    }
}

/// Looks at rows of NDJSON, of one JSON document, or of CSV. Blocks while it
/// does.
///
/// # Errors
/// Data without a row, or that is not of the format.
pub fn infer(data: &[u8], format: Format) -> Result<Analysis, IngestError> {
    let seen = match format {
        Format::Ndjson => json::lines(data)?,
        Format::Json => json::document(data)?,
        Format::Csv { delimiter } => {
            let delimiter = delimiter.unwrap_or_else(|| likely_delimiter(data));
            records(data, delimiter)?
        }
        Format::Parquet => {
            let text = "only NDJSON and CSV can be analyzed: Parquet says its types itself";
            return Err(IngestError::Unreadable(text.to_owned()));
        }
    };
    if seen.rows == 0 {
        let text = "there is no row to look at".to_owned();
        return Err(IngestError::Unreadable(text));
    }
    Ok(seen.analysis())
}

/// The delimiter that a CSV text most likely has.
fn likely_delimiter(data: &[u8]) -> char {
    let end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let line = data.split(end).next().unwrap_or_default();
    let count = |delimiter: char| line.iter().filter(|byte| **byte == delimiter as u8).count();
    csv::DELIMITERS
        .into_iter()
        .rev()
        .max_by_key(|delimiter| count(*delimiter))
        .unwrap_or(',')
}

/// What was met in rows so far.
#[derive(Debug, Default)]
struct Seen {
    is_json: bool,
    rows: usize,
    columns: IndexMap<String, Column>,
    preview: Vec<IndexMap<String, Value>>,
}

/// What was met in one column.
#[derive(Debug, Default)]
struct Column {
    kind: Kind,
    is_array: bool,
    /// Rows that have a value.
    present: usize,
}

impl Seen {
    /// Notes one row: its values by path, each with its kind and whether it
    /// is an array.
    fn row(&mut self, values: Vec<(String, Kind, bool, Value)>) {
        self.rows += 1;
        let mut shown = IndexMap::new();
        for (path, kind, is_array, value) in values {
            let column = self.columns.entry(path.clone()).or_default();
            if !value.is_null() {
                column.kind = std::mem::take(&mut column.kind).or(kind);
                column.is_array |= is_array;
                column.present += 1;
            }
            if self.rows <= SHOWN {
                shown.insert(path, value);
            }
        }
        if self.rows <= SHOWN {
            self.preview.push(shown);
        }
    }

    fn analysis(self) -> Analysis {
        let rows = self.rows;
        let preview = self.preview.iter().map(|row| {
            let values = self.columns.keys().map(|path| row.get(path).cloned());
            values.map(Option::unwrap_or_default).collect()
        });
        let preview = preview.collect();
        let mut columns: Vec<Recommended> = Vec::new();
        for (path, column) in self.columns {
            let data_type = column.kind.data_type();
            let is_always_there = column.present == rows;
            let data_type = match (column.is_array, is_always_there) {
                (true, _) => format!("Array({data_type})"),
                (false, true) => data_type.to_owned(),
                (false, false) => format!("Nullable({data_type})"),
            };
            let is_taken = |name: &str| columns.iter().any(|other| other.name == name);
            columns.push(Recommended {
                name: free_name(&path, is_taken),
                data_type,
                #[expect(clippy::cast_precision_loss, reason = "there are ten thousand rows")]
                present_pct: column.present as f64 * 100.0 / rows as f64,
                is_json: self.is_json,
                path,
            });
        }
        Analysis {
            columns,
            preview,
            rows,
        }
    }
}

/// A column's name in snake case that no other column has.
fn free_name(path: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = String::new();
    let mut before = None;
    for character in path.chars().filter(|character| *character != '`') {
        if character.is_ascii_alphanumeric() {
            let begins_word = character.is_ascii_uppercase()
                && before.is_some_and(|before: char| !before.is_ascii_uppercase());
            if begins_word && !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        before = Some(character);
    }
    let mut name = name.trim_end_matches('_').to_owned();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert_str(0, "c_");
    }
    let mut free = name.clone();
    let mut number = 2;
    while is_taken(&free) {
        free = format!("{name}_{number}");
        number += 1;
    }
    free
}

fn records(data: &[u8], delimiter: char) -> Result<Seen, IngestError> {
    let text = str::from_utf8(data)
        .map_err(|error| IngestError::Unreadable(format!("the CSV is not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let split = |record| -> Vec<String> {
        let fields = csv::fields(record, delimiter).into_iter();
        fields.map(csv::unquote).collect()
    };
    let mut records = csv::records(text).map(split).peekable();
    let first = records.peek().cloned().unwrap_or_default();
    let has_header = is_header(&first);
    let headers: Vec<String> = if has_header {
        records.next();
        first
    } else {
        (0..first.len())
            .map(|at| format!("column_{at:02}"))
            .collect()
    };
    let mut seen = Seen::default();
    for record in records.take(LOOKED_AT) {
        let values = headers.iter().zip(record).map(|(header, field)| {
            let value = match field.as_str() {
                "" | "\\N" => Value::Null,
                _ => field.as_str().into(),
            };
            (header.clone(), Kind::of_text(&field), false, value)
        });
        seen.row(values.collect());
    }
    Ok(seen)
}

/// Whether a record is names: different ones, and none of them a value of
/// another type than text.
fn is_header(record: &[String]) -> bool {
    let is_name = |field: &String| !field.is_empty() && Kind::of_text(field) == Kind::Text;
    let are_different = |(at, field): (usize, &String)| !record[..at].contains(field);
    record.iter().all(is_name) && record.iter().enumerate().all(are_different)
}

#[cfg(test)]
mod tests;
