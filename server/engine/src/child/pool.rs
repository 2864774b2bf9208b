//! The engine's connections: threads that each own one, the queues in front of
//! them, and which statement each of them runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ChildSettings;
use super::cancel::{Canceller, Ticket, kill_until_gone};
use super::library::Library;
use super::queue::{Queue, Refused};
use super::session::Session;
use super::worker::{Job, Kind, Opener, Worker};
use crate::sql;

/// How long running statements may take to end at shutdown before they are
/// cancelled.
const GRACE: Duration = Duration::from_secs(5);
/// Statements that may wait for a connection: the client has a queue of its
/// own and rarely sends more than there are connections.
const QUEUE: usize = 1024;

/// The open engine.
pub(super) struct Pool {
    readers: Arc<Queue<Job>>,
    writers: Arc<Queue<Job>>,
    canceller: Canceller,
    statements: Mutex<HashMap<String, Statement>>,
    running: Mutex<Option<Threads>>,
    library: &'static Library,
}

/// A statement that was sent and has not been answered.
struct Statement {
    ticket: Arc<Ticket>,
    since: Instant,
}

/// What is joined at shutdown.
struct Threads {
    workers: Vec<JoinHandle<()>>,
    /// Disconnected when the last worker has ended.
    ended: Receiver<()>,
    killer: JoinHandle<()>,
}

/// Why a job was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// Too many wait, or the engine closes.
    Busy,
    /// A statement with this id runs.
    SameId,
}

impl Pool {
    /// Opens the engine. Takes about 100 ms, more with much data, and blocks.
    pub(super) fn open(
        library: &'static Library,
        settings: &ChildSettings,
    ) -> Result<Self, String> {
        let connect = || library.connect(&settings.data_directory);
        let mut control = connect().map_err(|error| damaged(&settings.data_directory, &error))?;
        let create = format!(
            "CREATE DATABASE IF NOT EXISTS {}",
            sql::identifier(&settings.database)
        );
        control
            .query(create.as_bytes(), "Null", &[])
            .map_err(|error| damaged(&settings.data_directory, &error))?;
        let session = Session::new(&settings.database, settings.session.clone());
        let opener = Arc::new(Opener::new(
            library,
            PathBuf::from(&settings.data_directory),
            session,
        ));
        let (orders, received) = mpsc::channel();
        let (alive, ended) = mpsc::channel::<()>();
        let (readers, writers) = (Arc::new(Queue::new(QUEUE)), Arc::new(Queue::new(QUEUE)));
        let mut threads = Threads {
            workers: Vec::new(),
            ended,
            killer: spawn("engine-killer", move || kill_until_gone(&received, control))?,
        };
        for number in 0..settings.readers + settings.writers {
            let (kind, queue) = if number < settings.readers {
                (Kind::Reader, Arc::clone(&readers))
            } else {
                (Kind::Writer, Arc::clone(&writers))
            };
            let mut worker = Worker::open(Arc::clone(&opener), kind, number)?;
            let alive = alive.clone();
            let body = move || {
                worker.work(&queue);
                drop(worker);
                drop(alive);
            };
            threads
                .workers
                .push(spawn(&format!("engine-{number}"), body)?);
        }
        Ok(Self {
            readers,
            writers,
            canceller: Canceller::new(orders),
            statements: Mutex::default(),
            running: Mutex::new(Some(threads)),
            library,
        })
    }

    /// Hands a job to a connection that is free, or will be.
    pub(super) fn submit(self: &Arc<Self>, id: &str, job: Job) -> Result<Running, NotTaken> {
        let ticket = Arc::clone(&job.ticket);
        let statement = Statement {
            ticket: Arc::clone(&ticket),
            since: Instant::now(),
        };
        let mut statements = self.statements();
        if statements.contains_key(id) {
            return Err(NotTaken::SameId);
        }
        statements.insert(id.to_owned(), statement);
        drop(statements);
        let queue = match job.kind {
            Kind::Reader => &self.readers,
            Kind::Writer => &self.writers,
        };
        // Dropped with an error, it also takes the statement off the list.
        let running = Running {
            pool: Arc::clone(self),
            id: id.to_owned(),
            ticket,
        };
        match queue.push(job, |waiting| !waiting.ticket.is_cancelled()) {
            Ok(()) => Ok(running),
            Err(Refused::Full | Refused::Closed) => Err(NotTaken::Busy),
        }
    }

    /// Stops a statement; false when none has this id.
    pub(super) fn kill(&self, id: &str) -> bool {
        let ticket = self
            .statements()
            .get(id)
            .map(|statement| Arc::clone(&statement.ticket));
        ticket
            .map(|ticket| self.canceller.cancel(&ticket))
            .is_some()
    }

    /// The statements that run, with their memory in bytes and since when.
    pub(super) async fn list(&self) -> Vec<(String, u64, Duration)> {
        let memory = self.canceller.memory().await;
        let statements = self.statements();
        let listed = statements.iter().map(|(id, statement)| {
            let connection = statement.ticket.connection();
            let bytes = connection.and_then(|connection| memory.get(&connection));
            (
                id.clone(),
                bytes.copied().unwrap_or(0),
                statement.since.elapsed(),
            )
        });
        listed.collect()
    }

    /// Ends every thread and closes the engine; does nothing the second time.
    pub(super) fn close(&self) {
        self.readers.close();
        self.writers.close();
        let taken = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(threads) = taken else {
            return;
        };
        if threads.ended.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
            for statement in self.statements().values() {
                self.canceller.cancel(&statement.ticket);
            }
        }
        for worker in threads.workers {
            let _ = worker.join();
        }
        self.canceller.stop();
        let _ = threads.killer.join();
        // Every connection is closed by now, and finished inserts are on disk.
        // The engine answers state 1 now and then all the same.
        if let Err(error) = self.library.shutdown() {
            tracing::debug!(%error, "the engine's own shutdown");
        }
    }

    fn statements(&self) -> MutexGuard<'_, HashMap<String, Statement>> {
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A statement on its way. Dropped before it has ended, it is stopped.
pub(super) struct Running {
    pool: Arc<Pool>,
    id: String,
    ticket: Arc<Ticket>,
}

impl Running {
    /// Stops the statement.
    pub(super) fn cancel(&self) {
        self.pool.canceller.cancel(&self.ticket);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ticket.is_done() {
            self.cancel();
        }
        self.pool.statements().remove(&self.id);
    }
}

fn damaged(directory: &Path, error: &str) -> String {
    format!(
        "the data directory {} cannot be opened: {error}",
        directory.display()
    )
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| format!("cannot start a thread: {error}"))
}
