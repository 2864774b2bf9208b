//! Running the provider: health, request ids, housekeeping, refused settings.

use http::StatusCode;
use identity::StartError;

use crate::support::*;

#[tokio::test]
async fn health_and_request_ids_are_there() {
    let house = House::new().await;
    for path in ["/idp/healthz", "/idp/readyz", "/idp/metrics"] {
        let reply = house.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        assert!(!reply.header("x-request-id").is_empty());
    }
    house.pool.close().await;
    let reply = house.get("/idp/readyz").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_is_not_there_says_so_in_the_common_envelope() {
    let house = House::new().await;
    let reply = house.get("/idp/nothing").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.json()["code"], "not_found");
}

#[tokio::test]
async fn a_failing_database_is_a_masked_error_in_each_shape() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    house.pool.close().await;

    let page = browser.get(&authorize(BASIC, &[])).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(page.is_message() && !page.body.contains("sqlx"));
    assert!(page.body.contains(page.header("x-request-id")));

    let token = house.redeem_basic("any").await;
    assert_eq!(token.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(token.json()["error"], "server_error");

    let userinfo = house.userinfo(text(&response, "access_token")).await;
    assert_eq!(userinfo.json()["error"], "server_error");
}

#[tokio::test]
async fn a_start_removes_what_has_run_out() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.ada().await;
    let page = browser.get(&authorize(BASIC, &[("prompt", "login")])).await;
    browser.fill_in(&page, ADA, "wrong").await;
    for (table, columns) in [
        ("identity_sessions", "auth_time = 1, last_seen_at = 1"),
        ("identity_failed_attempts", "forget_at = 1"),
    ] {
        house
            .execute(&format!("UPDATE {table} SET {columns}"))
            .await;
    }
    let house = house.restarted(Plan::default()).await.unwrap();
    for table in ["sessions", "grants", "failed_attempts"] {
        let rows = house
            .count(&format!("SELECT count(*) FROM identity_{table}"))
            .await;
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    type Change = fn(&mut Plan);
    let cases: [(Change, &str); 5] = [
        (
            |plan| plan.settings.issuer = Some("http://id.example".to_owned()),
            "identity.issuer",
        ),
        (
            |plan| plan.settings.code_lifetime_seconds = 600,
            "identity.code_lifetime_seconds",
        ),
        (
            |plan| plan.settings.session_idle_seconds = 0,
            "identity.session_idle_seconds",
        ),
        (|plan| plan.settings.argon2_memory_kib = 1, "Argon2"),
        (
            |plan| plan.clients[0].redirect_uris = vec!["https://a.example/#x".to_owned()],
            "rookery-web",
        ),
    ];
    for (change, expected) in cases {
        let mut plan = Plan::default();
        change(&mut plan);
        let error: StartError = House::new().await.restarted(plan).await.err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_provider_can_live_at_the_root_of_its_own_origin() {
    let mut plan = Plan::default();
    plan.settings.issuer = Some("http://127.0.0.1:7182".to_owned());
    let house = House::planned(plan).await;
    let metadata = house.get("/.well-known/openid-configuration").await.json();
    assert_eq!(
        metadata["authorization_endpoint"],
        "http://127.0.0.1:7182/authorize"
    );
    let page = house
        .get(authorize(WEB, &[]).strip_prefix("/idp").unwrap())
        .await;
    assert!(page.body.contains("action=\"/sign-in\""));
}

#[test]
fn settings_are_a_flat_section_and_unknown_keys_are_errors() {
    let settings = serde_json::to_value(identity::Settings::default()).unwrap();
    let section = settings.as_object().unwrap();
    assert!(section.values().all(|value| !value.is_object()));
    assert!(section["issuer"].is_null());
    let mistyped = serde_json::json!({"isuer": "x"});
    assert!(serde_json::from_value::<identity::Settings>(mistyped).is_err());
}
