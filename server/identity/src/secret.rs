//! Random secrets and the digests they are kept as.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// 256 random bits in 43 characters that need no escaping anywhere.
pub(crate) fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// The SHA-256 digest. The secrets are random, so it needs no salt.
pub(crate) fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Bytes in base64url.
pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// SHA-256 in base64url: PKCE's `S256` (RFC 7636, section 4.2).
pub(crate) fn base64_digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// The left half of SHA-256 in base64url: `at_hash` of a token that comes with
/// an ID token signed with RS256 or ES256 (OpenID Connect Core, 3.1.3.6).
pub(crate) fn half_digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text.as_bytes())[..16])
}

/// Compares in a time that does not tell where two secrets differ.
pub(crate) fn equal(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(&digest(one), &digest(other)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_of_rfc_7636_appendix_b() {
        assert_eq!(
            base64_digest("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn the_access_token_hash_of_openid_connect_core_appendix_a() {
        assert_eq!(
            half_digest("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }

    #[test]
    fn secrets_do_not_repeat() {
        assert_ne!(random(), random());
        assert_eq!(random().len(), 43);
    }

    #[test]
    fn only_the_same_secret_is_equal() {
        assert!(equal("same", "same"));
        assert!(!equal("same", "sam"));
        assert!(!equal("", "same"));
    }
}
