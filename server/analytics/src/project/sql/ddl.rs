//! The SQL that makes a project's tables: statements, not when they run.

use std::fmt::Write as _;

use datafile::{Column, DataSource, DataType, EngineKind, Fragment, Index};
use engine::sql::{identifier, literal};

/// The columns that every quarantine has before the data source's own.
pub const QUARANTINE_COLUMNS: [(&str, &str); 4] = [
    ("c__error_column", "Array(String)"),
    ("c__error", "Array(String)"),
    ("c__import_id", "Nullable(String)"),
    ("insertion_date", "DateTime"),
];

/// The table that keeps a data source's rows that could not be read.
#[must_use]
pub fn quarantine_name(data_source: &str) -> String {
    format!("{data_source}_quarantine")
}

/// The table that is a pipe's materialized view. The dot keeps it apart from
/// every data source, whose names have none.
#[must_use]
pub fn view_name(pipe: &str) -> String {
    format!("view.{pipe}")
}

/// `database.table`, quoted.
#[must_use]
pub fn qualified(database: &str, table: &str) -> String {
    format!("{}.{}", identifier(database), identifier(table))
}

/// A table as it should be: its definition without a place to put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableDefinition {
    /// Columns in order.
    pub(crate) columns: Vec<ColumnDefinition>,
    /// Data skipping indexes: name and the rest.
    pub(crate) indexes: Vec<(String, String)>,
    /// `ENGINE = …` and the clauses that cannot change: keys.
    pub(crate) engine: String,
    /// The TTL expression.
    pub(crate) ttl: Option<String>,
    /// Names and values of settings.
    pub(crate) settings: Vec<(String, String)>,
}

/// A column as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: String,
    pub(crate) data_type: String,
    pub(crate) default: Option<String>,
    pub(crate) codec: Option<String>,
}

impl ColumnDefinition {
    fn new(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            data_type: column.data_type.to_string(),
            default: column
                .default
                .as_deref()
                .map(|default| default_sql(&column.data_type, default).to_owned()),
            codec: column.codec.clone(),
        }
    }

    /// `name type [DEFAULT …] [CODEC(…)]`.
    pub(crate) fn sql(&self) -> String {
        let mut sql = format!("{} {}", identifier(&self.name), self.data_type);
        if let Some(default) = &self.default {
            let _ = writeln!(sql, " DEFAULT {default}");
        }
        if let Some(codec) = &self.codec {
            let _ = write!(sql, " CODEC({codec})");
        }
        sql
    }
}

/// A default as the engine is to take it. The empty text and the date of
/// zeros are 1970 to Tinybird, whose ClickHouse reads the texts of defaults
/// the simple way; the lenient way, in which everything else is read here,
/// refuses the one and takes the other for this year.
fn default_sql<'run>(data_type: &DataType, default: &'run str) -> &'run str {
    const EMPTY: &str = "''";

    let zeros = |text: &str| {
        let digits = text
            .strip_prefix('\'')
            .and_then(|text| text.strip_suffix('\''));
        digits.is_some_and(|text| {
            text.starts_with("0000-00-00") && text.bytes().all(|byte| b"0-: .T".contains(&byte))
        })
    };
    // Nullable columns take the empty text for NULL.
    match data_type.name.as_str() {
        "DateTime64" if default == EMPTY => "0",
        _ if matches!(data_type.bare().name.as_str(), "DateTime" | "DateTime64")
            && zeros(default) =>
        {
            "0"
        }
        _ => default,
    }
}

impl TableDefinition {
    /// The table of a data source.
    pub(crate) fn of(data_source: &DataSource) -> Self {
        let engine = &data_source.engine;
        let is_null = engine.kind == EngineKind::Null;
        Self {
            columns: data_source
                .columns
                .iter()
                .map(ColumnDefinition::new)
                .collect(),
            indexes: match is_null {
                true => Vec::new(),
                false => data_source.indexes.iter().map(index_definition).collect(),
            },
            engine: engine_sql(data_source),
            ttl: engine
                .ttl
                .as_ref()
                .filter(|_| !is_null)
                .map(Fragment::to_string),
            settings: if is_null {
                Vec::new()
            } else {
                engine.settings.clone()
            },
        }
    }

