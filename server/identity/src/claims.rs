//! What relying parties learn: the claims about a person by scope, and the ID
//! token.

use serde_json::{Map, Value, json};

use crate::keys::{KeySet, SignError, TokenKind};
use crate::scope::Scope;
use crate::secret;
use crate::settings::SigningAlgorithm;
use crate::store::Person;

/// The names of every claim that [`about`] and [`IdToken::sign`] may give.
pub(crate) const SUPPORTED: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "sid",
    "name",
    "preferred_username",
    "email",
    "email_verified",
    "organizations",
];

/// `sub` and what the scope opens (OpenID Connect Core, section 5.4), the same
/// in ID token and userinfo. `organizations` is ours: an array of
/// `{"id", "slug", "name", "role"}`.
pub(crate) fn about(person: &Person, scope: &Scope) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(person.id));
    if scope.contains("profile") {
        claims.insert("name".to_owned(), json!(person.name));
        if let Some(username) = &person.preferred_username {
            claims.insert("preferred_username".to_owned(), json!(username));
        }
    }
    if scope.contains("email") {
        claims.insert("email".to_owned(), json!(person.email));
        claims.insert("email_verified".to_owned(), json!(person.email_verified));
    }
    if scope.contains("organizations") {
        let organizations: Vec<Value> = person
            .memberships
            .iter()
            .map(|membership| {
                json!({
                    "id": membership.id,
                    "slug": membership.slug,
                    "name": membership.name,
                    "role": membership.role,
                })
            })
            .collect();
        claims.insert("organizations".to_owned(), Value::Array(organizations));
    }
    claims
}

/// What an ID token says beside the claims about the person.
#[derive(Debug)]
pub(crate) struct IdToken<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) auth_time: i64,
    /// The name of the session, as logout tokens have it.
    pub(crate) session: &'a str,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) access_token: &'a str,
}

impl IdToken<'_> {
    /// OpenID Connect Core, sections 2 and 3.1.3.6.
    pub(crate) fn sign(
        &self,
        person: &Person,
        scope: &Scope,
        keys: &KeySet,
        algorithm: SigningAlgorithm,
    ) -> Result<String, SignError> {
        let mut claims = about(person, scope);
        let own = [
            ("iss", json!(self.issuer)),
            ("aud", json!(self.client_id)),
            ("iat", json!(self.issued_at)),
            ("exp", json!(self.expires_at)),
            ("auth_time", json!(self.auth_time)),
            ("sid", json!(self.session)),
            ("at_hash", json!(secret::half_digest(self.access_token))),
        ];
        claims.extend(own.map(|(name, value)| (name.to_owned(), value)));
        if let Some(nonce) = self.nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        keys.sign(algorithm, TokenKind::Id, &claims)
    }
}

/// The claims that matter when an ID token of ours comes back as a hint.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Hint {
    pub(crate) sub: String,
    pub(crate) aud: String,
}
