//! Materialized views fed over HTTP.

use analytics::Settings;
use engine::Statement;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::{ADMIN, Server, settings};

async fn serve(files: &[(&str, &str)]) -> (Server, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let settings = Settings {
        project: directory.path().to_owned(),
        ..settings()
    };
    (Server::start_with(settings).await, directory)
}

async fn send(server: &Server, body: &str) -> (u16, Value) {
    let request = server.post("/v0/events?name=events&wait=true");
    let answer = request.bearer_auth(ADMIN).body(body.to_owned()).send();
    let answer = answer.await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn rows(server: &Server, sql: &str) -> String {
    let answer = server.running.engine();
    let answer = answer.query(Statement::read(sql, "TabSeparated")).await;
    String::from_utf8(answer.unwrap().body.to_vec()).unwrap()
}

const EVENTS: (&str, &str) = (
    "events.datasource",
    "SCHEMA >\n    `day` Date `json:$.day`,\n    `user` String `json:$.user`\nENGINE_SORTING_KEY day\n",
);
const DAILY: (&str, &str) = (
    "daily.datasource",
    "SCHEMA >\n    `day` Date,\n    `events` AggregateFunction(count),\n    `users` AggregateFunction(uniq, String)\n\
     ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY day\n",
);
const DAILY_VIEW: (&str, &str) = (
    "daily_view.pipe",
    "NODE by_day\nSQL >\n    SELECT day, countState() AS events, uniqState(user) AS users FROM events GROUP BY day\n\
     TYPE materialized\nDATASOURCE daily\n",
);
const MONTHLY: (&str, &str) = (
    "monthly.datasource",
    "SCHEMA >\n    `month` Date,\n    `events` AggregateFunction(count),\n    `users` AggregateFunction(uniq, String)\n\
     ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY month\n",
);
const MONTHLY_VIEW: (&str, &str) = (
    "monthly_view.pipe",
    "NODE by_month\nSQL >\n    SELECT toStartOfMonth(day) AS month, countMergeState(events) AS events, uniqMergeState(users) AS users\n    \
     FROM daily GROUP BY month\nTYPE materialized\nDATASOURCE monthly\n",
);
const ENDPOINT: (&str, &str) = (
    "months.pipe",
    "NODE endpoint\nSQL >\n    SELECT month, countMerge(events) AS events, uniqMerge(users) AS users\n    \
     FROM monthly GROUP BY month ORDER BY month\nTYPE endpoint\n",
);

async fn months(server: &Server) -> Value {
    server.json("/v0/pipes/months.json", ADMIN).await.1["data"].take()
}

#[tokio::test]
async fn a_chain_of_views_carries_states_and_takes_up_what_was_there() {
    let (server, directory) = serve(&[EVENTS]).await;
    let january = r#"{"day":"2026-01-01","user":"ada"}
{"day":"2026-01-02","user":"ada"}
{"day":"2026-01-02","user":"ben"}
"#;
    assert_eq!(send(&server, january).await.0, 200);
    for (name, text) in [DAILY, DAILY_VIEW, MONTHLY, MONTHLY_VIEW, ENDPOINT] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let applied = server.running.workspace().reload().await.unwrap().unwrap();
    assert_eq!(applied.populated, ["daily_view", "monthly_view"]);
    assert_eq!(
        months(&server).await,
        json!([{ "month": "2026-01-01", "events": 3, "users": 2 }])
    );

    let more = r#"{"day":"2026-01-31","user":"eve"}
{"day":"2026-02-01","user":"ada"}
{"day":"2026-02-01"}
"#;
    let (status, answer) = send(&server, more).await;
    assert_eq!((status, &answer["quarantined_rows"]), (200, &json!(1)));
    assert_eq!(
        months(&server).await,
        json!([{ "month": "2026-01-01", "events": 4, "users": 3 },
               { "month": "2026-02-01", "events": 1, "users": 1 }])
    );
    server.stop().await;
}

#[tokio::test]
async fn a_view_that_fails_is_reported_and_what_was_written_stays_written_once() {
    let users = (
        "users.datasource",
        "SCHEMA >\n    `user` String\nENGINE_SORTING_KEY user\n",
    );
    let fails = (
        "fails.pipe",
        "NODE f\nSQL >\n    SELECT user FROM events WHERE throwIf(user = 'eve', 'a secret of the view') = 0\n\
         TYPE materialized\nDATASOURCE users\n",
    );
    let files = [EVENTS, DAILY, DAILY_VIEW, users, fails];
    let (server, _directory) = serve(&files).await;
    let mixed = r#"{"day":"2026-01-01","user":"ada"}
{"day":"2026-01-01","user":"eve"}
{"day":"while pushing to view rookery.`view.daily_view`.","user":"ben"}
"#;
    let (status, answer) = send(&server, mixed).await;
    assert_eq!(
        (status, &answer["code"]),
        (422, &json!("view_failed")),
        "{answer}"
    );
    assert!(!answer.to_string().contains("secret"), "{answer}");
    let written = "SELECT user FROM rookery.events ORDER BY user";
    assert_eq!(rows(&server, written).await, "ada\neve\n");
    let quarantined = "SELECT user FROM rookery.events_quarantine";
    assert_eq!(rows(&server, quarantined).await, "ben\n");
    let seen = "SELECT countMerge(events) FROM rookery.daily";
    assert_eq!(rows(&server, seen).await, "2\n", "other views have them");
    assert_eq!(rows(&server, "SELECT user FROM rookery.users").await, "");

    let (status, _) = send(&server, r#"{"day":"2026-01-02","user":"dan"}"#).await;
    assert_eq!(status, 200, "rows it takes are taken");
    assert_eq!(
        rows(&server, "SELECT user FROM rookery.users").await,
        "dan\n"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_bad_row_after_a_million_good_ones_doubles_none() {
    let flags = (
        "events.datasource",
        "SCHEMA >\n    `n` UInt8 `json:$.n` DEFAULT 1\nENGINE_SORTING_KEY n\n",
    );
    let (server, _directory) = serve(&[flags]).await;
    // More than ClickHouse reads into one block by itself.
    let mut body = "{}\n".repeat(1_060_000);
    body.push_str("{\"n\":\"many\"}\n");
    let (status, answer) = send(&server, &body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (&answer["successful_rows"], &answer["quarantined_rows"]),
        (&json!(1_060_000), &json!(1))
    );
    let count = "SELECT count() FROM rookery.events";
    assert_eq!(rows(&server, count).await, "1060000\n");
    server.stop().await;
}
