//! The one implementation of [`Engine`]: a client of ClickHouse's HTTP
//! interface.
//!
//! Behind it is either a child process of ours with the embedded library
//! ([`crate::supervisor`]) or a server of somebody's own. The queue, the fair
//! shares, deadlines, what happens when a caller goes away, settings and
//! tenant filters are here, once for both.

mod cores;
mod pool;
mod request;
mod server;
pub(crate) mod settings;
mod stop;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use self::cores::{Cores, Share};
use self::pool::{Pool, Slot};
use self::request::Ask;
use self::stop::{Exchange, Flight};
use self::wire::{Reply, Wire, WireError};
use crate::guard::{Guard, HARMLESS_SETTINGS};
use crate::supervisor::{Ending, Supervisor, SupervisorSettings};
use crate::{Access, Answer, Engine, EngineError, Insert, InsertAnswer, Statement};

use server::Server;
pub use server::{ServerError, ServerSettings};

/// ClickHouse's `READONLY`: what a read-only connection answers to a change.
const READONLY: i32 = 164;
/// Statements that change data at once.
pub(crate) const WRITERS: usize = 2;
/// How long running statements may take to end at shutdown.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// How much a client does at once.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Statements that read at once; 0 means two per core.
    pub connections: usize,
    /// Statements of a kind that may wait; 0 means 512.
    pub queue: usize,
    /// How long a statement may go on past its deadline, though it was told
    /// to stop, before the engine is ended for it.
    pub grace: Duration,
}

impl ClientSettings {
    /// Statements that read at once.
    pub(crate) fn readers(&self) -> usize {
        match self.connections {
            0 => 2 * std::thread::available_parallelism().map_or(2, usize::from),
            connections => connections,
        }
    }
}

/// A client of an engine.
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    guard: Guard,
    readers: Arc<Pool>,
    writers: Arc<Pool>,
    cores: Arc<Cores>,
    door: Door,
    grace: Duration,
}

/// What is behind the client.
enum Door {
    /// A process of ours, which knows the settings all statements share.
    Child(Supervisor),
    /// A server, which is told them every time.
    Server(Box<Server>, BTreeMap<String, String>),
}

impl Client {
    /// Starts the engine as a child process and waits until it serves.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] with the one reason why it does not.
    pub async fn start(
        child: SupervisorSettings,
        settings: ClientSettings,
    ) -> Result<Self, EngineError> {
        let supervisor = Supervisor::start(child, settings.readers(), WRITERS);
        supervisor.up().await.map_err(EngineError::Unavailable)?;
        Ok(Self::behind(Door::Child(supervisor), &settings))
    }

    /// Talks to a server of somebody's own. Nothing is asked of it yet.
    ///
    /// # Errors
    /// An address or certificates that cannot be used.
    pub fn connect(server: ServerSettings, settings: ClientSettings) -> Result<Self, ServerError> {
        let session = server.session.clone().unwrap_or_else(settings::base);
        let server = Box::new(Server::new(server)?);
        Ok(Self::behind(Door::Server(server, session), &settings))
    }

    fn behind(door: Door, settings: &ClientSettings) -> Self {
        let queue = match settings.queue {
            0 => 512,
            queue => queue,
        };
        Self {
            inner: Arc::new(Inner {
                guard: Guard::default(),
                readers: Pool::new(settings.readers(), queue),
                writers: Pool::new(WRITERS, queue),
                cores: Arc::default(),
                door,
                grace: settings.grace,
            }),
        }
    }

    /// Makes the database of unqualified table names, where there is none yet:
    /// on a server nobody else does.
    ///
    /// # Errors
    /// The server's.
    pub async fn create_database(&self, name: &str) -> Result<(), EngineError> {
        let sql = format!(
            "CREATE DATABASE IF NOT EXISTS {}",
            crate::sql::identifier(name)
        );
        let create = Statement {
            database: Some("default".to_owned()),
            ..Statement::change(sql)
        };
        self.query(create).await.map(drop)
    }

    /// The process id of the child, while one runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        match &self.inner.door {
            Door::Child(supervisor) => supervisor.process_id(),
            Door::Server(..) => None,
        }
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

    /// Waits for a slot, then for the answer, until the deadline.
    async fn run(
        &self,
        pool: &Arc<Pool>,
        deadline: Duration,
        ask: impl FnOnce(&Share) -> Ask,
    ) -> Result<Reply, EngineError> {
        let deadline = Instant::now() + deadline;
        let slot = pool.slot(deadline).await?;
        let share = self.inner.cores.share();
        let ask = ask(&share);
        let id = ask.id.clone();
        let exchange: Exchange = Box::pin(exchange(Arc::clone(&self.inner), slot, share, ask));
        let mut flight = Flight::new(Arc::clone(&self.inner), id, exchange);
        tokio::time::timeout_at(deadline.into(), flight.answer())
            .await
            .unwrap_or(Err(EngineError::DeadlineExceeded))
    }
}

