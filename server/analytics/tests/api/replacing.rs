//! Rows that take the place of others while people read and write.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use analytics::{Running, Settings};
use engine::Statement;
use serde_json::Value;

use super::reload::copy;
use super::server::{ADMIN, PATIENCE, Server, project, settings};

async fn rows(server: &Server, sql: &str) -> String {
    let request = server.post("/v0/sql").bearer_auth(ADMIN);
    let answer = request.body(sql.to_owned()).send().await.unwrap();
    answer.text().await.unwrap()
}

async fn post(server: &Server, path: &str, body: String) -> (u16, Value) {
    let request = server.post(path).bearer_auth(ADMIN).body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Serves the cases' project with further files, and its fixtures.
async fn serve(directory: &Path, files: &[(&str, &str)]) -> Server {
    copy(&project(), directory);
    for (file, text) in files {
        std::fs::write(directory.join(file), text).unwrap();
    }
    Server::start_with_fixtures(Settings {
        project: directory.to_owned(),
        ..settings()
    })
    .await
}

fn click(amount: u32) -> String {
    format!(
        "{{\"at\":\"2025-01-01 08:00:00\",\"org\":\"ua\",\"kind\":\"click\",\"amount\":{amount}}}\n"
    )
}

/// Waits until nothing of a replacement is left.
async fn nothing_is_left(running: &Running) {
    let count = "SELECT count() FROM system.databases WHERE startsWith(name, 'scratch_')";
    let until = async {
        loop {
            let statement = Statement::read(count, "TSVRaw");
            let answer = running.engine().query(statement).await.unwrap();
            if answer.body.starts_with(b"0") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, until).await.unwrap();
}

#[tokio::test]
async fn readers_see_the_old_rows_or_the_new_ones_and_never_a_mixture() {
    const ROWS: usize = 500;
    const PATH: &str = "/v0/datasources?mode=replace&name=sheet&format=csv";

    let server = Arc::new(Server::start().await);
    let file = |label: usize| {
        let lines = (0..ROWS).map(|row| format!("{row},{label}\n"));
        lines.fold("a,b\n".to_owned(), |file, line| file + &line)
    };
    assert_eq!(post(&server, PATH, file(0)).await.0, 200);
    let is_over = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let (server, is_over) = (Arc::clone(&server), Arc::clone(&is_over));
        async move {
            let mut seen = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                seen.push(rows(&server, "SELECT count(), min(b) = max(b) FROM sheet").await);
            }
            seen
        }
    });
    for label in 1..=10 {
        let path = match label % 2 {
            0 => PATH.to_owned(),
            _ => format!("{PATH}&replace_condition=b%20%3C%20%27x%27"),
        };
        let (status, answer) = post(&server, &path, file(label)).await;
        assert_eq!(
            (status, &answer["successful_rows"]),
            (200, &ROWS.into()),
            "{answer}"
        );
    }
    is_over.store(true, Ordering::Relaxed);
    let seen = reading.await.unwrap();
    assert!(!seen.is_empty());
    for answer in seen {
        assert_eq!(answer, format!("{ROWS}\t1\n"));
    }
    assert_eq!(rows(&server, "SELECT DISTINCT b FROM sheet").await, "10\n");
    nothing_is_left(&server.running).await;
    Arc::into_inner(server).unwrap().stop().await;
}

