//! Isolated data sources: rows of different tenants share no part, and nothing
//! of an insert that brings rows of many.

use std::path::Path;

use analytics::Settings;
use engine::Statement;
use serde_json::json;
use tempfile::TempDir;

use crate::api::server::{ADMIN, Server, engine_settings};
use crate::tenancy::world::token;

const SCHEMA: &str = "SCHEMA >\n    `org` String `json:$.org`,\n    `city` LowCardinality(String) `json:$.city`,\n    `doc` JSON `json:$.doc`\n\nENGINE \"MergeTree\"\nENGINE_PARTITION_KEY \"length(city) > 4\"\nENGINE_SORTING_KEY \"city\"\n";
const ISOLATED: &str = "TAGS \"tenant=org, isolated=true\"\n\n";
const SHARED: &str = "TAGS \"tenant=org\"\n\n";

/// What one request brings.
const ROWS: &str = r#"{"org":"amber","city":"b3du","doc":{"page":1}}
{"org":"birch","city":"not base64","doc":{"page":[1],"secret":true}}
{"org":"amber","city":"Ym9hdA==","doc":{"page":2}}
{"org":"coral","city":"?","doc":{"other":"x"}}"#;

async fn start(data_source: &str) -> (Server, TempDir) {
    let project = tempfile::tempdir().unwrap();
    write(project.path(), "visits.datasource", data_source);
    let settings = Settings {
        project: project.path().to_owned(),
        engine: engine_settings(),
        ..Settings::default()
    };
    (Server::start_with(settings).await, project)
}

fn write(project: &Path, name: &str, text: &str) {
    std::fs::write(project.join(name), text).unwrap();
}

async fn append(server: &Server, rows: &str) -> String {
    let request = server
        .post("/v0/events?name=visits&wait=true")
        .bearer_auth(ADMIN)
        .body(rows.to_owned());
    request.send().await.unwrap().text().await.unwrap()
}

async fn rows(server: &Server, sql: &str) -> String {
    let statement = Statement::read(sql, "TabSeparated");
    let answer = server.running.engine().query(statement).await.unwrap();
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// Tenants in the part that has most of them.
async fn most_in_a_part(server: &Server) -> String {
    let sql = "SELECT max(tenants) FROM (SELECT uniqExact(org) AS tenants FROM rookery.visits GROUP BY _part)";
    rows(server, sql).await
}

/// What Amber is answered.
async fn asked(server: &Server, sql: &str) -> String {
    let scope = json!({ "sql": true, "type": "DATASOURCES:READ", "resource": "visits", "fixed_params": { "org": "amber" } });
    let request = server
        .post("/v0/sql")
        .bearer_auth(token("amber", json!([scope])))
        .body(sql.to_owned());
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn an_insert_of_many_tenants_leaves_nothing_of_one_with_another() {
    let (server, _project) = start(&format!("{ISOLATED}{SCHEMA}")).await;
    let answer = append(&server, ROWS).await;
    assert!(answer.contains(r#""successful_rows":4"#), "{answer}");
    assert_eq!(most_in_a_part(&server).await, "1\n");
    for (sql, expected) in [
        ("SELECT doc.page::Int64 FROM visits ORDER BY 1", "1\n2\n"),
        (
            "SELECT base64Decode(city) FROM visits ORDER BY 1",
            "boat\nown\n",
        ),
        ("SELECT distinctJSONPaths(doc) FROM visits", "['page']\n"),
    ] {
        assert_eq!(asked(&server, sql).await, expected, "{sql}");
    }
    server.stop().await;
}

#[tokio::test]
async fn rows_that_do_not_fit_leave_the_others_apart() {
    let (server, _project) = start(&format!("{ISOLATED}{SCHEMA}")).await;
    let bad = format!("{ROWS}\n{{\"org\":\"birch\",\"city\":\"x\",\"doc\":7}}");
    let answer = append(&server, &bad).await;
    assert!(
        answer.contains(r#""successful_rows":4,"quarantined_rows":1"#),
        "{answer}"
    );
    assert_eq!(most_in_a_part(&server).await, "1\n");
    assert_eq!(
        rows(&server, "SELECT count() FROM rookery.visits").await,
        "4\n"
    );
    assert_eq!(
        asked(&server, "SELECT distinctJSONPaths(doc) FROM visits").await,
        "['page']\n"
    );
    server.stop().await;
}

#[tokio::test]
async fn more_tenants_than_the_engine_takes_by_itself_come_in_one_request() {
    let plain = SCHEMA.replace(",\n    `doc` JSON `json:$.doc`", "");
    let (server, _project) = start(&format!("{ISOLATED}{plain}")).await;
    let many: String = (0..300)
        .map(|number| format!("{{\"org\":\"tenant-{number}\",\"city\":\"x\"}}\n"))
        .collect();
    let answer = append(&server, &many).await;
    assert!(answer.contains(r#""successful_rows":300"#), "{answer}");
    assert_eq!(most_in_a_part(&server).await, "1\n");
    server.stop().await;
}

#[tokio::test]
async fn isolation_of_rows_that_are_there_is_refused_as_another_partition_key_is() {
    let (server, project) = start(&format!("{SHARED}{SCHEMA}")).await;
    let workspace = server.running.workspace();
    // Without rows the table is made anew.
    for tags in [ISOLATED, SHARED] {
        write(
            project.path(),
            "visits.datasource",
            &format!("{tags}{SCHEMA}"),
        );
        assert!(workspace.reload().await.is_ok(), "{tags}");
    }
    append(&server, ROWS).await;
    assert_eq!(most_in_a_part(&server).await, "2\n");
    write(
        project.path(),
        "visits.datasource",
        &format!("{ISOLATED}{SCHEMA}"),
    );
    let error = workspace.reload().await.unwrap_err().to_string();
    assert!(
        error.contains("holds rows that this change would not keep"),
        "{error}"
    );
    server.stop().await;
}

#[tokio::test]
async fn nothing_writes_documents_of_many_tenants_at_once_where_they_are_isolated() {
    let (server, project) = start(&format!("{SHARED}{SCHEMA}")).await;
    let target = SCHEMA
        .replace(" `json:$.org`", "")
        .replace(" `json:$.city`", "")
        .replace(" `json:$.doc`", "");
    let pipe = "NODE rows\nSQL >\n    SELECT org, city, doc FROM visits\n\nTYPE materialized\nDATASOURCE seen\n";
    write(project.path(), "feed.pipe", pipe);
    let workspace = server.running.workspace();
    write(
        project.path(),
        "seen.datasource",
        &format!("{ISOLATED}{target}"),
    );
    let error = workspace.reload().await.unwrap_err().to_string();
    assert!(error.contains("would share their keys"), "{error}");
    let plain = target.replace("`doc` JSON", "`doc` String");
    write(
        project.path(),
        "seen.datasource",
        &format!("{ISOLATED}{plain}"),
    );
    let text = pipe.replace("city, doc", "city, toString(doc) AS doc");
    write(project.path(), "feed.pipe", &text);
    if let Err(error) = workspace.reload().await {
        panic!("{error}");
    }
    append(&server, ROWS).await;
    let sql = "SELECT max(tenants) FROM (SELECT uniqExact(org) AS tenants FROM rookery.seen GROUP BY _part)";
    assert_eq!(rows(&server, sql).await, "1\n");
    server.stop().await;
}
