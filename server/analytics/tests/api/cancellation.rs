//! A client that hangs up stops its query in the engine.

use analytics::{EngineSettings, QuerySettings, Settings};
use engine::Statement;

use super::server::{ADMIN, PATIENCE, Server, engine_settings, settings};

/// Queries of the pipe `endless` that run in the engine.
async fn running(server: &Server) -> u64 {
    let sql = "SELECT count() FROM system.processes \
               WHERE query LIKE '%cityHash64%' AND query NOT LIKE '%system.processes%'";
    let answer = server
        .running
        .engine()
        .query(Statement::read(sql, "TabSeparated"))
        .await;
    String::from_utf8_lossy(&answer.unwrap().body)
        .trim()
        .parse()
        .unwrap()
}

/// Waits until as many queries run, but not for ever.
async fn wait_for(server: &Server, count: u64) -> bool {
    let until = async {
        while running(server).await != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, until).await.is_ok()
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_its_query() {
    let patient = QuerySettings {
        deadline_seconds: 600,
        ..QuerySettings::default()
    };
    let server = Server::start_with(Settings {
        query: patient,
        ..settings()
    })
    .await;
    // A connection of its own, so that dropping the request closes it.
    let client = reqwest::Client::new();
    let request = client
        .get(server.url("/v0/pipes/endless.json"))
        .bearer_auth(ADMIN);
    let call = tokio::spawn(request.send());
    assert!(wait_for(&server, 1).await, "the query does not run");
    call.abort();
    drop(client);
    assert!(wait_for(&server, 0).await, "the query runs on");
    server.stop().await;
}

#[tokio::test]
async fn a_query_that_was_stopped_leaves_nothing_to_the_next_caller() {
    let impatient = QuerySettings {
        deadline_seconds: 1,
        ..QuerySettings::default()
    };
    let one_connection = EngineSettings {
        connections: Some(1),
        ..engine_settings()
    };
    let server = Server::start_with(Settings {
        query: impatient,
        engine: one_connection,
        ..settings()
    })
    .await;
    for _ in 0..3 {
        let stopped = server.read("/v0/pipes/endless.json", ADMIN).await;
        assert_eq!(stopped.status(), 408);
        let next = server
            .read("/v0/pipes/exported.ndjson", ADMIN)
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(next.lines().count(), 1, "{next}");
        assert!(next.starts_with(r#"{"name":"events_total""#), "{next}");
    }
    server.stop().await;
}
