//! The rules: which SQL may run as part of a project, and which may come
//! from outside.

use super::{Inspection, StatementKind, TableName};

/// Table functions that make rows of nothing but their arguments.
pub const HARMLESS_TABLE_FUNCTIONS: [&str; 11] = [
    "generaterandom",
    "generateseries",
    "generate_series",
    "null",
    "numbers",
    "numbers_mt",
    // `FROM (VALUES (1, 2))`.
    "sqlstandardvalues",
    "values",
    "view",
    "zeros",
    "zeros_mt",
];

/// Of the engine's own tables, those that tell nothing about anybody.
const HARMLESS_SYSTEM_TABLES: [&str; 4] = ["functions", "numbers", "numbers_mt", "one"];

/// Databases every ClickHouse has. `default` is an overlay over the file
/// system in the embedded engine.
const ENGINE_DATABASES: [&str; 4] = [
    "default",
    "information_schema",
    "INFORMATION_SCHEMA",
    "system",
];

/// The database of what happened in the workspace: a project's SQL has no
/// business there, and from outside only some may read it.
const SERVICE_DATABASE: &str = "tinybird";

/// What stands before the dot in the names of the server's own tables: views,
/// rows in the making, and rows of before a change. The parser's tree shows it
/// as a database. They hold every tenant's rows and no filter covers them.
const OWN_TABLES: [&str; 6] = ["", "former", "load", "staging", "view", "wanted"];

/// How the names of scratch databases begin, before a random number: tables of
/// a project being checked, rows on their way into a data source.
const SCRATCH_DATABASES: [&str; 2] = ["check_", "scratch_"];

/// Settings that a project's SQL may give: they change results or speed, and
/// lift no limit and no filter.
pub const HARMLESS_SETTINGS: [&str; 28] = [
    "allow_experimental_join_condition",
    "any_join_distinct_right_table_keys",
    "asterisk_include_alias_columns",
    "cast_keep_nullable",
    "count_distinct_implementation",
    "date_time_output_format",
    "distinct_overflow_mode",
    "do_not_merge_across_partitions_select_final",
    "empty_result_for_aggregation_by_empty_set",
    "final",
    "force_index_by_date",
    "force_primary_key",
    "group_by_use_nulls",
    "join_algorithm",
    "join_any_take_last_row",
    "join_use_nulls",
    "max_block_size",
    "max_bytes_before_external_group_by",
    "max_bytes_before_external_sort",
    "max_threads",
    "optimize_aggregation_in_order",
    "optimize_move_to_prewhere",
    "optimize_read_in_order",
    "prefer_column_name_to_alias",
    "transform_null_in",
    "union_default_mode",
    "use_skip_indexes",
    "use_skip_indexes_if_final",
];

/// Functions that reach files, the network, other tables' contents or the
/// server's insides, by the beginning of their names (lower case).
const REFUSED_PREFIXES: [&str; 17] = [
    "__",
    "addressto",
    "ai",
    "catboost",
    "dict",
    "filesystem",
    "getclient",
    "getmacro",
    "getmergetree",
    "getserver",
    "getsetting",
    "hascolumnintable",
    "joinget",
    "naivebayesclassifier",
    "region",
    "transaction",
    "zookeeper",
];

/// The same, by their whole names (lower case).
const REFUSED_FUNCTIONS: [&str; 31] = [
    "authenticateduser",
    "buildid",
    "connection_id",
    "connectionid",
    "demangle",
    "displayname",
    "eval",
    "evalmlmethod",
    "executable",
    "file",
    "fqdn",
    "fullhostname",
    "generateserialid",
    "getmaxtablenamelengthfordatabase",
    "getoskernelversion",
    "globalvariable",
    "hasthreadfuzzer",
    "hostname",
    "ismergetreepartcoveredby",
    "logtrace",
    "mergetreepartinfo",
    "mysql_version",
    "partitionid",
    "runningconcurrency",
    "serveruuid",
    "showcertificate",
    "sleep",
    "sleepeachrow",
    "tcpport",
    "tid",
    "uptime",
];

