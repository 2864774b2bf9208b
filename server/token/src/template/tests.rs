use serde_json::{Value, json};

use super::{JwtTemplate, OrganizationClaims, Subject, TemplateError, UserClaims};
use crate::mint::{Mint, MintError, Minted};
use crate::{SignError, SigningKey, Verifier};

const SECRET: &str = "p.eyJ1IjogImEifQ.an-admin-token-for-tests";
const NOW: i64 = 1_763_000_000;

fn ada() -> Subject {
    Subject {
        user: UserClaims {
            id: "user_1a2b".into(),
            full_name: Some("Ada".into()),
            email_verified: Some(false),
            public_metadata: serde_json::from_value(json!({"plan": {"seats": 7}, "zero": 0}))
                .unwrap(),
            ..UserClaims::default()
        },
        organization: Some(OrganizationClaims {
            id: "org_1".into(),
            slug: "ua".into(),
            name: "United Air Lines".into(),
            role: Some("admin".into()),
            permissions: vec!["org:read".into(), "org:write".into()],
            ..OrganizationClaims::default()
        }),
    }
}

fn nobody() -> Subject {
    Subject {
        organization: None,
        ..ada()
    }
}

/// A template whose claim `x` is `value`.
fn template(value: Value) -> Result<JwtTemplate, TemplateError> {
    let file = json!({"name": "t", "claims": {
        "workspace_id": "{{workspace.id}}", "name": "n",
        "scopes": [{"type": "PIPES:READ", "resource": "p"}], "x": value,
    }});
    JwtTemplate::parse(&file.to_string())
}

/// What the claim `x` becomes for `subject`.
fn rendered(value: Value, subject: &Subject) -> Value {
    template(value).unwrap().render(subject, "ws").unwrap().0["x"].clone()
}

fn mint(scopes: Value, subject: &Subject) -> Result<Minted, MintError> {
    let file = json!({"name": "t", "lifetime": 900, "claims": {
        "workspace_id": "{{workspace.id}}", "name": "rookery_{{user.id}}",
        "scopes": scopes, "limits": {"rps": 10}, "tier": "gold",
    }});
    let template = JwtTemplate::parse(&file.to_string()).unwrap();
    Mint::new(template, SigningKey::hs256(SECRET).unwrap(), "ws").mint(subject, NOW)
}

#[test]
fn a_whole_value_keeps_its_type() {
    for (shortcode, expected) in [
        ("{{user.id}}", json!("user_1a2b")),
        ("{{ user.email_verified }}", json!(false)),
        ("{{user.username}}", Value::Null),
        (
            "{{org_membership.permissions}}",
            json!(["org:read", "org:write"]),
        ),
        (
            "{{user.public_metadata}}",
            json!({"plan": {"seats": 7}, "zero": 0}),
        ),
        ("{{user.public_metadata.plan.seats}}", json!(7)),
        ("{{user.public_metadata.plan.none.deeper}}", Value::Null),
        ("{{org.public_metadata.tier}}", Value::Null),
        ("{{workspace.id}}", json!("ws")),
    ] {
        assert_eq!(rendered(json!(shortcode), &ada()), expected, "{shortcode}");
    }
}

#[test]
fn a_shortcode_in_text_becomes_text() {
    let value = json!("{{user.id}}@{{org.slug}}: {{user.public_metadata.plan.seats}} seats");
    assert_eq!(rendered(value, &ada()), json!("user_1a2b@ua: 7 seats"));
}

#[test]
fn shortcodes_work_in_nested_objects_and_arrays() {
    let value = json!({"a": [{"b": ["{{org.slug}}", 1, null]}], "c": true});
    assert_eq!(
        rendered(value, &ada()),
        json!({"a": [{"b": ["ua", 1, null]}], "c": true})
    );
}

#[test]
fn the_first_operand_that_is_neither_null_nor_false_counts() {
    for (shortcode, expected) in [
        ("{{user.username || user.full_name}}", json!("Ada")),
        (
            "{{user.email_verified || 'unverified'}}",
            json!("unverified"),
        ),
        ("{{user.public_metadata.zero || 5}}", json!(0)),
        ("{{user.username || ''}}", json!("")),
        ("{{user.username || -1.5}}", json!(-1.5)),
        ("{{user.username || user.email_verified}}", json!(false)),
        ("{{user.email_verified || user.username}}", Value::Null),
        ("{{user.username || true || 'x'}}", json!(true)),
        ("{{'}} || {'||user.id}}", json!("}} || {")),
    ] {
        assert_eq!(rendered(json!(shortcode), &ada()), expected, "{shortcode}");
    }
}

