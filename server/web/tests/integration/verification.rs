//! A provider's answer that is wrong in one thing is refused, and one that is
//! unusual but right is accepted.

use http::StatusCode;
use serde_json::json;

use crate::house::{CLIENT_SECRET, House};
use crate::provider::{Change, Misbehaviour, SUBJECT};
use crate::sign_in::assert_refused;

/// A sign-in at a provider that misbehaves is refused as unverifiable.
async fn unverifiable(how: Misbehaviour) {
    refused_with(how, StatusCode::BAD_GATEWAY).await;
}

async fn refused_with(how: Misbehaviour, status: StatusCode) {
    let house = House::new().await;
    house.provider.misbehave(how);
    let mut browser = house.browser().await;
    let answer = house.sign_in(&mut browser).await;
    assert_refused(&mut browser, &answer, status).await;
}

async fn accepted(how: Misbehaviour) {
    let house = House::new().await;
    house.provider.misbehave(how);
    let mut browser = house.signed_in().await;
    let token = browser.get("/api/token").await.json();
    assert_eq!(
        house.fixed(token["token"].as_str().unwrap()),
        ("dl".into(), SUBJECT.into())
    );
}

#[tokio::test]
async fn an_id_token_without_kid_is_accepted_when_there_is_one_key() {
    accepted(Misbehaviour {
        header: Some(|header| {
            header.as_object_mut().unwrap().remove("kid");
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_wants_the_secret_in_the_body_gets_it_there() {
    accepted(Misbehaviour {
        metadata: Some(|metadata| {
            metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn claims_may_come_from_userinfo_alone() {
    accepted(Misbehaviour {
        claims: Some(|claims| {
            let claims = claims.as_object_mut().unwrap();
            claims.remove("organizations");
            claims.remove("name");
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn claims_may_come_from_the_id_token_alone() {
    accepted(Misbehaviour {
        metadata: Some(|metadata| {
            metadata
                .as_object_mut()
                .unwrap()
                .remove("userinfo_endpoint");
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn clocks_may_differ_a_little() {
    accepted(Misbehaviour {
        claims: Some(|claims| {
            let now = claims["iat"].as_i64().unwrap();
            claims["exp"] = (now - 30).into();
            claims["iat"] = (now + 30).into();
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn another_issuer_is_refused() {
    unverifiable(Misbehaviour {
        claims: Some(|claims| claims["iss"] = "https://evil.example".into()),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn another_audience_is_refused() {
    for change in [
        (|claims| claims["aud"] = "another-client".into()) as Change,
        |claims| claims["aud"] = json!(["rookery-web", "another-client"]),
        |claims| claims["aud"] = json!([]),
        |claims| {
            claims.as_object_mut().unwrap().remove("aud");
        },
        |claims| claims["azp"] = "another-client".into(),
    ] {
        unverifiable(Misbehaviour {
            claims: Some(change),
            ..Misbehaviour::default()
        })
        .await;
    }
}

#[tokio::test]
async fn a_missing_claim_is_refused() {
    for change in [
        (|claims| {
            claims.as_object_mut().unwrap().remove("sub");
        }) as Change,
        |claims| {
            claims.as_object_mut().unwrap().remove("iat");
        },
        |claims| {
            claims.as_object_mut().unwrap().remove("exp");
        },
        |claims| {
            claims.as_object_mut().unwrap().remove("nonce");
        },
    ] {
        unverifiable(Misbehaviour {
            claims: Some(change),
            ..Misbehaviour::default()
        })
        .await;
    }
}

#[tokio::test]
async fn another_nonce_is_refused() {
    unverifiable(Misbehaviour {
        claims: Some(|claims| claims["nonce"] = "of another sign-in".into()),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_token_of_the_past_or_the_future_is_refused() {
    for change in [
        (|claims| claims["exp"] = (claims["iat"].as_i64().unwrap() - 61).into()) as Change,
        |claims| claims["iat"] = (claims["iat"].as_i64().unwrap() + 120).into(),
    ] {
        unverifiable(Misbehaviour {
            claims: Some(change),
            ..Misbehaviour::default()
        })
        .await;
    }
}

#[tokio::test]
async fn a_changed_signature_is_refused() {
    unverifiable(Misbehaviour {
        id_token: Some(|token| {
            let (input, signature) = token.rsplit_once('.').unwrap();
            let first = if signature.starts_with('A') { 'B' } else { 'A' };
            format!("{input}.{first}{}", &signature[1..])
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn an_unsigned_token_is_refused_although_the_provider_announces_it() {
    unverifiable(Misbehaviour {
        header: Some(|header| header["alg"] = "none".into()),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_token_signed_with_the_client_secret_is_refused_although_the_provider_announces_it() {
    assert!(!CLIENT_SECRET.is_empty());
    unverifiable(Misbehaviour {
        header: Some(|header| header["alg"] = "HS256".into()),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn an_algorithm_the_provider_does_not_announce_is_refused() {
    unverifiable(Misbehaviour {
        metadata: Some(|metadata| {
            metadata["id_token_signing_alg_values_supported"] = json!(["RS256"]);
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn an_access_token_is_no_id_token() {
    unverifiable(Misbehaviour {
        header: Some(|header| header["typ"] = "at+jwt".into()),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn an_id_token_of_another_access_token_is_refused() {
    unverifiable(Misbehaviour {
        claims: Some(|claims| claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA".into()),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_claim_said_twice_is_refused() {
    unverifiable(Misbehaviour {
        claims_text: Some(|text| text.replacen('{', r#"{"sub":"user_ada","#, 1)),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_token_that_names_no_key_is_refused_when_there_are_several() {
    unverifiable(Misbehaviour {
        header: Some(|header| {
            header.as_object_mut().unwrap().remove("kid");
        }),
        keys: Some(|keys| {
            let mut other = keys["keys"][0].clone();
            other["kid"] = "key-2".into();
            keys["keys"].as_array_mut().unwrap().push(other);
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_response_without_id_token_is_refused() {
    unverifiable(Misbehaviour {
        tokens: Some(|tokens| {
            tokens.as_object_mut().unwrap().remove("id_token");
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn userinfo_about_somebody_else_is_refused() {
    unverifiable(Misbehaviour {
        userinfo: Some(|userinfo| userinfo["sub"] = "user_ada".into()),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn refused_userinfo_is_refused() {
    unverifiable(Misbehaviour {
        userinfo_status: Some(StatusCode::UNAUTHORIZED),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn broken_userinfo_is_tried_again_later() {
    refused_with(
        Misbehaviour {
            userinfo_status: Some(StatusCode::INTERNAL_SERVER_ERROR),
            ..Misbehaviour::default()
        },
        StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
}

#[tokio::test]
async fn a_token_endpoint_that_sends_no_tokens_is_explained() {
    refused_with(
        Misbehaviour {
            tokens: Some(|tokens| *tokens = json!({"hello": "there"})),
            ..Misbehaviour::default()
        },
        StatusCode::BAD_GATEWAY,
    )
    .await;
}

#[tokio::test]
async fn a_response_from_another_issuer_is_refused() {
    for change in [
        (|response| {
            response.insert("iss".into(), "https://evil.example".into());
        }) as fn(&mut std::collections::HashMap<String, String>),
        |response| {
            response.remove("iss");
        },
    ] {
        unverifiable(Misbehaviour {
            response: Some(change),
            ..Misbehaviour::default()
        })
        .await;
    }
}

#[tokio::test]
async fn a_response_without_issuer_is_accepted_from_a_provider_that_does_not_promise_it() {
    accepted(Misbehaviour {
        metadata: Some(|metadata| {
            metadata
                .as_object_mut()
                .unwrap()
                .remove("authorization_response_iss_parameter_supported");
        }),
        response: Some(|response| {
            response.remove("iss");
        }),
        ..Misbehaviour::default()
    })
    .await;
}

#[tokio::test]
async fn a_code_that_was_used_before_leads_to_a_new_sign_in() {
    refused_with(
        Misbehaviour {
            response: Some(|response| {
                response.insert("code".into(), "used".into());
            }),
            ..Misbehaviour::default()
        },
        StatusCode::BAD_REQUEST,
    )
    .await;
}
