//! Access ends when it ends: at the provider, in the configuration, or by a
//! revocation.

use http::{Method, StatusCode};
use serde_json::json;
use token::RevocationKind;

use crate::browser::{Answer, Browser};
use crate::house::House;
use crate::provider::{CLIENT, ISSUER, Misbehaviour, SESSION, SUBJECT};

async fn token(browser: &mut Browser) -> Answer {
    browser.get("/api/token").await
}

/// The text of a token that is given.
async fn given(browser: &mut Browser) -> String {
    let answer = token(browser).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

fn ended() -> Misbehaviour {
    Misbehaviour {
        ended: true,
        ..Misbehaviour::default()
    }
}

fn down() -> Misbehaviour {
    Misbehaviour {
        down: Some(StatusCode::BAD_GATEWAY),
        ..Misbehaviour::default()
    }
}

/// Cleo without Delta.
fn without_delta() -> serde_json::Value {
    json!({"name": "Cleo", "organizations": [
        {"id": "org_9e", "slug": "9e", "name": "Endeavor Air", "role": "member"},
    ]})
}

/// As often as the background looks for sessions that are due, until `done`.
async fn eventually(mut done: impl FnMut() -> bool) {
    for _ in 0..200 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it did not come within ten seconds");
}

#[tokio::test]
async fn a_provider_that_no_longer_stands_by_a_session_ends_it_at_the_next_token() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    given(&mut browser).await;
    house.provider.misbehave(ended());
    house.pass(720);
    let answer = token(&mut browser).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["code"], "signed_out");
    assert_eq!(browser.session(), None);
}

#[tokio::test]
async fn a_lost_membership_is_gone_from_page_and_token_and_the_rest_stays() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let before = given(&mut browser).await;
    house.provider.set_person(without_delta());
    house.pass(60);
    let page = browser.get("/token").await;
    assert!(!page.body.contains("Delta Air Lines"), "{}", page.body);
    assert_eq!(house.fixed(page.header("x-tinybird-token")).0, "9e");
    assert!(!house.accepts(&before), "the token that was out has ended");
    assert!(house.accepts(page.header("x-tinybird-token")));
    let refused = browser.get("/api/token?org=dl").await;
    assert_eq!(refused.json()["code"], "not_a_member");
}

#[tokio::test]
async fn tokens_that_are_out_end_without_a_request_of_their_page() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let out = given(&mut browser).await;
    assert!(house.accepts(&out));
    house.provider.set_person(without_delta());
    house.pass(60);
    eventually(|| !house.accepts(&out)).await;
    assert!(house.accepts(&given(&mut browser).await));
}

#[tokio::test]
async fn the_provider_is_asked_once_in_a_while_and_once_for_many_requests() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    given(&mut browser).await;
    let asked = house.provider.counts().userinfo;
    house.pass(59);
    given(&mut browser).await;
    assert_eq!(house.provider.counts().userinfo, asked);
    house.pass(1);
    let [mut one, mut two] = [browser.clone(), browser.clone()];
    let (one, two) = tokio::join!(token(&mut one), token(&mut two));
    assert_eq!((one.status, two.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(house.provider.counts().userinfo, asked + 1);
}

#[tokio::test]
async fn a_change_of_role_gives_the_session_a_new_id_with_the_next_page() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let before = browser.clone();
    house
        .provider
        .set_person(json!({"name": "Cleo", "organizations": [
            {"id": "org_dl", "slug": "dl", "name": "Delta Air Lines", "role": "member"},
            {"id": "org_9e", "slug": "9e", "name": "Endeavor Air", "role": "member"},
        ]}));
    house.pass(60);
    let page = browser.get("/token").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_ne!(browser.session(), before.session());
    assert_eq!(token(&mut browser).await.status, StatusCode::OK);
    let mut left_behind = before;
    assert_eq!(
        token(&mut left_behind).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn the_last_answer_holds_for_ten_minutes_while_the_provider_is_away() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    house.provider.misbehave(down());
    house.pass(600);
    given(&mut browser).await;
    house.pass(1);
    let refused = token(&mut browser).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.json()["code"], "provider_unreachable");
    assert_eq!(refused.header("retry-after"), "5");
    let page = browser.get("/token").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("x-tinybird-token"), "");
    assert!(page.body.contains("sign-in provider does not answer"));
    house.provider.misbehave(Misbehaviour::default());
    house.pass(5);
    given(&mut browser).await;
}

