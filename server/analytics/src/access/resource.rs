//! How pipes and data sources are named: by name or by id.

use sha2::{Digest, Sha256};

/// A pipe or data source that a token may or may not reach.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its id; see [`resource_id`].
    pub id: &'a str,
}

/// The id of a pipe or data source: `t_` and 32 hexadecimal digits, always the
/// same for the same workspace and name, so that none has to be stored.
#[must_use]
pub fn resource_id(workspace_id: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{workspace_id}/{name}"));
    let mut id = String::with_capacity(34);
    id.push_str("t_");
    for byte in &digest[..16] {
        id.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
        id.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
    }
    id
}
