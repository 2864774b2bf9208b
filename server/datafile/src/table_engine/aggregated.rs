//! Columns of an AggregatingMergeTree that are neither aggregated nor sorted by.

use super::{split_list, strip_parentheses};
use crate::data_source::{Column, EngineKind, TableEngine};
use crate::diagnostic::Findings;
use crate::position::{Fragment, Position};
use crate::tokens::{Cursor, TokenKind};

/// In an AggregatingMergeTree, a merge keeps any one value of a column that is
/// neither aggregated nor sorted by. ClickHouse refuses such a table of late
/// unless told that it is meant; Tinybird takes it, and so it is here.
pub(super) fn allow_loose_columns(
    engine: &TableEngine,
    columns: &[Column],
    settings: &mut Vec<(String, String)>,
    findings: &mut Findings<'_>,
) {
    const ALLOWED: &str = "allow_dimensions_outside_sorting_key";
    if engine.kind != EngineKind::AggregatingMergeTree
        || settings.iter().any(|(name, _)| name == ALLOWED)
    {
        return;
    }
    let key = engine.sorting_key.clone();
    let key = strip_parentheses(&key.unwrap_or_else(|| Fragment::empty(Position::START)));
    let sorted_by: Vec<String> = split_list(&key)
        .iter()
        .map(|item| match Cursor::new(item).0.peek() {
            Some(TokenKind::Quoted(name)) => name.clone(),
            _ => item.trim().to_string(),
        })
        .collect();
    let is_loose = |column: &&Column| {
        !matches!(
            column.data_type.name.as_str(),
            "AggregateFunction" | "SimpleAggregateFunction"
        ) && !sorted_by.contains(&column.name)
    };
    let mut loose = columns.iter().filter(is_loose).peekable();
    if loose.peek().is_some() {
        settings.push((ALLOWED.to_owned(), "1".to_owned()));
    }
    // A key such as toStartOfHour(at) sorts by `at` after a fashion.
    let in_key = |name: &String| {
        let (mut cursor, _) = Cursor::new(&key);
        while !cursor.is_at_end() && cursor.text() != name {
            cursor.advance();
        }
        !cursor.is_at_end()
    };
    for column in loose.filter(|column| !in_key(&column.name)) {
        let name = &column.name;
        let message = format!(
            "`{name}` is neither aggregated nor part of the sorting key: of rows that are merged, any one value of it is kept"
        );
        findings.warning(
            column.position,
            message,
            "add it to ENGINE_SORTING_KEY, or give it a type such as SimpleAggregateFunction(any, …)",
        );
    }
}
