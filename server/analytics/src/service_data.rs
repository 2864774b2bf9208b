//! The service data sources: what was called and what was written in this
//! workspace, for administrators to query as `tinybird.<name>`.
//!
//! Requests only put a note into a bounded queue; one task writes the notes in
//! batches. When the queue is full notes are lost, requests are not. Rows go
//! after a week. Who may read them is `access`'s to say.

mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use engine::{Engine, EngineError, Insert, Statement};

/// The database of the tables.
pub(crate) const DATABASE: &str = "tinybird";
/// What may be read, by name.
pub(crate) const NAMES: [&str; 6] = [
    "block_log",
    "datasources_ops_log",
    "endpoint_errors",
    "jobs_log",
    "pipe_stats",
    "pipe_stats_rt",
];

/// Notes that may wait.
const WAITING: usize = 10_000;
/// Notes in one batch at most.
const BATCH: usize = 5_000;
/// How long a note waits at most, unless somebody asks.
const PATIENCE: Duration = Duration::from_secs(4);

/// A call of an endpoint or of the Query API: a row of `pipe_stats_rt`.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Call {
    /// Unix seconds.
    pub(crate) start_datetime: i64,
    pub(crate) pipe_id: String,
    pub(crate) pipe_name: String,
    /// The token's id; empty for a JWT without `jti`.
    pub(crate) token: String,
    pub(crate) token_name: String,
    /// Seconds.
    pub(crate) duration: f64,
    pub(crate) read_bytes: u64,
    pub(crate) read_rows: u64,
    /// Path and query string, without the token.
    pub(crate) url: String,
    pub(crate) error: u8,
    pub(crate) error_message: Option<String>,
    pub(crate) status_code: u16,
    pub(crate) request_id: String,
    /// The query string's parameters, without the token.
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) method: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) resource_tags: Vec<String>,
}

/// Rows that came or went: a row of `datasources_ops_log`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Operation {
    /// Unix seconds.
    pub(crate) timestamp: i64,
    /// `append`, `append-hfi` (events), `replace`, `delete`, `truncate`,
    /// `copy`, `populateview`.
    pub(crate) event_type: &'static str,
    pub(crate) datasource_id: String,
    pub(crate) datasource_name: String,
    /// `ok` or `error`.
    pub(crate) result: &'static str,
    /// Seconds.
    pub(crate) elapsed_time: f64,
    /// What the caller was told.
    pub(crate) error: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) import_id: Option<String>,
    pub(crate) job_id: Option<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) rows_quarantine: Option<u64>,
    pub(crate) pipe_id: String,
    pub(crate) pipe_name: String,
}

impl Operation {
    /// Whether another one is told in the same row: events come too often for
    /// a row each.
    fn absorbs(&self, other: &Self) -> bool {
        let key = |operation: &Self| {
            (
                operation.datasource_name.clone(),
                operation.event_type,
                operation.result,
                operation.error.clone(),
            )
        };
        self.event_type == "append-hfi" && key(self) == key(other)
    }

    fn absorb(&mut self, other: &Self) {
        let sum = |left: Option<u64>, right: Option<u64>| match (left, right) {
            (None, None) => None,
            (left, right) => Some(left.unwrap_or_default() + right.unwrap_or_default()),
        };
        self.rows = sum(self.rows, other.rows);
        self.rows_quarantine = sum(self.rows_quarantine, other.rows_quarantine);
        self.elapsed_time += other.elapsed_time;
        self.request_id = None;
    }
}

#[derive(Debug)]
enum Note {
    Call(Box<Call>),
    Operation(Box<Operation>),
    /// Everything before it is to be written now.
    Flush(oneshot::Sender<()>),
}

/// Makes the tables where they are missing.
///
/// # Errors
/// The engine's.
pub(crate) async fn create_tables(engine: &dyn Engine) -> Result<(), EngineError> {
    for statement in tables::statements(DATABASE) {
        engine.query(Statement::change(statement)).await?;
    }
    Ok(())
}

/// Whether SQL that runs may read any of them.
pub(crate) fn is_read_by(sql: &str) -> bool {
    sql.contains(DATABASE)
}

/// Takes notes.
#[derive(Clone, Debug)]
pub(crate) struct ServiceData(mpsc::Sender<Note>);

