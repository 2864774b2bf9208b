//! [`Embedded`]: chDB, ClickHouse inside this process.
//!
//! Each connection is owned by a thread of its own that takes jobs from a
//! bounded queue: one queue and about two connections per core for reading,
//! another queue and two connections for everything that changes data. Async
//! callers only wait for the answer. When a caller stops waiting, because its
//! deadline has come or because it was dropped, `cancel` stops the statement
//! inside the engine.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::cancel::{Canceller, Ticket, kill_until_gone};
use super::guard::{Guard, HARMLESS_SETTINGS};
use super::library::{Connection, Library, Output};
use super::queue::{Queue, Refused};
use super::worker::{Job, Kind, Opener, READONLY, Work, Worker};
use super::{Access, Answer, Engine, EngineError, Insert, InsertAnswer, Statement, sql};

/// Connections for statements that change data.
const WRITERS: usize = 2;

/// How long running statements may take to end at shutdown before they are
/// cancelled.
const GRACE: Duration = Duration::from_secs(5);

/// chDB allows one engine per process, and none after it was shut down.
static OPENED: AtomicBool = AtomicBool::new(false);

/// Where the engine is and how much it may do at once.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// The file `libchdb.so`.
    pub library: PathBuf,
    /// Where the data lives; created when missing. One process at a time.
    pub data_directory: PathBuf,
    /// The database of unqualified table names; created when missing.
    pub database: String,
    /// Connections for reading; 0 means two per core.
    pub connections: usize,
    /// Statements that may wait for a connection; 0 means 512.
    pub queue: usize,
}

/// The engine's version, as its package on npm names it.
pub const VERSION: &str = "26.7.3-stable.1";

/// Where `cargo xtask fetch` puts the engine's library:
/// `$XDG_CACHE_HOME/rookery/chdb/<version>/libchdb.so`, with `~/.cache` in
/// place of an unset variable. `None` without a home.
pub fn cached_library() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))?;
    Some(cache.join("rookery/chdb").join(VERSION).join("libchdb.so"))
}

/// ClickHouse inside this process.
pub struct Embedded {
    inner: Arc<Inner>,
}

struct Inner {
    guard: Guard,
    readers: Arc<Queue<Job>>,
    writers: Arc<Queue<Job>>,
    canceller: Canceller,
    running: Mutex<Option<Threads>>,
    opener: Arc<Opener>,
}

/// What is joined at shutdown.
struct Threads {
    workers: Vec<JoinHandle<()>>,
    /// The statement each worker is busy with.
    busy: Vec<Arc<Mutex<Option<Arc<Ticket>>>>>,
    /// Disconnected when the last worker has ended.
    ended: Receiver<()>,
    killer: JoinHandle<()>,
}

impl Embedded {
    /// Loads the library and opens the engine. Takes about 100 ms, more with
    /// much data, and blocks.
    pub fn open(settings: EmbeddedSettings) -> Result<Self, EngineError> {
        let unavailable = EngineError::Unavailable;
        std::fs::create_dir_all(&settings.data_directory).map_err(|error| {
            let directory = settings.data_directory.display();
            unavailable(format!(
                "cannot create the data directory {directory}: {error}"
            ))
        })?;
        let library = Library::load(&settings.library).map_err(|error| {
            let library = settings.library.display();
            unavailable(format!(
                "cannot load the library {library} ({error}): fetch it with `cargo xtask fetch`"
            ))
        })?;
        if OPENED.swap(true, Ordering::AcqRel) {
            let text = "a process can open the embedded engine once only";
            return Err(unavailable(text.to_owned()));
        }
        let opener = Opener::new(library, settings.data_directory, settings.database);
        let readers = match settings.connections {
            0 => 2 * std::thread::available_parallelism().map_or(2, usize::from),
            connections => connections,
        };
        let capacity = if settings.queue == 0 {
            512
        } else {
            settings.queue
        };
        let inner = Inner::start(opener, readers, capacity)?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Opens a connection of the caller's own, without queue, limits and
    /// filters: for measuring what those cost. Shut down after it is dropped.
    pub fn direct(&self) -> Result<Direct, EngineError> {
        let opener = &self.inner.opener;
        let connection = opener.library.connect(&opener.data_directory);
        Ok(Direct(connection.map_err(EngineError::Unavailable)?))
    }

    /// A `SETTINGS` clause could take the tenant filters away, so only names
    /// that are known to be harmless may stand in one.
    async fn keep_filters(&self, statement: &Statement) -> Result<(), EngineError> {
        // Without the word there is no clause: no need to parse.
        if statement.tenant_filters.is_empty() || !mentions_settings(&statement.sql) {
            return Ok(());
        }
        let guard = &self.inner.guard;
        let found = guard.inspect(self, &statement.sql, &statement.parameters);
        found
            .await?
            .check_settings(&HARMLESS_SETTINGS)
            .map_err(|refusal| EngineError::Query {
                code: READONLY,
                name: Some("READONLY".to_owned()),
                message: refusal.to_string(),
            })
    }

    /// Queues a job and waits for its result, until the deadline.
    async fn run(
        &self,
        queue: &Queue<Job>,
        work: Work,
        deadline: Duration,
    ) -> Result<Output, EngineError> {
        let (reply, answer) = oneshot::channel();
        let ticket = Arc::new(Ticket::default());
        let job = Job {
            work,
            ticket: Arc::clone(&ticket),
            reply,
        };
        let wanted = |job: &Job| !job.ticket.is_cancelled();
        queue.push(job, wanted).map_err(|refused| match refused {
            Refused::Full => EngineError::QueueFull,
            Refused::Closed => closed(),
        })?;
        let mut waiting = Waiting {
            canceller: &self.inner.canceller,
            ticket: Some(ticket),
        };
        let answer = tokio::time::timeout(deadline, answer).await;
        match answer {
            Err(_) => Err(EngineError::DeadlineExceeded),
            Ok(answer) => {
                waiting.ticket = None;
                answer.unwrap_or_else(|_| Err(closed()))
            }
        }
    }
}

/// The bare engine, on the calling thread.
pub struct Direct(Connection);

impl Direct {
    /// A connection beside those of the engine that this process has already
    /// opened on the same directory with the same library.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when the engine refuses it.
    pub fn beside(library: &Path, data_directory: &Path) -> Result<Self, EngineError> {
        let library =
            Library::load(library).map_err(|error| EngineError::Unavailable(error.to_string()))?;
        let connection = library.connect(data_directory);
        Ok(Self(connection.map_err(EngineError::Unavailable)?))
    }

