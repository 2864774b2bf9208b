//! What must happen to one table so that it is as its file says.

use super::clauses::{read_settings, split_before, unwrap};
use crate::project::sql::ddl::TableDefinition;
use crate::project::tables::catalog::{StoredColumn, StoredIndex, StoredTable};
use engine::sql::identifier;

/// What must happen to a table that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TableChange {
    /// Only its record is written anew.
    Nothing,
    /// `ALTER TABLE` with these commands, one by one. Rows stay as they are.
    Alter(Vec<String>),
    /// It has no rows: it is dropped and made anew.
    Replace,
    /// Its rows are read through `FORWARD_QUERY` into a new table that takes
    /// its place.
    Rebuild,
    /// It cannot become what its file says without losing something: why.
    Refuse(Vec<String>),
}

/// Compares a table with what it should be, both in the engine's wording.
///
/// `definition` is what its file says; `wanted` is an empty table made from
/// it. A quarantine keeps columns that the data source has no more.
pub(super) fn plan(
    stored: &StoredTable,
    wanted: &StoredTable,
    definition: &TableDefinition,
    has_forward_query: bool,
    keeps_columns: bool,
) -> TableChange {
    let mut plan = Plan {
        commands: Vec::new(),
        reasons: Vec::new(),
    };
    plan.columns(stored, wanted, definition, keeps_columns);
    plan.clauses(stored, wanted, definition);
    plan.indexes(stored, wanted);
    match (plan.reasons, plan.commands) {
        (reasons, commands) if reasons.is_empty() && commands.is_empty() => TableChange::Nothing,
        _ if stored.is_empty() => TableChange::Replace,
        (reasons, commands) if reasons.is_empty() => TableChange::Alter(commands),
        _ if has_forward_query => TableChange::Rebuild,
        (reasons, _) => TableChange::Refuse(reasons),
    }
}

struct Plan {
    commands: Vec<String>,
    /// Why altering is not enough.
    reasons: Vec<String>,
}

impl Plan {
    fn columns(
        &mut self,
        stored: &StoredTable,
        wanted: &StoredTable,
        definition: &TableDefinition,
        keeps_columns: bool,
    ) {
        let mut previous: Option<&str> = None;
        for (column, written) in wanted.columns.iter().zip(&definition.columns) {
            match stored.column(&column.name) {
                Some(present) => self.column(present, column, &written.sql()),
                None => {
                    let place = previous.map_or("FIRST".to_owned(), |name| {
                        format!("AFTER {}", identifier(name))
                    });
                    self.commands
                        .push(format!("ADD COLUMN {} {place}", written.sql()));
                }
            }
            previous = Some(&column.name);
        }
        for column in stored
            .columns
            .iter()
            .filter(|column| !keeps_columns && wanted.column(&column.name).is_none())
        {
            self.reasons
                .push(format!("the column `{}` would be dropped", column.name));
        }
    }

    fn column(&mut self, stored: &StoredColumn, wanted: &StoredColumn, written: &str) {
        let name = identifier(&wanted.name);
        if stored.data_type != wanted.data_type {
            if stored.is_in_key() || !is_lossless(&stored.data_type, &wanted.data_type) {
                let (from, to) = (&stored.data_type, &wanted.data_type);
                return self.reasons.push(format!(
                    "the column {name} would change from {from} to {to}"
                ));
            }
            self.commands.push(format!("MODIFY COLUMN {written}"));
        } else if !wanted.default.is_empty() && stored.default != wanted.default
            || !wanted.codec.is_empty() && stored.codec != wanted.codec
        {
            self.commands.push(format!("MODIFY COLUMN {written}"));
        }
        if wanted.default.is_empty() && !stored.default.is_empty() {
            self.commands
                .push(format!("MODIFY COLUMN {name} REMOVE DEFAULT"));
        }
        if wanted.codec.is_empty() && !stored.codec.is_empty() {
            self.commands
                .push(format!("MODIFY COLUMN {name} REMOVE CODEC"));
        }
    }

    /// Engine and keys cannot change; TTL and settings can.
    fn clauses(
        &mut self,
        stored: &StoredTable,
        wanted: &StoredTable,
        definition: &TableDefinition,
    ) {
        let (stored, wanted) = (
            Clauses::of(&stored.engine_full),
            Clauses::of(&wanted.engine_full),
        );
        if stored.fixed != wanted.fixed {
            let (from, to) = (stored.fixed, wanted.fixed);
            self.reasons
                .push(format!("the engine would change from `{from}` to `{to}`"));
        }
        match &definition.ttl {
            Some(ttl) if stored.ttl != wanted.ttl => {
                self.commands.push(format!("MODIFY TTL {ttl}\n"))
            }
            None if stored.ttl.is_some() => self.commands.push("REMOVE TTL".to_owned()),
            _ => {}
        }
        for (name, value) in &wanted.settings {
            if !stored.settings.contains(&(name.clone(), value.clone())) {
                match name.as_str() {
                    "index_granularity" | "index_granularity_bytes" => {
                        self.reasons
                            .push(format!("the setting {name} would change"));
                    }
                    _ => self
                        .commands
                        .push(format!("MODIFY SETTING {name} = {value}")),
                }
            }
        }
        for (name, _) in &stored.settings {
            if !wanted.settings.iter().any(|(known, _)| known == name) {
                self.commands.push(format!("RESET SETTING {name}"));
            }
        }
    }

