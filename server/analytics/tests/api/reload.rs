//! A project that changes while it is served.

use std::path::Path;

use analytics::Settings;
use serde_json::json;

use super::server::{ADMIN, PATIENCE, Server, project, settings};

/// Copies a directory with everything below it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Asks until the answer is `status`, but not for ever.
async fn wait_for(server: &Server, path: &str, status: u16) -> serde_json::Value {
    let until = async {
        loop {
            let (found, answer) = server.json(path, ADMIN).await;
            if found == status {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, until).await.unwrap()
}

#[tokio::test]
async fn a_changed_project_is_served_and_a_wrong_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    copy(&project(), directory.path());
    let watching = Settings {
        project: directory.path().to_owned(),
        watch: true,
        ..settings()
    };
    let server = Server::start_with(watching).await;
    let pipe = directory.path().join("endpoints/fresh.pipe");
    assert_eq!(server.json("/v0/pipes/fresh.json", ADMIN).await.0, 404);

    let text =
        "TOKEN \"fresh token\" READ\nNODE endpoint\nSQL >\n    SELECT 1 AS one\nTYPE endpoint\n";
    std::fs::write(&pipe, text).unwrap();
    let answer = wait_for(&server, "/v0/pipes/fresh.json", 200).await;
    assert_eq!(answer["data"], json!([{ "one": 1 }]));
    let token = wait_for(&server, "/v0/tokens/fresh%20token", 200).await;
    assert_eq!(token["scopes"][0]["resource"], "fresh");

    std::fs::write(
        &pipe,
        text.replace("SELECT 1 AS one", "SELECT oops FROM nowhere"),
    )
    .unwrap();
    std::fs::write(
        directory.path().join("endpoints/other.pipe"),
        text.replace("fresh", "other"),
    )
    .unwrap();
    assert!(server.running.workspace().reload().await.is_err());
    assert_eq!(
        server.json("/v0/pipes/fresh.json", ADMIN).await.0,
        200,
        "the last good state"
    );
    assert_eq!(server.json("/v0/pipes/other.json", ADMIN).await.0, 404);

    std::fs::remove_file(&pipe).unwrap();
    wait_for(&server, "/v0/pipes/other.json", 200).await;
    wait_for(&server, "/v0/pipes/fresh.json", 404).await;
    server.stop().await;
}
