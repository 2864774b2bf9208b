//! What relying parties are told without asking, as one of them hears it.

use std::fs;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{ADA, BASIC, DIRECTORY, House, ISSUER, Plan, authorize, claims, client, text};

/// What a client heard: where, as what, and the token.
type Heard = (String, String, String);

/// A provider with one client that listens.
async fn listening() -> (House, UnboundedReceiver<Heard>) {
    let (heard, notices) = unbounded_channel();
    let app = Router::new()
        .route("/{where}", post(hear))
        .with_state(heard);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut told = client(BASIC, false);
    told.backchannel_logout_uri = Some(format!("{base}/logout"));
    told.events_uri = Some(format!("{base}/events"));
    let plan = Plan {
        clients: vec![told],
        ..Plan::default()
    };
    (House::planned(plan).await, notices)
}

async fn hear(
    State(heard): State<UnboundedSender<Heard>>,
    axum::extract::Path(place): axum::extract::Path<String>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let kind = headers["content-type"].to_str().unwrap().to_owned();
    heard.send((place, kind, body)).unwrap();
    StatusCode::OK
}

fn header(token: &str) -> Value {
    let part = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn rewrite(house: &House, directory: &str) {
    fs::write(house.files.path().join("identity.toml"), directory).unwrap();
}

#[tokio::test]
async fn a_sign_out_is_told_with_a_logout_token() {
    let (house, mut notices) = listening().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let id_token = text(&response, "id_token");
    browser
        .get(&format!("/idp/end_session?id_token_hint={id_token}"))
        .await;
    let (place, kind, body) = notices.recv().await.unwrap();
    assert_eq!(place, "logout");
    assert_eq!(kind, "application/x-www-form-urlencoded");
    let token = body.strip_prefix("logout_token=").unwrap();
    assert_eq!(header(token)["typ"], "logout+jwt");
    let told = claims(token);
    assert_eq!(told["aud"], BASIC);
    assert_eq!(told["iss"], ISSUER);
    assert_eq!(told["sub"], "user_ada");
    assert_eq!(told["sid"], claims(id_token)["sid"]);
    assert!(told["sid"].as_str().unwrap().len() > 20);
    assert!(told["jti"].is_string() && told["nonce"].is_null());
    assert_eq!(
        told["events"],
        json!({"http://schemas.openid.net/event/backchannel-logout": {}})
    );
    let lasts = told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap();
    assert_eq!(lasts, 120);

    // It is no ID token: as a hint it names nobody.
    let fresh = house.browser().ada().await;
    let mut other = house.browser();
    other.sign_in(&authorize(BASIC, &[]), ADA).await;
    let page = other
        .get(&format!("/idp/end_session?id_token_hint={token}"))
        .await;
    assert_eq!(page.status, StatusCode::OK, "the person is asked");
    let token = text(&fresh, "access_token");
    assert_eq!(house.userinfo(token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_removed_person_is_told_as_a_logout_and_a_changed_one_as_an_event() {
    let (house, mut notices) = listening().await;
    house.browser().ada().await;
    rewrite(
        &house,
        &DIRECTORY.replace("{ ua = \"admin\" }", "{ ua = \"member\" }"),
    );
    let (place, kind, token) = notices.recv().await.unwrap();
    assert_eq!(
        (place.as_str(), kind.as_str()),
        ("events", "application/secevent+jwt")
    );
    assert_eq!(header(&token)["typ"], "secevent+jwt");
    let told = claims(&token);
    assert_eq!(told["aud"], BASIC);
    assert_eq!(
        told["sub_id"],
        json!({"format": "iss_sub", "iss": ISSUER, "sub": "user_ada"})
    );
    assert!(told["sub"].is_null(), "nor does it pass for an ID token");

    let person = DIRECTORY.find("[[person]]").unwrap();
    rewrite(&house, &DIRECTORY[..person]);
    let (place, _, _) = notices.recv().await.unwrap();
    assert_eq!(place, "logout");
    assert_eq!(house.count("SELECT count(*) FROM identity_users").await, 0);
}

#[tokio::test]
async fn what_concerns_nobody_who_signed_in_is_not_told() {
    let (house, mut notices) = listening().await;
    house.browser().ada().await;
    rewrite(&house, &DIRECTORY.replace("Cleo Marchetti", "Cleo M."));
    while house
        .count("SELECT count(*) FROM identity_users WHERE name = 'Cleo M.'")
        .await
        == 0
    {
        tokio::task::yield_now().await;
    }
    rewrite(&house, &DIRECTORY.replace("Ada Lindqvist", "Ada L."));
    let (_, _, token) = notices.recv().await.unwrap();
    assert_eq!(claims(&token)["sub_id"]["sub"], "user_ada");
    assert!(notices.try_recv().is_err());
}
