//! The door to ClickHouse: the trait [`Engine`], what is asked of it and what
//! it answers.
//!
//! There is one implementation, the [`Client`] of ClickHouse's HTTP interface.
//! Behind it stands a [`child`] process with the embedded library, which a
//! supervisor starts and ends, or a server of somebody's own; nothing above
//! this crate knows which. What SQL may run for whom is decided elsewhere, with
//! the help of the parser in [`guard`]; the engine only keeps the limits and
//! the filters it is given, whatever the SQL says.

pub mod child;
mod client;
mod error;
pub mod guard;
mod library_file;
mod protocol;
pub mod sql;
mod supervisor;

pub use client::settings::base as default_session;
pub use client::{Client, ClientSettings, ServerError, ServerSettings};
pub use library_file::{LIBRARY_VERSION, cached_library};
pub use supervisor::{SupervisorSettings, default_bound};

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use error::Trouble;

/// Runs ClickHouse SQL.
#[async_trait]
pub trait Engine: Debug + Send + Sync {
    /// Runs one statement. Dropping the future stops the statement in the
    /// engine too.
    async fn query(&self, statement: Statement) -> Result<Answer, EngineError>;

    /// Parses `data` and writes its rows to a table: all of them, or none
    /// when one of them is wrong.
    async fn insert(&self, insert: Insert) -> Result<InsertAnswer, EngineError>;

    /// Lets running statements end, then closes the engine. Later statements
    /// get [`EngineError::Unavailable`]. Calling it again does nothing.
    async fn shutdown(&self);
}

/// One SQL statement and the conditions it runs under.
///
/// Tenant filters hold whatever the SQL says. Limits hold as long as it carries
/// no `SETTINGS` clause of its own; [`guard`] tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The SQL, without `FORMAT`. `{name:Type}` stands for a parameter.
    pub sql: String,
    /// The ClickHouse output format, such as `JSON` or `CSVWithNames`.
    pub format: String,
    /// The database of unqualified table names; `None` is the engine's own.
    pub database: Option<String>,
    /// Values bound to the `{name:Type}` parameters, as text; strings
    /// escaped by [`sql::parameter`].
    pub parameters: Vec<(String, String)>,
    /// How long, how much and how wide the statement may run.
    pub limits: QueryLimits,
    /// Row filters added to every read of a table.
    pub tenant_filters: Vec<TableFilter>,
    /// Whether the statement may change anything.
    pub access: Access,
    /// Further engine settings (name, value) chosen by the server, such as
    /// output options. Never fill it from a caller's input unchecked.
    pub settings: Vec<(String, String)>,
}

impl Statement {
    /// A read-only statement with the default limits and no filter.
    pub fn read(sql: impl Into<String>, format: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            format: format.into(),
            database: None,
            parameters: Vec::new(),
            limits: QueryLimits::default(),
            tenant_filters: Vec::new(),
            access: Access::ReadOnly,
            settings: Vec::new(),
        }
    }

    /// A statement that may change schema and data, and may take an hour: for
    /// the server's own SQL only. It must not change its session (`SET`, `USE`).
    pub fn change(sql: impl Into<String>) -> Self {
        let limits = QueryLimits {
            deadline: Duration::from_secs(60 * 60),
            ..QueryLimits::default()
        };
        Self {
            access: Access::Full,
            limits,
            ..Self::read(sql, "TabSeparated")
        }
    }
}

/// What a statement may do to the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// One statement that only reads: `INSERT`, `ALTER`, `CREATE`, `SET`,
    /// `INTO OUTFILE` and a second statement fail.
    ReadOnly,
    /// Everything.
    Full,
}

/// How much one statement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Time from the call to the answer, waiting in the queue included.
    pub deadline: Duration,
    /// Bytes of memory the statement may use.
    pub memory: u64,
    /// Threads the statement may use; `None` leaves it to the engine.
    pub max_threads: Option<u32>,
    /// Bytes the result may have, before it is formatted and after.
    pub result_bytes: u64,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            memory: 2 * 1024 * 1024 * 1024,
            max_threads: None,
            result_bytes: 100 * 1024 * 1024,
        }
    }
}

/// A condition added to every read of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFilter {
    /// The table, `database.table`.
    pub table: String,
    /// A SQL condition over the table's columns. Build it with
    /// [`sql::equals`] rather than by hand.
    pub expression: String,
}

/// The result of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The rows in the format asked for.
    pub body: Bytes,
    /// What the statement took.
    pub statistics: Statistics,
}

/// What a statement took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Statistics {
    /// Seconds inside the engine.
    pub elapsed: f64,
    /// Rows read from tables and table functions.
    pub rows_read: u64,
    /// Bytes read from tables and table functions, uncompressed.
    pub bytes_read: u64,
}

/// Rows for a table, in one of the engine's input formats.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// The table, `database.table`, each part quoted where needed.
    pub table: String,
    /// The columns that `data` holds, in its order; empty for all of them.
    pub columns: Vec<String>,
    /// The ClickHouse input format, such as `JSONEachRow` or `Parquet`.
    pub format: String,
    /// The rows.
    pub data: Bytes,
    /// Time from the call to the answer, waiting in the queue included.
    pub deadline: Duration,
    /// Further engine settings (name, value), such as input options.
    pub settings: Vec<(String, String)>,
}

/// The result of an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InsertAnswer {
    /// Rows written: to the table, and by its materialized views to theirs.
    pub rows_written: u64,
}

/// Why a statement has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The engine refused or failed the statement.
    #[error("{message}")]
    Query {
        /// ClickHouse's error code.
        code: i32,
        /// ClickHouse's name for the code, such as `UNKNOWN_IDENTIFIER`.
        name: Option<String>,
        /// ClickHouse's text without the `Code: N.` before it and the name
        /// and version after it.
        message: String,
    },
    /// More statements wait than the queue holds: try again later.
    #[error("the engine has too many queries waiting")]
    QueueFull,
    /// The statement did not end in time; it no longer runs.
    #[error("the query took longer than its deadline")]
    DeadlineExceeded,
    /// The statement was stopped.
    #[error("the query was cancelled")]
    Cancelled,
    /// The answer has more bytes than [`QueryLimits::result_bytes`].
    #[error("the answer has more than {limit} bytes")]
    ResultTooLarge {
        /// Bytes it may have.
        limit: u64,
    },
    /// The engine was ended because this statement made it too large.
    #[error("the query took more memory than there is, and was ended")]
    EndedForMemory,
    /// The engine went away while it changed something: that may have been
    /// done, or not.
    #[error("the engine went away before it had answered: {0}")]
    Lost(String),
    /// The engine is closed, or could not be opened.
    #[error("the engine is not available: {0}")]
    Unavailable(String),
}

#[cfg(any(test, feature = "testing"))]
pub mod testing;