/// Functions that tell how rows lie in blocks, parts and columns, among them
/// rows that a filter has taken away; by the beginning of their names (lower
/// case), so that `…If` and `…OrNull` are among them.
const TELLS_OF_BLOCKS: [&str; 15] = [
    "blocknumber",
    "blockserializedsize",
    "blocksize",
    "dumpcolumnstructure",
    "estimatecompressionratio",
    "indexhint",
    "isdynamicelementinshareddata",
    "jsondynamicpaths",
    "jsonshareddatapaths",
    "lowcardinality",
    "neighbor",
    "rownumberinallblocks",
    "rownumberinblock",
    "running",
    "tocolumntypename",
];

/// Why SQL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A statement that does more than read.
    #[error("Only SELECT or DESCRIBE queries are supported. Got: {0}")]
    Statement(String),
    /// A setting that may not be given.
    #[error("The setting {0} cannot be given here: remove it from SETTINGS")]
    Setting(String),
    /// A FORMAT clause where the format is chosen elsewhere.
    #[error("FORMAT {0} cannot be given here: remove it")]
    Format(String),
    /// A file to write to.
    #[error("INTO OUTFILE is not allowed")]
    OutFile,
    /// A table function that reaches beyond the project.
    #[error("The table function {0} is not allowed")]
    TableFunction(String),
    /// A function that reaches beyond the row.
    #[error("The function {0} is not allowed")]
    Function(String),
    /// A function that tells of rows which a filter takes away.
    #[error(
        "The function {0} is not allowed: it tells how rows are stored, those of others among them"
    )]
    TellsOfBlocks(String),
    /// A table that does not exist or may not be read: the two look alike.
    #[error("Resource '{0}' not found")]
    Table(String),
}

/// What the rules need to know about tables.
pub trait Catalog {
    /// The database of the project's tables.
    fn database(&self) -> &str;
    /// Whether the caller may read the resource of this name.
    fn may_read(&self, name: &str) -> bool;
    /// Whether the database has anything of this name, its quarantine tables
    /// and views included.
    fn exists(&self, name: &str) -> bool;
    /// Whether the caller may read the service data source of this name.
    fn may_read_service_data(&self, _name: &str) -> bool {
        false
    }
}

impl Inspection {
    /// Checks SQL that a project brings along. Which resources its names mean
    /// is the project's affair, and so is which service data sources there are.
    pub fn check_project(&self) -> Result<(), Refusal> {
        if self.kind != StatementKind::Select {
            return Err(Refusal::Statement(self.kind.name()));
        }
        if let Some(format) = &self.format {
            return Err(Refusal::Format(format.clone()));
        }
        self.check_settings(&HARMLESS_SETTINGS)?;
        self.check_reach()?;
        // A project's tables go by their bare names. After IN, `t.x` may be a
        // column of `t`.
        let foreign = |table: &&TableName| {
            table.database.as_deref().is_some_and(|database| {
                let is_known = ENGINE_DATABASES.contains(&database) || is_own(database);
                let is_open = database == SERVICE_DATABASE || is_harmless_system_table(table);
                (is_known || !table.after_in) && !is_open
            })
        };
        match self.tables.iter().find(foreign) {
            Some(table) => Err(Refusal::Table(table.to_string())),
            None => Ok(()),
        }
    }

    /// Checks SQL from outside.
    ///
    /// Names that the database does not have are let through: they are the
    /// statement's own CTEs, or else the engine does not know them either.
    pub fn check_outside(&self, catalog: &dyn Catalog) -> Result<(), Refusal> {
        if !matches!(self.kind, StatementKind::Select | StatementKind::Describe) {
            return Err(Refusal::Statement(self.kind.name()));
        }
        self.check_settings(&[])?;
        self.check_reach()?;
        match self.tables.iter().find(|table| !is_open(table, catalog)) {
            Some(table) => Err(Refusal::Table(table.to_string())),
            None => Ok(()),
        }
    }