#[tokio::test]
async fn rows_that_come_in_while_others_are_replaced_are_not_lost() {
    const EVENTS: usize = 60;
    const PATH: &str =
        "/v0/datasources?mode=replace&name=scratch&format=ndjson&replace_condition=org%3D%27ua%27";

    let server = Arc::new(Server::start().await);
    let is_over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (server, is_over) = (Arc::clone(&server), Arc::clone(&is_over));
        async move {
            for n in 0..EVENTS {
                let row = format!("{{\"org\":\"b6\",\"n\":{n}}}\n");
                let (status, answer) =
                    post(&server, "/v0/events?name=scratch&wait=true", row).await;
                assert_eq!(status, 200, "{answer}");
            }
            is_over.store(true, Ordering::Relaxed);
        }
    });
    let mut replaced = 0;
    while !is_over.load(Ordering::Relaxed) || replaced == 0 {
        replaced += 1;
        let row = format!("{{\"org\":\"ua\",\"n\":{replaced}}}\n");
        let (status, answer) = post(&server, PATH, row).await;
        assert_eq!(status, 200, "{answer}");
    }
    writing.await.unwrap();
    let found = rows(
        &server,
        "SELECT org, count(), uniqExact(n), max(n) FROM scratch GROUP BY org ORDER BY org",
    );
    assert_eq!(
        found.await,
        format!(
            "b6\t{EVENTS}\t{EVENTS}\t{}\nua\t1\t1\t{replaced}\n",
            EVENTS - 1
        )
    );
    Arc::into_inner(server).unwrap().stop().await;
}

#[tokio::test]
async fn a_condition_reaches_into_partitions_and_leaves_the_rest_whole() {
    let directory = tempfile::tempdir().unwrap();
    let months = "SCHEMA >\n    day Date,\n    kind Nullable(String),\n    n UInt32\n\
                  ENGINE MergeTree\nENGINE_PARTITION_KEY toYYYYMM(day)\nENGINE_SORTING_KEY day\n";
    let server = serve(
        directory.path(),
        &[("datasources/months.datasource", months)],
    )
    .await;
    let old = "day,kind,n\n2025-01-01,a,1\n2025-02-01,a,2\n2025-02-02,b,3\n2025-02-03,,4\n2025-03-01,b,5\n";
    let append = "/v0/datasources?mode=append&name=months&format=csv";
    assert_eq!(post(&server, append, old.to_owned()).await.0, 200);
    let parts = "SELECT sum(rows) FROM system.parts WHERE active AND table = 'months'";
    let replace = "/v0/datasources?mode=replace&name=months&format=csv&replace_condition=\
                   kind%3D%27a%27%20AND%20day%20%3E%3D%20%272025-02-01%27";
    let new = "day,kind,n\n2025-02-09,a,20\n2025-04-01,a,40\n2025-04-02,b,400\n";
    let (status, answer) = post(&server, replace, new.to_owned()).await;
    assert_eq!(
        (status, &answer["successful_rows"]),
        (200, &2.into()),
        "{answer}"
    );
    assert_eq!(
        rows(&server, "SELECT n FROM months ORDER BY n").await,
        "1\n3\n4\n5\n20\n40\n",
        "a row for which the condition is NULL stays"
    );
    let statement = Statement::read(parts, "TSVRaw");
    let answer = server.running.engine().query(statement).await.unwrap();
    assert_eq!(&answer.body[..], b"6\n", "no row is there twice");
    server.stop().await;
}

/// A data source of organizations' kinds, for views to fill.
const KINDS: (&str, &str) = (
    "datasources/kinds_seen.datasource",
    "TAGS \"tenant=org\"\nSCHEMA >\n    org String,\n    kind String\n\
     ENGINE ReplacingMergeTree\nENGINE_SORTING_KEY org, kind\n",
);
const REPLACE_EVENTS: &str = "/v0/datasources?mode=replace&name=events";
const TOTALS: &str =
    "SELECT kind, sumMerge(amount) FROM totals_by_kind GROUP BY kind ORDER BY kind FORMAT CSV";