/// Sends a statement and reads its answer; sends it again once, if that does
/// no harm, when the engine went away in between.
async fn exchange(
    inner: Arc<Inner>,
    slot: Slot,
    _share: Share,
    ask: Ask,
) -> Result<Reply, EngineError> {
    let mut is_first = true;
    loop {
        let (mut wire, generation) = inner.door.wire(&slot).await?;
        let request = inner.door.request(&ask)?;
        let error = match wire.send(request, ask.limit).await {
            Ok(reply) => {
                slot.keep(wire, generation);
                return match request::error(&reply) {
                    Some(error) => Err(error),
                    None => Ok(reply),
                };
            }
            Err(WireError::TooLarge) => {
                inner.kill(&ask.id).await;
                return Err(EngineError::ResultTooLarge { limit: ask.limit });
            }
            Err(error) => error,
        };
        if let Some(ending) = inner.door.ending(&ask.id) {
            return Err(ending.into());
        }
        match error {
            WireError::NotSent(_) if is_first => {}
            WireError::Broken(_) if is_first && ask.is_repeatable => {}
            WireError::Broken(why) if !ask.is_repeatable => return Err(EngineError::Lost(why)),
            WireError::NotSent(why) | WireError::Broken(why) => {
                return Err(EngineError::Unavailable(why));
            }
            WireError::TooLarge => return Err(EngineError::ResultTooLarge { limit: ask.limit }),
        }
        is_first = false;
    }
}

impl Inner {
    /// Tells the engine to stop a statement. It may take its time, or not do it.
    async fn kill(&self, id: &str) {
        let kill = Statement::change(format!(
            "KILL QUERY WHERE query_id = {} ASYNC",
            crate::sql::literal(id)
        ));
        let ask = Ask::statement(kill, BTreeMap::new());
        let told = async {
            let mut wire = self.door.connect().await?.0;
            let request = self.door.request(&ask)?;
            wire.send(request, 1024 * 1024)
                .await
                .map_err(|error| EngineError::Unavailable(format!("{error:?}")))
        };
        let told: Result<Reply, EngineError> = told.await;
        if let Err(error) = told {
            tracing::debug!(%error, "the engine could not be told to stop a statement");
        }
    }
}

impl Door {
    /// A connection of the slot's that is free, or a new one.
    async fn wire(&self, slot: &Slot) -> Result<(Wire, u64), EngineError> {
        let generation = self.generation().await?;
        match slot.free(generation).await {
            Some(wire) => Ok((wire, generation)),
            None => self.connect().await,
        }
    }

    /// Which start of the engine is up; waits while it starts.
    async fn generation(&self) -> Result<u64, EngineError> {
        match self {
            Self::Child(supervisor) => supervisor.up().await.map_err(EngineError::Unavailable),
            Self::Server(..) => Ok(0),
        }
    }

    async fn connect(&self) -> Result<(Wire, u64), EngineError> {
        let connected = match self {
            Self::Child(supervisor) => supervisor.connect().await,
            Self::Server(server, _) => server.connect().await.map(|wire| (wire, 0)),
        };
        connected.map_err(EngineError::Unavailable)
    }

    fn request(
        &self,
        ask: &Ask,
    ) -> Result<http::Request<http_body_util::Full<bytes::Bytes>>, EngineError> {
        match self {
            Self::Child(supervisor) => {
                let base = BTreeMap::new();
                ask.request("engine", "default", supervisor.token(), &base)
            }
            Self::Server(server, base) => {
                ask.request(server.authority(), server.user(), server.password(), base)
            }
        }
    }

    /// Whether the engine was ended because of this statement.
    fn ending(&self, id: &str) -> Option<Ending> {
        match self {
            Self::Child(supervisor) => supervisor.ending(id),
            Self::Server(..) => None,
        }
    }
}

impl From<Ending> for EngineError {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Time => Self::DeadlineExceeded,
            Ending::Memory => Self::EndedForMemory,
        }
    }
}

#[async_trait]
impl Engine for Client {
    async fn query(&self, statement: Statement) -> Result<Answer, EngineError> {
        self.keep_filters(&statement).await?;
        let pool = match statement.access {
            Access::ReadOnly => &self.inner.readers,
            Access::Full => &self.inner.writers,
        };
        let deadline = statement.limits.deadline;
        let ask = |share: &Share| {
            let settings = settings::of_statement(&statement, share.threads());
            Ask::statement(statement, settings)
        };
        let reply = self.run(pool, deadline, ask).await?;
        Ok(Answer {
            statistics: request::summary(&reply.headers).0,
            body: reply.body,
        })
    }

    async fn insert(&self, insert: Insert) -> Result<InsertAnswer, EngineError> {
        let deadline = insert.deadline;
        let ask = |_: &Share| {
            let settings = settings::of_insert(&insert);
            Ask::insert(insert, settings)
        };
        let reply = self.run(&self.inner.writers, deadline, ask).await?;
        Ok(InsertAnswer {
            rows_written: request::summary(&reply.headers).1,
        })
    }

    async fn shutdown(&self) {
        let Inner {
            readers, writers, ..
        } = &*self.inner;
        readers.close();
        writers.close();
        let idle = async {
            readers.idle().await;
            writers.idle().await;
        };
        // What goes on longer ends with the engine.
        let _ = tokio::time::timeout(SHUTDOWN, idle).await;
        if let Door::Child(supervisor) = &self.inner.door {
            supervisor.stop().await;
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").finish_non_exhaustive()
    }
}

fn mentions_settings(sql: &str) -> bool {
    const WORD: &[u8] = b"settings";
    let mut windows = sql.as_bytes().windows(WORD.len());
    windows.any(|window| window.eq_ignore_ascii_case(WORD))
}
