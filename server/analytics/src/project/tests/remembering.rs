//! What was found good is not checked again.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::project::{NotServed, Variables, Verdicts, Workspace};
use engine::testing::TestEngine;
use engine::{Answer, Engine, EngineError, Insert, InsertAnswer, Statement};

/// An engine that tells what it was asked.
#[derive(Debug)]
struct Told {
    engine: TestEngine,
    asked: Mutex<Vec<String>>,
}

impl Told {
    async fn open() -> Arc<Self> {
        Arc::new(Self {
            engine: TestEngine::open().await,
            asked: Mutex::default(),
        })
    }

    /// What it was asked since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// How many nodes it planned since the last time, and how many texts it
    /// parsed and tables it made.
    fn checks(&self) -> (usize, usize, usize) {
        let asked = self.take();
        let count = |is: fn(&str) -> bool| asked.iter().filter(|sql| is(sql)).count();
        (
            count(|sql| sql.starts_with("EXPLAIN ") && !sql.starts_with("EXPLAIN AST")),
            count(|sql| sql.starts_with("EXPLAIN AST")),
            count(|sql| sql.starts_with("CREATE TABLE")),
        )
    }
}

#[async_trait]
impl Engine for Told {
    async fn query(&self, statement: Statement) -> Result<Answer, EngineError> {
        self.asked.lock().unwrap().push(statement.sql.clone());
        self.engine.query(statement).await
    }

    async fn insert(&self, insert: Insert) -> Result<InsertAnswer, EngineError> {
        self.engine.insert(insert).await
    }

    async fn shutdown(&self) {
        self.engine.shutdown().await;
    }
}

/// A project's directory with the state beside it.
struct Place {
    directory: tempfile::TempDir,
    pool: SqlitePool,
    engine: Arc<Told>,
}

impl Place {
    async fn with(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = SqliteConnectOptions::new()
            .filename(directory.path().join("state.db"))
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(database).await.unwrap();
        sqlx::migrate!().run(&pool).await.unwrap();
        let place = Self {
            directory,
            pool,
            engine: Told::open().await,
        };
        for (path, text) in files {
            place.write(path, text);
        }
        place
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path().join(path), text).unwrap();
    }

    /// Serves the files as a process does that has just begun.
    async fn start(&self) -> Result<Workspace, NotServed> {
        let engine: Arc<dyn Engine> = self.engine.clone();
        let verdicts = Verdicts::load(self.pool.clone(), &*engine).await;
        let variables = Variables::default();
        let workspace = Workspace::new(self.path(), variables, engine, "rookery", verdicts);
        let workspace = workspace.await.unwrap();
        workspace.reload().await?;
        Ok(workspace)
    }
}

const EVENTS: (&str, &str) = (
    "events.datasource",
    "SCHEMA >\n    org String,\n    at DateTime\nENGINE_SORTING_KEY org\n",
);
const OTHERS: (&str, &str) = ("others.datasource", "SCHEMA >\n    a UInt8 DEFAULT 1 + 1\n");
const ONE: (&str, &str) = (
    "one.pipe",
    "NODE first\nSQL >\n    %\n    SELECT org FROM events WHERE 1 {% if defined(x) %} AND org = {{ String(x) }} {% end %}\n\
     NODE second\nSQL >\n    SELECT count() AS n FROM first\nTYPE endpoint\n",
);
const TWO: (&str, &str) = (
    "two.pipe",
    "NODE third\nSQL >\n    SELECT n + 1 AS m FROM one\nTYPE endpoint\n",
);
const THREE: (&str, &str) = (
    "three.pipe",
    "NODE fourth\nSQL >\n    SELECT a FROM others\n",
);
const ALL: [(&str, &str); 5] = [EVENTS, OTHERS, ONE, TWO, THREE];

#[tokio::test]
async fn a_restart_with_nothing_changed_checks_nothing() {
    let place = Place::with(&ALL).await;
    drop(place.start().await.unwrap());
    let (planned, parsed, made) = place.engine.checks();
    assert_eq!((planned, made), (4, 2 * 2 * 2));
    assert!(parsed >= 5, "{parsed}");
    drop(place.start().await.unwrap());
    let asked = place.engine.take();
    assert!(asked.len() < 15, "{asked:#?}");
    place.engine.asked.lock().unwrap().extend(asked);
    assert_eq!(place.engine.checks(), (0, 0, 0));
}

#[tokio::test]
async fn only_what_changed_is_checked_and_what_reads_it() {
    let place = Place::with(&ALL).await;
    let workspace = place.start().await.unwrap();
    place.engine.take();
    place.write(
        THREE.0,
        "NODE fourth\nSQL >\n    SELECT a + 1 AS a FROM others\n",
    );
    workspace.reload().await.unwrap();
    assert_eq!(place.engine.checks(), (1, 1, 2), "the node, on its tables");
    place.write(ONE.0, &ONE.1.replace("count() AS n", "count() * 2 AS n"));
    workspace.reload().await.unwrap();
    assert_eq!(place.engine.checks(), (2, 1, 2), "the node and its reader");
}

#[tokio::test]
async fn what_is_read_decides_as_well() {
    let place = Place::with(&ALL).await;
    let workspace = place.start().await.unwrap();
    let refused = async |path: &str, text: &str| {
        let former = std::fs::read_to_string(place.path().join(path)).unwrap();
        place.write(path, text);
        let Err(NotServed::Wrong(report)) = workspace.reload().await else {
            panic!("{path} must be refused");
        };
        place.write(path, &former);
        workspace.reload().await.unwrap();
        let errors = report.found.iter().filter(|found| found.is_error());
        let files = errors.map(|found| found.file.clone());
        files.collect::<Vec<_>>()
    };
    // The texts that are wrong now have not changed themselves.
    let without_column = EVENTS
        .1
        .replace("    org String,\n", "")
        .replace("ENGINE_SORTING_KEY org\n", "");
    assert_eq!(
        refused("events.datasource", &without_column).await,
        ["one.pipe"]
    );
    let renamed = ONE.1.replace("AS n", "AS k");
    assert_eq!(refused("one.pipe", &renamed).await, ["two.pipe"]);
    let other_default = OTHERS.1.replace("1 + 1", "nope(1)");
    assert_eq!(
        refused("others.datasource", &other_default).await,
        ["others.datasource"]
    );
}

#[tokio::test]
async fn what_is_wrong_is_found_each_time() {
    let wrong = ("wrong.pipe", "NODE w\nSQL >\n    SELECT nope FROM events\n");
    let place = Place::with(&[EVENTS, wrong]).await;
    for _ in 0..2 {
        let Err(NotServed::Wrong(report)) = place.start().await else {
            panic!("it must be refused");
        };
        let errors = report.found.iter().filter(|found| found.is_error());
        assert_eq!(errors.count(), 1, "{report}");
    }
    place.write(wrong.0, "NODE w\nSQL >\n    SELECT org FROM events\n");
    drop(place.start().await.unwrap());
    place.write(wrong.0, wrong.1);
    assert!(place.start().await.is_err());
}

#[tokio::test]
async fn what_is_no_more_is_forgotten() {
    let place = Place::with(&ALL).await;
    let count = async || {
        let sql = "SELECT count(*) FROM analytics_verdicts";
        let count: i64 = sqlx::query_scalar(sql)
            .fetch_one(&place.pool)
            .await
            .unwrap();
        count
    };
    let workspace = place.start().await.unwrap();
    drop(place.start().await.unwrap());
    let before = count().await;
    std::fs::remove_file(place.path().join(TWO.0)).unwrap();
    workspace.reload().await.unwrap();
    assert!(count().await < before);
}
