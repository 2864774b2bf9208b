//! Rows coming in: events and files, checked row by row, and the demo's
//! fixtures.
//!
//! A row of NDJSON is taken apart by the JSONPaths of its data source
//! (`ndjson`), a record of CSV by its header (`csv`), Parquet becomes
//! NDJSON (`parquet`). Whatever it came in, a row is then JSON, and one table
//! says which values a column takes (`accepted`). The engine parses the rest
//! (`batch`): what it cannot read goes to the quarantine with the reason, what
//! it can is written in one insert. Rows that take the place of others wait
//! beside them until all are there (`replace`); an import that was cut short is
//! done once more and its rows are there once (`repeat`). Who may append is
//! decided elsewhere.

mod accepted;
mod batch;
mod csv;
mod infer;
mod load;
mod ndjson;
mod parquet;
mod repeat;
mod replace;
mod unpack;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use datafile::{Column, DataSource};
use engine::{Engine, EngineError};

pub use csv::with_doubled_quotes;
pub use infer::{Analysis, Recommended, infer};
pub use load::{Load, Loaded, Progress, Shift, is_loaded, load};
pub use repeat::remember_batches;
pub use replace::{Incoming, OwnedTarget, probe};
pub use unpack::unpack;

/// Where rows go.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The engine that keeps the tables.
    pub engine: &'a dyn Engine,
    /// The database of the data source's table.
    pub database: &'a str,
    /// The data source.
    pub data_source: &'a DataSource,
}

/// How rows are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// One JSON object, or an array of objects, with any line breaks.
    Json,
    /// CSV, with or without a header.
    Csv {
        /// What stands between fields; found out where it is not said.
        delimiter: Option<char>,
    },
    /// Parquet.
    Parquet,
}

impl Format {
    /// CSV whose delimiter is not known.
    pub const CSV: Self = Self::Csv { delimiter: None };
}

/// Rows to append.
#[derive(Debug, Clone)]
pub struct Append {
    /// How `data` is written down.
    pub format: Format,
    /// The rows, unpacked (see [`unpack`]).
    pub data: Bytes,
    /// The table they go to in place of the data source's own, which it is
    /// like: `database.table`, quoted.
    pub table: Option<String>,
    /// Columns that get this value in every row, whatever the row says.
    pub stamp: BTreeMap<String, String>,
    /// Noted in the quarantine beside bad rows. Where the tables remember
    /// batches ([`remember_batches`]), rows that came before under the same id
    /// are not written again.
    pub import_id: Option<String>,
    /// How long each insert may take.
    pub deadline: Duration,
}

impl Append {
    /// Rows without stamp and import id, and a minute for each insert.
    pub fn new(format: Format, data: impl Into<Bytes>) -> Self {
        Self {
            format,
            data: data.into(),
            table: None,
            stamp: BTreeMap::new(),
            import_id: None,
            deadline: Duration::from_secs(60),
        }
    }
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Rows in the data source.
    pub successful_rows: u64,
    /// Rows in its quarantine.
    pub quarantined_rows: u64,
}

/// Why nothing (more) was appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The engine failed, for a reason that is not in a row.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The data cannot be read at all.
    #[error("{0}")]
    Unreadable(String),
    /// The rows are in the data source, and a materialized view that they feed
    /// failed: it, and views behind it, lack some or all of them.
    #[error(
        "the rows were written, but a materialized view behind the data source failed on them: \
         sending them again would double them here"
    )]
    View {
        /// The view's table, as the engine names it.
        view: String,
        /// ClickHouse's error code.
        code: i32,
    },
    /// The data is larger than allowed once unpacked.
    #[error("the data is larger than {limit} bytes once unpacked: send it in parts")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// A stamped column does not exist.
    #[error("the data source has no column `{0}`, which the token fixes")]
    NoColumn(String),
}

/// Appends rows to a data source; rows that do not fit go to its quarantine.
///
/// # Errors
/// Data that is no rows at all, and failures of the engine: rows before the
/// failure may have been written, by whole batches.
pub async fn append(target: Target<'_>, append: Append) -> Result<Ingested, IngestError> {
    let unknown = |column: &&String| target.data_source.column(column).is_none();
    if let Some(column) = append.stamp.keys().find(unknown) {
        return Err(IngestError::NoColumn(column.clone()));
    }
    let mut writer = batch::Writer::new(target, &append);
    match append.format {
        Format::Ndjson => ndjson::read_lines(&append.data, &mut writer).await?,
        Format::Json => ndjson::read_document(&append.data, &mut writer).await?,
        Format::Csv { delimiter } => csv::read(&append.data, delimiter, &mut writer).await?,
        Format::Parquet => {
            let lines = parquet::to_ndjson(target.engine, &append.data, append.deadline).await?;
            ndjson::read_lines(&lines, &mut writer).await?;
        }
    }
    writer.finish().await
}

/// A row on its way to the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    /// What the engine reads: a JSON object's inside.
    text: String,
    /// What is known to be wrong with it.
    errors: Vec<RowError>,
}

impl Row {
    /// A row that as a whole is none; `text` is kept in the error.
    fn broken(message: impl std::fmt::Display, text: &str) -> Self {
        Self {
            text: String::new(),
            errors: vec![RowError::new("", format!("{message}: {text}"))],
        }
    }

    /// Adds a column's value, which is JSON.
    fn append(&mut self, column: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        let _ = write!(self.text, "{}:{value}", json(column));
    }
}

/// A text as JSON.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RowError {
    /// The column; empty where the row as a whole is wrong.
    column: String,
    message: String,
}

/// Characters of a bad value that its error shows.
const SHOWN: usize = 100;

impl RowError {
    fn new(column: &str, message: impl Into<String>) -> Self {
        Self {
            column: column.to_owned(),
            message: message.into(),
        }
    }

    /// A value that is none of the column's.
    fn value(column: &Column, value: &str) -> Self {
        let shown: String = value.chars().take(SHOWN).collect();
        let data_type = &column.data_type;
        Self::new(
            &column.name,
            format!("`{shown}` is not a value of the type {data_type}"),
        )
    }
}

/// Whether a row may have no value for the column.
fn is_optional(column: &Column) -> bool {
    column.is_nullable() || column.default.is_some()
}

fn no_value(column: &Column) -> RowError {
    let name = &column.name;
    let message = format!("no value for `{name}`, which has no default and cannot be NULL");
    RowError::new(name, message)
}

#[cfg(test)]
mod tests;