    fn indexes(&mut self, stored: &StoredTable, wanted: &StoredTable) {
        let is_in = |index: &StoredIndex, table: &StoredTable| {
            table.indexes.iter().any(|other| other.is_like(index))
        };
        for index in stored.indexes.iter().filter(|index| !is_in(index, wanted)) {
            self.commands
                .push(format!("DROP INDEX {}", identifier(&index.name)));
        }
        for index in wanted.indexes.iter().filter(|index| !is_in(index, stored)) {
            self.commands.push(format!(
                "ADD INDEX {} {} TYPE {} GRANULARITY {}",
                identifier(&index.name),
                index.expression,
                index.kind,
                index.granularity
            ));
        }
    }
}

/// The clauses of an `engine_full`.
struct Clauses {
    /// The engine with its keys.
    fixed: String,
    ttl: Option<String>,
    settings: Vec<(String, String)>,
}

impl Clauses {
    fn of(engine_full: &str) -> Self {
        let (fixed, rest) = split_before(engine_full, &["TTL", "SETTINGS"]);
        let (ttl, settings) = split_before(rest, &["SETTINGS"]);
        let ttl = Some(ttl.trim().to_owned()).filter(|ttl| !ttl.is_empty());
        let settings = settings.trim().strip_prefix("SETTINGS").unwrap_or("");
        Self {
            fixed: fixed.trim().to_owned(),
            ttl,
            settings: read_settings(settings),
        }
    }
}

/// Whether every value of one type is a value of the other, so that changing a
/// column loses nothing.
fn is_lossless(from: &str, to: &str) -> bool {
    let from = unwrap("LowCardinality", from);
    let to = unwrap("LowCardinality", to);
    let (bare_from, bare_to) = (unwrap("Nullable", from), unwrap("Nullable", to));
    let loses_null = bare_from.len() != from.len() && bare_to.len() == to.len();
    !loses_null && (bare_from == bare_to || is_wider(bare_from, bare_to))
}

/// Whether a numeric type holds all numbers of another.
fn is_wider(from: &str, to: &str) -> bool {
    let bits = |name: &str, family: &str| {
        name.strip_prefix(family)
            .and_then(|bits| bits.parse::<u32>().ok())
    };
    let grows = |family| match (bits(from, family), bits(to, family)) {
        (Some(from), Some(to)) => from <= to,
        _ => false,
    };
    let gains_sign = match (bits(from, "UInt"), bits(to, "Int")) {
        (Some(from), Some(to)) => from < to,
        _ => false,
    };
    grows("UInt") || grows("Int") || grows("Float") || gains_sign
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_that_hold_all_old_values_are_lossless() {
        for (from, to) in [
            ("String", "Nullable(String)"),
            ("String", "LowCardinality(String)"),
            ("LowCardinality(String)", "String"),
            ("UInt8", "UInt64"),
            ("UInt8", "Int16"),
            ("Int32", "Nullable(Int64)"),
            ("Float32", "Float64"),
            ("LowCardinality(Nullable(String))", "Nullable(String)"),
        ] {
            assert!(is_lossless(from, to), "{from} to {to}");
        }
        for (from, to) in [
            ("Nullable(String)", "String"),
            ("Int64", "Int32"),
            ("UInt8", "Int8"),
            ("Int8", "UInt16"),
            ("String", "UInt8"),
            ("Float64", "Float32"),
            ("DateTime", "Date"),
        ] {
            assert!(!is_lossless(from, to), "{from} to {to}");
        }
    }

    #[test]
    fn an_engine_splits_into_its_clauses() {
        let clauses = Clauses::of(
            "ReplacingMergeTree(at) ORDER BY (`TTL`, 'SETTINGS') TTL at + toIntervalDay(3) \
             SETTINGS index_granularity = 64, storage_policy = 'a, b'",
        );
        assert_eq!(
            clauses.fixed,
            "ReplacingMergeTree(at) ORDER BY (`TTL`, 'SETTINGS')"
        );
        assert_eq!(clauses.ttl.as_deref(), Some("TTL at + toIntervalDay(3)"));
        assert_eq!(
            clauses.settings,
            [
                ("index_granularity".to_owned(), "64".to_owned()),
                ("storage_policy".to_owned(), "'a, b'".to_owned())
            ]
        );
        assert_eq!(Clauses::of("Null").fixed, "Null");
    }
}
