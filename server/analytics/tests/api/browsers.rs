//! What browsers need: preflights and readable headers.

use analytics::Settings;
use reqwest::Method;

use super::server::{ADMIN, Server, settings};

const PAGE: &str = "http://localhost:3000";

#[tokio::test]
async fn a_page_of_a_configured_origin_may_call_the_api() {
    let server = Server::start_with(settings()).await;
    let preflight = server
        .client
        .request(
            Method::OPTIONS,
            server.url("/v0/pipes/labels.json?from=2025-01-01"),
        )
        .header("Origin", PAGE)
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 200);
    let header = |name: &str| preflight.headers()[name].to_str().unwrap().to_lowercase();
    assert_eq!(header("access-control-allow-origin"), PAGE);
    assert!(header("access-control-allow-headers").contains("authorization"));
    assert!(header("access-control-allow-methods").contains("get"));
    assert!(
        !preflight
            .headers()
            .contains_key("access-control-allow-credentials")
    );

    // A refusal has to be readable as well: the page renews its token by it.
    for (token, status) in [(ADMIN, 200), ("expired", 403)] {
        let request = server.get("/v0/pipes/labels.json").bearer_auth(token);
        let answer = request.header("Origin", PAGE).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
        let exposed = answer.headers()["access-control-expose-headers"]
            .to_str()
            .unwrap();
        for name in ["x-ratelimit-remaining", "retry-after", "x-request-id"] {
            assert!(exposed.contains(name), "{name} is not in {exposed}");
        }
    }
    server.stop().await;
}

/// Asks whether a page may send JSON to an address with credentials.
async fn may_send_a_beacon(server: &Server) -> bool {
    let preflight = server
        .client
        .request(Method::OPTIONS, server.url("/v0/events?name=scratch"))
        .header("Origin", PAGE)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type");
    let answer = preflight.send().await.unwrap();
    let header = |name: &str| {
        let value = answer.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    header("access-control-allow-origin") == PAGE
        && header("access-control-allow-credentials") == "true"
        && header("access-control-allow-headers").contains("content-type")
}

#[tokio::test]
async fn a_page_may_send_events_as_a_beacon() {
    let server = Server::start_with(settings()).await;
    assert!(may_send_a_beacon(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn any_page_may_where_every_origin_is_allowed() {
    let settings = Settings {
        cors_origins: vec!["*".to_owned()],
        ..settings()
    };
    let server = Server::start_with(settings).await;
    assert!(may_send_a_beacon(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_may_not() {
    let server = Server::start_with(settings()).await;
    let request = server.get("/v0/pipes/labels.json").bearer_auth(ADMIN);
    let answer = request
        .header("Origin", "http://evil.example")
        .send()
        .await
        .unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    server.stop().await;
}