    /// Whether it names nothing that a caller may not read. As for SQL from
    /// outside, names that the database does not have are let through.
    pub fn reads_only(&self, catalog: &dyn Catalog) -> bool {
        self.tables.iter().all(|table| is_open(table, catalog))
    }

    /// Checks that no function tells of rows which a filter takes away: for SQL
    /// on tables of which the caller may read some rows only.
    pub fn check_blocks(&self) -> Result<(), Refusal> {
        match self.functions.iter().find(|name| tells_of_blocks(name)) {
            Some(name) => Err(Refusal::TellsOfBlocks(name.clone())),
            None => Ok(()),
        }
    }

    /// The first setting that could lift a limit or a filter.
    pub fn check_settings(&self, allowed: &[&str]) -> Result<(), Refusal> {
        let refused = |name: &&String| !allowed.contains(&name.as_str());
        match self.settings.iter().find(refused) {
            Some(name) => Err(Refusal::Setting(name.clone())),
            None => Ok(()),
        }
    }

    /// No files, no network, nothing of the server's insides.
    fn check_reach(&self) -> Result<(), Refusal> {
        if self.writes_file {
            return Err(Refusal::OutFile);
        }
        let reaches = |name: &&String| {
            let name = name.to_ascii_lowercase();
            !HARMLESS_TABLE_FUNCTIONS.contains(&name.as_str())
        };
        if let Some(name) = self.table_functions.iter().find(reaches) {
            return Err(Refusal::TableFunction(name.clone()));
        }
        match self.functions.iter().find(|name| is_refused(name)) {
            Some(name) => Err(Refusal::Function(name.clone())),
            None => Ok(()),
        }
    }
}

fn is_refused(function: &str) -> bool {
    let name = function.to_ascii_lowercase();
    REFUSED_FUNCTIONS.contains(&name.as_str())
        || REFUSED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Whether a function tells how rows lie in blocks, parts and columns.
#[must_use]
pub fn tells_of_blocks(function: &str) -> bool {
    let name = function.to_ascii_lowercase();
    TELLS_OF_BLOCKS
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn is_harmless_system_table(table: &TableName) -> bool {
    table.database.as_deref() == Some("system")
        && HARMLESS_SYSTEM_TABLES.contains(&table.table.as_str())
}

fn is_open(table: &TableName, catalog: &dyn Catalog) -> bool {
    let name = table.table.as_str();
    match table.database.as_deref() {
        None => catalog.may_read(name) || !catalog.exists(name),
        Some(database) if database == catalog.database() => catalog.may_read(name),
        Some(database) if ENGINE_DATABASES.contains(&database) => is_harmless_system_table(table),
        Some(SERVICE_DATABASE) => catalog.may_read_service_data(name),
        // After IN, `t.x` may be a column of `t`; a table it cannot be, for
        // there is no such database.
        Some(database) => table.after_in && !is_own(database),
    }
}

/// Whether what stands before a dot leads to the server's own tables.
fn is_own(database: &str) -> bool {
    OWN_TABLES.contains(&database)
        || SCRATCH_DATABASES
            .iter()
            .any(|prefix| database.starts_with(prefix))
}

impl StatementKind {
    /// ClickHouse's name for the statement.
    fn name(&self) -> String {
        match self {
            Self::Select => "SelectWithUnionQuery".to_owned(),
            Self::Describe => "DescribeQuery".to_owned(),
            Self::Show => "ShowQuery".to_owned(),
            Self::Explain => "ExplainQuery".to_owned(),
            Self::Other(name) => name.clone(),
        }
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(database) = &self.database {
            write!(formatter, "{database}.")?;
        }
        formatter.write_str(&self.table)
    }
}
