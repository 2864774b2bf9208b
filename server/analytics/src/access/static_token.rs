//! The text of a static token: `p.<base64url JSON>.<base64url secret>`.
//!
//! The JSON names the workspace (`u`) and the token (`id`), so that a token
//! can be looked up; only the secret proves anything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Longer texts are no tokens of ours.
const MAX_BYTES: usize = 1024;

/// The parts of a static token's text. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticTokenText {
    /// The workspace the token says it is of.
    pub workspace_id: String,
    /// The token's id.
    pub id: String,
    /// The proof.
    pub secret: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    u: String,
    id: String,
    host: Option<String>,
}

impl StaticTokenText {
    /// Whether a text has the shape that tells static tokens from JWTs.
    #[must_use]
    pub fn is_static(text: &str) -> bool {
        text.starts_with("p.")
    }

    /// Takes a text apart.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (payload, secret) = text.strip_prefix("p.")?.split_once('.')?;
        let payload: Payload =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        Some(Self {
            workspace_id: payload.u,
            id: payload.id,
            secret,
        })
    }

    /// Whether `secret` is the token's. Hashes are compared, so that the time
    /// it takes tells nothing about the secret.
    #[must_use]
    pub fn has_secret(&self, secret: &[u8]) -> bool {
        same(&self.secret, secret)
    }
}

impl fmt::Display for StaticTokenText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = Payload {
            u: self.workspace_id.clone(),
            id: self.id.clone(),
            host: Some("rookery".to_owned()),
        };
        let payload = serde_json::to_string(&payload).map_err(|_| fmt::Error)?;
        let payload = URL_SAFE_NO_PAD.encode(payload);
        write!(
            formatter,
            "p.{payload}.{}",
            URL_SAFE_NO_PAD.encode(&self.secret)
        )
    }
}

impl fmt::Debug for StaticTokenText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StaticTokenText")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Compares two secrets in a time that does not depend on their content.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    Sha256::digest(left) == Sha256::digest(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_back_as_it_is_written() {
        let text = StaticTokenText {
            workspace_id: "w".into(),
            id: "5b1f".into(),
            secret: vec![0, 1, 254, 255],
        };
        assert!(StaticTokenText::is_static(&text.to_string()));
        assert_eq!(StaticTokenText::parse(&text.to_string()), Some(text));
    }

    #[test]
    fn other_texts_are_no_static_tokens() {
        let long = format!("p.{}.a", "a".repeat(2000));
        for text in [
            "",
            "p.",
            "p.a",
            "p.e30.AA",
            "p.!.AA",
            "q.e30.AA",
            "p.bnVsbA.AA",
            &long,
        ] {
            assert_eq!(StaticTokenText::parse(text), None, "{text}");
        }
    }
}
