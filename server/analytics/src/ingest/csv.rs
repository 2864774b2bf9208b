//! Cutting CSV into records and fields, and a field's text into the JSON that
//! the rest of the way reads; which values a column takes is `accepted`'s to
//! say.

mod layout;
mod literal;

use std::collections::HashMap;

use super::accepted::Rules;
use super::batch::Writer;
use super::{IngestError, Row, RowError, is_optional, json};
use datafile::Column;
use layout::Layout;

/// What may stand between fields, the usual first.
pub(super) const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// Records between two chances for other tasks.
const YIELD_EVERY: usize = 1000;

/// Reads records, the first of which may be a header. A delimiter that is not
/// said is the one that makes most sense of the first record.
pub(super) async fn read(
    data: &[u8],
    delimiter: Option<char>,
    writer: &mut Writer<'_>,
) -> Result<(), IngestError> {
    let text = str::from_utf8(data)
        .map_err(|error| IngestError::Unreadable(format!("the CSV is not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = records(text).peekable();
    let Some(first) = records.peek() else {
        return Ok(());
    };
    let source = writer.target().data_source;
    let delimiter = delimiter.unwrap_or_else(|| layout::delimiter(first, &source.columns));
    let is_needed =
        |column: &Column| !is_optional(column) && !writer.stamp().contains_key(&column.name);
    let layout = Layout::of(first, delimiter, &source.columns, is_needed)?;
    if layout.has_header {
        records.next();
    }
    let reader = Reader {
        delimiter,
        layout,
        columns: &source.columns,
        rules: Rules::of(source),
        stamp: writer
            .stamp()
            .iter()
            .map(|(name, value)| (name.as_str(), json(value)))
            .collect(),
    };
    for (number, record) in records.enumerate() {
        writer.push(reader.row(record)).await?;
        if number % YIELD_EVERY == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Maps records to rows.
struct Reader<'data> {
    delimiter: char,
    layout: Layout,
    columns: &'data [Column],
    rules: Rules<'data>,
    /// Columns with a fixed value, as JSON.
    stamp: HashMap<&'data str, String>,
}

impl Reader<'_> {
    fn row(&self, record: &str) -> Row {
        let fields = fields(record, self.delimiter);
        if fields.len() != self.layout.fields {
            return self.broken(record, &fields);
        }
        let mut row = Row::default();
        for (column, place) in self.columns.iter().zip(&self.layout.places) {
            let value = match self.stamp.get(column.name.as_str()) {
                Some(value) => Some(value.clone()),
                None => place.and_then(|place| literal::json_of(column, fields[place])),
            };
            self.rules.add(&mut row, column, value.as_deref());
        }
        row
    }

    /// A record of other fields than the rest: what there is goes to the
    /// quarantine.
    fn broken(&self, record: &str, fields: &[&str]) -> Row {
        let (found, expected) = (fields.len(), self.layout.fields);
        let hint = match found {
            1 => " (`dialect_delimiter` says what stands between fields)",
            _ => "",
        };
        let message =
            format!("the record has {found} fields in place of {expected}{hint}: {record}");
        let mut row = Row {
            text: String::new(),
            errors: vec![RowError::new("", message)],
        };
        for (column, place) in self.columns.iter().zip(&self.layout.places) {
            if let Some(field) = place.and_then(|place| fields.get(place)) {
                row.append(&column.name, &json(&unquote(field)));
            }
        }
        row
    }
}

/// CSV that escapes quotes inside of quotes with a character of its own, as CSV
/// that doubles them.
#[must_use]
pub fn with_doubled_quotes(data: &[u8], escape: u8) -> Vec<u8> {
    let mut written = Vec::with_capacity(data.len() + data.len() / 16);
    let mut bytes = data.iter().copied().peekable();
    let mut is_quoted = false;
    while let Some(byte) = bytes.next() {
        is_quoted ^= byte == b'"';
        if byte != escape || !is_quoted {
            written.push(byte);
            continue;
        }
        match bytes.next_if(|next| *next == b'"' || *next == escape) {
            Some(b'"') => written.extend(b"\"\""),
            _ => written.push(escape),
        }
    }
    written
}

/// Records end with a line break outside of quotes: a line feed, with or
/// without a carriage return, or a carriage return where there are no line
/// feeds. Empty lines are none.
pub(super) fn records(text: &str) -> impl Iterator<Item = &str> {
    let end = match has_outside_of_quotes(text, '\n') {
        false if has_outside_of_quotes(text, '\r') => '\r',
        _ => '\n',
    };
    let mut is_quoted = false;
    let lines = text.split(move |character| {
        is_quoted ^= character == '"';
        character == end && !is_quoted
    });
    lines
        .map(|record| record.strip_suffix('\r').unwrap_or(record))
        .filter(|record| !record.is_empty())
}

fn has_outside_of_quotes(text: &str, wanted: char) -> bool {
    let mut is_quoted = false;
    text.chars().any(|character| {
        is_quoted ^= character == '"';
        character == wanted && !is_quoted
    })
}

/// The fields of a record as they are written, quotes included.
pub(super) fn fields(record: &str, delimiter: char) -> Vec<&str> {
    let mut is_quoted = false;
    record
        .split(|character| {
            is_quoted ^= character == '"';
            character == delimiter && !is_quoted
        })
        .collect()
}

/// A field's text.
pub(super) fn unquote(field: &str) -> String {
    let field = field.trim();
    match field
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
    {
        Some(inner) => inner.replace("\"\"", "\""),
        None => field.to_owned(),
    }
}

#[cfg(test)]
mod tests;
