//! Writing rows in batches: one insert for those that fit, one into the
//! quarantine for those that do not.
//!
//! The engine is the judge of values. It is asked with a plain insert first;
//! only when that fails is it asked which rows, and which of their columns,
//! it cannot read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use indexmap::IndexMap;
use time::OffsetDateTime;

use super::{Append, IngestError, Ingested, Row, RowError, Target, json, ndjson, repeat};
use crate::project::{qualified, quarantine_name, quarantined_columns};
use datafile::{Column, DataSource};
use engine::{EngineError, Insert, QueryLimits, Statement, sql};

/// Bytes of rows in one insert. Larger ones are hardly faster, and this much
/// is held in memory a few times over.
const BATCH: usize = 8 * 1024 * 1024;

/// What the rows are to the engine.
const FORMAT: &str = "JSONEachRow";

/// Collects rows and writes them.
pub(super) struct Writer<'data> {
    target: Target<'data>,
    append: &'data Append,
    columns: Vec<&'data Column>,
    rows: Vec<Row>,
    bytes: usize,
    /// How many rows came before these.
    first_row: u64,
    ingested: Ingested,
}

impl<'data> Writer<'data> {
    pub(super) fn new(target: Target<'data>, append: &'data Append) -> Self {
        Self {
            target,
            append,
            columns: target.data_source.columns.iter().collect(),
            rows: Vec::new(),
            bytes: 0,
            first_row: 0,
            ingested: Ingested::default(),
        }
    }

