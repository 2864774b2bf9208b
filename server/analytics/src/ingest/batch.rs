//! Writing rows in batches: one insert for those that fit, one into the
//! quarantine for those that do not.
//!
//! The engine is the judge of values. It is asked with a plain insert first;
//! only when that fails is it asked which rows, and which of their columns,
//! it cannot read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use serde_json::json;
use time::OffsetDateTime;

use super::{Append, IngestError, Ingested, Row, RowError, Target, csv, ndjson};
use crate::project::{qualified, quarantine_name, quarantined_columns};
use datafile::Column;
use engine::{EngineError, Insert, QueryLimits, Statement, sql};

/// Bytes of rows in one insert. Larger ones are hardly faster, and this much
/// is held in memory a few times over.
const BATCH: usize = 8 * 1024 * 1024;

/// What the rows' texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Insides of JSON objects.
    Json,
    /// CSV records.
    Csv { delimiter: char },
}

/// Collects rows and writes them.
pub(super) struct Writer<'data> {
    target: Target<'data>,
    append: &'data Append,
    shape: Shape,
    columns: Vec<&'data Column>,
    rows: Vec<Row>,
    bytes: usize,
    ingested: Ingested,
}

impl<'data> Writer<'data> {
    pub(super) fn new(target: Target<'data>, append: &'data Append) -> Self {
        Self {
            target,
            append,
            shape: Shape::Json,
            columns: Vec::new(),
            rows: Vec::new(),
            bytes: 0,
            ingested: Ingested::default(),
        }
    }

    pub(super) fn target(&self) -> Target<'data> {
        self.target
    }

    pub(super) fn stamp(&self) -> &'data BTreeMap<String, String> {
        &self.append.stamp
    }

    /// Says what the rows to come look like: their shape, and the columns
    /// they fill, for CSV in order.
    pub(super) fn begin(&mut self, shape: Shape, columns: Vec<&'data Column>) {
        self.shape = shape;
        self.columns = columns;
    }

    pub(super) async fn push(&mut self, row: Row) -> Result<(), IngestError> {
        self.bytes += row.text.len();
        self.rows.push(row);
        if self.bytes >= BATCH {
            self.write().await?;
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<Ingested, IngestError> {
        self.write().await?;
        Ok(self.ingested)
    }

    async fn write(&mut self) -> Result<(), IngestError> {
        let mut rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let mut written = self.insert(&rows).await;
        if let Err(EngineError::Query { .. }) = written
            && self.find_errors(&mut rows).await?
        {
            written = self.insert(&rows).await;
        }
        let failed_view = match written {
            Ok(()) => None,
            // What failed is none of the rows: they are written.
            Err(error) => Some(failed_view(&error).ok_or(error)?),
        };
        let bad: Vec<&Row> = rows.iter().filter(|row| !row.errors.is_empty()).collect();
        self.ingested.successful_rows += (rows.len() - bad.len()) as u64;
        self.quarantine(&bad).await?;
        self.ingested.quarantined_rows += bad.len() as u64;
        failed_view.map_or(Ok(()), Err)
    }

    /// Writes the rows without known errors.
    async fn insert(&self, rows: &[Row]) -> Result<(), EngineError> {
        let mut data = String::new();
        for row in rows.iter().filter(|row| row.errors.is_empty()) {
            self.shape.write(&mut data, None, &row.text);
        }
        if data.is_empty() {
            return Ok(());
        }
        let own = || qualified(self.target.database, &self.target.data_source.name);
        let insert = Insert {
            table: self.append.table.clone().unwrap_or_else(own),
            columns: self
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            format: self.shape.format().to_owned(),
            data: data.into(),
            deadline: self.append.deadline,
            settings: self.settings(),
        };
        self.target.engine.insert(insert).await?;
        Ok(())
    }

    fn settings(&self) -> Vec<(String, String)> {
        let mut settings = vec![("date_time_input_format", "best_effort".to_owned())];
        if let Shape::Csv { delimiter } = self.shape {
            settings.push(("format_csv_delimiter", delimiter.to_string()));
        }
        settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Notes in each row what the engine cannot read of it. Returns whether
    /// there was anything.
    async fn find_errors(&self, rows: &mut [Row]) -> Result<bool, EngineError> {
        let all: Vec<usize> = (0..rows.len())
            .filter(|at| rows[*at].errors.is_empty())
            .collect();
        let types: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.data_type.to_string())
            .collect();
        let bad = self.unreadable(rows, &all, &types).await?;
        if bad.is_empty() {
            return Ok(false);
        }
        let values: HashMap<usize, HashMap<String, String>> =
            bad.iter().map(|at| (*at, self.texts(&rows[*at]))).collect();
        for (at, column) in self.columns.iter().enumerate() {
            // This column as it is, every other one as text.
            let only = |other: usize| {
                if other == at {
                    types[at].as_str()
                } else {
                    "Nullable(String)"
                }
            };
            let types: Vec<String> = (0..types.len())
                .map(|other| only(other).to_owned())
                .collect();
            for wrong in self.unreadable(rows, &bad, &types).await? {
                let value = values[&wrong].get(&column.name).map_or("", String::as_str);
                rows[wrong].errors.push(RowError::value(column, value));
            }
        }
        for at in bad {
            if rows[at].errors.is_empty() {
                let message = "the row cannot be read, though each of its values can";
                rows[at].errors.push(RowError::new("", message));
            }
        }
        Ok(true)
    }

    /// Which of some rows cannot be read when the columns have these types.
    async fn unreadable(
        &self,
        rows: &[Row],
        some: &[usize],
        types: &[String],
    ) -> Result<Vec<usize>, EngineError> {
        let number = self.number_column();
        let mut data = String::new();
        for at in some {
            let text = &rows[*at].text;
            self.shape.write(&mut data, Some((&number, *at)), text);
        }
        // The engine fails when it can read no row at all: one that it can.
        let empty = match self.shape {
            Shape::Json => String::new(),
            Shape::Csv { delimiter } => delimiter.to_string().repeat(types.len() - 1),
        };
        let sentinel = Some((number.as_str(), rows.len()));
        self.shape.write(&mut data, sentinel, &empty);
        let mut structure = format!("{} UInt64", sql::identifier(&number));
        for (column, data_type) in self.columns.iter().zip(types) {
            let _ = write!(structure, ", {} {data_type}", sql::identifier(&column.name));
        }
        let query = format!(
            "SELECT {} FROM format({}, {}, {{data:String}})",
            sql::identifier(&number),
            self.shape.format(),
            sql::literal(&structure)
        );
        let mut settings = self.settings();
        settings.push((
            "input_format_allow_errors_num".to_owned(),
            u32::MAX.to_string(),
        ));
        settings.push(("input_format_allow_errors_ratio".to_owned(), "1".to_owned()));
        let limits = QueryLimits {
            deadline: self.append.deadline,
            ..QueryLimits::default()
        };
        let statement = Statement {
            parameters: vec![("data".to_owned(), sql::parameter(&data))],
            limits,
            settings,
            ..Statement::read(query, "TabSeparated")
        };
        let answer = self.target.engine.query(statement).await?;
        let readable = String::from_utf8_lossy(&answer.body);
        let readable: BTreeSet<usize> = readable
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect();
        Ok(some
            .iter()
            .copied()
            .filter(|at| !readable.contains(at))
            .collect())
    }

    /// A name that no column has.
    fn number_column(&self) -> String {
        let mut name = "row_number".to_owned();
        while self.columns.iter().any(|column| column.name == name) {
            name.push('_');
        }
        name
    }

    /// The row's values as text, by column.
    fn texts(&self, row: &Row) -> HashMap<String, String> {
        match self.shape {
            Shape::Json => ndjson::texts(&row.text),
            Shape::Csv { delimiter } => {
                let fields = csv::fields(&row.text, delimiter);
                let named = self.columns.iter().zip(fields);
                let known = named.filter(|(_, field)| *field != "\\N");
                known
                    .map(|(column, field)| (column.name.clone(), csv::unquote(field)))
                    .collect()
            }
        }
    }

    async fn quarantine(&self, rows: &[&Row]) -> Result<(), EngineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let source = self.target.data_source;
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let mut data = String::new();
        for row in rows {
            let (columns, messages): (Vec<&str>, Vec<&str>) = row
                .errors
                .iter()
                .map(|error| (error.column.as_str(), error.message.as_str()))
                .unzip();
            let values = self.texts(row);
            let mut line = json!({
                "c__error_column": columns,
                "c__error": messages,
                "c__import_id": self.append.import_id,
                "insertion_date": now,
            });
            for column in quarantined_columns(source) {
                line[column] = json!(values.get(column));
            }
            let _ = writeln!(data, "{line}");
        }
        let insert = Insert {
            table: qualified(self.target.database, &quarantine_name(&source.name)),
            columns: Vec::new(),
            format: "JSONEachRow".to_owned(),
            data: data.into(),
            deadline: self.append.deadline,
            settings: Vec::new(),
        };
        self.target.engine.insert(insert).await?;
        Ok(())
    }
}