#[tokio::test]
async fn what_views_made_of_all_replaced_rows_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let chained = "NODE seen\nSQL >\n    SELECT org, kind FROM totals_by_kind\n\
                   TYPE materialized\nDATASOURCE kinds_seen\n";
    let second = "NODE notes\nSQL >\n    SELECT org, 'noted' AS kind, countState() AS events,\n    \
                  sumState(amount) AS amount\n    FROM events GROUP BY org, kind\n\
                  TYPE materialized\nDATASOURCE totals_by_kind\n";
    let files = [
        KINDS,
        ("materializations/kinds_seen_mv.pipe", chained),
        ("materializations/noted_mv.pipe", second),
    ];
    let server = serve(directory.path(), &files).await;
    let kinds = "SELECT arraySort(groupUniqArray(kind)) FROM kinds_seen";
    assert_eq!(
        rows(&server, kinds).await,
        "['buy','click','noted','view']\n"
    );

    let (status, answer) = post(&server, REPLACE_EVENTS, click(1000)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        rows(&server, TOTALS).await,
        "\"click\",1000\n\"noted\",1000\n"
    );
    assert_eq!(rows(&server, kinds).await, "['click','noted']\n");

    let append = "/v0/events?name=events&wait=true";
    assert_eq!(post(&server, append, click(100)).await.0, 200);
    assert_eq!(
        rows(&server, TOTALS).await,
        "\"click\",1100\n\"noted\",1100\n"
    );
    nothing_is_left(&server.running).await;
    server.stop().await;
}

#[tokio::test]
async fn what_views_made_of_other_rows_is_not_thrown_away() {
    let directory = tempfile::tempdir().unwrap();
    let raw = "TAGS \"tenant=org\"\nSCHEMA >\n    org String `json:$.org`,\n    \
               kind String `json:$.kind`\nENGINE Null\n";
    let view = |source: &str| {
        format!(
            "NODE seen\nSQL >\n    SELECT org, kind FROM {source}\n\
             TYPE materialized\nDATASOURCE kinds_seen\n"
        )
    };
    let files = [
        KINDS,
        ("datasources/raw.datasource", raw),
        ("materializations/raw_mv.pipe", &view("raw")),
        ("materializations/events_mv.pipe", &view("events")),
    ];
    let server = serve(directory.path(), &files).await;
    let row = "{\"org\":\"ua\",\"kind\":\"passing\"}\n".to_owned();
    assert_eq!(
        post(&server, "/v0/events?name=raw&wait=true", row).await.0,
        200
    );
    let (status, answer) = post(&server, REPLACE_EVENTS, click(1)).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &"feeds_views".into()),
        "{answer}"
    );
    let found = "SELECT (SELECT count() FROM events), (SELECT uniqExact(kind) FROM kinds_seen)";
    assert_eq!(rows(&server, found).await, "6\t4\n");
    assert!(answer["error"].to_string().contains("`raw`"), "{answer}");
    nothing_is_left(&server.running).await;
    let (status, answer) = post(
        &server,
        "/v0/datasources?mode=replace&name=raw",
        "{\"org\":\"ua\",\"kind\":\"x\"}\n".to_owned(),
    )
    .await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &"nothing_to_replace".into()),
        "{answer}"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_view_is_left_as_it_is_if_asked_for_and_goes_on() {
    let server = Server::start().await;
    let merged = "SELECT sumMerge(amount) FROM totals_by_kind WHERE kind = 'click'";
    assert_eq!(rows(&server, merged).await, "14\n");
    let path = "/v0/datasources?mode=replace&name=events&skip_incompatible_partition_key=true";
    let (status, answer) = post(&server, path, click(1000)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        rows(&server, "SELECT sum(amount) FROM events").await,
        "1000\n"
    );
    assert_eq!(rows(&server, merged).await, "14\n");

    let append = "/v0/events?name=events&wait=true";
    assert_eq!(post(&server, append, click(100)).await.0, 200);
    assert_eq!(rows(&server, merged).await, "114\n");

    assert!(
        server.running.workspace().reload().await.unwrap().is_none(),
        "the project is applied as it was"
    );
    let own = Statement::read(
        "SELECT countIf(comment LIKE '%definition%') FROM system.tables WHERE name = 'events'",
        "TSVRaw",
    );
    let answer = server.running.engine().query(own).await.unwrap();
    assert_eq!(
        &answer.body[..],
        b"1\n",
        "what is known of the table stays with it"
    );
    server.stop().await;
}