#[test]
fn without_an_organization_its_fields_are_null() {
    for shortcode in [
        "{{org.slug}}",
        "{{org_membership.role}}",
        "{{org.public_metadata.a}}",
    ] {
        assert_eq!(
            rendered(json!(shortcode), &nobody()),
            Value::Null,
            "{shortcode}"
        );
    }
    assert_eq!(
        rendered(json!("{{org.slug || 'none'}}"), &nobody()),
        json!("none")
    );
}

#[test]
fn what_cannot_be_filled_in_is_an_error_at_load() {
    for (value, part) in [
        (json!("{{organization.slug}}"), "no known root"),
        (json!("{{org_permissions}}"), "no known root"),
        (json!("{{session.id}}"), "no known root"),
        (json!("{{org.plan}}"), "`org` has no field `plan`"),
        (json!("{{user}}"), "`user` has no field ``"),
        (json!("{{user.public_metadata.}}"), "no field"),
        (json!("{{user.public_metadatas}}"), "no field"),
        (json!("{{user.private_metadata.a}}"), "no field"),
        (json!("{{workspace.name}}"), "no field"),
        (json!("{{}}"), "expected a name"),
        (json!("{{ || 'x'}}"), "expected a name"),
        (json!("{{user.id || }}"), "expected a name"),
        (json!("{{user.id"), "expected `||` or `}}`"),
        (json!("{{user.id}"), "expected `||` or `}}`"),
        (json!("{{user.id | 'x'}}"), "expected `||` or `}}`"),
        (json!("{{user.id 'x'}}"), "expected `||` or `}}`"),
        (json!("{{'open}}"), "without closing"),
        (json!("{{1.2.3}}"), "not a number"),
        (json!("{{user.id}} {{user.nope}}"), "no field"),
        (json!({"{{user.id}}": 1}), "a name cannot be filled in"),
        (json!([{"a": ["{{nope.a}}"]}]), "x[0].a[0]"),
    ] {
        let error = template(value.clone())
            .expect_err(&value.to_string())
            .to_string();
        assert!(error.contains(part), "{value}: {error}");
    }
}

