//! One thread with one connection: takes jobs from its queue, brings the
//! session into the state the job asks for, runs it, answers.
//!
//! What a statement answers is written into the job's pipe while it runs, by
//! the engine itself: however large it is, none of it is kept here, and what
//! it is formatted from counts as the statement's memory.

use std::collections::BTreeMap;
use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;
use tokio::sync::oneshot;

use super::cancel::{Ticket, connection_name};
use super::library::{Connection, Library, Output};
use super::queue::Queue;
use super::session::Session;
use super::statement::{self, Parts};
use crate::{Statistics, sql};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Statements that only read.
    Reader,
    /// All statements.
    Writer,
}

/// A statement, the conditions it runs under, and where its result goes.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) kind: Kind,
    pub(super) text: Text,
    /// The format of an answer whose statement names none.
    pub(super) format: String,
    pub(super) database: Option<String>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) parameters: Vec<(String, String)>,
    /// Where the answer goes; closed when it is whole.
    pub(super) output: PipeWriter,
    pub(super) ticket: Arc<Ticket>,
    pub(super) reply: oneshot::Sender<Result<Summary, String>>,
}

/// What is to be run.
#[derive(Debug)]
pub(super) enum Text {
    /// A statement of any kind.
    Statement(Bytes),
    /// An `INSERT` with its rows, if any, behind it.
    Insert(Bytes),
    /// `INSERT … FORMAT …`, and the pipe its rows come from.
    InsertFrom { statement: String, rows: PipeReader },
}

/// What a statement took and did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Summary {
    pub(super) statistics: Statistics,
    pub(super) rows_written: u64,
}

impl From<&Output> for Summary {
    fn from(output: &Output) -> Self {
        Self {
            statistics: output.statistics,
            rows_written: output.rows_written,
        }
    }
}

/// How connections are opened.
pub(super) struct Opener {
    library: &'static Library,
    data_directory: PathBuf,
    session: Session,
    /// Texts that the parser has called one reading statement, or not. Asking
    /// it takes 0.1 ms, a twentieth of a typical query.
    reading: Cache<Bytes, bool>,
}

impl Opener {
    pub(super) fn new(
        library: &'static Library,
        data_directory: PathBuf,
        session: Session,
    ) -> Self {
        /// Bytes of SQL that are remembered.
        const REMEMBERED: u64 = 8 * 1024 * 1024;

        let weigh = |sql: &Bytes, _: &bool| u32::try_from(sql.len() + 64).unwrap_or(u32::MAX);
        let reading = Cache::builder().max_capacity(REMEMBERED).weigher(weigh);
        Self {
            library,
            data_directory,
            session,
            reading: reading.build(),
        }
    }

    /// Opens a connection with its name, its rights and the base session.
    fn open(&self, kind: Kind, number: usize) -> Result<Held, String> {
        let mut connection = self.library.connect(&self.data_directory)?;
        let mut statements = Session::fresh().changes(&self.session);
        let name = sql::literal(&connection_name(number));
        statements.push(format!("SET log_comment = {name}"));
        if kind == Kind::Reader {
            // 2, not 1: the session's limits and filters still change from
            // statement to statement, but nothing gives writing back.
            statements.push("SET readonly = 2".to_owned());
        }
        for statement in statements {
            connection.query(statement.as_bytes(), "Null", &[])?;
        }
        Ok(Held {
            connection,
            session: self.session.clone(),
        })
    }
}

/// A connection and what its session is now.
struct Held {
    connection: Connection,
    session: Session,
}

/// The owner of a connection.
pub(super) struct Worker {
    opener: Arc<Opener>,
    kind: Kind,
    number: usize,
    /// None after a failed change of the session: it may be anything then,
    /// so a fresh connection takes the place of the old one.
    held: Option<Held>,
}

impl Worker {
    pub(super) fn open(opener: Arc<Opener>, kind: Kind, number: usize) -> Result<Self, String> {
        let held = opener.open(kind, number)?;
        Ok(Self {
            opener,
            kind,
            number,
            held: Some(held),
        })
    }

    /// Works until the queue is closed.
    pub(super) fn work(&mut self, queue: &Queue<Job>) {
        while let Some(job) = queue.pop() {
            if !job.ticket.start(self.number) {
                continue;
            }
            let result = self.run(&job);
            job.ticket.finish();
            let Job { reply, output, .. } = job;
            // The caller may have left. It must know how the statement ended
            // when it sees the end of the answer.
            let _ = reply.send(result);
            drop(output);
        }
    }

