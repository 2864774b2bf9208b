//! Copies by schedule and on demand, and the jobs they are.

use std::path::Path;
use std::sync::Arc;

use analytics::Settings;
use engine::Statement;
use serde_json::Value;
use tempfile::TempDir;
use time::macros::datetime;

use super::clock::TestClock;
use super::reload::copy;
use super::server::{ADMIN, PATIENCE, Server, project, settings};

const RUNS: &str = "SCHEMA >\n    `made` DateTime,\n    `pipe` String\nENGINE_SORTING_KEY pipe\n";
/// Never ends by itself.
const ENDLESS: &str = "NODE n\nSQL >\n    SELECT now() AS made, 'forever' AS pipe FROM numbers(100000000000000) WHERE cityHash64(number) = 1\n\
                       TYPE copy\nTARGET_DATASOURCE runs\nCOPY_SCHEDULE 0 * * * *\n";

/// A pipe that notes when it ran.
fn noting(pipe: &str, more: &str) -> String {
    format!(
        "NODE n\nSQL >\n    %\n    SELECT {{{{ DateTime(job_timestamp) }}}} AS made, '{pipe}' AS pipe\n\
         TYPE copy\nTARGET_DATASOURCE runs\n{more}"
    )
}

/// The cases' project with more files, and a clock at noon.
async fn start(files: &[(&str, &str)]) -> (Server, Arc<TestClock>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    copy(&project(), directory.path());
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("runs.datasource", RUNS);
    for (name, text) in files {
        write(name, text);
    }
    let clock = Arc::new(TestClock::at(datetime!(2026-11-21 12:00 UTC)));
    let settings = Settings {
        project: Path::to_owned(directory.path()),
        ..settings()
    };
    let server = Server::start_with_clock(settings, clock.clone()).await;
    (server, clock, directory)
}

