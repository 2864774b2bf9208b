//! Tokens over their lives: made, used, refreshed, revoked, rotated.

use std::time::{Duration, Instant};

use analytics::access::{Revocation, RevocationKind, TokenStore};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use token::{Claims, Scope, SigningKey, sign};

use super::server::{ADMIN, Server, claims, jwt, options, settings, signed, unix_now};

const EVERYTHING: &str = "/v0/pipes/everything.json";

async fn post(server: &Server, path: &str, body: Value) -> Value {
    let answer = server
        .post(path)
        .bearer_auth(ADMIN)
        .json(&body)
        .send()
        .await
        .unwrap();
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_jwt_made_through_the_api_reads_its_tenant() {
    let server = Server::start().await;
    let path = format!("/v0/tokens/?expiration_time={}", unix_now() + 60);
    let scope =
        json!({"type": "PIPES:READ", "resource": "everything", "fixed_params": {"org": "b6"}});
    let made = post(&server, &path, json!({"name": "sdk", "scopes": [scope]})).await;
    let (status, answer) = server
        .json(EVERYTHING, made["token"].as_str().unwrap())
        .await;
    assert_eq!((status, &answer["rows"]), (200, &json!(2)));

    // It says its id, so that it can be revoked.
    post(
        &server,
        "/v0/tokens/revocations",
        json!({"jti": made["jti"]}),
    )
    .await;
    let (status, answer) = server
        .json(EVERYTHING, made["token"].as_str().unwrap())
        .await;
    assert_eq!((status, &answer["code"]), (403, &json!("token_revoked")));
    server.stop().await;
}

#[tokio::test]
async fn a_static_token_works_until_it_is_refreshed() {
    let server = Server::start().await;
    let made = post(
        &server,
        "/v0/tokens?name=t&scope=PIPES:READ:labels",
        json!({}),
    )
    .await;
    let (id, former) = (
        made["id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );
    assert_eq!(server.json("/v0/pipes/labels.json", former).await.0, 200);
    assert_eq!(
        server.json(&format!("/v0/tokens/{id}"), former).await.0,
        200,
        "it may see itself"
    );

    let refreshed = post(&server, &format!("/v0/tokens/{id}/refresh"), json!({})).await;
    let (status, answer) = server.json("/v0/pipes/labels.json", former).await;
    assert_eq!((status, &answer["code"]), (403, &json!("token_unknown")));
    let latter = refreshed["token"].as_str().unwrap();
    assert_eq!(server.json("/v0/pipes/labels.json", latter).await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_revocation_by_another_process_holds_within_a_second() {
    let state = tempfile::tempdir().unwrap();
    let options = options(state.path()).await;
    let running = analytics::start(settings(), options).await.unwrap();
    let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(service::serve(
        listener,
        running.router(),
        service::ConnectionSettings::default(),
        std::future::pending(),
    ));
    let user = Claims {
        sub: Some("ada".into()),
        scopes: vec![Scope::read_pipe("labels")],
        ..claims()
    };
    let token = signed(user);
    let client = reqwest::Client::new();
    let read = || {
        client
            .get(format!("{origin}/v0/pipes/labels.json"))
            .bearer_auth(&token)
            .send()
    };
    assert_eq!(read().await.unwrap().status(), 200);

    let file = SqliteConnectOptions::new().filename(state.path().join("rookery.db"));
    let elsewhere = TokenStore::new(SqlitePool::connect_with(file).await.unwrap());
    let revocation = Revocation {
        kind: RevocationKind::User,
        value: "ada".into(),
        revoked_at: unix_now(),
    };
    elsewhere.revoke(&revocation).await.unwrap();
    let revoked = Instant::now();
    while read().await.unwrap().status() == 200 {
        assert!(
            revoked.elapsed() < Duration::from_secs(5),
            "the token is still good"
        );
    }
    assert!(
        revoked.elapsed() < Duration::from_secs(1),
        "it took {:?}",
        revoked.elapsed()
    );
    running.shutdown().await;
}

#[tokio::test]
async fn keys_of_several_kinds_are_accepted_at_once() {
    let state = tempfile::tempdir().unwrap();
    let old = key_file(state.path(), "2026-10");
    let new = key_file(state.path(), "2026-11");
    let keys = token::Settings {
        signing_key: Some(new.clone()),
        verifying_keys: vec![old.clone()],
        accept_admin_token: false,
    };
    let mut options = options(state.path()).await;
    options.keys = keys.load(ADMIN).unwrap();
    let running = analytics::start(settings(), options).await.unwrap();
    let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(service::serve(
        listener,
        running.router(),
        service::ConnectionSettings::default(),
        std::future::pending(),
    ));

    let claims = Claims {
        scopes: vec![Scope::read_pipe("labels")],
        ..claims()
    };
    let by = |file: &std::path::Path, kid: &str| {
        let pem = std::fs::read_to_string(file).unwrap();
        sign(&claims, &SigningKey::eddsa_pem(kid, &pem).unwrap()).unwrap()
    };
    for (token, status) in [
        (by(&old, "2026-10"), 200),
        (by(&new, "2026-11"), 200),
        (by(&old, "2026-11"), 403),
        (signed(claims.clone()), 403),
    ] {
        let request = reqwest::Client::new().get(format!("{origin}/v0/pipes/labels.json"));
        assert_eq!(
            request.bearer_auth(token).send().await.unwrap().status(),
            status
        );
    }
    running.shutdown().await;
}

/// A fresh Ed25519 key in PKCS#8 (RFC 8410, section 7).
fn key_file(directory: &std::path::Path, kid: &str) -> std::path::PathBuf {
    use base64::Engine as _;
    const PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let seed = [
        uuid::Uuid::new_v4().into_bytes(),
        uuid::Uuid::new_v4().into_bytes(),
    ]
    .concat();
    let der = base64::engine::general_purpose::STANDARD.encode([&PREFIX[..], &seed].concat());
    let path = directory.join(format!("{kid}.pem"));
    std::fs::write(
        &path,
        format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"),
    )
    .unwrap();
    path
}

#[tokio::test]
async fn tinybird_locals_tokens_are_given_when_switched_on_and_to_local_names_only() {
    let local = analytics::Settings {
        local_bootstrap: true,
        ..settings()
    };
    let server = Server::start_with(local).await;
    let answer: Value = server
        .get("/tokens")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["workspace_admin_token"], ADMIN);
    let request = server.get("/tokens").header("Host", "rebound.example:7181");
    assert_eq!(request.send().await.unwrap().status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn a_token_shared_by_many_is_counted_once() {
    let server = Server::start().await;
    let claims = || Claims {
        limits: Some(token::Limits { rps: 1 }),
        scopes: vec![Scope::read_pipe("labels")],
        ..claims()
    };
    let one = signed(Claims {
        jti: Some("1".into()),
        ..claims()
    });
    let other = signed(Claims {
        jti: Some("2".into()),
        ..claims()
    });
    assert_eq!(
        server.read("/v0/pipes/labels.json", &one).await.status(),
        200
    );
    assert_eq!(
        server.read("/v0/pipes/labels.json", &other).await.status(),
        429
    );
    let of_another_name = jwt("else", vec![Scope::read_pipe("labels")]);
    assert_eq!(
        server
            .read("/v0/pipes/labels.json", &of_another_name)
            .await
            .status(),
        200
    );
    server.stop().await;
}
