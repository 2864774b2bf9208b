//! Signing in, as a person and their browser live through it. What is checked of
//! the provider's answers is in `verification`.

use http::StatusCode;
use serde_json::json;
use web::{ClaimMapping, Shape};

use crate::browser::{Answer, Browser};
use crate::house::{House, ORIGIN};
use crate::provider::{ISSUER, Misbehaviour, Provider, SUBJECT};

/// Nobody is signed in after `answer`, and it says so.
pub(crate) async fn assert_refused(browser: &mut Browser, answer: &Answer, status: StatusCode) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(browser.session(), None);
    assert_eq!(
        browser.get("/api/token").await.status,
        StatusCode::UNAUTHORIZED
    );
    let page = &answer.body;
    assert!(
        page.contains("href=\"/sign-in?return_to="),
        "no way on: {page}"
    );
}

#[tokio::test]
async fn somebody_signs_in_and_gets_a_token_of_their_organization() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let token = browser.get("/api/token").await.json();
    let fixed = house.fixed(token["token"].as_str().unwrap());
    assert_eq!(fixed, ("dl".to_owned(), SUBJECT.to_owned()));
    assert_eq!(house.provider.counts().tokens, 1);
}

#[tokio::test]
async fn the_request_asks_for_what_is_configured() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let start = browser.get("/sign-in").await;
    let request = Provider::request_at(start.location());
    assert_eq!(request["scope"], "openid profile email organizations");
    assert_eq!(request["redirect_uri"], format!("{ORIGIN}/auth/callback"));
    assert!(request["nonce"].len() >= 22);
    assert!(request["state"].len() >= 22);
    let again = browser.get("/sign-in").await;
    let other = Provider::request_at(again.location());
    for secret in ["state", "nonce", "code_challenge"] {
        assert_ne!(request[secret], other[secret]);
    }
}

#[tokio::test]
async fn a_refusal_of_the_provider_is_explained_without_repeating_it() {
    let house = House::new().await;
    house.provider.misbehave(Misbehaviour {
        response: Some(|response| {
            response.remove("code");
            response.insert("error".into(), "access_denied".into());
            response.insert(
                "error_description".into(),
                "<script>alert(1)</script>".into(),
            );
        }),
        ..Misbehaviour::default()
    });
    let mut browser = house.browser().await;
    let answer = house.sign_in(&mut browser).await;
    assert_refused(&mut browser, &answer, StatusCode::FORBIDDEN).await;
    assert!(!answer.body.contains("alert"));
}

