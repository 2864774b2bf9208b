//! A data source: the model that a `.datasource` file describes.

mod reader;

use super::data_type::DataType;
use super::diagnostic::Diagnostic;
use super::json_path::JsonPath;
use super::position::{Fragment, Position};

pub use reader::parse_data_source;
pub(super) use reader::{read_tags, read_token, read_version};

/// A table of the project, read from `<name>.datasource` and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// Its name: the file's name without the extension.
    pub name: String,
    /// The file, as a path relative to the project.
    pub file: String,
    /// What its author says about it.
    pub description: Option<String>,
    /// Its columns, in the order of SCHEMA; at least one.
    pub columns: Vec<Column>,
    /// Data skipping indexes.
    pub indexes: Vec<Index>,
    /// How ClickHouse keeps its rows.
    pub engine: TableEngine,
    /// `TAGS`: what it is filed under; `tenant=<column>` makes it multi-tenant,
    /// `isolated=true` keeps tenants apart in the files, too.
    pub tags: Tags,
    /// `TOKEN` lines: static tokens that may read it or append to it.
    pub tokens: Vec<TokenLine>,
    /// Workspaces it is shared with; kept for the record, sharing does not run.
    pub shared_with: Vec<String>,
    /// `FORWARD_QUERY`: the SELECT that turns rows of the former schema into
    /// rows of this one.
    pub forward_query: Option<Fragment>,
    /// `BACKFILL skip`: a new materialized view onto it is not populated.
    pub skips_backfill: bool,
    /// Where rows would be pulled from; parsed, not running.
    pub connector: Option<Connector>,
    /// `VERSION`: in Tinybird Classic a name of it is `<name>__v<version>`.
    pub version: Option<u32>,
    /// What its author should know though the file is valid.
    pub warnings: Vec<Diagnostic>,
}

impl DataSource {
    /// The column that names the tenant, if the data source is multi-tenant.
    #[must_use]
    pub fn tenant_column(&self) -> Option<&str> {
        self.tags.value("tenant")
    }

    /// Whether rows of different tenants share no part: each tenant has
    /// partitions of its own (`isolated=true`).
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.tags.value("isolated") == Some("true")
    }

    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether rows come as JSON (NDJSON, Parquet) rather than as CSV.
    #[must_use]
    pub fn has_json_paths(&self) -> bool {
        self.columns.iter().any(|column| column.json_path.is_some())
    }
}

/// A column of a data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Where its value stands in a row of JSON.
    pub json_path: Option<JsonPath>,
    /// The SQL expression that fills it when a row has no value for it.
    pub default: Option<String>,
    /// How ClickHouse compresses it, as in `ZSTD(1)`.
    pub codec: Option<String>,
    /// Where its definition begins.
    pub position: Position,
}

impl Column {
    /// Whether it may hold NULL.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        self.data_type.is_nullable()
    }
}

/// A data skipping index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// The expression it indexes, SQL.
    pub expression: String,
    /// Its type with arguments, as in `bloom_filter(0.01)`.
    pub kind: String,
    /// How many granules one entry covers; ClickHouse's default when absent.
    pub granularity: Option<u64>,
    /// Where its line begins.
    pub position: Position,
}

/// `ENGINE` and its keys. Every key is SQL, as in ClickHouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableEngine {
    /// Which engine.
    pub kind: EngineKind,
    /// `PARTITION BY`.
    pub partition_key: Option<Fragment>,
    /// `ORDER BY`; `tuple()` when absent.
    pub sorting_key: Option<Fragment>,
    /// `PRIMARY KEY`.
    pub primary_key: Option<Fragment>,
    /// `SAMPLE BY`.
    pub sampling_key: Option<Fragment>,
    /// `TTL`.
    pub ttl: Option<Fragment>,
    /// `SETTINGS`: names and values (SQL literals).
    pub settings: Vec<(String, String)>,
}

/// The engines a data source may have. Arguments are names of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Rows as they come.
    MergeTree,
    /// The last row of each sorting key.
    ReplacingMergeTree {
        /// Which row is the last.
        version: Option<String>,
        /// 1 marks a row as deleted.
        is_deleted: Option<String>,
    },
    /// Sums rows of one sorting key.
    SummingMergeTree {
        /// Which columns; every numeric one when empty.
        columns: Vec<String>,
    },
    /// Merges aggregate states of one sorting key.
    AggregatingMergeTree,
    /// Rows and their cancellations.
    CollapsingMergeTree {
        /// 1 for a row, -1 for its cancellation.
        sign: String,
    },
    /// Rows and their cancellations in any order.
    VersionedCollapsingMergeTree {
        /// 1 for a row, -1 for its cancellation.
        sign: String,
        /// Which state of the row.
        version: String,
    },
    /// Keeps nothing; materialized views still see the rows.
    Null,
}

impl EngineKind {
    /// ClickHouse's name of the engine.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            EngineKind::MergeTree => "MergeTree",
            EngineKind::ReplacingMergeTree { .. } => "ReplacingMergeTree",
            EngineKind::SummingMergeTree { .. } => "SummingMergeTree",
            EngineKind::AggregatingMergeTree => "AggregatingMergeTree",
            EngineKind::CollapsingMergeTree { .. } => "CollapsingMergeTree",
            EngineKind::VersionedCollapsingMergeTree { .. } => "VersionedCollapsingMergeTree",
            EngineKind::Null => "Null",
        }
    }
}

/// `TAGS`: pairs steer the server, bare words file a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// `key=value`, in order.
    pub pairs: Vec<(String, String)>,
    /// Bare words.
    pub labels: Vec<String>,
}

impl Tags {
    /// The value of a key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// What a `TOKEN` line lets its static token do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPermission {
    /// Read the data source or call the endpoint.
    Read,
    /// Append rows to the data source.
    Append,
}

/// A `TOKEN "name" READ` line: the server keeps a static token of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLine {
    /// The token's name.
    pub name: String,
    /// What it may do with this resource.
    pub permission: TokenPermission,
    /// Where the line stands.
    pub position: Position,
}

/// The keys of a connector (`KAFKA_…`, `IMPORT_…`, `PG_…`) as written, secrets
/// not filled in: connectors are parsed and reported as not running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Keys in upper case and their values, in order.
    pub settings: Vec<(String, String)>,
    /// Where the first of them stands.
    pub position: Position,
}