    /// The table of a data source's quarantine: the row as it came, as text,
    /// and what is wrong with it.
    pub(crate) fn of_quarantine(data_source: &DataSource) -> Self {
        let column = |name: &str, data_type: &str| ColumnDefinition {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            default: None,
            codec: None,
        };
        let own = QUARANTINE_COLUMNS
            .iter()
            .map(|(name, data_type)| column(name, data_type));
        let rows = quarantined_columns(data_source).map(|name| column(name, "Nullable(String)"));
        Self {
            columns: own.chain(rows).collect(),
            indexes: Vec::new(),
            engine: "MergeTree PARTITION BY toYear(insertion_date) ORDER BY insertion_date"
                .to_owned(),
            ttl: None,
            settings: Vec::new(),
        }
    }

    /// `CREATE TABLE`, with a comment for the records of `apply`.
    pub(crate) fn create(&self, table: &str, comment: &str) -> String {
        let columns = self.columns.iter().map(ColumnDefinition::sql);
        let indexes = self
            .indexes
            .iter()
            .map(|(name, rest)| format!("INDEX {} {rest}", identifier(name)));
        let parts: Vec<String> = columns.chain(indexes).collect();
        let mut sql = format!(
            "CREATE TABLE {table} ({}) ENGINE = {}",
            parts.join(", "),
            self.engine
        );
        if let Some(ttl) = &self.ttl {
            let _ = writeln!(sql, " TTL {ttl}");
        }
        if !self.settings.is_empty() {
            let settings: Vec<String> = self
                .settings
                .iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            let _ = write!(sql, " SETTINGS {}", settings.join(", "));
        }
        let _ = write!(sql, " COMMENT {}", literal(comment));
        sql
    }
}

/// The data source's columns that its quarantine keeps, in order: all but
/// those that a quarantine has a column of its own for.
pub fn quarantined_columns(data_source: &DataSource) -> impl Iterator<Item = &str> {
    let is_own = |name: &str| QUARANTINE_COLUMNS.iter().any(|(own, _)| *own == name);
    data_source
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(move |name| !is_own(name))
}

fn index_definition(index: &Index) -> (String, String) {
    let mut rest = format!("{} TYPE {}", index.expression, index.kind);
    if let Some(granularity) = index.granularity {
        let _ = write!(rest, " GRANULARITY {granularity}");
    }
    (index.name.clone(), rest)
}

/// `Engine(arguments) PARTITION BY … ORDER BY … PRIMARY KEY … SAMPLE BY …`.
fn engine_sql(data_source: &DataSource) -> String {
    let engine = &data_source.engine;
    let arguments: Vec<String> = match &engine.kind {
        EngineKind::Null => return "Null".to_owned(),
        EngineKind::MergeTree | EngineKind::AggregatingMergeTree => Vec::new(),
        EngineKind::ReplacingMergeTree {
            version,
            is_deleted,
        } => version
            .iter()
            .chain(is_deleted)
            .map(|name| identifier(name))
            .collect(),
        EngineKind::SummingMergeTree { columns } if columns.is_empty() => Vec::new(),
        EngineKind::SummingMergeTree { columns } => {
            let names: Vec<String> = columns.iter().map(|name| identifier(name)).collect();
            vec![format!("({})", names.join(", "))]
        }
        EngineKind::CollapsingMergeTree { sign } => vec![identifier(sign)],
        EngineKind::VersionedCollapsingMergeTree { sign, version } => {
            vec![identifier(sign), identifier(version)]
        }
    };
    let mut sql = format!("{}({})", engine.kind.name(), arguments.join(", "));
    let tenant = data_source
        .tenant_column()
        .filter(|_| data_source.is_isolated());
    match (tenant.map(identifier), &engine.partition_key) {
        (Some(tenant), Some(key)) => {
            let _ = write!(sql, " PARTITION BY ({tenant}, ({key}\n))");
        }
        (Some(tenant), None) => {
            let _ = write!(sql, " PARTITION BY ({tenant})");
        }
        (None, Some(key)) => {
            let _ = write!(sql, " PARTITION BY ({key}\n)");
        }
        (None, None) => {}
    }
    match &engine.sorting_key {
        Some(key) => {
            let _ = write!(sql, " ORDER BY ({key}\n)");
        }
        None => sql.push_str(" ORDER BY tuple()"),
    }
    if let Some(key) = &engine.primary_key {
        let _ = write!(sql, " PRIMARY KEY ({key}\n)");
    }
    if let Some(key) = &engine.sampling_key {
        let _ = write!(sql, " SAMPLE BY ({key}\n)");
    }
    sql
}

