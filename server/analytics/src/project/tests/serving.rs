//! A workspace keeps its last good state.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::project::{NotServed, Variables, Workspace, watch};
use engine::testing::TestEngine;

/// A workspace over a directory that a test may change.
struct Fixture {
    directory: TempDir,
    workspace: Arc<Workspace>,
}

fn write(directory: &Path, file: &str, text: &str) {
    std::fs::write(directory.join(file), text).unwrap();
}

const GOOD: &str = "SCHEMA >\n    a UInt8\n";

async fn open(engine: &Arc<TestEngine>) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "one.datasource", GOOD);
    let shared = engine.shared();
    let opened = Workspace::open(directory.path(), Variables::default(), shared, "rookery").await;
    let (workspace, applied) = opened.unwrap();
    assert_eq!(applied.created, ["one"]);
    Fixture {
        directory,
        workspace: Arc::new(workspace),
    }
}

#[tokio::test]
async fn a_wrong_state_is_reported_and_the_last_good_one_served_on() {
    let engine = Arc::new(TestEngine::open().await);
    let Fixture {
        directory,
        workspace,
    } = open(&engine).await;
    assert!(workspace.reload().await.unwrap().is_none());
    let before = workspace.current();

    write(
        directory.path(),
        "two.pipe",
        "NODE n\nSQL >\n    SELECT nope FROM one\nTYPE endpoint\n",
    );
    match workspace.reload().await {
        Err(NotServed::Wrong(report)) => {
            assert!(report.to_string().contains("two.pipe:3:12"), "{report}")
        }
        other => panic!("it must be refused: {other:?}"),
    }
    assert!(Arc::ptr_eq(&before, &workspace.current()));

    write(
        directory.path(),
        "two.pipe",
        "NODE n\nSQL >\n    SELECT a FROM one\nTYPE endpoint\n",
    );
    assert!(workspace.reload().await.unwrap().is_some());
    assert!(workspace.current().pipe("two").is_some());
    assert!(before.pipe("two").is_none());
}

#[tokio::test]
async fn a_change_that_would_lose_rows_keeps_the_former_project() {
    let engine = Arc::new(TestEngine::open().await);
    let Fixture {
        directory,
        workspace,
    } = open(&engine).await;
    engine.change("INSERT INTO rookery.one VALUES (1)").await;
    write(
        directory.path(),
        "one.datasource",
        "SCHEMA >\n    b String\n",
    );
    assert!(matches!(
        workspace.reload().await,
        Err(NotServed::NotApplied(_))
    ));
    assert!(
        workspace
            .current()
            .data_source("one")
            .unwrap()
            .column("a")
            .is_some()
    );
}

#[tokio::test]
async fn tables_change_only_while_nobody_writes() {
    let engine = Arc::new(TestEngine::open().await);
    let Fixture {
        directory,
        workspace,
    } = open(&engine).await;
    write(directory.path(), "two.datasource", GOOD);
    let writing = workspace.writing().await;
    let mut reload = Box::pin(workspace.reload());
    let waited = tokio::time::timeout(Duration::from_millis(300), &mut reload).await;
    assert!(waited.is_err(), "the reload must wait for the writer");
    drop(writing);
    assert_eq!(reload.await.unwrap().unwrap().created, ["two"]);
}

#[tokio::test]
async fn a_watched_workspace_follows_its_files() {
    let engine = Arc::new(TestEngine::open().await);
    let Fixture {
        directory,
        workspace,
    } = open(&engine).await;
    let (told, mut tells) = mpsc::unbounded_channel();
    let watching = tokio::spawn(watch(Arc::clone(&workspace), move |result| {
        told.send(result.is_ok()).unwrap()
    }));
    // The watcher may start late: write until it notices.
    let mut attempt = 0;
    let is_good = loop {
        attempt += 1;
        write(
            directory.path(),
            "two.datasource",
            &format!("{GOOD}-- {attempt}\n"),
        );
        if let Ok(told) = tokio::time::timeout(Duration::from_millis(500), tells.recv()).await {
            break told.unwrap();
        }
        assert!(attempt < 40, "nothing was noticed");
    };
    assert!(is_good);
    assert!(workspace.current().data_source("two").is_some());
    watching.abort();
}

#[tokio::test]
async fn what_an_interrupted_check_left_behind_is_dropped() {
    let engine = Arc::new(TestEngine::open().await);
    engine
        .change(&format!("CREATE DATABASE check_{}", "0".repeat(32)))
        .await;
    engine
        .change(&format!("CREATE DATABASE scratch_{}", "1".repeat(32)))
        .await;
    engine.change("CREATE DATABASE check_mine").await;
    open(&engine).await;
    let databases = "SELECT name FROM system.databases WHERE match(name, '^(check|scratch)_')";
    assert_eq!(engine.rows(databases).await.unwrap(), "check_mine\n");
}

#[tokio::test]
async fn a_change_that_fails_half_way_leaves_the_former_views_working() {
    let engine = Arc::new(TestEngine::open().await);
    let Fixture {
        directory,
        workspace,
    } = open(&engine).await;
    write(
        directory.path(),
        "sums.datasource",
        "SCHEMA >\n    s Int64\n",
    );
    let view = |sql: &str| {
        format!(
            "NODE n\nSQL >\n    {sql}\nTYPE materialized\nDATASOURCE sums\nDEPLOYMENT_METHOD alter\n"
        )
    };
    write(
        directory.path(),
        "view.pipe",
        &view("SELECT toInt64(a) AS s FROM one"),
    );
    workspace.reload().await.unwrap();
    engine.change("INSERT INTO rookery.one VALUES (1)").await;

    // The planner takes it; with the rows that are there it fails.
    engine.change("TRUNCATE TABLE rookery.sums").await;
    write(
        directory.path(),
        "view.pipe",
        &view("SELECT toInt64(a) + throwIf(a = 1) AS s FROM one"),
    );
    assert!(matches!(
        workspace.reload().await,
        Err(NotServed::NotApplied(_))
    ));
    engine.change("INSERT INTO rookery.one VALUES (2)").await;
    assert_eq!(
        engine
            .rows("SELECT s FROM rookery.sums ORDER BY s")
            .await
            .unwrap(),
        "1\n2\n"
    );
}