/// The materialized view whose failure an insert reports. By then the table
/// itself has the rows. ClickHouse ends its message with the view's name; rows,
/// which a message may quote, come before that.
fn failed_view(error: &EngineError) -> Option<IngestError> {
    const PUSHING: &str = "while pushing to view ";

    let EngineError::Query { code, message, .. } = error else {
        return None;
    };
    let (_, view) = message.rsplit_once(PUSHING)?;
    let view = view.trim_end_matches('.');
    let is_name = view.contains("view.") && !view.contains(char::is_whitespace);
    is_name.then(|| IngestError::View {
        view: view.to_owned(),
        code: *code,
    })
}

impl Shape {
    /// ClickHouse's name for it.
    fn format(self) -> &'static str {
        match self {
            Self::Json => "JSONEachRow",
            Self::Csv { .. } => "CSV",
        }
    }

    /// Writes a row, with a number in front if one is given.
    fn write(self, data: &mut String, number: Option<(&str, usize)>, text: &str) {
        let _ = match (self, number) {
            (Self::Json, None) => writeln!(data, "{{{text}}}"),
            (Self::Json, Some((name, at))) if text.is_empty() => {
                writeln!(data, "{{{}:{at}}}", json!(name))
            }
            (Self::Json, Some((name, at))) => writeln!(data, "{{{}:{at},{text}}}", json!(name)),
            (Self::Csv { .. }, None) => writeln!(data, "{text}"),
            (Self::Csv { delimiter }, Some((_, at))) => writeln!(data, "{at}{delimiter}{text}"),
        };
    }
}
