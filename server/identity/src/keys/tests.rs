//! Keys: their file, their states, and what they accept.

use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://id.example";
const DAY: i64 = 24 * 3600;

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "user_1", "aud": "web", "exp": 1})
}

fn store() -> (tempfile::TempDir, KeyStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = KeyStore::open(directory.path()).unwrap();
    (directory, store)
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

fn states(summary: &[KeySummary], algorithm: SigningAlgorithm) -> Vec<KeyState> {
    summary
        .iter()
        .filter(|key| key.algorithm == algorithm)
        .map(|key| key.state)
        .collect()
}

#[test]
fn keys_are_made_once_and_only_their_owner_can_read_them() {
    use std::os::unix::fs::MetadataExt;
    let (directory, first) = store();
    let path = directory.path().join(FILE);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let second = KeyStore::open(directory.path()).unwrap();
    assert_eq!(first.current().public(), second.current().public());
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, _) = store();
    let path = directory.path().join(FILE);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = KeyStore::open(directory.path()).unwrap_err();
    assert!(matches!(error, KeyError::Exposed(_)));
}

#[test]
fn the_published_set_has_names_and_no_private_parts() {
    let (_directory, store) = store();
    let set = serde_json::to_value(store.current().public()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 4);
    for key in keys {
        assert_eq!(key["use"], "sig");
        assert!(key["kid"].is_string() && key["alg"].is_string());
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}

#[test]
fn a_signed_token_is_recognised_even_when_expired() {
    let (_directory, store) = store();
    for algorithm in SigningAlgorithm::ALL {
        let token = store
            .current()
            .sign(algorithm, TokenKind::Id, &claims())
            .unwrap();
        let read: Value = store.current().verify(&token, ISSUER).unwrap();
        assert_eq!(read["sub"], "user_1");
    }
}

#[test]
fn tokens_of_others_are_not_recognised() {
    let (_directory, ours) = store();
    let (_other_directory, theirs) = store();
    let keys = ours.current();
    let token = keys
        .sign(SigningAlgorithm::Rs256, TokenKind::Id, &claims())
        .unwrap();
    let verify = |token: &str, issuer: &str| keys.verify::<Value>(token, issuer);

    assert!(verify(&token, "https://other.example").is_none());
    assert!(theirs.current().verify::<Value>(&token, ISSUER).is_none());
    assert!(verify("no token", ISSUER).is_none());
    assert!(verify(&"x".repeat(LONGEST_TOKEN + 1), ISSUER).is_none());

    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let forged = base64_json(&json!({"iss": ISSUER, "sub": "user_2", "aud": "web"}));
    assert!(verify(&format!("{header}.{forged}.{signature}"), ISSUER).is_none());
}

#[test]
fn the_header_cannot_choose_the_algorithm() {
    let (_directory, store) = store();
    let keys = store.current();
    let token = keys
        .sign(SigningAlgorithm::Rs256, TokenKind::Id, &claims())
        .unwrap();
    let payload = token.split('.').nth(1).unwrap();
    for algorithm in ["none", "HS256", "ES256"] {
        let header = base64_json(&json!({"alg": algorithm, "typ": "JWT", "kid": kid(&token)}));
        let forged = format!("{header}.{payload}.");
        assert!(
            keys.verify::<Value>(&forged, ISSUER).is_none(),
            "{algorithm}"
        );
    }
}

fn base64_json(value: &Value) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn a_rotation_signs_with_the_key_that_was_published_before() {
    let mut file = KeyFile::generate(0).unwrap();
    let published: Vec<String> = file.keys().map(|key| key.id.clone()).collect();
    file.rotate(Rotation::Scheduled, DAY).unwrap();

    let summary = file.summary();
    for algorithm in SigningAlgorithm::ALL {
        assert_eq!(
            states(&summary, algorithm),
            [KeyState::Retired, KeyState::Active, KeyState::Next]
        );
    }
    let active = summary.iter().filter(|key| key.state == KeyState::Active);
    assert!(active.map(|key| &key.id).all(|id| published.contains(id)));
}

#[test]
fn a_rotation_waits_until_relying_parties_know_the_next_key() {
    let mut file = KeyFile::generate(0).unwrap();
    let error = file.rotate(Rotation::Scheduled, DAY - 60).unwrap_err();
    assert!(matches!(error, KeyError::TooEarly { seconds: 60 }));
}

#[test]
fn retired_keys_are_dropped_in_the_end() {
    let mut file = KeyFile::generate(0).unwrap();
    file.rotate(Rotation::Scheduled, DAY).unwrap();
    file.rotate(Rotation::Scheduled, 40 * DAY).unwrap();
    assert_eq!(file.keys().count(), 6);
}

#[test]
fn a_compromise_replaces_every_key_at_once_in_the_running_provider() {
    let (directory, store) = store();
    let token = store
        .current()
        .sign(SigningAlgorithm::Es256, TokenKind::Id, &claims())
        .unwrap();

    let summary = rotate_keys(directory.path(), Rotation::Compromised).unwrap();

    assert!(summary.iter().all(|key| key.id != kid(&token)));
    assert!(store.current().verify::<Value>(&token, ISSUER).is_none());
    let fresh = store
        .current()
        .sign(SigningAlgorithm::Es256, TokenKind::Id, &claims())
        .unwrap();
    assert_ne!(kid(&fresh), kid(&token));
}

#[test]
fn a_broken_file_leaves_the_running_provider_its_keys_and_leaks_none() {
    let (directory, store) = store();
    let before = store.current().public();
    let path = directory.path().join(FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replacen("state = \"active\"", "state = \"lost\"", 1),
    )
    .unwrap();

    assert_eq!(store.current().public(), before);
    let error = KeyStore::open(directory.path()).unwrap_err().to_string();
    assert!(!error.contains("BEGIN PRIVATE KEY"), "{error}");
}
