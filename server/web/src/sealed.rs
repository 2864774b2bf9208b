//! Text that leaves with the browser and comes back unread and unchanged:
//! AES-256-GCM-SIV under a key derived from the cookie secret.
//!
//! What is sealed, and for how long it holds, is the caller's business.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A cookie secret has to be at least this long, in bytes.
pub(crate) const SHORTEST_SECRET: usize = 32;

/// Separates this use of the cookie secret from any other.
const PURPOSE: &[u8] = b"rookery web sealed cookies 1";

/// Seals and opens text.
#[derive(Debug)]
pub(crate) struct Sealer {
    key: RandomizedNonceKey,
}

/// The secret is shorter than [`SHORTEST_SECRET`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecretTooShort;

impl Sealer {
    /// A sealer whose key follows from `secret`, which must be random.
    pub(crate) fn new(secret: &str) -> Result<Self, SecretTooShort> {
        if secret.len() < SHORTEST_SECRET {
            return Err(SecretTooShort);
        }
        let key = Sha256::new()
            .chain_update(PURPOSE)
            .chain_update(secret)
            .finalize();
        let key = RandomizedNonceKey::new(&AES_256_GCM_SIV, &key)
            .expect("SHA-256 is as long as the key of AES-256");
        Ok(Self { key })
    }

    /// `text` as URL-safe base64 that only [`Self::open`] under the same
    /// `name` can read.
    pub(crate) fn seal(&self, name: &str, text: &[u8]) -> String {
        let mut sealed = text.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .expect("a cookie is far shorter than the cipher's limit");
        sealed.extend_from_slice(nonce.as_ref());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// What was sealed under `name`; `None` when anything about it was changed.
    pub(crate) fn open(&self, name: &str, sealed: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let split = bytes.len().checked_sub(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(&bytes[split..]).ok()?;
        bytes.truncate(split);
        let text = self
            .key
            .open_in_place(nonce, Aad::from(name.as_bytes()), &mut bytes)
            .ok()?;
        Some(text.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new("a secret of thirty-two bytes or so").unwrap()
    }

    #[test]
    fn what_was_sealed_can_be_opened_under_its_name() {
        let sealed = sealer().seal("name", b"text");
        assert_eq!(sealer().open("name", &sealed).unwrap(), b"text");
        assert_eq!(sealer().open("other", &sealed), None);
    }

    #[test]
    fn a_changed_byte_opens_nothing() {
        let sealed = sealer().seal("name", b"text");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(sealer().open("name", &changed), None, "byte {index}");
        }
        for broken in ["", "AAAA", "not base64!"] {
            assert_eq!(sealer().open("name", broken), None);
        }
    }

    #[test]
    fn another_secret_opens_nothing() {
        let other = Sealer::new("another secret of thirty-two bytes").unwrap();
        assert_eq!(other.open("name", &sealer().seal("name", b"text")), None);
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert_eq!(Sealer::new("short").err(), Some(SecretTooShort));
    }
}
