//! What was accepted before the server ended goes on at the next start.

use std::path::Path;

use analytics::Settings;
use engine::Statement;
use serde_json::{Value, json};
use sqlx::SqlitePool;
use tempfile::TempDir;

use super::server::{ADMIN, PATIENCE, Server, options, settings};

/// Rows, their sum by a view, and a copy of how many there are.
const FILES: [(&str, &str); 5] = [
    (
        "rows.datasource",
        "SCHEMA >\n    `n` UInt64 `json:$.n`\nENGINE_SORTING_KEY n\n",
    ),
    (
        "sums.datasource",
        "SCHEMA >\n    `sum` UInt64\nENGINE SummingMergeTree\nENGINE_SORTING_KEY tuple()\n",
    ),
    (
        "sums_view.pipe",
        "NODE sums_node\nSQL >\n    SELECT sum(n) AS sum FROM rows\nTYPE materialized\nDATASOURCE sums\n",
    ),
    (
        "counts.datasource",
        "SCHEMA >\n    `rows` UInt64\nENGINE_SORTING_KEY rows\n",
    ),
    (
        "count_rows.pipe",
        "NODE counted\nSQL >\n    SELECT count() AS rows FROM rows\nTYPE copy\nTARGET_DATASOURCE counts\n",
    ),
];

struct Fixture {
    project: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let project = tempfile::tempdir().unwrap();
        for (name, text) in FILES {
            std::fs::write(project.path().join(name), text).unwrap();
        }
        Self { project }
    }

    async fn start(&self, state: TempDir) -> Server {
        let settings = Settings {
            project: self.project.path().to_owned(),
            ..settings()
        };
        Server::start_in(state, settings).await
    }
}

async fn read(server: &Server, sql: &str) -> String {
    let answer = server.running.engine();
    let answer = answer.query(Statement::read(sql, "TabSeparated")).await;
    String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
}

/// Sends a file; answers with its job's id.
async fn import(server: &Server, file: &str) -> String {
    let request = server.post("/v1/datasources/rows/append?format=ndjson");
    let answer = request.bearer_auth(ADMIN).body(file.to_owned()).send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 202);
    let answer: Value = answer.json().await.unwrap();
    answer["job_id"].as_str().unwrap().to_owned()
}

/// The job when it has ended.
async fn ended(server: &Server, id: &str) -> Value {
    let until = async {
        loop {
            let (status, job) = server.json(&format!("/v0/jobs/{id}"), ADMIN).await;
            assert_eq!(status, 200, "{job}");
            if job["status"] != "working" && job["status"] != "waiting" {
                return job;
            }
        }
    };
    tokio::time::timeout(PATIENCE, until).await.unwrap()
}

async fn database(state: &Path) -> SqlitePool {
    let pool = options(state).await.pool;
    sqlx::migrate!().run(&pool).await.unwrap();
    pool
}

