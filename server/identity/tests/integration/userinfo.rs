//! Rules of the userinfo endpoint, and what the claims say.

use http::{Request, StatusCode, header};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn claims_are_the_same_in_id_token_and_userinfo() {
    let house = House::new().await;
    let response = house.browser().ada().await;
    let expected = json!({
        "sub": "user_ada",
        "name": "Ada Lindqvist",
        "preferred_username": "ada",
        "email": ADA,
        "email_verified": true,
        "organizations": [
            {"id": "org_ua", "slug": "ua", "name": "United <Air> Lines", "role": "admin"}
        ],
    });
    let userinfo = house.userinfo(text(&response, "access_token")).await;
    assert_eq!(userinfo.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(userinfo.json(), expected);
    let claims = house.id_token(text(&response, "id_token"), BASIC).await;
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&claims[name], value, "{name}");
    }
}

#[tokio::test]
async fn every_membership_is_told_and_none_is_an_empty_list() {
    let house = House::new().await;
    for (email, expected) in [
        (
            "cleo@delta.example",
            vec![("9e", "member"), ("dl", "admin")],
        ),
        ("dan@nowhere.example", vec![]),
    ] {
        let reply = house.browser().sign_in(&authorize(BASIC, &[]), email).await;
        let response = house.redeem_basic(&reply.code()).await.json();
        let claims = claims(text(&response, "id_token"));
        let organizations: Vec<(&str, &str)> = claims["organizations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|organization| (text(organization, "slug"), text(organization, "role")))
            .collect();
        assert_eq!(organizations, expected);
    }
}

#[tokio::test]
async fn a_request_without_a_good_token_is_challenged() {
    let house = House::new().await;
    let cases = [
        (None, StatusCode::UNAUTHORIZED, "Bearer realm=\"userinfo\""),
        (
            Some("Bearer unknown"),
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"userinfo\", error=\"invalid_token\"",
        ),
        (
            Some("Basic dTpw"),
            StatusCode::UNAUTHORIZED,
            "Bearer realm=\"userinfo\"",
        ),
        (
            Some("Bearer"),
            StatusCode::BAD_REQUEST,
            "Bearer realm=\"userinfo\", error=\"invalid_request\"",
        ),
    ];
    for (authorization, status, challenge) in cases {
        let mut request = Request::get("/idp/userinfo");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let reply = house.send(request.body("".into()).unwrap()).await;
        assert_eq!(reply.status, status, "{authorization:?}");
        let sent = reply.header(header::WWW_AUTHENTICATE);
        assert!(sent.starts_with(challenge), "{sent}");
        let names_an_error = sent.contains("error=");
        assert_eq!(names_an_error, challenge.contains("error="), "{sent}");
    }
}

#[tokio::test]
async fn a_token_in_two_places_or_in_the_query_is_not_taken() {
    let house = House::new().await;
    let response = house.browser().ada().await;
    let token = text(&response, "access_token");
    let twice = form_request("/idp/userinfo")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(form(&[("access_token", token)]).into());
    let reply = house.send(twice.unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let reply = house
        .get(&format!("/idp/userinfo?access_token={token}"))
        .await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tokens_end_with_their_time_and_with_the_session() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let token = text(&response, "access_token");
    assert_eq!(house.userinfo(token).await.status, StatusCode::OK);

    let hint = text(&response, "id_token");
    browser
        .get(&format!("/idp/end_session?id_token_hint={hint}"))
        .await;
    assert_eq!(house.userinfo(token).await.status, StatusCode::UNAUTHORIZED);

    let response = browser.ada().await;
    house
        .execute("UPDATE identity_grants SET token_expires_at = token_expires_at - 604800")
        .await;
    let reply = house.userinfo(text(&response, "access_token")).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_ends_when_its_session_would_and_keeps_it_in_use() {
    for (column, seconds) in [("last_seen_at", 86_400), ("auth_time", 604_800)] {
        let house = House::new().await;
        let response = house.browser().ada().await;
        let token = text(&response, "access_token");
        house
            .execute(&format!(
                "UPDATE identity_sessions SET {column} = {column} - {seconds} + 100"
            ))
            .await;
        assert_eq!(house.userinfo(token).await.status, StatusCode::OK);
        let unused = house
            .count("SELECT count(*) FROM identity_sessions WHERE last_seen_at < unixepoch() - 60")
            .await;
        assert_eq!(unused, 0, "asking is a use");
        house
            .execute(&format!(
                "UPDATE identity_sessions SET {column} = {column} - {seconds}"
            ))
            .await;
        let reply = house.userinfo(token).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{column}");
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let house = House::new().await;
    let response = house.browser().ada().await;
    let reply = house.userinfo(text(&response, "id_token")).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}
