//! ENGINE and its keys: from entries to a [`TableEngine`] that fits the columns.

mod aggregated;
mod sorting_key;
mod ttl;

use std::collections::BTreeMap;

use super::data_source::{Column, EngineKind, TableEngine};
use super::diagnostic::Findings;
use super::position::{Fragment, Position};
use super::tokens::{Cursor, TokenKind};
pub(super) use sorting_key::check_tenant_key;
pub(super) use ttl::check_tenant_ttl;

/// The columns that an engine's keys may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'run> {
    pub(super) columns: &'run [Column],
    /// False when SCHEMA has errors, so that a name may miss for that reason.
    pub(super) is_complete: bool,
}

/// The values of the ENGINE keys of one file, by keyword.
#[derive(Debug, Default)]
pub(super) struct EngineEntries {
    values: BTreeMap<&'static str, (Position, Fragment)>,
}

impl EngineEntries {
    /// The keyword that an entry is kept under, if it is one of ENGINE's.
    pub(super) fn canonical(keyword: &str) -> Option<&'static str> {
        Some(match keyword {
            "ENGINE" => "ENGINE",
            "ENGINE_PARTITION_KEY" | "PARTITION_KEY" => "ENGINE_PARTITION_KEY",
            "ENGINE_SORTING_KEY" | "SORTING_KEY" => "ENGINE_SORTING_KEY",
            "ENGINE_PRIMARY_KEY" | "PRIMARY_KEY" => "ENGINE_PRIMARY_KEY",
            "ENGINE_SAMPLING_KEY" | "SAMPLING_KEY" => "ENGINE_SAMPLING_KEY",
            "ENGINE_TTL" | "TTL" => "ENGINE_TTL",
            "ENGINE_SETTINGS" => "ENGINE_SETTINGS",
            "ENGINE_VER" => "ENGINE_VER",
            "ENGINE_IS_DELETED" => "ENGINE_IS_DELETED",
            "ENGINE_COLUMNS" | "ENGINE_SUMMING_COLUMNS" => "ENGINE_COLUMNS",
            "ENGINE_SIGN" => "ENGINE_SIGN",
            "ENGINE_VERSION" => "ENGINE_VERSION",
            _ => return None,
        })
    }

    /// Keeps a key's value.
    pub(super) fn insert(
        &mut self,
        keyword: &'static str,
        position: Position,
        value: Fragment,
        findings: &mut Findings<'_>,
    ) {
        if self.values.insert(keyword, (position, value)).is_some() {
            findings.error(
                position,
                format!("{keyword} stands twice"),
                "take one of them out",
            );
        }
    }

    /// Where ENGINE stands.
    pub(super) fn position(&self) -> Position {
        self.values
            .get("ENGINE")
            .map_or(Position::START, |(position, _)| *position)
    }

    /// The engine they describe, held against the columns.
    pub(super) fn read(
        mut self,
        table: &Table<'_>,
        findings: &mut Findings<'_>,
    ) -> Option<TableEngine> {
        let position = self.position();
        let kind = self.kind(table, findings);
        let mut settings = self.settings(findings);
        let mut key = |keyword| self.take(keyword).map(|(_, value)| value);
        let engine = TableEngine {
            kind: kind.clone().unwrap_or(EngineKind::MergeTree),
            partition_key: key("ENGINE_PARTITION_KEY"),
            sorting_key: key("ENGINE_SORTING_KEY"),
            primary_key: key("ENGINE_PRIMARY_KEY"),
            sampling_key: key("ENGINE_SAMPLING_KEY"),
            ttl: key("ENGINE_TTL"),
            settings: Vec::new(),
        };
        if table.is_complete {
            aggregated::allow_loose_columns(&engine, table.columns, &mut settings, findings);
        }
        let engine = TableEngine { settings, ..engine };
        self.report_unused(&engine.kind, kind.is_some(), findings);
        sorting_key::check(&engine, position, table.columns, findings);
        kind.map(|_| engine)
    }

    /// The value of a key that is not empty.
    fn take(&mut self, keyword: &str) -> Option<(Position, Fragment)> {
        self.values
            .remove(keyword)
            .filter(|(_, value)| !value.trim().is_empty())
    }

    fn kind(&mut self, table: &Table<'_>, findings: &mut Findings<'_>) -> Option<EngineKind> {
        let Some((position, value)) = self.take("ENGINE") else {
            return Some(EngineKind::MergeTree);
        };
        let (name, arguments) = split_engine(&value);
        let mut arguments = arguments.into_iter();
        let mut column = |source: &mut Self, keyword: &'static str| {
            let argument = arguments.next();
            source.column(keyword, argument, table, findings)
        };
        let kind = match name.as_str() {
            "MergeTree" => EngineKind::MergeTree,
            "AggregatingMergeTree" => EngineKind::AggregatingMergeTree,
            "Null" => EngineKind::Null,
            "ReplacingMergeTree" => EngineKind::ReplacingMergeTree {
                version: column(self, "ENGINE_VER"),
                is_deleted: column(self, "ENGINE_IS_DELETED"),
            },
            "CollapsingMergeTree" => EngineKind::CollapsingMergeTree {
                sign: column(self, "ENGINE_SIGN").unwrap_or_default(),
            },
            "VersionedCollapsingMergeTree" => EngineKind::VersionedCollapsingMergeTree {
                sign: column(self, "ENGINE_SIGN").unwrap_or_default(),
                version: column(self, "ENGINE_VERSION").unwrap_or_default(),
            },
            "SummingMergeTree" => EngineKind::SummingMergeTree {
                columns: self.summed_columns(arguments.by_ref().collect(), table, findings),
            },
            _ => {
                findings.error(
                    position,
                    format!("`{name}` is not an engine of data sources"),
                    "choose from MergeTree, ReplacingMergeTree, SummingMergeTree, AggregatingMergeTree, \
                     CollapsingMergeTree, VersionedCollapsingMergeTree and Null",
                );
                return None;
            }
        };
        if let Some(argument) = arguments.next() {
            let message = format!("{name} takes no argument `{argument}`");
            findings.error(value.start(), message, "take it out");
        }
        self.check_arguments(position, &kind, findings)
            .then_some(kind)
    }

    /// The column that a key names, in its own line or as ENGINE's argument.
    fn column(
        &mut self,
        keyword: &'static str,
        argument: Option<Fragment>,
        table: &Table<'_>,
        findings: &mut Findings<'_>,
    ) -> Option<String> {
        let value = match (self.take(keyword), argument) {
            (Some((position, _)), Some(_)) => {
                let message = format!("ENGINE and {keyword} both name the column");
                findings.error(position, message, "take one of them out");
                return None;
            }
            (Some((_, value)), None) | (None, Some(value)) => value,
            (None, None) => return None,
        };
        known_column(&value, table, findings)
    }

    fn summed_columns(
        &mut self,
        arguments: Vec<Fragment>,
        table: &Table<'_>,
        findings: &mut Findings<'_>,
    ) -> Vec<String> {
        let named = match self.take("ENGINE_COLUMNS") {
            Some((_, value)) => split_list(&strip_parentheses(&value)),
            None => arguments
                .iter()
                .flat_map(|argument| split_list(&strip_parentheses(argument)))
                .collect(),
        };
        named
            .iter()
            .filter_map(|name| known_column(name, table, findings))
            .collect()
    }

    /// Whether the engine has the arguments it cannot do without.
    fn check_arguments(
        &self,
        position: Position,
        kind: &EngineKind,
        findings: &mut Findings<'_>,
    ) -> bool {
        let missing = match kind {
            EngineKind::CollapsingMergeTree { sign } if sign.is_empty() => "ENGINE_SIGN",
            EngineKind::VersionedCollapsingMergeTree { sign, .. } if sign.is_empty() => {
                "ENGINE_SIGN"
            }
            EngineKind::VersionedCollapsingMergeTree { version, .. } if version.is_empty() => {
                "ENGINE_VERSION"
            }
            EngineKind::ReplacingMergeTree {
                version: None,
                is_deleted: Some(_),
            } => "ENGINE_VER",
            _ => return true,
        };
        findings.error(
            position,
            format!("{} needs {missing}", kind.name()),
            &format!("add a line `{missing} \"<column>\"`"),
        );
        false
    }

    fn settings(&mut self, findings: &mut Findings<'_>) -> Vec<(String, String)> {
        let Some((_, value)) = self.take("ENGINE_SETTINGS") else {
            return Vec::new();
        };
        let mut settings = Vec::new();
        for setting in split_list(&value) {
            let (mut cursor, _) = Cursor::new(&setting);
            let name = cursor.text().to_owned();
            let is_name = cursor.peek() == Some(&TokenKind::Word);
            cursor.advance();
            let has_value = cursor.take_symbol('=');
            let literal = cursor.skip_until(|_| false);
            if is_name && has_value && is_literal(&literal) {
                settings.push((name, literal.to_string()));
            } else {
                let message = format!("`{setting}` is not a setting");
                findings.error(
                    setting.start(),
                    message,
                    "write name=value with a number or a quoted string",
                );
            }
        }
        settings
    }

    /// Keys that the engine does not take would silently do nothing.
    fn report_unused(self, kind: &EngineKind, is_known: bool, findings: &mut Findings<'_>) {
        for (keyword, (position, _)) in self.values.into_iter().filter(|_| is_known) {
            let message = format!("{keyword} has no effect on {}", kind.name());
            findings.warning(position, message, "take it out, or change ENGINE");
        }
    }
}

