//! Requests that are long, and those that are too long.

use serde_json::Value;

use super::server::{ADMIN, Server, settings};

const LIMIT: usize = 8 * 1024 * 1024;

async fn send(server: &Server, path: &str, media_type: &str, body: String) -> (u16, String) {
    let request = server.post(path).header("Content-Type", media_type);
    let answer = request.bearer_auth(ADMIN).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn long_sql_is_answered_wherever_it_stands() {
    let server = Server::start_with(settings()).await;
    let sql = format!("SELECT length('{}')", "a".repeat(3_000_000));
    for (media_type, body) in [
        ("text/plain", sql.clone()),
        (FORM, format!("q={sql}")),
        ("application/json", format!("{{\"q\":\"{sql}\"}}")),
    ] {
        let (status, text) = send(&server, "/v0/sql", media_type, body).await;
        assert_eq!((status, text.as_str()), (200, "3000000\n"), "{media_type}");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_is_too_long_is_told_its_limit() {
    let mut settings = settings();
    settings.limits.event_bytes = 1000;
    settings.limits.file_bytes = 2000;
    let server = Server::start_with(settings).await;
    let rows = "{\"org\":\"ua\",\"n\":1}\n".repeat(200);
    let long = "a".repeat(LIMIT);
    for (path, media_type, body, limit) in [
        ("/v0/sql", "text/plain", format!("SELECT '{long}'"), LIMIT),
        ("/v0/sql", FORM, format!("q=SELECT '{long}'"), LIMIT),
        ("/v0/pipes/labels.json", FORM, format!("a={long}"), LIMIT),
        ("/v0/events?name=scratch", "", rows.clone(), 1000),
        ("/v1/datasources/scratch/append", "", rows.clone(), 2000),
        ("/v0/datasources?name=scratch", "", rows.clone(), 2000),
        ("/v0/analyze", "", rows.clone(), 2000),
    ] {
        let (status, text) = send(&server, path, media_type, body).await;
        assert_eq!(status, 413, "{path}: {text}");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(error["code"], "too_large");
        let said = error["error"].as_str().unwrap();
        assert!(said.contains(&limit.to_string()), "{path}: {said}");
    }
    server.stop().await;
}