/// `CREATE MATERIALIZED VIEW` that writes what `select` makes of every insert
/// to `target`.
pub(crate) fn create_view(view: &str, target: &str, select: &str, comment: &str) -> String {
    format!(
        "CREATE MATERIALIZED VIEW {view} TO {target} AS {select}\nCOMMENT {}",
        literal(comment)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafile::{Variables, parse_data_source};

    fn definition(text: &str) -> TableDefinition {
        TableDefinition::of(
            &parse_data_source("t.datasource", text, &Variables::default()).unwrap(),
        )
    }

    #[test]
    fn every_clause_has_its_place() {
        let text = "SCHEMA >\n    `a b` String DEFAULT 'x' CODEC(ZSTD(1)),\n    v UInt8\n\
                    INDEXES >\n    i v TYPE minmax GRANULARITY 2\n\
                    ENGINE ReplacingMergeTree\nENGINE_VER v\nENGINE_PARTITION_KEY v % 2\nENGINE_SORTING_KEY `a b`\n\
                    ENGINE_PRIMARY_KEY `a b`\nENGINE_TTL now() + INTERVAL v DAY\nENGINE_SETTINGS index_granularity=64\n";
        let sql = definition(text).create("`d`.`t`", "it's");
        let words: Vec<&str> = sql.split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "CREATE TABLE `d`.`t` (`a b` String DEFAULT 'x' CODEC(ZSTD(1)), `v` UInt8, INDEX `i` v TYPE minmax \
             GRANULARITY 2) ENGINE = ReplacingMergeTree(`v`) PARTITION BY (v % 2 ) ORDER BY (`a b` ) \
             PRIMARY KEY (`a b` ) TTL now() + INTERVAL v DAY SETTINGS index_granularity = 64 COMMENT 'it\\'s'"
        );
    }

    #[test]
    fn isolated_tenants_have_partitions_of_their_own() {
        let partition = |tags: &str, key: &str| {
            let text = format!(
                "TAGS \"{tags}\"\nSCHEMA >\n    org String,\n    at Date\nENGINE MergeTree\n{key}\nENGINE_SORTING_KEY at\n"
            );
            let sql = definition(&text).create("t", "");
            let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, after) = sql.split_once("MergeTree()").unwrap();
            after.split_once(" ORDER BY").unwrap().0.to_owned()
        };
        let key = "ENGINE_PARTITION_KEY at, 1 + 1";
        let isolated = "tenant=org, isolated=true";
        assert_eq!(partition(isolated, ""), " PARTITION BY (`org`)");
        assert_eq!(
            partition(isolated, key),
            " PARTITION BY (`org`, (at, 1 + 1 ))"
        );
        for tags in ["tenant=org", "tenant=org, isolated=false"] {
            assert_eq!(partition(tags, ""), "");
            assert_eq!(partition(tags, key), " PARTITION BY (at, 1 + 1 )");
        }
    }

    #[test]
    fn a_null_table_has_columns_only() {
        let sql = definition("SCHEMA >\n    a UInt8\nENGINE Null\nENGINE_TTL a\n").create("t", "");
        assert_eq!(sql, "CREATE TABLE t (`a` UInt8) ENGINE = Null COMMENT ''");
    }

    #[test]
    fn a_quarantine_keeps_every_column_as_text() {
        let text = "SCHEMA >\n    a UInt8,\n    insertion_date Date\n";
        let data_source = parse_data_source("t.datasource", text, &Variables::default()).unwrap();
        let columns: Vec<String> = TableDefinition::of_quarantine(&data_source)
            .columns
            .iter()
            .map(ColumnDefinition::sql)
            .collect();
        assert_eq!(
            columns,
            [
                "`c__error_column` Array(String)",
                "`c__error` Array(String)",
                "`c__import_id` Nullable(String)",
                "`insertion_date` DateTime",
                "`a` Nullable(String)"
            ]
        );
    }
}
