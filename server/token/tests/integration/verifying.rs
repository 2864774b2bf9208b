//! Tokens that others sign and that have to be accepted as they are.

use serde_json::json;
use token::ScopeKind;

use crate::support::{HEADER, NOW, WORKSPACE, good, hs256_verifier, raw, with};

#[test]
fn a_token_as_jose_signs_it_for_the_clerk_demo_is_accepted() {
    // npm `jose`: `new SignJWT(claims).setProtectedHeader({ alg: "HS256" })`.
    let payload = json!({
        "workspace_id": WORKSPACE,
        "name": "frontend_jwt",
        "exp": NOW + 60,
        "limits": {"rps": 10},
        "scopes": [{
            "type": "PIPES:READ",
            "resource": "your_pipe",
            "fixed_params": {"org": "acme", "user": "user_2abc"},
        }],
    });
    let claims = hs256_verifier().verify(&raw(r#"{"alg":"HS256"}"#, &payload.to_string()), NOW);
    let claims = claims.unwrap();
    assert_eq!(claims.scopes[0].fixed_params["org"], "acme");
    assert_eq!((claims.iat, claims.jti), (None, None));
}

#[test]
fn a_token_as_clerk_signs_it_is_accepted() {
    let mut payload = good();
    for (name, value) in [
        ("azp", json!("http://localhost:3000")),
        ("iat", json!(NOW)),
        ("iss", json!("https://clerk.example")),
        ("jti", json!("0f1e2d3c4b5a")),
        ("nbf", json!(NOW - 5)),
        ("sub", json!("user_2abc")),
    ] {
        payload[name] = value;
    }
    let header = r#"{"alg":"HS256","cat":"cl_B7d4PD222AAA","kid":"ins_2abc","typ":"JWT"}"#;
    let claims = hs256_verifier()
        .verify(&raw(header, &payload.to_string()), NOW)
        .unwrap();
    assert_eq!(claims.sub.as_deref(), Some("user_2abc"));
}

#[test]
fn a_header_without_algorithm_is_accepted() {
    for header in ["{}", r#"{"typ":"jwt"}"#] {
        assert!(
            hs256_verifier()
                .verify(&raw(header, &good().to_string()), NOW)
                .is_ok()
        );
    }
}

#[test]
fn a_token_lives_until_the_second_before_it_expires() {
    let token = raw(HEADER, &good().to_string());
    assert!(hs256_verifier().verify(&token, NOW + 899).is_ok());
    assert_eq!(
        hs256_verifier()
            .verify(&token, NOW + 900)
            .unwrap_err()
            .code(),
        "token_expired"
    );
    let token = raw(HEADER, &with("nbf", json!(NOW)));
    assert!(hs256_verifier().verify(&token, NOW).is_ok());
}

#[test]
fn a_fraction_of_a_second_is_a_time() {
    let token = raw(HEADER, &with("exp", json!(NOW as f64 + 1.5)));
    assert_eq!(hs256_verifier().verify(&token, NOW).unwrap().exp, NOW + 1);
}

#[test]
fn the_workspace_may_be_the_audience() {
    for audience in [json!(WORKSPACE), json!(["else", WORKSPACE])] {
        assert!(
            hs256_verifier()
                .verify(&raw(HEADER, &with("aud", audience)), NOW)
                .is_ok()
        );
    }
}

#[test]
fn every_kind_of_scope_is_read() {
    let scopes = json!([
        {"type": "PIPES:READ", "resource": ["a", "b"], "filter": ""},
        {"type": "DATASOURCES:READ", "resource": "d", "filter": "org = 'ua'"},
        {"type": "DATASOURCES:APPEND", "resource": "d", "fixed_params": {"org": "ua"}},
    ]);
    let claims = hs256_verifier()
        .verify(&raw(HEADER, &with("scopes", scopes)), NOW)
        .unwrap();
    let [pipes, read, append] = claims.scopes.as_slice() else {
        panic!("three scopes")
    };
    assert_eq!(pipes.kind, ScopeKind::PipesRead);
    assert_eq!(pipes.resource.iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(pipes.filter, None);
    assert_eq!(read.filter.as_deref(), Some("org = 'ua'"));
    assert_eq!(append.kind, ScopeKind::DataSourcesAppend);
}

#[test]
fn kilobytes_of_scopes_are_normal() {
    let scope = |index| {
        json!({"type": "PIPES:READ", "resource": format!("endpoint_number_{index}"),
            "fixed_params": {"site_uuid": "7f7c4d9e-5f0f-4b8e-9d0f-0c5f1f4e2b7e"}})
    };
    let scopes: Vec<_> = (0..60).map(scope).collect();
    let claims = hs256_verifier().verify(&raw(HEADER, &with("scopes", json!(scopes))), NOW);
    assert_eq!(claims.unwrap().scopes.len(), 60);
}
