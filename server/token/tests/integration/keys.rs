//! Keys of every kind, from text and from files, alone and together.

use token::{
    Algorithm, Claims, KeyError, Scope, Settings, SigningKey, Verifier, VerifyingKey, sign,
};

use crate::support::{NOW, SECRET, WORKSPACE, ed25519_pem, p256_pem};

fn claims() -> Claims {
    Claims {
        workspace_id: WORKSPACE.into(),
        name: "frontend".into(),
        exp: NOW + 900,
        scopes: vec![Scope::read_pipe("a").fixed("org", "ua")],
        ..Claims::default()
    }
}

#[test]
fn every_algorithm_signs_what_it_verifies() {
    let keys = [
        SigningKey::hs256(SECRET).unwrap(),
        SigningKey::es256_pem("a", &p256_pem()).unwrap(),
        SigningKey::eddsa_pem("b", &ed25519_pem()).unwrap(),
    ];
    for key in keys {
        let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).unwrap();
        let token = sign(&claims(), &key).unwrap();
        assert_eq!(verifier.verify(&token, NOW).unwrap(), claims(), "{key:?}");
    }
}

#[test]
fn several_keys_are_accepted_at_once() {
    let old = SigningKey::eddsa_pem("2026-10", &ed25519_pem()).unwrap();
    let new = SigningKey::eddsa_pem("2026-11", &ed25519_pem()).unwrap();
    let admin = SigningKey::hs256(SECRET).unwrap();
    let keys = [&old, &new, &admin].map(SigningKey::verifying_key);
    let verifier = Verifier::new(WORKSPACE, keys).unwrap();
    for key in [&old, &new, &admin] {
        assert!(
            verifier.verify(&sign(&claims(), key).unwrap(), NOW).is_ok(),
            "{key:?}"
        );
    }
    let after = Verifier::new(WORKSPACE, [new.verifying_key()]).unwrap();
    let error = after
        .verify(&sign(&claims(), &old).unwrap(), NOW)
        .unwrap_err();
    assert_eq!(error.code(), "token_unknown_key");
}

#[test]
fn keys_that_cannot_be_told_apart_are_refused() {
    let key = |kid| {
        SigningKey::eddsa_pem(kid, &ed25519_pem())
            .unwrap()
            .verifying_key()
    };
    let admin = || VerifyingKey::hs256(SECRET).unwrap();
    assert!(matches!(Verifier::new("w", []), Err(KeyError::NoKeys)));
    assert!(matches!(
        Verifier::new("w", [key("a"), key("a")]),
        Err(KeyError::SameKeyId(_))
    ));
    assert!(matches!(
        Verifier::new("w", [admin(), admin()]),
        Err(KeyError::SeveralWithoutId)
    ));
}

#[test]
fn a_key_of_another_kind_is_refused_when_it_is_loaded() {
    assert!(matches!(
        SigningKey::hs256("short"),
        Err(KeyError::ShortSecret(5))
    ));
    assert!(SigningKey::es256_pem("a", &ed25519_pem()).is_err());
    assert!(SigningKey::eddsa_pem("a", &p256_pem()).is_err());
    assert!(SigningKey::es256_pem("a", "not a key").is_err());
    assert!(
        VerifyingKey::es256_pem("a", &p256_pem()).is_err(),
        "a private key is no public one"
    );
}

#[test]
fn no_secret_is_shown_when_keys_are_printed() {
    let pem = ed25519_pem();
    let key = SigningKey::eddsa_pem("a", &pem).unwrap();
    let admin = SigningKey::hs256(SECRET).unwrap();
    let text = format!("{key:?} {admin:?} {:?}", admin.verifying_key());
    assert!(
        !text.contains(SECRET) && !text.contains(&pem[40..60]),
        "{text}"
    );
}

#[test]
fn keys_are_read_from_files_named_by_their_id() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let settings = Settings {
        signing_key: Some(write("2026-11.pem", p256_pem())),
        verifying_keys: vec![write("2026-10.pem", ed25519_pem())],
        accept_admin_token: false,
    };
    let keyring = settings.load(SECRET).unwrap();
    let keys: Vec<_> = keyring
        .verifying
        .iter()
        .map(|key| (key.kid(), key.algorithm()))
        .collect();
    let expected = [
        (Some("2026-11"), Algorithm::Es256),
        (Some("2026-10"), Algorithm::EdDsa),
    ];
    assert_eq!(keys, expected);

    let defaults = Settings::default().load(SECRET).unwrap();
    assert_eq!(defaults.verifying[0].algorithm(), Algorithm::Hs256);
    assert_eq!(defaults.verifying.len(), 1);
}

#[test]
fn a_missing_key_file_is_named_in_the_error() {
    let settings = Settings {
        signing_key: Some("/nowhere/k.pem".into()),
        ..Settings::default()
    };
    let error = settings.load(SECRET).unwrap_err();
    assert!(error.to_string().contains("/nowhere/k.pem"), "{error}");
}