impl ServiceData {
    /// Makes the tables where they are missing and starts the task that writes.
    pub(crate) async fn open(
        engine: Arc<dyn Engine>,
    ) -> Result<(Self, JoinHandle<()>), EngineError> {
        create_tables(engine.as_ref()).await?;
        let (notes, taken) = mpsc::channel(WAITING);
        Ok((Self(notes), tokio::spawn(write(engine, taken))))
    }

    /// One that nobody writes down.
    #[cfg(test)]
    pub(crate) fn unwritten() -> Self {
        Self(mpsc::channel(1).0)
    }

    pub(crate) fn call(&self, call: Call) {
        self.note(Note::Call(Box::new(call)));
    }

    pub(crate) fn operation(&self, operation: Operation) {
        self.note(Note::Operation(Box::new(operation)));
    }

    fn note(&self, note: Note) {
        if self.0.try_send(note).is_err() {
            metrics::counter!("service_data_lost_total").increment(1);
        }
    }

    /// Waits until all that was noted before can be read.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.0.send(Note::Flush(done)).await.is_ok() {
            // The task ends with the server.
            let _ = written.await;
        }
    }
}

async fn write(engine: Arc<dyn Engine>, mut notes: mpsc::Receiver<Note>) {
    let mut batch = Batch::default();
    let mut patience = interval(PATIENCE);
    patience.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            note = notes.recv() => match note {
                None => return,
                Some(Note::Call(call)) => batch.calls.push(*call),
                Some(Note::Operation(operation)) => batch.add(*operation),
                Some(Note::Flush(done)) => {
                    batch.write(engine.as_ref()).await;
                    // Whoever asked may have left.
                    let _ = done.send(());
                }
            },
            _ = patience.tick() => batch.write(engine.as_ref()).await,
        }
        if batch.calls.len() + batch.operations.len() >= BATCH {
            batch.write(engine.as_ref()).await;
        }
    }
}

#[derive(Debug, Default)]
struct Batch {
    calls: Vec<Call>,
    operations: Vec<Operation>,
}

impl Batch {
    fn add(&mut self, operation: Operation) {
        let former = self.operations.iter_mut().rev();
        match former.into_iter().find(|former| former.absorbs(&operation)) {
            Some(former) => former.absorb(&operation),
            None => self.operations.push(operation),
        }
    }

    async fn write(&mut self, engine: &dyn Engine) {
        let calls = lines(&std::mem::take(&mut self.calls));
        let operations = lines(&std::mem::take(&mut self.operations));
        for (table, data) in [
            ("pipe_stats_rt", calls),
            ("datasources_ops_log", operations),
        ] {
            if data.is_empty() {
                continue;
            }
            let insert = Insert {
                table: format!("{DATABASE}.{table}"),
                columns: Vec::new(),
                format: "JSONEachRow".to_owned(),
                data: data.into(),
                deadline: Duration::from_secs(10),
                settings: Vec::new(),
            };
            if let Err(error) = engine.insert(insert).await {
                tracing::warn!(table, %error, "notes for a service data source are lost");
            }
        }
    }
}

fn lines<Row: Serialize>(rows: &[Row]) -> String {
    let mut lines = String::new();
    for row in rows {
        if let Ok(line) = serde_json::to_string(row) {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(data_source: &str, rows: u64) -> Operation {
        Operation {
            event_type: "append-hfi",
            datasource_name: data_source.to_owned(),
            result: "ok",
            elapsed_time: 0.5,
            rows: Some(rows),
            ..Operation::default()
        }
    }

    #[test]
    fn events_of_one_data_source_share_a_row() {
        let mut batch = Batch::default();
        batch.add(events("a", 1));
        batch.add(events("b", 2));
        batch.add(Operation {
            error: Some("no".to_owned()),
            result: "error",
            ..events("a", 0)
        });
        batch.add(events("a", 3));
        let copy = Operation {
            event_type: "copy",
            ..events("a", 4)
        };
        batch.add(copy.clone());
        batch.add(copy);
        let rows: Vec<_> = batch
            .operations
            .iter()
            .map(|row| {
                (
                    row.datasource_name.as_str(),
                    row.event_type,
                    row.rows,
                    row.elapsed_time,
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("a", "append-hfi", Some(4), 1.0),
                ("b", "append-hfi", Some(2), 0.5),
                ("a", "append-hfi", Some(0), 0.5),
                ("a", "copy", Some(4), 0.5),
                ("a", "copy", Some(4), 0.5),
            ]
        );
    }
}
