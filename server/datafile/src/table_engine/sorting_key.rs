//! What a sorting key must not hold, and what it must.

use super::{split_list, strip_parentheses};
use crate::data_source::{Column, EngineKind, TableEngine};
use crate::data_type::DataType;
use crate::diagnostic::Findings;
use crate::position::{Fragment, Position};
use crate::tokens::{Cursor, TokenKind};

/// Aggregate functions that people try in sorting keys.
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "any",
    "anyLast",
    "uniq",
    "uniqExact",
    "quantile",
    "argMin",
    "argMax",
    "groupArray",
    "groupUniqArray",
    "median",
];

/// What a sorting key must not hold.
pub(super) fn check(
    engine: &TableEngine,
    position: Position,
    columns: &[Column],
    findings: &mut Findings<'_>,
) {
    let needs_key = matches!(
        engine.kind,
        EngineKind::ReplacingMergeTree { .. }
            | EngineKind::CollapsingMergeTree { .. }
            | EngineKind::VersionedCollapsingMergeTree { .. }
    );
    let key = engine
        .sorting_key
        .as_ref()
        .filter(|key| !is_empty_tuple(key));
    let Some(key) = key else {
        if needs_key {
            let position = engine
                .sorting_key
                .as_ref()
                .map_or(position, Fragment::start);
            let message = format!("{} needs ENGINE_SORTING_KEY", engine.kind.name());
            findings.error(position, message, "name the columns that tell rows apart");
        }
        return;
    };
    let allows_null = engine
        .settings
        .iter()
        .any(|(name, value)| name == "allow_nullable_key" && value != "0");
    let (mut cursor, unclosed) = Cursor::new(key);
    if let Some(unclosed) = unclosed {
        findings.error(
            key.position(unclosed.offset),
            format!("{} is not closed", unclosed.what),
            "close it",
        );
    }
    let whole = key_columns(key);
    while let Some(kind) = cursor.peek() {
        let name = match kind {
            TokenKind::Word => cursor.text().to_owned(),
            TokenKind::Quoted(name) => name.clone(),
            _ => String::new(),
        };
        let is_call = cursor.peek_at(1) == Some(&TokenKind::Symbol('('));
        let position = cursor.position();
        if is_call && AGGREGATES.contains(&name.as_str()) {
            let message = format!("the sorting key calls the aggregate function {name}");
            findings.error(
                position,
                message,
                "sort by columns and by functions of one row",
            );
        } else if !is_call && let Some(column) = columns.iter().find(|column| column.name == name) {
            // What a function makes of NULL is the engine's to say.
            let allows_null = allows_null || !whole.contains(&name);
            check_key_column(engine, column, allows_null, position, findings);
        }
        cursor.advance();
    }
}

/// Rows of different tenants must never be merged: where the engine merges rows
/// of one sorting key, the key has to hold the tenant's column as it is.
pub(crate) fn check_tenant_key(
    engine: &TableEngine,
    position: Position,
    tenant: &str,
    findings: &mut Findings<'_>,
) {
    let name = engine.kind.name();
    let merges = match engine.kind {
        EngineKind::MergeTree | EngineKind::Null => false,
        EngineKind::SummingMergeTree { .. } | EngineKind::AggregatingMergeTree => true,
        // Without a sorting key these are refused in any case.
        EngineKind::ReplacingMergeTree { .. }
        | EngineKind::CollapsingMergeTree { .. }
        | EngineKind::VersionedCollapsingMergeTree { .. } => engine
            .sorting_key
            .as_ref()
            .is_some_and(|key| !is_empty_tuple(key)),
    };
    let key = engine.sorting_key.as_ref();
    if !merges || key.is_some_and(|key| key_columns(key).iter().any(|column| column == tenant)) {
        return;
    }
    findings.error(
        key.map_or(position, Fragment::start),
        format!("{name} merges the rows of one sorting key, and the key does not hold `{tenant}`: rows of different tenants would become one"),
        &format!("put `{tenant}` into ENGINE_SORTING_KEY as it is, not within a function"),
    );
}

/// The columns that a key holds as they are.
fn key_columns(key: &Fragment) -> Vec<String> {
    let (mut cursor, _) = Cursor::new(key);
    let is_tuple = cursor.at_word(0, "tuple");
    cursor.advance();
    let list = match is_tuple && cursor.at_symbol('(') {
        true => strip_parentheses(&cursor.skip_until(|_| false)),
        false => strip_parentheses(key),
    };
    let column = |item: &Fragment| {
        let (mut cursor, _) = Cursor::new(item);
        let token = cursor.advance()?;
        let name = match token.kind {
            TokenKind::Quoted(name) => name,
            TokenKind::Word => item.as_str()[token.range].to_owned(),
            _ => return None,
        };
        cursor.is_at_end().then_some(name)
    };
    split_list(&list).iter().filter_map(column).collect()
}

fn is_empty_tuple(key: &Fragment) -> bool {
    let bare: String = key
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    matches!(bare.as_str(), "tuple()" | "()" | "")
}

/// A value of a type that stands for none, as SQL.
fn empty_value(data_type: &DataType) -> String {
    match data_type.name.as_str() {
        "String" => "''".to_owned(),
        name if name.starts_with("Int") || name.starts_with("UInt") => "0".to_owned(),
        _ => format!("defaultValueOfTypeName({})", quoted(&data_type.to_string())),
    }
}

/// Text as a literal of SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn check_key_column(
    engine: &TableEngine,
    column: &Column,
    allows_null: bool,
    position: Position,
    findings: &mut Findings<'_>,
) {
    let name = &column.name;
    let is_version = matches!(&engine.kind,
        EngineKind::ReplacingMergeTree { version: Some(version), .. } if version == name);
    if column.is_nullable() && !allows_null {
        let message = format!("the sorting key holds `{name}`, which is Nullable");
        let help = format!(
            "sort by ifNull({name}, {}), or make the column not Nullable with a DEFAULT",
            empty_value(column.data_type.bare())
        );
        findings.error(position, message, &help);
    } else if column.data_type.is_aggregate_state() {
        let message = format!("the sorting key holds `{name}`, which is an aggregate state");
        findings.error(position, message, "sort by the columns it is grouped by");
    } else if is_version {
        let message = format!("the sorting key holds `{name}`, which is ENGINE_VER");
        findings.error(
            position,
            message,
            "take it out: rows that differ in it would never replace each other",
        );
    }
}
