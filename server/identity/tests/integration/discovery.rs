//! Metadata and keys, as relying parties read them.

use http::{StatusCode, header};
use serde_json::Value;

use crate::support::*;

#[tokio::test]
async fn the_metadata_has_what_is_required_and_every_address_answers() {
    let house = House::new().await;
    let reply = house.get("/idp/.well-known/openid-configuration").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header(header::CONTENT_TYPE), "application/json");
    let metadata = reply.json();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(house.running.issuer(), ISSUER);
    for required in [
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
        "scopes_supported",
        "claims_supported",
    ] {
        assert!(metadata[required].is_array(), "{required}");
    }
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
    ] {
        let address = text(&metadata, endpoint);
        let path = address.strip_prefix(ORIGIN).unwrap();
        let reply = house.get(path).await;
        assert_ne!(reply.status, StatusCode::NOT_FOUND, "{address}");
    }
}

#[tokio::test]
async fn the_metadata_promises_only_what_is_done() {
    let house = House::new().await;
    let metadata = house
        .get("/idp/.well-known/openid-configuration")
        .await
        .json();
    let list = |name: &str| -> Vec<String> {
        let values = metadata[name].as_array().unwrap().iter();
        values
            .map(|value| value.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(list("response_types_supported"), ["code"]);
    assert_eq!(list("grant_types_supported"), ["authorization_code"]);
    assert_eq!(list("code_challenge_methods_supported"), ["S256"]);
    assert_eq!(
        list("id_token_signing_alg_values_supported"),
        ["RS256", "ES256"]
    );
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    for unsupported in [
        "request_parameter_supported",
        "request_uri_parameter_supported",
        "claims_parameter_supported",
    ] {
        assert_eq!(metadata[unsupported], false, "{unsupported}");
    }
}

#[tokio::test]
async fn the_key_set_has_the_active_and_the_next_keys_and_nothing_private() {
    let house = House::new().await;
    let reply = house.get("/idp/jwks").await;
    assert_eq!(
        reply.header(header::CONTENT_TYPE),
        "application/jwk-set+json"
    );
    let set = reply.json();
    let keys = set["keys"].as_array().unwrap();
    let of = |algorithm: &str| keys.iter().filter(|key| key["alg"] == algorithm).count();
    assert_eq!((of("RS256"), of("ES256")), (2, 2));
    let names: Vec<&Value> = keys.iter().map(|key| &key["kid"]).collect();
    let distinct: std::collections::BTreeSet<String> =
        names.iter().map(|name| name.to_string()).collect();
    assert_eq!(distinct.len(), keys.len());
    assert!(keys.iter().all(|key| key.get("d").is_none()));
}

#[tokio::test]
async fn keys_survive_a_restart_and_a_rotation_reaches_the_running_provider() {
    let house = House::new().await;
    let response = house.browser().ada().await;
    let token = text(&response, "id_token").to_owned();
    let house = house.restarted(Plan::default()).await.unwrap();
    house.id_token(&token, BASIC).await;

    identity::rotate_keys(house.files.path(), identity::Rotation::Compromised).unwrap();
    let response = house.browser().ada().await;
    house.id_token(text(&response, "id_token"), BASIC).await;
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid;
    assert_ne!(kid(&token), kid(text(&response, "id_token")));
}