#[tokio::test]
async fn nothing_of_a_callback_is_repeated() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    for address in [
        "/auth/callback",
        "/auth/callback?state=marker&code=marker",
        "/auth/callback?state=0123456789012345marker&error=marker",
        "/auth/callback?state=a&state=marker",
        "/auth/callback?error=%22marker%22",
    ] {
        let answer = browser.get(address).await;
        assert_refused(&mut browser, &answer, StatusCode::BAD_REQUEST).await;
        assert!(!answer.body.contains("marker"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_sign_in_cannot_be_finished_in_another_browser() {
    let house = House::new().await;
    let site = house.browser().await;
    let (mut attacker, mut victim) = (site.clone(), site);
    let start = attacker.get("/sign-in").await;
    let callback = house.provider.authorize(start.location());
    let answer = victim.get(&callback).await;
    assert_refused(&mut victim, &answer, StatusCode::BAD_REQUEST).await;
    assert_eq!(house.provider.counts().tokens, 0);
}

#[tokio::test]
async fn a_second_click_on_the_callback_leads_home() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let start = browser.get("/sign-in?return_to=/token").await;
    let callback = house.provider.authorize(start.location());
    let before = browser.clone();
    assert_eq!(browser.get(&callback).await.location(), "/token");
    assert_eq!(browser.get(&callback).await.location(), "/");
    // A replay with the cookies of before gets nothing.
    let mut replayed = before;
    let answer = replayed.get(&callback).await;
    assert_refused(&mut replayed, &answer, StatusCode::BAD_REQUEST).await;
    assert_eq!(house.provider.counts().tokens, 1);
}

#[tokio::test]
async fn two_tabs_can_sign_in_at_once() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let first = browser
        .get("/sign-in?return_to=/dashboard")
        .await
        .location()
        .to_owned();
    let second = browser
        .get("/sign-in?return_to=/token")
        .await
        .location()
        .to_owned();
    let callbacks = [&second, &first].map(|address| house.provider.authorize(address));
    assert_eq!(browser.get(&callbacks[0]).await.location(), "/token");
    assert_eq!(browser.get(&callbacks[1]).await.location(), "/dashboard");
    let left = browser
        .cookies
        .keys()
        .filter(|name| name.contains("sign_in"))
        .count();
    assert_eq!(left, 0, "the cookies of finished sign-ins are removed");
}

#[tokio::test]
async fn the_way_back_cannot_leave_the_site() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    for elsewhere in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "/.//evil.example",
    ] {
        let start = browser
            .get(&format!("/sign-in?return_to={elsewhere}"))
            .await;
        let callback = house.provider.authorize(start.location());
        assert_eq!(browser.get(&callback).await.location(), "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn the_site_starts_and_explains_while_the_provider_is_down() {
    let house = House::new().await;
    house.provider.misbehave(Misbehaviour {
        down: Some(StatusCode::SERVICE_UNAVAILABLE),
        ..Misbehaviour::default()
    });
    let mut browser = house.browser().await;
    let answer = browser.get("/sign-in?return_to=/token").await;
    assert_refused(&mut browser, &answer, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(answer.header("retry-after"), "5");
    assert!(answer.body.contains("href=\"/sign-in?return_to=%2Ftoken\""));
    assert_eq!(browser.get("/readyz").await.status, StatusCode::OK);

    house.provider.misbehave(Misbehaviour::default());
    let answer = house.sign_in(&mut browser).await;
    assert_eq!(answer.location(), "/token");
}

#[tokio::test]
async fn a_provider_under_another_name_is_refused() {
    let house = House::new().await;
    house.provider.misbehave(Misbehaviour {
        metadata: Some(|metadata| metadata["issuer"] = "https://evil.example".into()),
        ..Misbehaviour::default()
    });
    let mut browser = house.browser().await;
    let answer = browser.get("/sign-in").await;
    assert_refused(&mut browser, &answer, StatusCode::BAD_GATEWAY).await;
}

#[tokio::test]
async fn a_key_set_of_a_megabyte_is_refused() {
    let house = House::new().await;
    house.provider.misbehave(Misbehaviour {
        keys: Some(|keys| keys["padding"] = "x".repeat(1 << 20).into()),
        ..Misbehaviour::default()
    });
    let mut browser = house.browser().await;
    let answer = browser.get("/sign-in").await;
    assert_refused(&mut browser, &answer, StatusCode::SERVICE_UNAVAILABLE).await;
}

#[tokio::test]
async fn the_discovery_document_is_read_once() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    for _ in 0..3 {
        house.sign_in(&mut browser).await;
    }
    let counts = house.provider.counts();
    assert_eq!((counts.metadata, counts.keys), (1, 1));
    house.pass(60 * 60);
    house.sign_in(&mut browser).await;
    assert_eq!(
        house.provider.counts().keys,
        2,
        "keys are an hour old at most"
    );
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_learned() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    house.sign_in(&mut browser).await;
    house.provider.rotate("key-2");
    let answer = house.sign_in(&mut browser).await;
    assert_eq!(answer.location(), "/token");
    assert_eq!(house.provider.counts().keys, 2);
}

#[tokio::test]
async fn unknown_keys_do_not_make_the_site_ask_again_and_again() {
    let house = House::new().await;
    house.provider.misbehave(Misbehaviour {
        header: Some(|header| header["kid"] = "unknown".into()),
        ..Misbehaviour::default()
    });
    let mut browser = house.browser().await;
    for _ in 0..3 {
        let answer = house.sign_in(&mut browser).await;
        assert_refused(&mut browser, &answer, StatusCode::BAD_GATEWAY).await;
    }
    assert_eq!(
        house.provider.counts().keys,
        2,
        "one at discovery, one for the unknown key"
    );
    house.pass(60);
    house.sign_in(&mut browser).await;
    assert_eq!(house.provider.counts().keys, 3);
}

#[tokio::test]
async fn what_is_known_of_a_provider_outlives_its_absence() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    house.sign_in(&mut browser).await;
    house.pass(60 * 60);
    house.provider.misbehave(Misbehaviour {
        down: Some(StatusCode::BAD_GATEWAY),
        ..Misbehaviour::default()
    });
    let start = browser.get("/sign-in").await;
    assert!(start.location().starts_with(ISSUER));
}

#[tokio::test]
async fn organizations_in_another_shape_are_explained_and_not_dropped() {
    let house = House::new().await;
    house
        .provider
        .set_person(json!({"name": "Cleo", "organizations": "dl"}));
    let mut browser = house.browser().await;
    let answer = house.sign_in(&mut browser).await;
    assert_refused(&mut browser, &answer, StatusCode::FORBIDDEN).await;
}

#[tokio::test]
async fn another_providers_claims_are_mapped() {
    let mut house = House::new().await;
    house.oidc.claims = ClaimMapping {
        organizations: "/groups".to_owned(),
        shape: Shape::Pairs,
        ..ClaimMapping::default()
    };
    house
        .provider
        .set_person(json!({"name": "Cleo", "groups": ["ua:admin"]}));
    let mut browser = house.signed_in().await;
    let token = browser.get("/api/token").await.json();
    assert_eq!(token["org"], "ua");
}

#[tokio::test]
async fn a_browser_at_another_name_of_the_loopback_is_sent_to_the_configured_one() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let elsewhere = [("host", "127.0.0.1:3000"), ("accept", "text/html")];
    let answer = browser
        .send(
            http::Method::GET,
            "/sign-in?return_to=/token",
            "",
            &elsewhere,
        )
        .await;
    assert_eq!(
        answer.location(),
        "http://localhost:3000/sign-in?return_to=%2Ftoken"
    );
}
