//! Pages and files: what they carry, what browsers may do with them, and how
//! they are cached.

use std::fs;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::{Method, StatusCode, header};

use crate::house::{House, ORIGIN};

#[tokio::test]
async fn a_page_carries_the_token_in_its_header_and_in_itself() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let page = browser.get("/token").await;
    assert_eq!(page.status, StatusCode::OK);
    let token = page.header("x-tinybird-token").to_owned();
    assert_eq!(house.fixed(&token).0, "dl");
    assert!(
        page.body.contains(&token),
        "the token is there on first paint"
    );
    assert_eq!(page.header("x-org-name"), "Delta Air Lines");
    assert_eq!(page.header("cache-control"), "no-store, private");
    assert_eq!(page.header("vary"), "Cookie");
}

#[tokio::test]
async fn the_header_and_the_page_agree_on_a_fresh_nonce() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let page = browser.get("/").await;
        let policy = page.header("content-security-policy").to_owned();
        let nonce = policy
            .split("'nonce-")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap()
            .to_owned();
        let scripts: Vec<&str> = page
            .body
            .match_indices("<script")
            .map(|(at, _)| &page.body[at..])
            .collect();
        assert!(!scripts.is_empty());
        for script in scripts {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{tag}");
        }
        seen.push(nonce);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn every_answer_tells_browsers_what_they_may_do() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    for address in ["/", "/api/token", "/auth/callback", "/nowhere"] {
        let answer = browser.get(address).await;
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "'strict-dynamic' 'wasm-unsafe-eval'",
            "connect-src 'self' http://localhost:7181;",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self';",
        ] {
            assert!(policy.contains(part), "{address}: {policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(
            answer.header("strict-transport-security"),
            "",
            "not on plain http"
        );
        assert!(answer.headers.contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn https_is_asked_for_ever_after() {
    let mut house = House::new().await;
    house.settings.origin = "https://app.example.com".to_owned();
    let mut browser = house.browser().await;
    assert!(
        browser
            .get("/")
            .await
            .header("strict-transport-security")
            .starts_with("max-age=")
    );
}

#[tokio::test]
async fn an_address_without_a_page_is_answered_by_one() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let answer = browser.get("/nowhere/at-all").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(
        answer.body.starts_with("<!DOCTYPE html>"),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("cache-control"), "no-store, private");
    assert_eq!(house.fixed(answer.header("x-tinybird-token")).0, "dl");

    let answer = browser.get("/api/nowhere").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.json()["code"], "no_such_address");
    let own = [("origin", ORIGIN)];
    let answer = browser.send(Method::POST, "/nowhere", "", &own).await;
    assert_eq!(answer.json()["code"], "no_such_address");
    let answer = browser.send(Method::POST, "/token", "", &own).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_theme_a_visitor_chose_is_in_the_first_html() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    assert!(!browser.get("/").await.body.contains("data-theme"));
    browser
        .cookies
        .insert("theme".to_owned(), "dark".to_owned());
    assert!(browser.get("/").await.body.contains("data-theme=\"dark\""));
    browser
        .cookies
        .insert("theme".to_owned(), "neon".to_owned());
    assert!(!browser.get("/").await.body.contains("data-theme"));
}

/// A built site with hashed names.
async fn built_house() -> House {
    let mut house = House::new().await;
    let root = house.files.path().to_owned();
    fs::create_dir(root.join("pkg")).unwrap();
    fs::write(root.join("pkg/rookery.1a2b3c.js"), "plain").unwrap();
    fs::write(root.join("pkg/rookery.1a2b3c.js.br"), "brotli").unwrap();
    fs::write(root.join("pkg/rookery.1a2b3c.js.gz"), "gzip").unwrap();
    fs::write(root.join("pkg/old.js"), "old").unwrap();
    fs::write(root.join("favicon.svg"), "<svg/>").unwrap();
    fs::write(root.join("hash.txt"), "js: 1a2b3c\ncss: 4d5e6f\n").unwrap();
    house.settings.hash_file = Some(root.join("hash.txt"));
    house
}