/// `Name(argument, …)` as name and arguments.
fn split_engine(value: &Fragment) -> (String, Vec<Fragment>) {
    let (mut cursor, _) = Cursor::new(value);
    let name = cursor.text().to_owned();
    cursor.advance();
    if !cursor.take_symbol('(') {
        let rest = cursor.skip_until(|_| false);
        let glued = if rest.is_empty() {
            name
        } else {
            value.to_string()
        };
        return (glued, Vec::new());
    }
    let inner = cursor.skip_until(|_| false);
    (name, split_list(&inner))
}

/// A list's items; commas within parentheses do not separate.
fn split_list(list: &Fragment) -> Vec<Fragment> {
    let (mut cursor, _) = Cursor::new(list);
    let mut items = Vec::new();
    while !cursor.is_at_end() {
        let item = cursor.skip_until(|cursor| cursor.at_symbol(','));
        if !item.is_empty() {
            items.push(item);
        }
        cursor.advance();
    }
    items
}

fn strip_parentheses(value: &Fragment) -> Fragment {
    let value = value.trim();
    match value
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
    {
        Some(inner) => value.slice(1..1 + inner.len()),
        None => value,
    }
}

/// Whether a setting's value is one number or string.
fn is_literal(value: &Fragment) -> bool {
    let (mut cursor, unclosed) = Cursor::new(value);
    cursor.take_symbol('-');
    let is_value = matches!(cursor.peek(), Some(TokenKind::Number | TokenKind::Text))
        || cursor.at_word(0, "true")
        || cursor.at_word(0, "false");
    cursor.advance();
    is_value && cursor.is_at_end() && unclosed.is_none()
}

/// The column that a value names; an unknown one is found.
fn known_column(
    value: &Fragment,
    table: &Table<'_>,
    findings: &mut Findings<'_>,
) -> Option<String> {
    let (cursor, _) = Cursor::new(value);
    let name = match cursor.peek() {
        Some(TokenKind::Quoted(name)) => name.clone(),
        _ => value.trim().to_string(),
    };
    if !table.is_complete || table.columns.iter().any(|column| column.name == name) {
        return Some(name);
    }
    let message = format!("there is no column `{name}` in SCHEMA");
    findings.error(
        value.start(),
        message,
        "name one of its columns, or add it there",
    );
    None
}