async fn post(server: &Server, path: &str) -> (u16, Value) {
    let answer = server.post(path).bearer_auth(ADMIN).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The jobs of a listing, when all of them have this status.
async fn when_all(server: &Server, listing: &str, count: usize, status: &str) -> Vec<Value> {
    let until = async {
        loop {
            let (_, listed) = server.json(listing, ADMIN).await;
            let jobs = listed["jobs"].as_array().unwrap();
            if jobs.len() == count && jobs.iter().all(|job| job["status"] == status) {
                return jobs.clone();
            }
            assert!(jobs.len() <= count, "{jobs:?}");
        }
    };
    let waited = tokio::time::timeout(PATIENCE, until).await;
    waited.unwrap_or_else(|_| panic!("{listing}: not {count} jobs that are {status}"))
}

async fn job(server: &Server, id: &Value) -> Value {
    let path = format!("/v0/jobs/{}", id.as_str().unwrap());
    server.json(&path, ADMIN).await.1
}

async fn rows(server: &Server, sql: &str) -> String {
    let answer = server.running.engine();
    let answer = answer.query(Statement::read(sql, "TabSeparated")).await;
    String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
}

/// Waits until so many of the endless copies run in the engine.
async fn when_endless(server: &Server, count: u32) {
    let sql = "SELECT count() FROM system.processes \
               WHERE query LIKE '%cityHash64(number)%' AND query NOT LIKE '%system.processes%'";
    let until = async { while rows(server, sql).await.trim() != count.to_string() {} };
    let waited = tokio::time::timeout(PATIENCE, until).await;
    waited.unwrap_or_else(|_| panic!("not {count} endless copies run"));
}

const MADE: &str = "SELECT pipe, made FROM rookery.runs ORDER BY made, pipe";

#[tokio::test]
async fn copies_run_at_the_moments_of_their_schedules_unless_they_are_paused() {
    let hourly = noting("hourly", "COPY_SCHEDULE 0 * * * *\n");
    let witness = noting("witness", "COPY_SCHEDULE 0 * * * *\n");
    let files = [("hourly.pipe", &*hourly), ("witness.pipe", &*witness)];
    let (server, clock, _directory) = start(&files).await;
    let copies = "/v0/jobs?kind=copy";
    let (_, pipe) = server.json("/v0/pipes/hourly", ADMIN).await;
    assert_eq!(pipe["schedule"]["status"], "running", "{pipe}");

    clock.set(datetime!(2026-11-21 13:00:07 UTC));
    let jobs = when_all(&server, copies, 2, "done").await;
    assert_eq!(jobs[0]["statistics"]["rows"], 1);
    let once = "hourly\t2026-11-21 13:00:00\nwitness\t2026-11-21 13:00:00\n";
    assert_eq!(
        rows(&server, MADE).await,
        once,
        "the moment of the schedule, not of the run"
    );

    let log = "SELECT event_type, result, datasource_name, pipe_name, rows FROM tinybird.datasources_ops_log ORDER BY pipe_name";
    let answer = server.post("/v0/sql").bearer_auth(ADMIN).body(log).send();
    assert_eq!(
        answer.await.unwrap().text().await.unwrap(),
        "copy\tok\truns\thourly\t1\ncopy\tok\truns\twitness\t1\n"
    );

    let (status, pipe) = post(&server, "/v0/pipes/hourly/copy/pause").await;
    assert_eq!(
        (status, &pipe["schedule"]["status"]),
        (200, &"paused".into())
    );
    clock.set(datetime!(2026-11-21 14:00 UTC));
    when_all(&server, copies, 3, "done").await;
    let twice = format!("{once}witness\t2026-11-21 14:00:00\n");
    assert_eq!(rows(&server, MADE).await, twice);

    let (status, pipe) = post(&server, "/v0/pipes/hourly/copy/resume").await;
    assert_eq!(
        (status, &pipe["schedule"]["status"]),
        (200, &"running".into())
    );
    clock.set(datetime!(2026-11-21 15:00 UTC));
    when_all(&server, copies, 5, "done").await;
    let thrice = format!("{twice}hourly\t2026-11-21 15:00:00\nwitness\t2026-11-21 15:00:00\n");
    assert_eq!(rows(&server, MADE).await, thrice);
    server.stop().await;
}

#[tokio::test]
async fn copies_wait_for_their_turn_and_are_stopped_and_retried() {
    let quick = noting("quick", "");
    let witness = noting("witness", "COPY_SCHEDULE 0 * * * *\n");
    let files = [
        ("forever.pipe", ENDLESS),
        ("quick.pipe", &*quick),
        ("witness.pipe", &*witness),
    ];
    let (server, clock, _directory) = start(&files).await;
    let (status, endless) = post(&server, "/v0/pipes/forever/copy").await;
    assert_eq!(status, 200, "{endless}");
    when_endless(&server, 1).await;
    let (status, again) = post(&server, "/v0/pipes/forever/copy").await;
    assert_eq!((status, &again["code"]), (409, &"job_under_way".into()));
    let (_, quick) = post(&server, "/v0/pipes/quick/copy").await;
    assert_eq!(job(&server, &quick["id"]).await["status"], "waiting");

    // Both are due now; the one that is under way is left alone.
    clock.set(datetime!(2026-11-21 13:00 UTC));
    when_all(&server, "/v0/jobs?kind=copy&status=waiting", 2, "waiting").await;
    let working = when_all(&server, "/v0/jobs?kind=copy&status=working", 1, "working").await;
    assert_eq!(working[0]["id"], endless["id"]);

    let (status, cancelled) = post(&server, "/v0/pipes/forever/copy/cancel").await;
    assert_eq!(status, 200, "{cancelled}");
    assert_eq!(cancelled["jobs"][0]["id"], endless["id"]);
    when_endless(&server, 0).await;
    when_all(&server, "/v0/jobs?kind=copy&status=done", 2, "done").await;
    assert_eq!(
        rows(&server, "SELECT pipe FROM rookery.runs ORDER BY pipe").await,
        "quick\nwitness\n"
    );

    let retry = |id: &Value| format!("/v0/jobs/{}/retry", id.as_str().unwrap());
    let (status, refused) = post(&server, &retry(&quick["id"])).await;
    assert_eq!(
        (status, &refused["code"]),
        (400, &"job_not_retryable".into())
    );
    let (status, retried) = post(&server, &retry(&endless["id"])).await;
    assert_eq!(status, 200, "{retried}");
    when_endless(&server, 1).await;
    let path = format!("/v0/jobs/{}/cancel", retried["id"].as_str().unwrap());
    let (status, cancelled) = post(&server, &path).await;
    assert_eq!((status, &cancelled["status"]), (200, &"cancelled".into()));
    when_endless(&server, 0).await;

    let scratch = "SELECT count() FROM system.databases WHERE startsWith(name, 'scratch')";
    let until = async { while rows(&server, scratch).await != "0\n" {} };
    let waited = tokio::time::timeout(PATIENCE, until).await;
    waited.expect("what the copies had begun is dropped");
    server.stop().await;
}

#[tokio::test]
async fn jobs_are_listed_for_two_days() {
    let quick = noting("quick", "");
    let (server, clock, _directory) = start(&[("quick.pipe", &quick)]).await;
    let (_, started) = post(&server, "/v0/pipes/quick/copy").await;
    when_all(&server, "/v0/jobs", 1, "done").await;
    assert_eq!(rows(&server, MADE).await, "quick\t2026-11-21 12:00:00\n");
    clock.set(datetime!(2026-11-23 12:00 UTC));
    when_all(&server, "/v0/jobs", 1, "done").await;
    clock.set(datetime!(2026-11-23 12:01 UTC));
    when_all(&server, "/v0/jobs", 0, "done").await;
    assert_eq!(job(&server, &started["id"]).await["status"], "done");
    server.stop().await;
}

#[tokio::test]
async fn a_view_is_populated_as_a_job() {
    let server = Server::start().await;
    let population = "/v0/pipes/totals_by_kind_mv/nodes/totals/population?truncate=true";
    let total = "SELECT toUInt64(countMerge(events)) FROM rookery.totals_by_kind";
    let all = rows(&server, total).await;
    let own = rows(
        &server,
        "SELECT count() FROM rookery.events WHERE org = 'ua'",
    )
    .await;
    assert_ne!(own, all);

    let (status, started) = post(
        &server,
        &format!("{population}&populate_condition=org+%3D+%27ua%27"),
    )
    .await;
    assert_eq!(status, 200, "{started}");
    assert_eq!(started["job"]["id"], started["id"]);
    let jobs = when_all(&server, "/v0/jobs?kind=populateview", 1, "done").await;
    assert_eq!(jobs[0]["datasource"]["name"], "totals_by_kind");
    assert_eq!(rows(&server, total).await, own);

    let (status, _) = post(&server, population).await;
    assert_eq!(status, 200);
    when_all(&server, "/v0/jobs?kind=populateview", 2, "done").await;
    assert_eq!(rows(&server, total).await, all);
    server.stop().await;
}