#[test]
fn a_file_that_is_no_template_is_an_error_at_load() {
    let scopes = r#""scopes":[{"type":"PIPES:READ","resource":"p"}]"#;
    let base = format!(r#""workspace_id":"w","name":"n",{scopes}"#);
    for (json, part) in [
        ("[]".to_owned(), "JSON object"),
        ("{".to_owned(), "EOF"),
        (
            format!(r#"{{"claims":{{{base}}}}}"#),
            "missing field `name`",
        ),
        (
            format!(r#"{{"name":"","claims":{{{base}}}}}"#),
            "`name` is missing",
        ),
        (
            format!(r#"{{"name":"t","lifetime":29,"claims":{{{base}}}}}"#),
            "30 to 315360000",
        ),
        (
            format!(r#"{{"name":"t","life":60,"claims":{{{base}}}}}"#),
            "unknown field `life`",
        ),
        (
            format!(r#"{{"name":"t","name":"u","claims":{{{base}}}}}"#),
            "given twice",
        ),
        (
            format!(r#"{{"name":"t","claims":{{{base},"exp":1}}}}"#),
            "`exp` is reserved",
        ),
        (
            format!(r#"{{"name":"t","claims":{{{base},"sub":"a"}}}}"#),
            "`sub` is reserved",
        ),
        (
            format!(r#"{{"name":"t","claims":{{"name":"n",{scopes}}}}}"#),
            "`workspace_id` is missing",
        ),
        (
            r#"{"name":"t","claims":{"workspace_id":"w","name":"n"}}"#.to_owned(),
            "`scopes`",
        ),
        (
            r#"{"name":"t","claims":{"workspace_id":"w","name":"n","scopes":[]}}"#.to_owned(),
            "without scopes",
        ),
        (
            r#"{"name":"t","claims":{"workspace_id":"w","name":"n",
                "scopes":[{"type":"PIPES:WRITE","resource":"p"}]}}"#
                .to_owned(),
            "scopes[0]",
        ),
        (
            r#"{"name":"t","claims":{"workspace_id":"w","name":"n",
                "scopes":[{"type":"PIPES:READ","resource":"p","fixed_parms":{}}]}}"#
                .to_owned(),
            "fixed_parms",
        ),
    ] {
        let error = JwtTemplate::parse(&json).expect_err(&json).to_string();
        assert!(error.contains(part), "{json}: {error}");
    }
}

#[test]
fn a_minted_token_carries_the_claims_and_verifies() {
    let scopes = json!([{"type": "PIPES:READ", "resource": ["a", "b"],
        "fixed_params": {"org": "{{org.slug}}", "user": "{{user.id}}"}}]);
    let minted = mint(scopes, &ada()).unwrap();
    assert_eq!(minted.expires_at, NOW + 900);
    assert_eq!(minted.claims.name, "rookery_user_1a2b");
    assert_eq!(minted.claims.sub.as_deref(), Some("user_1a2b"));
    assert_eq!(minted.claims.iat, Some(NOW));
    assert_eq!(minted.claims.scopes[0].fixed_params["org"], json!("ua"));

    let key = SigningKey::hs256(SECRET).unwrap();
    let verifier = Verifier::new("ws", [key.verifying_key()]).unwrap();
    assert_eq!(verifier.verify(&minted.token, NOW).unwrap(), minted.claims);
}

#[test]
fn every_token_has_an_id_of_its_own() {
    let scopes = json!([{"type": "PIPES:READ", "resource": "a"}]);
    let ids = [mint(scopes.clone(), &ada()), mint(scopes, &ada())];
    let [first, second] = ids.map(|minted| minted.unwrap().claims.jti.unwrap());
    assert_ne!(first, second);
}

#[test]
fn no_organization_means_no_token() {
    for value in [
        "{{org.slug}}",
        "tenant_{{org.slug}}",
        "{{org.public_metadata.tenant}}",
    ] {
        let scopes =
            json!([{"type": "PIPES:READ", "resource": "a", "fixed_params": {"org": value}}]);
        let error = mint(scopes, &nobody()).unwrap_err();
        assert!(
            matches!(error, MintError::NoOrganization),
            "{value}: {error:?}"
        );
    }
}

#[test]
fn a_token_that_needs_no_organization_is_made_without_one() {
    let scopes =
        json!([{"type": "PIPES:READ", "resource": "a", "fixed_params": {"user": "{{user.id}}"}}]);
    assert!(mint(scopes, &nobody()).is_ok());
}

#[test]
fn empty_and_nested_fixed_parameters_are_never_signed() {
    for value in [
        json!(null),
        json!(""),
        json!("  "),
        json!([]),
        json!(["a", ""]),
        json!(["a", null]),
        json!([["a"]]),
        json!({"a": 1}),
        json!("{{user.username}}"),
        json!("{{user.username || ''}}"),
        json!("{{user.public_metadata}}"),
    ] {
        let scopes =
            json!([{"type": "PIPES:READ", "resource": "a", "fixed_params": {"org": value}}]);
        assert!(mint(scopes, &ada()).is_err(), "{value}");
    }
}

#[test]
fn a_value_that_looks_like_a_shortcode_is_not_signed() {
    let mut subject = ada();
    subject.organization.as_mut().unwrap().slug = "{{user.id}}".into();
    let scopes =
        json!([{"type": "PIPES:READ", "resource": "a", "fixed_params": {"org": "{{org.slug}}"}}]);
    let error = mint(scopes, &subject).unwrap_err();
    assert!(
        matches!(error, MintError::Sign(SignError::Shortcode(_))),
        "{error:?}"
    );
}

#[test]
fn a_template_for_another_workspace_mints_nothing() {
    let file = json!({"name": "t", "claims": {"workspace_id": "other", "name": "n",
        "scopes": [{"type": "PIPES:READ", "resource": "p"}]}});
    let template = JwtTemplate::parse(&file.to_string()).unwrap();
    let mint = Mint::new(template, SigningKey::hs256(SECRET).unwrap(), "ws");
    assert!(matches!(mint.mint(&ada(), NOW), Err(MintError::Claims(_))));
}

#[test]
fn the_demo_template_mints_a_token_for_the_active_organization() {
    let json = include_str!("../../../../demo/jwt_templates/tinybird.json");
    let template = JwtTemplate::parse(json).unwrap();
    assert_eq!((template.name(), template.lifetime()), ("tinybird", 900));
    let mint = Mint::new(template, SigningKey::hs256(SECRET).unwrap(), "ws");
    let minted = mint.mint(&ada(), NOW).unwrap();
    for scope in &minted.claims.scopes {
        assert_eq!(scope.fixed_params["org"], json!("ua"));
    }
    assert!(matches!(
        mint.mint(&nobody(), NOW),
        Err(MintError::NoOrganization)
    ));
}
