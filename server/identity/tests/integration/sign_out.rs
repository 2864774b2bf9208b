//! Signing out at the request of a relying party.

use http::{StatusCode, header};

use crate::support::*;

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    let silent = authorize(BASIC, &[("prompt", "none")]);
    browser.get(&silent).await.answer().contains_key("code")
}

fn end_session(parameters: &[(&str, &str)]) -> String {
    format!("/idp/end_session?{}", form(parameters))
}

#[tokio::test]
async fn a_client_that_shows_the_id_token_ends_the_session_and_gets_the_browser_back() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let request = end_session(&[
        ("id_token_hint", text(&response, "id_token")),
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "a b+c"),
    ]);
    let reply = browser.get(&request).await;
    assert_eq!(reply.location(), format!("{SIGNED_OUT}?state=a%20b%2Bc"));
    assert!(!browser.cookies.contains_key("rookery_identity"));
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn the_session_is_gone_for_a_stolen_cookie_too() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let stolen = browser.cookies.clone();
    let hint = ("id_token_hint", text(&response, "id_token"));
    browser.get(&end_session(&[hint])).await;
    browser.cookies = stolen;
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn the_same_by_post() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let fields = [
        ("id_token_hint", text(&response, "id_token")),
        ("post_logout_redirect_uri", SIGNED_OUT),
    ];
    let reply = browser
        .send(form_request("/idp/end_session"), form(&fields))
        .await;
    let reply = browser.get(reply.location()).await;
    assert_eq!(reply.location(), SIGNED_OUT);
}

#[tokio::test]
async fn without_proof_the_person_is_asked() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.ada().await;
    let request = end_session(&[
        ("client_id", BASIC),
        ("post_logout_redirect_uri", SIGNED_OUT),
        ("state", "s"),
    ]);
    let page = browser.get(&request).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.header(header::CONTENT_SECURITY_POLICY)
            .contains("frame-ancestors 'none'")
    );
    assert!(is_signed_in(&mut browser).await);

    let request = page.hidden("request");
    let foreign = form_request("/idp/sign-out").header(header::ORIGIN, "https://evil.example");
    let reply = browser.send(foreign, form(&[("request", &request)])).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(is_signed_in(&mut browser).await);

    let reply = browser
        .post("/idp/sign-out", &[("request", &request)])
        .await;
    assert_eq!(reply.location(), format!("{SIGNED_OUT}?state=s"));
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn the_hint_of_another_person_or_of_nobody_proves_nothing() {
    let house = House::new().await;
    let cleo = house
        .browser()
        .sign_in(&authorize(BASIC, &[]), "cleo@delta.example")
        .await;
    let cleo = house.redeem_basic(&cleo.code()).await.json();
    let mut browser = house.browser();
    browser.ada().await;
    for hint in [text(&cleo, "id_token"), "eyJhbGciOiJub25lIn0.e30."] {
        browser.get(&end_session(&[("id_token_hint", hint)])).await;
        assert!(is_signed_in(&mut browser).await);
    }
}

#[tokio::test]
async fn the_browser_goes_on_to_registered_addresses_only() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let hint = ("id_token_hint", text(&response, "id_token"));
    let elsewhere = ("post_logout_redirect_uri", "https://evil.example/");
    let here = ("post_logout_redirect_uri", SIGNED_OUT);
    for parameters in [
        vec![hint, elsewhere],
        vec![("client_id", BASIC), elsewhere],
        vec![here],
        vec![hint, ("client_id", WEB), here],
        vec![hint, here, ("state", "1"), ("state", "2")],
    ] {
        let reply = browser.get(&end_session(&parameters)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{parameters:?}");
        assert!(reply.is_message());
    }
}

#[tokio::test]
async fn signing_out_twice_is_no_error() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let request = end_session(&[
        ("id_token_hint", text(&response, "id_token")),
        ("post_logout_redirect_uri", SIGNED_OUT),
    ]);
    for _ in 0..2 {
        assert_eq!(browser.get(&request).await.location(), SIGNED_OUT);
    }
    let page = browser.get("/idp/end_session").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("You are signed out"));
}
