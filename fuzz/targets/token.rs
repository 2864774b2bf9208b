//! Whatever comes as a bearer token: it is refused or it is genuine, and it
//! never ends the process. The same bytes are also signed as a payload, so
//! that the fuzzer gets behind the signature.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use libfuzzer_sys::fuzz_target;
use token::{SigningKey, Verifier};

const SECRET: &str = "p.an-admin-token-of-more-than-thirty-two-bytes";
const WORKSPACE: &str = "workspace";
const NOW: i64 = 1_764_000_000;

fuzz_target!(|data: &[u8]| {
    let key = SigningKey::hs256(SECRET).expect("the secret is long enough");
    let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).expect("there is one key");

    if let Ok(text) = std::str::from_utf8(data) {
        assert!(
            verifier.verify(text, NOW).is_err(),
            "a token nobody signed was accepted"
        );
    }
    if let Ok(claims) = verifier.verify(&signed(data), NOW) {
        assert!(claims.exp > NOW, "an expired token was accepted");
        assert_eq!(
            claims.workspace_id, WORKSPACE,
            "another workspace's token was accepted"
        );
    }
});

fn signed(payload: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature =
        crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("HMAC takes any message");
    format!("{message}.{signature}")
}
