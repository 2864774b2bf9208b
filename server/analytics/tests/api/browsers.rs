//! What browsers need: preflights and readable headers.

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