#[tokio::test]
async fn files_with_a_hash_in_their_name_are_kept_for_ever() {
    let house = built_house().await;
    let mut browser = house.signed_in().await;
    let hashed = browser.get("/pkg/rookery.1a2b3c.js").await;
    assert_eq!(hashed.status, StatusCode::OK);
    assert_eq!(
        hashed.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    for address in ["/pkg/old.js", "/favicon.svg"] {
        let other = browser.get(address).await;
        assert_eq!(other.status, StatusCode::OK);
        assert_eq!(other.header("cache-control"), "no-cache");
    }
    let missing = browser.get("/pkg/other.1a2b3c.js").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(
        missing.header("cache-control"),
        "no-cache",
        "a build may be under way"
    );
}

#[tokio::test]
async fn files_are_the_same_for_everybody() {
    let house = built_house().await;
    let mut browser = house.signed_in().await;
    for address in ["/pkg/rookery.1a2b3c.js", "/favicon.svg", "/pkg/missing.js"] {
        let file = browser.get(address).await;
        for name in ["x-tinybird-token", "x-org-name", "set-cookie"] {
            assert!(!file.headers.contains_key(name), "{address} has {name}");
        }
        assert_eq!(file.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn files_come_compressed_as_the_build_left_them() {
    let house = built_house().await;
    let mut browser = house.browser().await;
    for (accepted, encoding, content) in [
        ("gzip, br", "br", "brotli"),
        ("gzip", "gzip", "gzip"),
        ("identity", "", "plain"),
    ] {
        let headers = [("accept-encoding", accepted)];
        let file = browser
            .send(Method::GET, "/pkg/rookery.1a2b3c.js", "", &headers)
            .await;
        assert_eq!(
            (file.header("content-encoding"), file.body.as_str()),
            (encoding, content)
        );
        assert_eq!(file.header("content-type"), "text/javascript");
    }
}

#[tokio::test]
async fn files_outside_the_site_are_out_of_reach() {
    let house = built_house().await;
    fs::write(house.files.path().join("../outside-the-site.txt"), "secret").ok();
    let mut browser = house.browser().await;
    for address in [
        "/pkg/../hash.txt",
        "/%2e%2e/outside-the-site.txt",
        "/..%2foutside-the-site.txt",
    ] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        assert!(!answer.body.contains("secret"));
    }
    fs::remove_file(house.files.path().join("../outside-the-site.txt")).ok();
}

#[tokio::test]
async fn pages_ask_for_the_hashed_names() {
    let house = built_house().await;
    let page = house.browser().await.get("/").await;
    assert!(
        page.body.contains("/pkg/rookery.1a2b3c.js"),
        "{}",
        page.body
    );
    assert!(page.body.contains("/pkg/rookery.4d5e6f.css"));
}

#[tokio::test]
async fn a_page_asks_the_analytics_server_over_http_with_its_token() {
    let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let analytics = {
        let asked = Arc::clone(&asked);
        Router::new().fallback(move |request: Request| async move {
            let token = request.headers()[header::AUTHORIZATION]
                .to_str()
                .unwrap()
                .to_owned();
            asked
                .lock()
                .unwrap()
                .push((request.uri().path().to_owned(), token));
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        })
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut house = House::new().await;
    let address = listener.local_addr().unwrap();
    house.settings.analytics_internal_origin = Some(format!("http://{address}"));
    tokio::spawn(async move { axum::serve(listener, analytics).await });

    let mut browser = house.signed_in().await;
    let page = browser.get("/dashboard").await;
    assert_eq!(page.status, StatusCode::OK);
    let bearer = format!("Bearer {}", page.header("x-tinybird-token"));
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty());
    for (path, token) in asked.iter() {
        assert!(path.starts_with("/v0/pipes/"), "{path}");
        assert_eq!(*token, bearer);
    }
}