    fn run(&mut self, job: &Job) -> Result<Summary, String> {
        let mut held = match self.held.take() {
            Some(held) => held,
            None => self.opener.open(self.kind, self.number)?,
        };
        let reads = match &job.text {
            Text::Statement(sql) => match self.reads(&mut held, sql) {
                Ok(reads) => reads,
                Err(error) => {
                    self.held = Some(held);
                    return Err(error);
                }
            },
            Text::Insert(_) | Text::InsertFrom { .. } => false,
        };
        let session = self
            .opener
            .session
            .with(job.database.as_deref(), &job.settings);
        held.enter(session)?;
        let result = match &job.text {
            Text::Statement(sql) if reads && !explains(sql) => held.read(job, sql),
            Text::Statement(sql) | Text::Insert(sql) => held.change(job, sql),
            Text::InsertFrom { statement, rows } => held.insert(statement, rows),
        };
        // What a statement answered before it failed would stand in front of
        // the connection's next answer; those that read answer into a pipe of
        // their own, and an insert answers nothing.
        let is_clean = match &job.text {
            Text::Statement(sql) => result.is_ok() || (reads && !explains(sql)),
            Text::Insert(_) | Text::InsertFrom { .. } => true,
        };
        self.held = is_clean.then_some(held);
        result
    }

    /// Whether a text is one statement that only reads. The engine's own
    /// parser tells: a read-only session would still let `SET` through.
    fn reads(&self, held: &mut Held, sql: &Bytes) -> Result<bool, String> {
        let reads = match self.opener.reading.get(sql) {
            Some(reads) => reads,
            None => {
                let reads = held.classify(sql)?;
                self.opener.reading.insert(sql.clone(), reads);
                reads
            }
        };
        match (reads, self.kind) {
            (false, Kind::Reader) => Err(
                "Code: 164. DB::Exception: Only statements that read are allowed. (READONLY)"
                    .to_owned(),
            ),
            _ => Ok(reads),
        }
    }
}

impl Held {
    /// Changes the connection's session to `next`.
    fn enter(&mut self, next: Session) -> Result<(), String> {
        for statement in self.session.changes(&next) {
            self.connection.query(statement.as_bytes(), "Null", &[])?;
        }
        self.session = next;
        Ok(())
    }

    /// Whether the text is one statement and only reads.
    fn classify(&mut self, sql: &[u8]) -> Result<bool, String> {
        let Ok(text) = std::str::from_utf8(sql) else {
            // Rows may be anything; a statement that reads is text.
            return Ok(false);
        };
        let found = self.connection.classify(text)?;
        match found.statements {
            0 => Err(self.syntax_error(text)),
            1 => Ok(found.read_only),
            _ => Err(
                "Code: 62. DB::Exception: Multi-statements are not allowed. (SYNTAX_ERROR)"
                    .to_owned(),
            ),
        }
    }

    /// ClickHouse's words for why a text does not parse. The text itself is
    /// not run: its first statement may be fine, and would do its work.
    fn syntax_error(&mut self, sql: &str) -> String {
        let parameter = [("sql".to_owned(), sql::parameter(sql))];
        let parse = b"SELECT formatQuerySingleLine({sql:String})";
        match self.connection.query(parse, "Null", &parameter) {
            Ok(_) => "Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)".to_owned(),
            Err(text) => match text.split_once(": In scope SELECT formatQuerySingleLine(") {
                Some((own, _)) => format!("{own} (SYNTAX_ERROR)"),
                None => text,
            },
        }
    }

    /// Runs a statement that reads; the engine writes its answer into the pipe.
    fn read(&mut self, job: &Job, sql: &[u8]) -> Result<Summary, String> {
        let text = std::str::from_utf8(sql).map_err(|error| error.to_string())?;
        let Parts { head, format, tail } = statement::split(text);
        let format = format.unwrap_or(&job.format);
        let text = format!(
            "{head}\nINTO OUTFILE '/dev/fd/{}' TRUNCATE FORMAT {} {tail}",
            job.output.as_raw_fd(),
            sql::identifier(format)
        );
        let output = self
            .connection
            .query(text.as_bytes(), "Null", &job.parameters)?;
        Ok(Summary::from(&output))
    }

    /// Runs any other statement, with an insert's rows behind it.
    fn change(&mut self, job: &Job, sql: &[u8]) -> Result<Summary, String> {
        let output = self.connection.query(sql, &job.format, &job.parameters)?;
        // Whoever left has stopped the statement, too.
        let _ = (&job.output).write_all(&output.body);
        Ok(Summary::from(&output))
    }

    /// Runs an insert whose rows come through a pipe.
    fn insert(&mut self, statement: &str, rows: &PipeReader) -> Result<Summary, String> {
        let Parts { head, format, tail } = statement::split(statement);
        let format = format.ok_or_else(|| {
            "Code: 62. DB::Exception: an INSERT with many rows needs FORMAT at its end. (SYNTAX_ERROR)"
                .to_owned()
        })?;
        let text = format!(
            "{head} FROM INFILE '/dev/fd/{}' COMPRESSION 'none' {tail} FORMAT {}",
            rows.as_raw_fd(),
            sql::identifier(format)
        );
        let output = self.connection.query(text.as_bytes(), "Null", &[])?;
        Ok(Summary::from(&output))
    }
}

/// Whether a statement is an EXPLAIN: what stands behind it, a place for its
/// answer too, belongs to what it explains. Its answer is short.
fn explains(sql: &[u8]) -> bool {
    statement::begins_with(sql, "EXPLAIN")
}
