//! Whatever comes as a bearer token: it is refused or it is genuine, and it
//! never ends the process. The corpus' first line of defence is a payload that
//! the target signs itself, so that the fuzzer also gets behind the signature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use token::{SigningKey, Verifier, sign};

const SECRET: &str = "p.an-admin-token-of-more-than-thirty-two-bytes";
const NOW: i64 = 1_764_000_000;

fuzz_target!(|data: &[u8]| {
    let key = SigningKey::hs256(SECRET).expect("the secret is long enough");
    let verifier = Verifier::new("workspace", [key.verifying_key()]).expect("there is one key");

    if let Ok(text) = std::str::from_utf8(data) {
        assert!(
            verifier.verify(text, NOW).is_err(),
            "a token nobody signed was accepted"
        );
    }
    if let Ok(claims) = serde_json::from_slice(data)
        && let Ok(genuine) = sign(&claims, &key)
        && let Ok(verified) = verifier.verify(&genuine, NOW)
    {
        assert_eq!(verified, claims, "what was signed is not what was read");
        assert!(verified.exp > NOW, "an expired token was accepted");
    }
});
