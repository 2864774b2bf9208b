//! Rules of the token endpoint beyond the conformance plan.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode, header};

use crate::support::*;

type Fields = &'static [(&'static str, &'static str)];

async fn code(house: &House, client_id: &str) -> String {
    let reply = house
        .browser()
        .sign_in(&authorize(client_id, &[]), ADA)
        .await;
    reply.code()
}

fn with_verifier<'a>(code: &'a str, verifier: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = code_fields(code).to_vec();
    fields.push(("code_verifier", verifier));
    fields
}

async fn assert_error(reply: &Reply, error: &str) {
    assert_eq!(reply.json()["error"], error, "{}", reply.body);
    assert_eq!(reply.header(header::CACHE_CONTROL), "no-store");
    assert!(reply.json().get("access_token").is_none());
}

#[tokio::test]
async fn a_code_is_worth_nothing_without_its_verifier() {
    let house = House::new().await;
    let wrong = "x".repeat(43);
    for verifier in [None, Some(wrong.as_str()), Some(CHALLENGE)] {
        let code = code(&house, WEB).await;
        let mut fields = code_fields(&code).to_vec();
        fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        assert_error(&house.redeem(WEB, &fields).await, "invalid_grant").await;
        // And it is used up: nobody gets to guess.
        let right = house.redeem(WEB, &with_verifier(&code, VERIFIER)).await;
        assert_error(&right, "invalid_grant").await;
    }
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_a_downgrade() {
    let house = House::new().await;
    let code = code(&house, BASIC).await;
    let reply = house.redeem(BASIC, &with_verifier(&code, VERIFIER)).await;
    assert_error(&reply, "invalid_grant").await;
}

#[tokio::test]
async fn a_code_is_the_clients_own_and_others_cannot_burn_it() {
    let house = House::new().await;
    let code = code(&house, BASIC).await;
    let stolen = house.redeem(WEB, &code_fields(&code)).await;
    assert_error(&stolen, "invalid_grant").await;
    assert_eq!(house.redeem_basic(&code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_code_is_for_one_redirect_uri() {
    let house = House::new().await;
    for uri in [None, Some("http://localhost:3000/auth/callback?two=1")] {
        let code = code(&house, BASIC).await;
        let mut fields = code_fields(&code)[..2].to_vec();
        fields.extend(uri.map(|uri| ("redirect_uri", uri)));
        let reply = house.redeem(BASIC, &fields).await;
        assert_error(&reply, "invalid_grant").await;
    }
}

#[tokio::test]
async fn a_code_is_good_for_a_minute_at_most() {
    let house = House::new().await;
    let code = code(&house, BASIC).await;
    let longest = house
        .count("SELECT max(code_expires_at - auth_time) FROM identity_grants")
        .await;
    assert!(longest <= 60, "{longest}");
    house
        .execute("UPDATE identity_grants SET code_expires_at = code_expires_at - 60")
        .await;
    assert_error(&house.redeem_basic(&code).await, "invalid_grant").await;
}

#[tokio::test]
async fn of_two_that_redeem_at_once_one_wins() {
    let house = House::new().await;
    let code = code(&house, BASIC).await;
    let replies = tokio::join!(
        house.redeem_basic(&code),
        house.redeem_basic(&code),
        house.redeem_basic(&code)
    );
    let won = [replies.0, replies.1, replies.2]
        .iter()
        .filter(|reply| reply.status == StatusCode::OK)
        .count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn the_access_token_fits_its_id_token() {
    let house = House::new().await;
    let response = house.browser().ada().await;
    let claims = house.id_token(text(&response, "id_token"), BASIC).await;
    let digest = {
        use sha2::Digest;
        sha2::Sha256::digest(text(&response, "access_token"))
    };
    let half = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&digest[..16]);
    assert_eq!(claims["at_hash"], half);
    assert_eq!(response["expires_in"], 7 * 24 * 3600);
    assert_eq!(response["scope"], "openid profile email organizations");
}

#[tokio::test]
async fn clients_must_prove_who_they_are() {
    let house = House::new().await;
    let code = code(&house, BASIC).await;
    let basic = |id: &str, secret: &str| {
        let credentials = STANDARD.encode(format!("{id}:{secret}"));
        Some(format!("Basic {credentials}"))
    };
    let right = "the+secret+of+a+relying+party";
    let cases: [(Option<String>, Fields); 6] = [
        (None, &[]),
        (None, &[("client_id", BASIC)]),
        (None, &[("client_id", BASIC), ("client_secret", "wrong")]),
        (basic(BASIC, "wrong"), &[]),
        (basic("nobody", right), &[]),
        (basic(BASIC, right), &[("client_id", WEB)]),
    ];
    for (authorization, more) in cases {
        let fields: Vec<_> = code_fields(&code)
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let mut request = form_request("/idp/token");
        if let Some(value) = &authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let reply = house
            .send(request.body(form(&fields).into()).unwrap())
            .await;
        assert_eq!(
            reply.status,
            StatusCode::UNAUTHORIZED,
            "{authorization:?} {more:?}"
        );
        assert!(reply.header(header::WWW_AUTHENTICATE).starts_with("Basic "));
        assert_error(&reply, "invalid_client").await;
    }
    assert_eq!(house.redeem_basic(&code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn two_ways_of_authentication_at_once_are_refused() {
    let house = House::new().await;
    let code = code(&house, BASIC).await;
    let mut fields = code_fields(&code).to_vec();
    fields.push(("client_secret", SECRET));
    let reply = house.redeem(BASIC, &fields).await;
    assert_error(&reply, "invalid_request").await;
}

#[tokio::test]
async fn requests_of_another_kind_have_their_errors() {
    let house = House::new().await;
    let cases: [(Fields, &str); 6] = [
        (&[], "invalid_request"),
        (&[("grant_type", "authorization_code")], "invalid_request"),
        (
            &[("grant_type", "authorization_code"), ("code", "x")],
            "invalid_grant",
        ),
        (
            &[
                ("grant_type", "password"),
                ("username", "a"),
                ("password", "b"),
            ],
            "unsupported_grant_type",
        ),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "x")],
            "unsupported_grant_type",
        ),
        (
            &[
                ("grant_type", "authorization_code"),
                ("code", "x"),
                ("code", "y"),
            ],
            "invalid_request",
        ),
    ];
    for (fields, error) in cases {
        let reply = house.redeem(BASIC, fields).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_error(&reply, error).await;
    }
}

#[tokio::test]
async fn only_forms_are_read() {
    let house = House::new().await;
    let json = Request::post("/idp/token")
        .header(header::CONTENT_TYPE, "application/json")
        .body("{}".into());
    assert_error(&house.send(json.unwrap()).await, "invalid_request").await;
    let endless = form_request("/idp/token").body("x".repeat(1 << 20).into());
    assert_error(&house.send(endless.unwrap()).await, "invalid_request").await;
    let get = house.get("/idp/token").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn id_tokens_are_signed_as_configured() {
    let mut plan = Plan::default();
    plan.settings.id_token_algorithm = identity::SigningAlgorithm::Es256;
    let house = House::planned(plan).await;
    let response = house.browser().ada().await;
    let token = text(&response, "id_token");
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::ES256);
    assert_eq!(house.id_token(token, BASIC).await["sub"], "user_ada");
}
