//! A real engine on an empty directory, for tests: a child process of its own
//! for each.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::{
    Client, ClientSettings, Engine, EngineError, ServerSettings, Statement, SupervisorSettings,
    cached_library, default_bound, sql,
};

/// An engine that takes its data with it when dropped.
#[derive(Debug)]
pub struct TestEngine {
    client: Arc<Client>,
    directory: TempDir,
}

impl TestEngine {
    /// Starts an engine with two connections that read.
    pub async fn open() -> Self {
        Self::with(2, 16).await
    }

    /// The same with so many reading connections, and so many statements waiting.
    pub async fn with(connections: usize, queue: usize) -> Self {
        Self::start(connections, queue, default_bound(), Duration::from_secs(5)).await
    }

    /// The same with a bound of memory, and the grace of statements that do not
    /// stop.
    pub async fn start(connections: usize, queue: usize, memory: u64, grace: Duration) -> Self {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let settings = ClientSettings {
            connections,
            queue,
            grace,
        };
        let client = match server() {
            Some((url, password)) => {
                let client = connected(url, password, settings);
                empty(&client).await;
                let created = client.create_database("rookery").await;
                created.unwrap_or_else(|error| panic!("{error}"));
                client
            }
            None => {
                let mut child = child(directory.path());
                child.memory_bound = memory;
                let started = Client::start(child, settings).await;
                started.unwrap_or_else(|error| panic!("{error}"))
            }
        };
        Self {
            client: Arc::new(client),
            directory,
        }
    }

    /// The engine, to be shared with what needs one.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.client) as Arc<dyn Engine>
    }

    /// Where the engine's data lives.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        self.directory.path().join("engine")
    }

    /// Runs SQL of the test's own that may change data.
    pub async fn change(&self, sql: &str) {
        let done = self.client.query(Statement::change(sql)).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The rows of a reading statement, tab separated.
    ///
    /// # Errors
    /// The statement's.
    pub async fn rows(&self, sql: &str) -> Result<String, EngineError> {
        self.text(Statement::read(sql, "TabSeparated")).await
    }

    /// The body of a statement's answer.
    ///
    /// # Errors
    /// The statement's.
    pub async fn text(&self, statement: Statement) -> Result<String, EngineError> {
        let answer = self.client.query(statement).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

impl Deref for TestEngine {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A child process on a directory of a test.
#[must_use]
pub fn child(directory: &Path) -> SupervisorSettings {
    SupervisorSettings {
        program: program(),
        arguments: Vec::new(),
        library: cached_library().expect("HOME is set"),
        data_directory: directory.join("engine"),
        socket: directory.join("engine.sock"),
        database: "rookery".to_owned(),
        memory_bound: default_bound(),
    }
}

/// The variable that names a server to be tested instead of the embedded engine,
/// as `cargo xtask test --engine-url` sets it. Tests have it one after the other.
const SERVER: &str = "ROOKERY_TEST_ENGINE_URL";

/// The server to be tested, its address and the password of `default`.
#[must_use]
pub fn server() -> Option<(String, String)> {
    let url = std::env::var(SERVER).ok()?;
    let password = std::env::var("ROOKERY_TEST_ENGINE_PASSWORD").unwrap_or_default();
    Some((url, password))
}

/// Empties the server to be tested, if there is one.
///
/// # Panics
/// It cannot be emptied.
pub async fn empty_server() {
    if let Some((url, password)) = server() {
        let client = connected(
            url,
            password,
            ClientSettings {
                connections: 1,
                queue: 1,
                grace: Duration::from_secs(5),
            },
        );
        empty(&client).await;
    }
}

fn connected(url: String, password: String, settings: ClientSettings) -> Client {
    let server = ServerSettings {
        url,
        user: "default".to_owned(),
        password,
        ca_file: None,
        session: None,
    };
    Client::connect(server, settings).unwrap_or_else(|error| panic!("{error}"))
}

async fn empty(client: &Client) {
    let sql = "SELECT name FROM system.databases WHERE name NOT IN \
        ('default', 'system', 'information_schema', 'INFORMATION_SCHEMA')";
    let asked = Statement {
        database: Some("default".to_owned()),
        ..Statement::read(sql, "TabSeparated")
    };
    let found = client.query(asked).await;
    let found = found.unwrap_or_else(|error| panic!("{error}")).body;
    for name in String::from_utf8_lossy(&found).lines() {
        let drop = Statement {
            database: Some("default".to_owned()),
            ..Statement::change(format!("DROP DATABASE {} SYNC", sql::identifier(name)))
        };
        let dropped = client.query(drop).await;
        dropped.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The program `rookery-engine`, which cargo builds beside the tests.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a program");
    let beside = test.ancestors().skip(1).take(3);
    beside
        .map(|directory| directory.join("rookery-engine"))
        .find(|program| program.is_file())
        .expect("the engine's program is not built: `cargo build -p engine`")
}
