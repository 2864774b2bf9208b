//! What holds for every address of the provider.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use identity::Running;

use crate::support::House;

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_browsers() {
    let house = House::new().await;
    let known = Running::addresses();
    assert!(known.len() > 10, "{known:?}");
    for address in known.into_iter().chain(["/nothing/here"]) {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            let request = Request::builder()
                .method(method)
                .uri(format!("/idp{address}"))
                .body(Body::empty())
                .unwrap();
            let reply = house.send(request).await;
            let context = format!("{method} {address} {:?}", reply.headers);
            assert_eq!(
                reply.header("x-content-type-options"),
                "nosniff",
                "{context}"
            );
            let policy = reply.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{context}");
            assert!(policy.contains("default-src 'none'"), "{context}");
            assert_eq!(
                reply.header("cross-origin-opener-policy"),
                "same-origin",
                "{context}"
            );
            assert!(!reply.header("referrer-policy").is_empty(), "{context}");
            if reply.status.is_client_error() || reply.status.is_server_error() {
                assert_eq!(reply.header("cache-control"), "no-store", "{context}");
            }
        }
    }
}

#[tokio::test]
async fn no_other_site_signs_anybody_in_or_out() {
    let house = House::new().await;
    house.browser().ada().await;
    for address in Running::addresses() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("/idp{address}"))
                .header("sec-fetch-site", "cross-site")
                .header("origin", "https://evil.example")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Body::empty())
                .unwrap();
            let reply = house.send(request).await;
            assert_ne!(reply.status, StatusCode::OK, "{method} {address}");
            assert!(
                !reply.headers.contains_key("set-cookie"),
                "{method} {address}"
            );
        }
    }
    assert_eq!(
        house.count("SELECT count(*) FROM identity_sessions").await,
        1
    );
}
