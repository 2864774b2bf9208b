//! Which field of a record is which column: by the names of a header, or by
//! position.

use super::super::IngestError;
use super::{DELIMITERS, fields, unquote};
use datafile::Column;

/// The places of columns in a record.
pub(super) struct Layout {
    /// Fields of a record.
    pub(super) fields: usize,
    /// Each column's field.
    pub(super) places: Vec<Option<usize>>,
    /// Whether the first record is a header.
    pub(super) has_header: bool,
}

impl Layout {
    /// Reads the first record. `is_needed` says without which columns there is
    /// no row. A header that lacks one of them and has the others in the columns' order, says nothing:
    /// fields are then taken by position, as Tinybird takes them.
    pub(super) fn of(
        first: &str,
        delimiter: char,
        columns: &[Column],
        is_needed: impl Fn(&Column) -> bool,
    ) -> Result<Self, IngestError> {
        let names = names(first, delimiter);
        let has_header = is_header(&names, columns);
        let mut layout = Self {
            fields: if has_header {
                names.len()
            } else {
                columns.len()
            },
            places: (0..columns.len()).map(Some).collect(),
            has_header,
        };
        if has_header {
            let places = places(&names, columns)?;
            let lacking = columns.iter().zip(&places);
            let lacks_needed = lacking
                .into_iter()
                .any(|(column, place)| place.is_none() && is_needed(column));
            match lacks_needed && places.iter().flatten().is_sorted() {
                true => layout.places.iter_mut().for_each(|place| {
                    *place = place.filter(|place| *place < names.len());
                }),
                false => layout.places = places,
            }
        }
        Ok(layout)
    }
}

/// The delimiter under which a record names most columns, or has as many
/// fields as there are columns.
pub(super) fn delimiter(first: &str, columns: &[Column]) -> char {
    let sense = |delimiter: &char| {
        let names = names(first, *delimiter);
        let named = names.iter().filter(|name| find(name, columns).is_some());
        (named.count(), names.len() == columns.len())
    };
    // Of equals the last is the most: the usual ones come last.
    let found = DELIMITERS.into_iter().rev().max_by_key(sense);
    found.unwrap_or(',')
}

fn names(record: &str, delimiter: char) -> Vec<String> {
    fields(record, delimiter)
        .iter()
        .map(|field| unquote(field).trim().to_owned())
        .collect()
}

/// Whether the fields of a record name columns: half of them do, or one does
/// and none of the others can be anything but a name.
fn is_header(names: &[String], columns: &[Column]) -> bool {
    let named = names.iter().filter(|name| find(name, columns).is_some());
    let named = named.count();
    let is_name =
        |name: &String| name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    named > 0 && (named * 2 >= names.len() || names.iter().all(is_name))
}

/// Each column's place in a header.
fn places(names: &[String], columns: &[Column]) -> Result<Vec<Option<usize>>, IngestError> {
    let mut places = vec![None; columns.len()];
    for (place, name) in names.iter().enumerate() {
        let Some(column) = find(name, columns) else {
            continue;
        };
        if places[column].replace(place).is_some() {
            let name = &columns[column].name;
            let message = format!("the header names the column `{name}` twice: keep one of them");
            return Err(IngestError::Unreadable(message));
        }
    }
    Ok(places)
}

/// The column of a name: of exactly this one, or of one that differs in upper
/// case, spaces and marks only.
fn find(name: &str, columns: &[Column]) -> Option<usize> {
    let plain = |name: &str| -> String {
        let plain = name
            .chars()
            .map(|character| match character.is_alphanumeric() {
                true => character.to_ascii_lowercase(),
                false => '_',
            });
        plain.collect()
    };
    let exact = columns.iter().position(|column| column.name == name);
    exact.or_else(|| {
        let name = plain(name);
        columns
            .iter()
            .position(|column| plain(&column.name) == name)
    })
}