    pub(super) fn target(&self) -> Target<'data> {
        self.target
    }

    pub(super) fn stamp(&self) -> &'data BTreeMap<String, String> {
        &self.append.stamp
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
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let first_row = self.first_row;
        self.first_row += rows.len() as u64;
        let mut failed_view = Ok(());
        for (first_row, rows) in self.inserts(first_row, rows) {
            match self.write_one(first_row, rows).await {
                Err(error @ IngestError::View { .. }) => failed_view = Err(error),
                written => written?,
            }
        }
        failed_view
    }

    /// Which rows share an insert: all, or those of one tenant; each with the
    /// number of its first row.
    fn inserts(&self, first_row: u64, rows: Vec<Row>) -> Vec<(u64, Vec<Row>)> {
        let Some(tenant) = apart(self.target.data_source) else {
            return vec![(first_row, rows)];
        };
        let mut inserts: IndexMap<String, (u64, Vec<Row>)> = IndexMap::new();
        for (number, row) in (first_row..).zip(rows) {
            let value = ndjson::values(&row.text).remove(tenant);
            let value = value.map(|value| ndjson::text(&value));
            let insert = inserts.entry(value.unwrap_or_default());
            insert.or_insert((number, Vec::new())).1.push(row);
        }
        inserts.into_values().collect()
    }

    /// Writes the rows of one insert, and into the quarantine what it cannot
    /// take of them.
    async fn write_one(&mut self, first_row: u64, mut rows: Vec<Row>) -> Result<(), IngestError> {
        let mut written = self.insert(first_row, &rows).await;
        if let Err(error @ EngineError::Query { .. }) = &written
            && error.trouble().is_none()
            && self.find_errors(&mut rows).await?
        {
            written = self.insert(first_row, &rows).await;
        }
        let failed_view = match written {
            Ok(()) => None,
            // What failed is none of the rows: they are written.
            Err(error) => Some(failed_view(&error).ok_or(error)?),
        };
        let bad: Vec<&Row> = rows.iter().filter(|row| !row.errors.is_empty()).collect();
        self.ingested.successful_rows += (rows.len() - bad.len()) as u64;
        self.quarantine(first_row, &bad).await?;
        self.ingested.quarantined_rows += bad.len() as u64;
        failed_view.map_or(Ok(()), Err)
    }

    /// Writes the rows without known errors.
    async fn insert(&self, first_row: u64, rows: &[Row]) -> Result<(), EngineError> {
        let mut data = String::new();
        for row in rows.iter().filter(|row| row.errors.is_empty()) {
            let _ = writeln!(data, "{{{}}}", row.text);
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
            format: FORMAT.to_owned(),
            data: data.into(),
            deadline: self.append.deadline,
            settings: settings()
                .into_iter()
                .chain(self.identity(first_row))
                .collect(),
        };
        self.target.engine.insert(insert).await?;
        Ok(())
    }

    /// By what the engine knows an insert again when its import is repeated.
    fn identity(&self, first_row: u64) -> Vec<(String, String)> {
        let id = self.append.import_id.as_deref();
        let settings = id.map(|id| repeat::settings(id, first_row));
        settings.into_iter().flatten().collect()
    }

    /// Notes in each row what the engine cannot read of it. Returns whether
    /// there was anything.
    async fn find_errors(&self, rows: &mut [Row]) -> Result<bool, EngineError> {
        let all = rows.iter().enumerate();
        let all = all
            .filter(|(_, row)| row.errors.is_empty())
            .map(|(at, row)| (at, row.text.clone()))
            .collect();
        let bad = self.unreadable(all, &self.columns).await?;
        if bad.is_empty() {
            return Ok(false);
        }
        let values: BTreeMap<usize, _> = bad
            .iter()
            .map(|at| (*at, ndjson::values(&rows[*at].text)))
            .collect();
        // Each column by itself: one value that cannot be read hides others.
        for column in &self.columns {
            let alone = values.iter().filter_map(|(at, values)| {
                let mut row = Row::default();
                row.append(&column.name, values.get(&column.name)?.get());
                Some((*at, row.text))
            });
            for wrong in self.unreadable(alone.collect(), &[column]).await? {
                let value = values[&wrong].get(&column.name);
                let value = value.map(|value| ndjson::text(value)).unwrap_or_default();
                rows[wrong].errors.push(RowError::value(column, &value));
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

    /// Which of some numbered rows cannot be read as rows of some columns.
    async fn unreadable(
        &self,
        rows: Vec<(usize, String)>,
        columns: &[&Column],
    ) -> Result<Vec<usize>, EngineError> {
        let number = self.number_column();
        let mut data = String::new();
        // The engine fails when it can read no row at all: one that it can.
        let sentinel = (usize::MAX, String::new());
        for (at, text) in rows.iter().chain([&sentinel]) {
            let separator = if text.is_empty() { "" } else { "," };
            let _ = writeln!(data, "{{{}:{at}{separator}{text}}}", json(&number));
        }
        let mut structure = format!("{} UInt64", sql::identifier(&number));
        for column in columns {
            let name = sql::identifier(&column.name);
            let _ = write!(structure, ", {name} {}", column.data_type);
        }
        let query = format!(
            "SELECT {} FROM format({FORMAT}, {}, {{data:String}})",
            sql::identifier(&number),
            sql::literal(&structure)
        );
        let mut settings = settings();
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
        let numbers = rows.into_iter().map(|(at, _)| at);
        Ok(numbers.filter(|at| !readable.contains(at)).collect())
    }

    /// A name that no column has.
    fn number_column(&self) -> String {
        let mut name = "row_number".to_owned();
        while self.columns.iter().any(|column| column.name == name) {
            name.push('_');
        }
        name
    }

    async fn quarantine(&self, first_row: u64, rows: &[&Row]) -> Result<(), EngineError> {
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
            let values = ndjson::values(&row.text);
            let mut line = serde_json::json!({
                "c__error_column": columns,
                "c__error": messages,
                "c__import_id": self.append.import_id,
                "insertion_date": now,
            });
            for column in quarantined_columns(source) {
                let text = values.get(column).map(|value| ndjson::text(value));
                line[column] = text.into();
            }
            let _ = writeln!(data, "{line}");
        }
        let insert = Insert {
            table: qualified(self.target.database, &quarantine_name(&source.name)),
            columns: Vec::new(),
            format: FORMAT.to_owned(),
            data: data.into(),
            deadline: self.append.deadline,
            settings: self.identity(first_row),
        };
        self.target.engine.insert(insert).await?;
        Ok(())
    }
}

/// The tenant's column, if the rows of different tenants must not share an
/// insert: a part knows the keys of all documents of the insert that made it,
/// whichever partition they went to.
fn apart(data_source: &DataSource) -> Option<&str> {
    let has_documents = |column: &Column| column.data_type.holds_documents();
    let is_apart = data_source.is_isolated() && data_source.columns.iter().any(has_documents);
    data_source.tenant_column().filter(|_| is_apart)
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

/// How the engine is to read values.
fn settings() -> Vec<(String, String)> {
    vec![(
        "date_time_input_format".to_owned(),
        "best_effort".to_owned(),
    )]
}
