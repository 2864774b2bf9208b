//! What is in the engine: tables of one database as they are now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use engine::{Engine, EngineError, Statement, sql};

/// The tables of one database, by name.
#[derive(Debug, Default)]
pub(in crate::project) struct Catalog {
    tables: BTreeMap<String, StoredTable>,
}

/// A table as the engine has it; all SQL is in the engine's own wording.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(in crate::project) struct StoredTable {
    pub(in crate::project) name: String,
    pub(in crate::project) engine: String,
    /// The engine with all its clauses.
    pub(in crate::project) engine_full: String,
    comment: String,
    /// Rows; none for views.
    total_rows: Option<u64>,
    #[serde(skip)]
    pub(in crate::project) columns: Vec<StoredColumn>,
    #[serde(skip)]
    pub(in crate::project) indexes: Vec<StoredIndex>,
}

/// A column as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(in crate::project) struct StoredColumn {
    table: String,
    pub(in crate::project) name: String,
    #[serde(rename = "type")]
    pub(in crate::project) data_type: String,
    /// Empty when there is none.
    #[serde(rename = "default_expression")]
    pub(in crate::project) default: String,
    /// `CODEC(…)`, empty when there is none.
    #[serde(rename = "compression_codec")]
    pub(in crate::project) codec: String,
    /// 1 when a key of the table holds it.
    is_in_key: u8,
}

/// A data skipping index as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(in crate::project) struct StoredIndex {
    table: String,
    pub(in crate::project) name: String,
    pub(in crate::project) kind: String,
    pub(in crate::project) expression: String,
    pub(in crate::project) granularity: u64,
}

/// What `apply` writes down about a table, in the table's comment: it lives
/// and dies with the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::project) struct Record {
    /// Fingerprint of the definition it was last made to match.
    #[serde(default)]
    pub(in crate::project) definition: String,
    /// Fingerprint of the `FORWARD_QUERY` that its file had then: one that
    /// belongs to a change which is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::project) forwarded: Option<String>,
    /// The materialized views that have filled it, by pipe, with the
    /// fingerprints of their queries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::project) filled_by: BTreeMap<String, String>,
}

impl Record {
    /// The comment that holds it.
    pub(in crate::project) fn comment(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl StoredTable {
    /// What was written down about it; nothing for a table made otherwise.
    pub(in crate::project) fn record(&self) -> Record {
        serde_json::from_str(&self.comment).unwrap_or_default()
    }

    /// Whether dropping it would lose nothing.
    pub(in crate::project) fn is_empty(&self) -> bool {
        self.engine == "Null" || self.total_rows == Some(0)
    }

    pub(in crate::project) fn column(&self, name: &str) -> Option<&StoredColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl StoredColumn {
    pub(in crate::project) fn is_in_key(&self) -> bool {
        self.is_in_key != 0
    }
}

impl StoredIndex {
    /// Whether another table's index is the same as this one.
    pub(in crate::project) fn is_like(&self, other: &Self) -> bool {
        (&self.name, &self.kind, &self.expression, self.granularity)
            == (
                &other.name,
                &other.kind,
                &other.expression,
                other.granularity,
            )
    }
}

impl Catalog {
    /// Reads a database's tables.
    pub(in crate::project) async fn read(
        engine: &dyn Engine,
        database: &str,
    ) -> Result<Self, EngineError> {
        let tables: Vec<StoredTable> = rows(
            engine,
            "SELECT name, engine, engine_full, comment, total_rows FROM system.tables WHERE database = {database:String}",
            database,
        )
        .await?;
        let columns: Vec<StoredColumn> = rows(
            engine,
            "SELECT table, name, type, default_expression, compression_codec, \
             toUInt8(is_in_partition_key OR is_in_sorting_key OR is_in_primary_key OR is_in_sampling_key) AS is_in_key \
             FROM system.columns WHERE database = {database:String} ORDER BY table, position",
            database,
        )
        .await?;
        let indexes: Vec<StoredIndex> = rows(
            engine,
            "SELECT table, name, type_full AS kind, expr AS expression, granularity \
             FROM system.data_skipping_indices WHERE database = {database:String}",
            database,
        )
        .await?;
        let mut catalog = Self::default();
        catalog
            .tables
            .extend(tables.into_iter().map(|table| (table.name.clone(), table)));
        for column in columns {
            if let Some(table) = catalog.tables.get_mut(&column.table) {
                table.columns.push(column);
            }
        }
        for index in indexes {
            if let Some(table) = catalog.tables.get_mut(&index.table) {
                table.indexes.push(index);
            }
        }
        Ok(catalog)
    }

    /// All tables, by name.
    pub(in crate::project) fn tables(&self) -> impl Iterator<Item = &StoredTable> {
        self.tables.values()
    }

    pub(in crate::project) fn table(&self, name: &str) -> Option<&StoredTable> {
        self.tables.get(name)
    }
}

/// The rows of a reading statement about a database.
pub(in crate::project) async fn rows<Row: DeserializeOwned>(
    engine: &dyn Engine,
    sql: &str,
    database: &str,
) -> Result<Vec<Row>, EngineError> {
    let statement = Statement {
        parameters: vec![("database".to_owned(), sql::parameter(database))],
        settings: vec![(
            "output_format_json_quote_64bit_integers".to_owned(),
            "0".to_owned(),
        )],
        ..Statement::read(sql, "JSONEachRow")
    };
    let answer = engine.query(statement).await?;
    let lines = answer
        .body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| {
            serde_json::from_slice(line).map_err(|error| {
                EngineError::Unavailable(format!(
                    "an answer about its own tables cannot be read: {error}"
                ))
            })
        })
        .collect()
}
