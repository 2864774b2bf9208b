//! A real engine on an empty directory, for this crate's tests.

use std::ops::Deref;

use async_trait::async_trait;
use tempfile::TempDir;

use super::embedded::{Embedded, EmbeddedSettings, cached_library};
use super::{Answer, Engine, EngineError, Insert, InsertAnswer, Statement};

/// An engine that takes its data with it when dropped.
#[derive(Debug)]
pub struct TestEngine {
    engine: Embedded,
    _directory: TempDir,
}

impl TestEngine {
    /// Opens the engine with two reading connections. A process can do that
    /// once: run the tests with nextest, which gives each a process.
    pub fn open() -> Self {
        Self::with(2, 16)
    }

    /// The same with so many reading connections, and so many statements waiting.
    pub fn with(connections: usize, queue: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the test");
        let engine = Embedded::open(EmbeddedSettings {
            library: cached_library().expect("HOME is set"),
            data_directory: directory.path().join("engine"),
            database: "rookery".into(),
            connections,
            queue,
        });
        Self {
            engine: engine.expect("the engine opens"),
            _directory: directory,
        }
    }

    /// Runs SQL of the test's own that may change data.
    pub async fn change(&self, sql: &str) {
        let done = self.query(Statement::change(sql)).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The rows of a reading statement, tab separated.
    pub async fn rows(&self, sql: &str) -> Result<String, EngineError> {
        self.text(Statement::read(sql, "TabSeparated")).await
    }

    /// The body of a statement's answer.
    pub async fn text(&self, statement: Statement) -> Result<String, EngineError> {
        let answer = self.query(statement).await?;
        Ok(String::from_utf8(answer.body.to_vec()).expect("the answer is text"))
    }
}

/// So that a test can share its engine with a workspace.
#[async_trait]
impl Engine for TestEngine {
    async fn query(&self, statement: Statement) -> Result<Answer, EngineError> {
        self.engine.query(statement).await
    }

    async fn insert(&self, insert: Insert) -> Result<InsertAnswer, EngineError> {
        self.engine.insert(insert).await
    }

    async fn shutdown(&self) {
        self.engine.shutdown().await;
    }
}

impl Deref for TestEngine {
    type Target = Embedded;

    fn deref(&self) -> &Embedded {
        &self.engine
    }
}