#[tokio::test]
async fn how_long_the_last_answer_holds_is_a_setting() {
    let mut house = House::new().await;
    house.oidc.recheck_seconds = 10;
    house.oidc.keep_answer_seconds = 20;
    let mut browser = house.signed_in().await;
    house.provider.misbehave(down());
    house.pass(20);
    given(&mut browser).await;
    house.pass(1);
    assert_eq!(
        token(&mut browser).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_none() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    house.provider.misbehave(Misbehaviour {
        userinfo: Some(|claims| claims["sub"] = "somebody-else".into()),
        ..Misbehaviour::default()
    });
    house.pass(601);
    assert_eq!(
        token(&mut browser).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn organizations_that_only_the_id_token_has_come_with_a_refresh() {
    let house = House::new().await;
    let only_in_id_token = |refreshed| Misbehaviour {
        userinfo: Some(|claims| {
            claims.as_object_mut().unwrap().remove("organizations");
        }),
        refreshed,
        ..Misbehaviour::default()
    };
    house.provider.misbehave(only_in_id_token(None));
    let mut browser = house.signed_in().await;
    house.pass(60);
    given(&mut browser).await;
    house.pass(541);
    let refused = token(&mut browser).await;
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "without an ID token nothing is known of them"
    );
}

#[tokio::test]
async fn another_issuer_in_the_configuration_ends_the_sessions_of_the_former() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let out = given(&mut browser).await;
    let cookies = browser.cookies;
    let mut elsewhere = House { ..house };
    elsewhere.oidc.issuer = "https://other.example".to_owned();
    let mut browser = elsewhere.browser().await;
    browser.cookies = cookies;
    assert_eq!(token(&mut browser).await.status, StatusCode::UNAUTHORIZED);
    eventually(|| !elsewhere.accepts(&out)).await;
}

#[tokio::test]
async fn signing_out_ends_the_tokens_that_are_out_and_no_other_session() {
    let house = House::new().await;
    let site = house.browser().await;
    let [mut here, mut there] = [site.clone(), site];
    house.sign_in(&mut here).await;
    house.sign_in(&mut there).await;
    let out = given(&mut here).await;
    here.post("/sign-out", "").await;
    assert!(!house.accepts(&out));
    let other = given(&mut there).await;
    assert!(house.accepts(&other));
}

#[tokio::test]
async fn a_revoked_user_is_signed_out_and_a_new_sign_in_works_at_once() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let out = given(&mut browser).await;
    let now = house.time.load(std::sync::atomic::Ordering::Relaxed);
    house.revocations.revoke(RevocationKind::User, SUBJECT, now);
    let mut watching = browser.clone();
    let mut status = StatusCode::OK;
    for _ in 0..40 {
        status = token(&mut watching).await.status;
        if status != StatusCode::OK {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(status, StatusCode::UNAUTHORIZED, "heard within a second");
    house.sign_in(&mut browser).await;
    let new = given(&mut browser).await;
    assert_ne!(new, out);
    assert!(house.accepts(&new), "in the same second");
}

#[tokio::test]
async fn a_revoked_token_or_name_is_not_handed_out_again() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let first = given(&mut browser).await;
    let now = house.time.load(std::sync::atomic::Ordering::Relaxed);
    let name = format!("rookery_{SUBJECT}");
    house.revocations.revoke(RevocationKind::Name, &name, now);
    let mut last = first.clone();
    for _ in 0..40 {
        last = given(&mut browser).await;
        if last != first {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_ne!(last, first);
    assert!(house.accepts(&last));
}

/// Sends a logout token as the provider does, without a cookie.
async fn logout(browser: &Browser, token: &str) -> Answer {
    let mut provider = browser.clone();
    provider.cookies.clear();
    let form = format!("logout_token={token}");
    provider
        .send(Method::POST, "/auth/backchannel-logout", &form, &[])
        .await
}

#[tokio::test]
async fn a_logout_token_ends_the_session_and_its_tokens() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let out = given(&mut browser).await;
    let logout_token = house.provider.logout_token(|_| {});
    let heard = logout(&browser, &logout_token).await;
    assert_eq!(heard.status, StatusCode::OK, "{}", heard.body);
    assert_eq!(heard.header("cache-control"), "no-store");
    assert!(!house.accepts(&out));
    assert_eq!(token(&mut browser).await.status, StatusCode::UNAUTHORIZED);
    let again = logout(&browser, &logout_token).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "each is heard once");
}

#[tokio::test]
async fn a_logout_token_without_a_session_ends_all_of_the_person() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let logout_token = house.provider.logout_token(|claims| {
        claims.as_object_mut().unwrap().remove("sid");
    });
    assert_eq!(logout(&browser, &logout_token).await.status, StatusCode::OK);
    assert_eq!(token(&mut browser).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_logout_token_that_proves_nothing_ends_nothing() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let tokens = [
        house
            .provider
            .logout_token(|claims| claims["iss"] = "https://evil.example".into()),
        house
            .provider
            .logout_token(|claims| claims["aud"] = "another-client".into()),
        house
            .provider
            .logout_token(|claims| claims["nonce"] = "n".into()),
        house
            .provider
            .logout_token(|claims| claims["events"] = json!({})),
        house.provider.logout_token(|claims| {
            claims["events"] = json!({"http://schemas.openid.net/event/backchannel-logout": "x"})
        }),
        house
            .provider
            .logout_token(|claims| claims["exp"] = 1.into()),
        house
            .provider
            .logout_token(|claims| claims["iat"] = 1.into()),
        house.provider.logout_token(|claims| {
            claims["iat"] = (claims["iat"].as_i64().unwrap() + 3600).into();
        }),
        house
            .provider
            .logout_token(|claims| claims["typ"] = "secevent+jwt".into()),
        house
            .provider
            .logout_token(|claims| claims["typ"] = "at+jwt".into()),
        house.provider.logout_token(|claims| {
            let claims = claims.as_object_mut().unwrap();
            claims.remove("sid");
            claims.remove("sub");
        }),
        house.provider.logout_token(|claims| {
            claims.as_object_mut().unwrap().remove("jti");
        }),
        house.provider.last_id_token(),
        format!("{}x", house.provider.logout_token(|_| {})),
        house.provider.logout_token(|_| {}).replacen('e', "f", 1),
        "not a token".to_owned(),
        String::new(),
    ];
    for text in tokens {
        let answer = logout(&browser, &text).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{text}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    given(&mut browser).await;
}

#[tokio::test]
async fn a_browser_that_signed_out_at_the_provider_tells_by_its_session() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let mut frame = browser.clone();
    frame.cookies.clear();
    for other in [
        format!("/auth/frontchannel-logout?iss={ISSUER}&sid=another"),
        format!("/auth/frontchannel-logout?iss=https://evil.example&sid={SESSION}"),
        "/auth/frontchannel-logout".to_owned(),
    ] {
        frame.get(&other).await;
        given(&mut browser).await;
    }
    let address = format!("/auth/frontchannel-logout?iss={ISSUER}&sid={SESSION}");
    assert_eq!(frame.get(&address).await.status, StatusCode::OK);
    assert_eq!(token(&mut browser).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_event_of_changed_claims_is_looked_into_at_once() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let out = given(&mut browser).await;
    house.provider.set_person(without_delta());
    let kind = [("content-type", "application/secevent+jwt")];
    let mut provider = browser.clone();
    provider.cookies.clear();
    for bad in [
        house
            .provider
            .claims_changed(|claims| claims["aud"] = json!(["another"])),
        house
            .provider
            .claims_changed(|claims| claims["sub_id"]["iss"] = "https://x.example".into()),
        house
            .provider
            .claims_changed(|claims| claims["events"] = json!({})),
        house.provider.logout_token(|_| {}),
    ] {
        let answer = provider
            .send(Method::POST, "/auth/events", &bad, &kind)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert!(house.accepts(&out));
    let event = house
        .provider
        .claims_changed(|claims| claims["aud"] = json!([CLIENT]));
    let heard = provider
        .send(Method::POST, "/auth/events", &event, &kind)
        .await;
    assert_eq!(heard.status, StatusCode::OK, "{}", heard.body);
    assert!(!house.accepts(&out), "without a request of the page");
    assert_eq!(house.active_organization(&mut browser).await, "9e");
}
