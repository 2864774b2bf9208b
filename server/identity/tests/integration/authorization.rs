//! Rules of the authorization endpoint beyond the conformance plan.

use http::{Method, StatusCode, header};

use crate::support::*;

#[tokio::test]
async fn every_answer_names_the_issuer() {
    let house = House::new().await;
    let refused = house.get(&authorize(WEB, &[("prompt", "none")])).await;
    assert_eq!(refused.answer()["iss"], ISSUER);
    let granted = house.browser().sign_in(&authorize(WEB, &[]), ADA).await;
    assert_eq!(granted.answer()["iss"], ISSUER);
}

#[tokio::test]
async fn the_state_comes_back_to_the_byte() {
    let house = House::new().await;
    let mut browser = house.browser();
    for state in [
        "a b+c%2B&d=e#f",
        "\"<script>'é\u{1F426}",
        "~._-",
        "{\"x\":[1]}",
    ] {
        let refused = house
            .get(&authorize(WEB, &[("state", state), ("prompt", "none")]))
            .await;
        assert_eq!(refused.answer()["state"], state);
        let request = authorize(WEB, &[("state", state), ("prompt", "login")]);
        let granted = browser.sign_in(&request, ADA).await;
        assert_eq!(granted.answer()["state"], state);
    }
}

#[tokio::test]
async fn without_a_state_none_is_made_up() {
    let house = House::new().await;
    let refused = house.get(&authorize(WEB, &[("prompt", "none")])).await;
    assert!(!refused.answer().contains_key("state"));
}

#[tokio::test]
async fn a_redirect_uri_with_a_query_keeps_it() {
    let house = House::new().await;
    let uri = format!("{REDIRECT}?two=1");
    let reply = house
        .browser()
        .sign_in(&authorize(WEB, &[("redirect_uri", &uri)]), ADA)
        .await;
    assert!(reply.location().starts_with(&format!("{uri}&code=")));
}

#[tokio::test]
async fn pkce_cannot_be_left_out_or_weakened() {
    let house = House::new().await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let plain = [("code_challenge_method", "plain")];
    let unnamed = [("code_challenge_method", "")];
    for variation in [&without[..], &plain, &unnamed] {
        let reply = house.get(&authorize(WEB, variation)).await;
        assert_eq!(reply.error(), "invalid_request", "{variation:?}");
    }
}

#[tokio::test]
async fn duplicated_parameters_are_refused() {
    let house = House::new().await;
    let reply = house
        .get(&format!("{}&scope=openid", authorize(WEB, &[])))
        .await;
    assert_eq!(reply.error(), "invalid_request");
    let reply = house
        .get(&format!("{}&client_id=basic", authorize(WEB, &[])))
        .await;
    assert!(reply.is_message());
}

#[tokio::test]
async fn parameters_that_are_not_utf_8_reach_no_client() {
    let house = House::new().await;
    let reply = house
        .get(&format!("{}&state=%FF", authorize(WEB, &[])))
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.is_message());
}

#[tokio::test]
async fn an_error_page_never_repeats_the_request() {
    let house = House::new().await;
    let payload = "zq<script>alert(1)</script>";
    for variation in [("client_id", payload), ("redirect_uri", payload)] {
        let reply = house.get(&authorize(WEB, &[variation])).await;
        assert!(
            reply.is_message() && !reply.body.contains("zq"),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn a_hint_of_another_person_asks_again_or_says_so() {
    let house = House::new().await;
    let cleo = house
        .browser()
        .sign_in(&authorize(BASIC, &[]), "cleo@delta.example")
        .await;
    let cleo = house.redeem_basic(&cleo.code()).await.json();
    let hint = ("id_token_hint", text(&cleo, "id_token"));

    let mut browser = house.browser();
    browser.ada().await;
    let silent = browser
        .get(&authorize(BASIC, &[hint, ("prompt", "none")]))
        .await;
    assert_eq!(silent.error(), "login_required");

    let page = browser.get(&authorize(BASIC, &[hint])).await;
    assert!(page.is_sign_in_page());
    let as_ada = browser.fill_in(&page, ADA, PASSWORD).await;
    assert_eq!(as_ada.error(), "login_required");
    let as_cleo = browser.fill_in(&page, "cleo@delta.example", PASSWORD).await;
    as_cleo.code();
}

#[tokio::test]
async fn a_hint_that_is_not_ours_is_refused() {
    let house = House::new().await;
    let reply = house
        .get(&authorize(
            WEB,
            &[("id_token_hint", "eyJhbGciOiJub25lIn0.e30.")],
        ))
        .await;
    assert_eq!(reply.error(), "invalid_request");
}

#[tokio::test]
async fn max_age_0_always_asks() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.ada().await;
    house
        .execute("UPDATE identity_sessions SET auth_time = auth_time + 1000")
        .await;
    let reply = browser.get(&authorize(BASIC, &[("max_age", "0")])).await;
    assert!(reply.is_sign_in_page());
    let silent = [("max_age", "0"), ("prompt", "none")];
    let reply = browser.get(&authorize(BASIC, &silent)).await;
    assert_eq!(reply.error(), "login_required");
}

#[tokio::test]
async fn a_login_hint_is_filled_in_and_escaped() {
    let house = House::new().await;
    let hint = "\"><script>alert(1)</script>";
    let page = house.get(&authorize(WEB, &[("login_hint", hint)])).await;
    assert!(page.is_sign_in_page());
    assert!(!page.body.contains("<script"));
    assert!(page.body.contains("&quot;&gt;&lt;script&gt;"));
}

#[tokio::test]
async fn only_get_and_post_are_answered_and_no_other_origin_is_let_in() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.ada().await;
    let before = house.count("SELECT count(*) FROM identity_grants").await;
    for method in [Method::HEAD, Method::OPTIONS, Method::PUT] {
        let request = http::Request::builder()
            .method(method.clone())
            .uri(authorize(BASIC, &[]))
            .header(header::ORIGIN, "https://evil.example")
            .header("access-control-request-method", "GET");
        let reply = browser.send(request, String::new()).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(!reply.headers.contains_key("access-control-allow-origin"));
    }
    let after = house.count("SELECT count(*) FROM identity_grants").await;
    assert_eq!(before, after, "a code was given out");
}

#[tokio::test]
async fn answers_with_codes_are_not_kept_and_leave_no_referrer() {
    let house = House::new().await;
    let reply = house.browser().sign_in(&authorize(WEB, &[]), ADA).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert_eq!(reply.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(reply.header(header::REFERRER_POLICY), "no-referrer");
}

#[tokio::test]
async fn secrets_are_stored_as_digests_only() {
    let house = House::new().await;
    let mut browser = house.browser();
    let reply = browser.sign_in(&authorize(BASIC, &[]), ADA).await;
    let code = reply.code();
    let response = house.redeem_basic(&code).await.json();
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&house.pool)
        .await
        .unwrap();
    let stored = std::fs::read(house.files.path().join("rookery.db")).unwrap();
    let holds = |secret: &str| {
        stored
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    };
    assert!(holds("user_ada"), "the database was read");
    for secret in [&code, text(&response, "access_token"), PASSWORD]
        .into_iter()
        .chain(browser.cookies.values().map(String::as_str))
    {
        assert!(!holds(secret), "{secret}");
    }
}
