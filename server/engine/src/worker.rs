//! One thread with one connection: takes jobs from its queue, brings the
//! session into the state the job asks for, runs it, answers.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use moka::sync::Cache;
use tokio::sync::oneshot;

use super::cancel::{Ticket, connection_name};
use super::cores::Cores;
use super::guard::own_words;
use super::library::{Connection, Library, Output};
use super::queue::Queue;
use super::session::Session;
use super::{EngineError, Insert, Statement, sql};

/// ClickHouse's `READONLY`: what a read-only connection answers to a change.
pub(super) const READONLY: i32 = 164;
/// ClickHouse's `SYNTAX_ERROR`.
const SYNTAX_ERROR: i32 = 62;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reader,
    Writer,
}

/// What a worker can be asked to do.
#[derive(Debug)]
pub(super) enum Work {
    Query(Statement),
    Insert(Insert),
}

/// A piece of work and where its result goes.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) ticket: Arc<Ticket>,
    pub(super) reply: oneshot::Sender<Result<Output, EngineError>>,
}

/// How connections are opened.
pub(super) struct Opener {
    pub(super) library: &'static Library,
    pub(super) data_directory: PathBuf,
    pub(super) database: String,
    /// Texts that the parser has called one reading statement. Asking it
    /// takes 0.1 ms, a twentieth of a typical query.
    pub(super) reading: Cache<String, ()>,
    pub(super) cores: Cores,
}

impl Opener {
    pub(super) fn new(
        library: &'static Library,
        data_directory: PathBuf,
        database: String,
    ) -> Self {
        /// Bytes of SQL that are remembered.
        const REMEMBERED: u64 = 8 * 1024 * 1024;

        let weigh = |sql: &String, (): &()| u32::try_from(sql.len() + 64).unwrap_or(u32::MAX);
        let reading = Cache::builder().max_capacity(REMEMBERED).weigher(weigh);
        Self {
            library,
            data_directory,
            database,
            reading: reading.build(),
            cores: Cores::default(),
        }
    }

    /// Opens a connection with its name, its rights and the base session.
    pub(super) fn open(&self, kind: Kind, number: usize) -> Result<Held, EngineError> {
        let mut connection = self
            .library
            .connect(&self.data_directory)
            .map_err(EngineError::Unavailable)?;
        let session = Session::base(&self.database);
        let mut statements = Session::fresh().changes(&session);
        let name = sql::literal(&connection_name(number));
        statements.push(format!("SET log_comment = {name}"));
        if kind == Kind::Reader {
            // 2, not 1: the session's limits and filters still change from
            // statement to statement, but nothing gives writing back.
            statements.push("SET readonly = 2".to_owned());
        }
        for statement in statements {
            run(&mut connection, &statement)?;
        }
        Ok(Held {
            connection,
            session,
        })
    }
}

/// A connection and what its session is now.
pub(super) struct Held {
    connection: Connection,
    session: Session,
}

/// The owner of a connection.
pub(super) struct Worker {
    pub(super) opener: Arc<Opener>,
    pub(super) kind: Kind,
    pub(super) number: usize,
    /// None after a failed change of the session: it may be anything then,
    /// so a fresh connection takes the place of the old one.
    pub(super) held: Option<Held>,
    /// The ticket of the running job, for shutdown.
    pub(super) busy: Arc<Mutex<Option<Arc<Ticket>>>>,
}

impl Worker {
    /// Works until the queue is closed.
    pub(super) fn work(&mut self, queue: &Queue<Job>) {
        while let Some(Job {
            work,
            ticket,
            reply,
        }) = queue.pop()
        {
            if !ticket.start(self.number) {
                continue;
            }
            self.set_busy(Some(Arc::clone(&ticket)));
            let result = self.run(&work);
            ticket.finish();
            self.set_busy(None);
            // The caller may have left.
            let _ = reply.send(result);
        }
    }

    fn set_busy(&self, ticket: Option<Arc<Ticket>>) {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = ticket;
    }