    /// Runs any SQL and blocks until it is done.
    pub fn query(&mut self, sql: &str, format: &str) -> Result<Answer, EngineError> {
        let output = self.0.query(sql, format, &[]);
        let output = output.map_err(|error| EngineError::from_text(&error))?;
        Ok(answer(output))
    }
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Direct").finish_non_exhaustive()
    }
}

/// Cancels its statement when dropped before the answer came.
struct Waiting<'engine> {
    canceller: &'engine Canceller,
    ticket: Option<Arc<Ticket>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            self.canceller.cancel(ticket);
        }
    }
}

#[async_trait]
impl Engine for Embedded {
    async fn query(&self, statement: Statement) -> Result<Answer, EngineError> {
        self.keep_filters(&statement).await?;
        let queue = match statement.access {
            Access::ReadOnly => &self.inner.readers,
            Access::Full => &self.inner.writers,
        };
        let deadline = statement.limits.deadline;
        let output = self.run(queue, Work::Query(statement), deadline).await?;
        Ok(answer(output))
    }

    async fn insert(&self, insert: Insert) -> Result<InsertAnswer, EngineError> {
        let deadline = insert.deadline;
        let queue = &self.inner.writers;
        let output = self.run(queue, Work::Insert(insert), deadline).await?;
        Ok(InsertAnswer {
            rows_written: output.rows_written,
        })
    }

    async fn shutdown(&self) {
        let inner = Arc::clone(&self.inner);
        // Joining threads blocks; a panic there was logged by its own thread.
        let _ = tokio::task::spawn_blocking(move || inner.close()).await;
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Inner {
    fn start(opener: Opener, readers: usize, capacity: usize) -> Result<Self, EngineError> {
        let opener = Arc::new(opener);
        let connect = || opener.library.connect(&opener.data_directory);
        let mut control = connect().map_err(EngineError::Unavailable)?;
        let create = format!(
            "CREATE DATABASE IF NOT EXISTS {}",
            sql::identifier(&opener.database)
        );
        control
            .query(&create, "Null", &[])
            .map_err(|error| EngineError::from_text(&error))?;
        let (orders, received) = mpsc::channel();
        let (alive, ended) = mpsc::channel();
        let inner = Self {
            guard: Guard::default(),
            readers: Arc::new(Queue::new(capacity)),
            writers: Arc::new(Queue::new(capacity)),
            canceller: Canceller::new(orders),
            running: Mutex::new(None),
            opener: Arc::clone(&opener),
        };
        let mut threads = Threads {
            workers: Vec::new(),
            busy: Vec::new(),
            ended,
            killer: spawn("engine-killer", move || kill_until_gone(&received, control))?,
        };
        for number in 0..readers + WRITERS {
            let (kind, queue) = if number < readers {
                (Kind::Reader, Arc::clone(&inner.readers))
            } else {
                (Kind::Writer, Arc::clone(&inner.writers))
            };
            let busy = Arc::new(Mutex::new(None));
            threads.busy.push(Arc::clone(&busy));
            let mut worker = Worker {
                opener: Arc::clone(&opener),
                kind,
                number,
                held: Some(opener.open(kind, number)?),
                busy,
            };
            let alive = alive.clone();
            threads
                .workers
                .push(spawn(&format!("engine-{number}"), move || {
                    worker.work(&queue);
                    drop(worker);
                    drop(alive);
                })?);
        }
        *inner.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(threads);
        Ok(inner)
    }

    /// Ends every thread and closes the engine; does nothing the second time.
    fn close(&self) {
        self.readers.close();
        self.writers.close();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(threads) = running.take() else {
            return;
        };
        if threads.ended.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
            for busy in &threads.busy {
                let ticket = busy.lock().unwrap_or_else(PoisonError::into_inner).clone();
                ticket
                    .iter()
                    .for_each(|ticket| self.canceller.cancel(ticket));
            }
        }
        for worker in threads.workers {
            let _ = worker.join();
        }
        self.canceller.stop();
        let _ = threads.killer.join();
        self.stop_library();
    }

    /// Every connection is closed by now, and finished inserts are on disk. The
    /// engine answers state 1 now and then all the same, and the same however
    /// often it is asked: worth a note, no more.
    fn stop_library(&self) {
        if let Err(error) = self.opener.library.shutdown() {
            tracing::debug!(%error, "the engine's own shutdown");
        }
    }
}

fn answer(output: Output) -> Answer {
    Answer {
        body: Bytes::from(output.body),
        statistics: output.statistics,
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, EngineError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| EngineError::Unavailable(format!("cannot start a thread: {error}")))
}

fn mentions_settings(sql: &str) -> bool {
    const WORD: &[u8] = b"settings";
    let mut windows = sql.as_bytes().windows(WORD.len());
    windows.any(|window| window.eq_ignore_ascii_case(WORD))
}

fn closed() -> EngineError {
    EngineError::Unavailable("it is closed".to_owned())
}