fn lines(numbers: std::ops::Range<u64>) -> String {
    numbers.map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// A job that a former process left behind.
async fn leave(pool: &SqlitePool, id: &str, status: &str, task: &Value) {
    sqlx::query(
        "INSERT INTO analytics_jobs (id, task, status, details, created_at, updated_at)
         VALUES (?, ?, ?, '{}', 0, 0)",
    )
    .bind(id)
    .bind(task.to_string())
    .bind(status)
    .execute(pool)
    .await
    .unwrap();
}

/// Files go just after it is told that their import has ended.
async fn no_files_are_left(server: Server) {
    let imports = server.state().join("imports");
    let none = async {
        while std::fs::read_dir(&imports).unwrap().count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, none).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_imported_when_the_server_ends_is_kept_for_the_next_start() {
    let fixture = Fixture::new();
    let server = fixture.start(tempfile::tempdir().unwrap()).await;
    let file = lines(0..20_000);
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(import(&server, &file).await);
    }
    let state = server.end().await;
    let pool = database(state.path()).await;
    let mut cut_short = 0;
    for id in &ids {
        let status: String = sqlx::query_scalar("SELECT status FROM analytics_jobs WHERE id = ?")
            .bind(id)
            .fetch_one(&pool)
            .await
            .unwrap();
        if status == "done" {
            continue;
        }
        assert!(status == "waiting" || status == "working", "{status}");
        let kept = std::fs::read_to_string(state.path().join("imports").join(id));
        assert!(kept.unwrap() == file, "{id} is {status}");
        cut_short += 1;
    }
    assert!(cut_short > 0, "the server ended too late to show anything");
}

#[tokio::test]
async fn accepted_files_are_imported_although_the_server_ended() {
    let fixture = Fixture::new();
    let state = tempfile::tempdir().unwrap();
    let pool = database(state.path()).await;
    let imports = state.path().join("imports");
    std::fs::create_dir(&imports).unwrap();
    let grant = json!({ "fixed_params": { "n": 7 }, "all_tenants": false });
    let replacement = json!({ "condition": "n = 7", "empties": false, "leaves_views": true });
    for (id, status, mode) in [
        ("waits", "waiting", json!({ "append": grant })),
        ("is_read", "working", json!({ "append": grant })),
        ("replaces", "waiting", json!({ "replace": replacement })),
        ("lost", "waiting", json!({ "append": grant })),
    ] {
        let task = json!({ "kind": "import", "data_source": "rows", "mode": mode, "format": "ndjson", "escape": null });
        leave(&pool, id, status, &task).await;
        if id != "lost" {
            std::fs::write(imports.join(id), lines(0..10)).unwrap();
        }
    }
    std::fs::write(imports.join("nobody_waits_for_it"), "").unwrap();
    pool.close().await;

    let server = fixture.start(state).await;
    for (id, rows) in [("waits", 10), ("is_read", 10), ("replaces", 1)] {
        let job = ended(&server, id).await;
        assert_eq!(
            (&job["status"], &job["statistics"]["rows"]),
            (&"done".into(), &rows.into()),
            "{job}"
        );
    }
    let job = ended(&server, "lost").await;
    assert_eq!(job["status"], "error", "its file is gone: {job}");
    assert_eq!(read(&server, "SELECT DISTINCT n FROM rows").await, "7\n");
    no_files_are_left(server).await;
}

#[tokio::test]
async fn other_jobs_go_on_or_say_why_they_cannot() {
    let fixture = Fixture::new();
    let state = tempfile::tempdir().unwrap();
    let pool = database(state.path()).await;
    let copy = |pipe: &str, replaces: bool| json!({ "kind": "copy", "pipe": pipe, "replaces": replaces, "parameters": {}, "at": null });
    for (id, status, task) in [
        ("waits", "waiting", copy("count_rows", false)),
        ("replaces", "working", copy("count_rows", true)),
        ("appends", "working", copy("count_rows", false)),
        ("of_gone", "waiting", copy("gone", true)),
        (
            "deletes",
            "working",
            json!({ "kind": "delete_data", "data_source": "rows", "condition": "n = 1" }),
        ),
    ] {
        leave(&pool, id, status, &task).await;
    }
    pool.close().await;
    let server = fixture.start(state).await;
    for id in ["waits", "replaces", "deletes"] {
        let job = ended(&server, id).await;
        assert_eq!(job["status"], "done", "{job}");
    }
    for (id, said) in [("appends", "not known"), ("of_gone", "does not exist")] {
        let job = ended(&server, id).await;
        assert_eq!(job["status"], "error", "{job}");
        assert!(job["error"].as_str().unwrap().contains(said), "{job}");
    }
    let retry = server.post("/v0/jobs/appends/retry").bearer_auth(ADMIN);
    assert_eq!(retry.send().await.unwrap().status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn a_file_goes_when_its_import_is_cancelled() {
    let fixture = Fixture::new();
    let server = fixture.start(tempfile::tempdir().unwrap()).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(import(&server, &lines(0..20_000)).await);
    }
    let last = format!("/v0/jobs/{}/cancel", ids[5]);
    let answer = server.post(&last).bearer_auth(ADMIN).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    for id in &ids {
        ended(&server, id).await;
    }
    no_files_are_left(server).await;
}
