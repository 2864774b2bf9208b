//! Cutting CSV into records and fields, without reading the values: those are
//! the engine's.

use super::batch::{Shape, Writer};
use super::{IngestError, Row, RowError, is_optional, no_value, range};
use datafile::Column;

/// Reads records, the first of which may be a header.
pub(super) async fn read(
    data: &[u8],
    delimiter: char,
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
    let (layout, has_header) = Layout::of(first, delimiter, &source.columns);
    if has_header {
        records.next();
    }
    let stamped: Vec<(&Column, String)> = source
        .columns
        .iter()
        .filter_map(|column| Some((column, quote(writer.stamp().get(&column.name)?))))
        .collect();
    let is_stamped = |column: &Column| stamped.iter().any(|(other, _)| other.name == column.name);
    let taken: Vec<(usize, &Column)> = layout
        .taken
        .iter()
        .copied()
        .filter(|(_, column)| !is_stamped(column))
        .collect();
    let columns = taken.iter().map(|(_, column)| *column);
    let columns: Vec<&Column> = columns
        .chain(stamped.iter().map(|(column, _)| *column))
        .collect();
    let has = |column: &&Column| columns.iter().any(|other| other.name == column.name);
    let lacking = source
        .columns
        .iter()
        .filter(|column| !is_optional(column) && !has(column));
    let lacking: Vec<RowError> = lacking.map(no_value).collect();
    writer.begin(Shape::Csv { delimiter }, columns);
    let separator = delimiter.to_string();
    for record in records {
        let fields = fields(record, delimiter);
        let mut row = Row {
            text: String::new(),
            errors: lacking.clone(),
        };
        if fields.len() == layout.fields {
            let values = taken.iter().map(|(at, _)| fields[*at]);
            let values = values.chain(stamped.iter().map(|(_, value)| value.as_str()));
            row.text = values.collect::<Vec<_>>().join(&separator);
            let checked = taken
                .iter()
                .filter_map(|(at, column)| range::check(column, fields[*at]));
            row.errors.extend(checked);
        } else {
            let (found, expected) = (fields.len(), layout.fields);
            let message = format!("the record has {found} fields in place of {expected}");
            row.errors.push(RowError::new("", message));
            // What there is goes to the quarantine.
            let values = taken
                .iter()
                .map(|(at, _)| fields.get(*at).copied().unwrap_or("\\N"));
            row.text = values.collect::<Vec<_>>().join(&separator);
        }
        writer.push(row).await?;
    }
    Ok(())
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

/// Which field of a record is which column.
struct Layout<'data> {
    fields: usize,
    taken: Vec<(usize, &'data Column)>,
}

impl<'data> Layout<'data> {
    /// The first record is a header if any of its fields is a column's name.
    fn of(first: &str, delimiter: char, columns: &'data [Column]) -> (Self, bool) {
        let names: Vec<String> = fields(first, delimiter)
            .iter()
            .map(|field| unquote(field))
            .collect();
        let named = |(at, name): (usize, &String)| {
            let column = columns.iter().find(|column| column.name == name.trim())?;
            Some((at, column))
        };
        let taken: Vec<(usize, &Column)> = names.iter().enumerate().filter_map(named).collect();
        if taken.is_empty() {
            let layout = Self {
                fields: columns.len(),
                taken: columns.iter().enumerate().collect(),
            };
            return (layout, false);
        }
        let layout = Self {
            fields: names.len(),
            taken,
        };
        (layout, true)
    }
}

/// Records end with a line break outside of quotes; empty lines are none.
pub(super) fn records(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let lines = text.split(move |character| {
        is_quoted ^= character == '"';
        character == '\n' && !is_quoted
    });
    lines
        .map(|record| record.strip_suffix('\r').unwrap_or(record))
        .filter(|record| !record.is_empty())
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

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_quotes_are_doubled_inside_of_quotes_only() {
        for (given, expected) in [
            (r#""a\"b\\",c\d"#, r#""a""b\",c\d"#),
            (r#""a""b","\n""#, r#""a""b","\n""#),
            (r#"a\"#, r#"a\"#),
        ] {
            let written = with_doubled_quotes(given.as_bytes(), b'\\');
            assert_eq!(String::from_utf8(written).unwrap(), expected, "{given}");
        }
    }

    #[test]
    fn quotes_hold_line_breaks_and_delimiters_together() {
        let text = "a,\"b\n,\"\"c\"\"\"\r\n\n\"d\",\n";
        let found: Vec<Vec<String>> = records(text)
            .map(|record| {
                fields(record, ',')
                    .iter()
                    .map(|field| unquote(field))
                    .collect()
            })
            .collect();
        assert_eq!(found, [vec!["a", "b\n,\"c\""], vec!["d", ""]]);
    }
}
