//! Making tokens by hand, so that they can be wrong in every way.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use token::{SigningKey, Verifier};

pub(crate) const SECRET: &str = "p.eyJ1IjogImEifQ.an-admin-token-for-tests";
pub(crate) const WORKSPACE: &str = "0c5f1f4e-2b7e-4c0a-9e0a-3f7b8f0d1a2b";
pub(crate) const NOW: i64 = 1_763_000_000;

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The HS256 signature of `message`.
pub(crate) fn hmac(secret: &[u8], message: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap()
}

/// Signs header and payload as they stand, whatever they say, with HS256.
pub(crate) fn raw(header: &str, payload: &str) -> String {
    raw_with(SECRET.as_bytes(), header, payload)
}

pub(crate) fn raw_with(secret: &[u8], header: &str, payload: &str) -> String {
    let message = format!("{}.{}", b64(header), b64(payload));
    let signature = hmac(secret, &message);
    format!("{message}.{signature}")
}

/// Good claims; tests change one thing in them.
pub(crate) fn good() -> Value {
    json!({
        "workspace_id": WORKSPACE,
        "name": "frontend",
        "exp": NOW + 900,
        "scopes": [{"type": "PIPES:READ", "resource": "a", "fixed_params": {"org": "ua"}}],
        "limits": {"rps": 10},
    })
}

/// The good claims with one replaced.
pub(crate) fn with(claim: &str, value: Value) -> String {
    let mut claims = good();
    claims[claim] = value;
    claims.to_string()
}

/// The good claims without one.
pub(crate) fn without(claim: &str) -> String {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(claim);
    claims.to_string()
}

pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn pem(pkcs8: &[u8]) -> String {
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pkcs8)
    )
}

/// A fresh P-256 key in PEM.
pub(crate) fn p256_pem() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    pem(pair.to_pkcs8v1().unwrap().as_ref())
}

/// A fresh Ed25519 key in PEM.
pub(crate) fn ed25519_pem() -> String {
    let pair = Ed25519KeyPair::generate().unwrap();
    pem(pair.to_pkcs8().unwrap().as_ref())
}

/// Knows the admin token and nothing else.
pub(crate) fn hs256_verifier() -> Verifier {
    Verifier::new(
        WORKSPACE,
        [SigningKey::hs256(SECRET).unwrap().verifying_key()],
    )
    .unwrap()
}