    fn run(&mut self, work: &Work) -> Result<Output, EngineError> {
        let mut held = match self.held.take() {
            Some(held) => held,
            None => self.opener.open(self.kind, self.number)?,
        };
        if let (Work::Query(Statement { sql, .. }), Kind::Reader) = (work, self.kind)
            && self.opener.reading.get(sql).is_none()
        {
            if let Err(error) = refuse_changes(&mut held.connection, sql) {
                self.keep_if_clean(held);
                return Err(error);
            }
            self.opener.reading.insert(sql.clone(), ());
        }
        let opener = Arc::clone(&self.opener);
        let share = opener.cores.share();
        held.enter(session(work, &opener.database, share.threads()))?;
        let result = match work {
            Work::Query(statement) => {
                held.connection
                    .query(&statement.sql, &statement.format, &statement.parameters)
            }
            Work::Insert(insert) => {
                held.connection
                    .insert(&insert_into(insert), &insert.format, &insert.data)
            }
        };
        match result {
            Ok(output) => {
                self.held = Some(held);
                Ok(output)
            }
            Err(error) => {
                self.keep_if_clean(held);
                Err(EngineError::from_text(&error))
            }
        }
    }

    /// After a failure the connection is used again only when nothing of the
    /// failed statement is left in it.
    fn keep_if_clean(&mut self, mut held: Held) {
        self.held = held.is_clean().then_some(held);
    }
}

impl Held {
    /// What a statement wrote before it failed stays in chDB's connection and
    /// would stand in front of the next answer, another tenant's. A word that
    /// nobody knows is asked for until it comes back alone.
    fn is_clean(&mut self) -> bool {
        /// The first answer takes the rest along; the second proves it gone.
        const ATTEMPTS: usize = 3;

        let word = uuid::Uuid::new_v4().simple().to_string();
        let ask = format!("SELECT '{word}'");
        let mut answers = (0..ATTEMPTS).map(|_| self.connection.query(&ask, "TabSeparated", &[]));
        answers.any(|answer| {
            answer.is_ok_and(|output| output.body.trim_ascii_end() == word.as_bytes())
        })
    }

    /// Changes the connection's session to `next`.
    fn enter(&mut self, next: Session) -> Result<(), EngineError> {
        for statement in self.session.changes(&next) {
            run(&mut self.connection, &statement)?;
        }
        self.session = next;
        Ok(())
    }
}

/// The session a job asks for.
fn session(work: &Work, database: &str, share: Option<u32>) -> Session {
    match work {
        Work::Query(statement) => Session::of(statement, database, share),
        Work::Insert(insert) => {
            let mut session = Session::base(database);
            session.set("max_execution_time", &insert.deadline.as_secs_f64());
            // Rows are written by blocks: a bad row in a later one would come
            // when the first ones are written already.
            session.set("max_insert_block_size", &u32::MAX);
            for (name, value) in &insert.settings {
                session.set_text(name, value);
            }
            session
        }
    }
}

/// The engine's own parser must find one statement that only reads: a
/// read-only session would still let `SET` and `INTO OUTFILE` through.
fn refuse_changes(connection: &mut Connection, sql: &str) -> Result<(), EngineError> {
    let found = connection.classify(sql).map_err(EngineError::Unavailable)?;
    let (code, name, message) = match found.statements {
        0 => return Err(syntax_error(connection, sql)),
        1 if found.read_only => return Ok(()),
        1 => (
            READONLY,
            "READONLY",
            "Only statements that read are allowed",
        ),
        _ => (
            SYNTAX_ERROR,
            "SYNTAX_ERROR",
            "Multi-statements are not allowed",
        ),
    };
    Err(EngineError::Query {
        code,
        name: Some(name.to_owned()),
        message: message.to_owned(),
    })
}

/// ClickHouse's words for why a text does not parse. The text itself is not
/// run: its first statement may be fine, and would do its work.
fn syntax_error(connection: &mut Connection, sql: &str) -> EngineError {
    let parameter = [("sql".to_owned(), sql::parameter(sql))];
    let parse = "SELECT formatQuerySingleLine({sql:String})";
    let text = match connection.query(parse, "Null", &parameter) {
        Ok(_) => "Syntax error".to_owned(),
        Err(text) => text,
    };
    match own_words(EngineError::from_text(&text)) {
        EngineError::Query { message, .. } => EngineError::Query {
            code: SYNTAX_ERROR,
            name: Some("SYNTAX_ERROR".to_owned()),
            message,
        },
        error => error,
    }
}

fn run(connection: &mut Connection, sql: &str) -> Result<(), EngineError> {
    match connection.query(sql, "Null", &[]) {
        Ok(_) => Ok(()),
        Err(error) => Err(EngineError::from_text(&error)),
    }
}

/// `INSERT INTO table (columns)`.
fn insert_into(insert: &Insert) -> String {
    let mut text = format!("INSERT INTO {}", insert.table);
    if !insert.columns.is_empty() {
        let columns: Vec<String> = insert
            .columns
            .iter()
            .map(|name| sql::identifier(name))
            .collect();
        let _ = write!(text, " ({})", columns.join(", "));
    }
    text
}
