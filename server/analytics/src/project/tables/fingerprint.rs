//! Fingerprints: whether two definitions say the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A short text that is equal for equal parts and differs for different ones.
pub(in crate::project) fn fingerprint<'text>(
    parts: impl IntoIterator<Item = &'text str>,
) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..12])
}
