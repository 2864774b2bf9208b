//! Verifying: a text from outside becomes [`Claims`], or a reason why not.
//!
//! The order is fixed: size, shape, header, key, signature, and only then is
//! the payload parsed. The key fixes the algorithm; the header may repeat it
//! but never choose it (RFC 8725, section 3.1).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use thiserror::Error;

use crate::claims::{
    Audience, Claims, FixedValueProblem, Limits, Scope, ScopeKind, fixed_value_problem,
    numeric_date,
};
use crate::json::refuse_duplicates;
use crate::keys::{KeyError, VerifyingKey};

/// The longest header segment that is read, encoded.
const MAX_HEADER_BYTES: usize = 1024;
/// Names are keys of the rate limiter and labels of statistics.
const MAX_NAME_BYTES: usize = 256;

/// Why a token is refused. `Display` says what is wrong and never repeats the
/// token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Longer than [`crate::MAX_TOKEN_BYTES`], or its header is.
    #[error("the token is too large")]
    TooLarge,
    /// Not three segments of base64url and JSON.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// The header asks for something that is not supported.
    #[error("the token's header has an unsupported `{0}`")]
    UnsupportedHeader(&'static str),
    /// The header names another algorithm than the key's.
    #[error("the token's algorithm is not the one of its key")]
    WrongAlgorithm,
    /// No key has the header's `kid`.
    #[error("no key has the id the token names")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is invalid")]
    InvalidSignature,
    /// A claim has the wrong type or value.
    #[error("the token's claims are invalid: {0}")]
    InvalidClaim(String),
    /// A required claim is missing.
    #[error("the token has no claim `{0}`")]
    MissingClaim(&'static str),
    /// The token has no `exp`.
    #[error("the token has no expiry: add the claim `exp` in unix seconds")]
    MissingExpiry,
    /// Signed for another workspace.
    #[error("the token belongs to another workspace")]
    WrongWorkspace,
    /// `aud` is there and does not name the workspace.
    #[error("the token is meant for another audience")]
    WrongAudience,
    /// `exp` has come.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come yet.
    #[error("the token is not valid yet")]
    NotYetValid,
}

impl VerifyError {
    /// A stable name for programs; part of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::Malformed(_) => "token_malformed",
            Self::UnsupportedHeader(_) => "token_unsupported_header",
            Self::WrongAlgorithm => "token_wrong_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::InvalidSignature => "token_invalid_signature",
            Self::InvalidClaim(_) => "token_invalid_claim",
            Self::MissingClaim(_) => "token_missing_claim",
            Self::MissingExpiry => "token_missing_expiry",
            Self::WrongWorkspace => "token_wrong_workspace",
            Self::WrongAudience => "token_wrong_audience",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
        }
    }
}

/// Verifies the tokens of one workspace, with one or several keys.
#[derive(Debug)]
pub struct Verifier {
    workspace_id: String,
    /// The key for tokens that name none, or one that is unknown here.
    default_key: Option<VerifyingKey>,
    keys_by_id: HashMap<String, VerifyingKey>,
}

impl Verifier {
    /// A verifier for the tokens of `workspace_id` signed by any of `keys`, of
    /// which at most one may be without id.
    pub fn new(
        workspace_id: impl Into<String>,
        keys: impl IntoIterator<Item = VerifyingKey>,
    ) -> Result<Self, KeyError> {
        let mut default_key = None;
        let mut keys_by_id = HashMap::new();
        for key in keys {
            match key.kid.clone() {
                None if default_key.is_some() => return Err(KeyError::SeveralWithoutId),
                None => default_key = Some(key),
                Some(kid) => {
                    if keys_by_id.insert(kid.clone(), key).is_some() {
                        return Err(KeyError::SameKeyId(kid));
                    }
                }
            }
        }
        if default_key.is_none() && keys_by_id.is_empty() {
            return Err(KeyError::NoKeys);
        }
        Ok(Self {
            workspace_id: workspace_id.into(),
            default_key,
            keys_by_id,
        })
    }

    /// The claims of a token that is genuine, of this workspace and valid at
    /// `now` (unix seconds). There is no leeway: the token is valid while
    /// `nbf <= now < exp`, and tokens are renewed well before they expire.
    pub fn verify(&self, token: &str, now: i64) -> Result<Claims, VerifyError> {
        if token.len() > crate::MAX_TOKEN_BYTES {
            return Err(VerifyError::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or_else(not_three_segments)?;
        let (header, payload) = message.split_once('.').ok_or_else(not_three_segments)?;
        if payload.contains('.') {
            return Err(not_three_segments());
        }

        let key = self.key_for(&read_header(header)?)?;
        let genuine = jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            &key.decoding,
            key.algorithm.for_jsonwebtoken(),
        )
        .map_err(|_| malformed("the signature is not base64url"))?;
        if !genuine {
            return Err(VerifyError::InvalidSignature);
        }

        let claims = read_claims(&decode_segment(payload)?)?;
        self.check(&claims, now)?;
        Ok(claims)
    }

    /// The key a header means. A `kid` is only ever looked up. An unknown one
    /// falls to the key without id: Clerk and others put ids of their own
    /// beside a custom HS256 key. That key's algorithm stays fixed, and the
    /// signature still decides.
    fn key_for(&self, header: &Header) -> Result<&VerifyingKey, VerifyError> {
        let key = header
            .kid
            .as_ref()
            .and_then(|kid| self.keys_by_id.get(kid))
            .or(self.default_key.as_ref())
            .ok_or(VerifyError::UnknownKey)?;
        match &header.alg {
            Some(alg) if alg != key.algorithm.as_str() => Err(VerifyError::WrongAlgorithm),
            // Tinybird does not read `alg`, so signers that leave it out exist.
            Some(_) | None => Ok(key),
        }
    }

    fn check(&self, claims: &Claims, now: i64) -> Result<(), VerifyError> {
        if claims.workspace_id != self.workspace_id {
            return Err(VerifyError::WrongWorkspace);
        }
        if claims
            .aud
            .as_ref()
            .is_some_and(|audience| !audience.contains(&self.workspace_id))
        {
            return Err(VerifyError::WrongAudience);
        }
        if now >= claims.exp {
            return Err(VerifyError::Expired);
        }
        if claims.nbf.is_some_and(|not_before| now < not_before) {
            return Err(VerifyError::NotYetValid);
        }
        Ok(())
    }
}

fn malformed(what: &str) -> VerifyError {
    VerifyError::Malformed(what.to_owned())
}

fn not_three_segments() -> VerifyError {
    malformed("expected three segments separated by dots")
}

/// Strict base64url: no padding, no whitespace, no stray bits at the end, so
/// that one token has one spelling.
fn decode_segment(segment: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| malformed("a segment is not base64url without padding"))
}

/// The part of a JOSE header that matters; other members are ignored, as
/// RFC 7515, section 4 asks.
#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "is_present")]
    crit: bool,
    #[serde(default, deserialize_with = "is_present")]
    zip: bool,
    #[serde(default, deserialize_with = "is_present")]
    enc: bool,
    #[serde(default, deserialize_with = "is_present")]
    jwk: bool,
    #[serde(default, deserialize_with = "is_present")]
    jku: bool,
    #[serde(default, deserialize_with = "is_present")]
    x5u: bool,
    #[serde(default, deserialize_with = "is_present")]
    x5c: bool,
}

fn is_present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

fn read_header(segment: &str) -> Result<Header, VerifyError> {
    if segment.len() > MAX_HEADER_BYTES {
        return Err(VerifyError::TooLarge);
    }
    let json = decode_segment(segment)?;
    let not_a_header =
        |error: serde_json::Error| VerifyError::Malformed(format!("header: {error}"));
    refuse_duplicates(&json).map_err(not_a_header)?;
    let header: Header = serde_json::from_slice(&json).map_err(not_a_header)?;
    // Extensions that must be understood, compressed or encrypted content, and
    // keys brought along by the token itself: all refused.
    let unsupported = [
        ("crit", header.crit),
        ("zip", header.zip),
        ("enc", header.enc),
        ("jwk", header.jwk),
        ("jku", header.jku),
        ("x5u", header.x5u),
        ("x5c", header.x5c),
        // A token of another kind, such as `logout+jwt`, is not one of ours.
        (
            "typ",
            header
                .typ
                .as_ref()
                .is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")),
        ),
    ];
    match unsupported.iter().find(|(_, present)| *present) {
        Some((name, _)) => Err(VerifyError::UnsupportedHeader(name)),
        None => Ok(header),
    }
}

/// The payload before it is known which claims are there. Claims of other
/// names are ignored.
#[derive(Deserialize)]
struct Payload {
    workspace_id: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "numeric_date")]
    exp: Option<i64>,
    #[serde(default, deserialize_with = "numeric_date")]
    iat: Option<i64>,
    #[serde(default, deserialize_with = "numeric_date")]
    nbf: Option<i64>,
    jti: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    scopes: Option<Vec<Scope>>,
    limits: Option<Limits>,
}

/// Reads a payload whose signature was checked, or that is about to be signed.
pub(crate) fn read_claims(json: &[u8]) -> Result<Claims, VerifyError> {
    refuse_duplicates(json).map_err(|error| VerifyError::Malformed(format!("payload: {error}")))?;
    let payload: Payload = serde_json::from_slice(json)
        .map_err(|error| VerifyError::InvalidClaim(error.to_string()))?;
    let claims = Claims {
        workspace_id: payload
            .workspace_id
            .ok_or(VerifyError::MissingClaim("workspace_id"))?,
        name: payload.name.ok_or(VerifyError::MissingClaim("name"))?,
        exp: payload.exp.ok_or(VerifyError::MissingExpiry)?,
        iat: payload.iat,
        nbf: payload.nbf,
        jti: payload.jti,
        sub: payload.sub,
        aud: payload.aud,
        scopes: payload.scopes.ok_or(VerifyError::MissingClaim("scopes"))?,
        limits: payload.limits,
    };
    check_values(&claims)?;
    Ok(claims)
}

fn check_values(claims: &Claims) -> Result<(), VerifyError> {
    let invalid = |what: String| Err(VerifyError::InvalidClaim(what));
    if claims.name.is_empty() || claims.name.len() > MAX_NAME_BYTES {
        return invalid(format!("name must have 1 to {MAX_NAME_BYTES} bytes"));
    }
    if claims.scopes.is_empty() {
        return invalid("scopes must not be empty".to_owned());
    }
    if claims.limits.is_some_and(|limits| limits.rps < 1) {
        // Taken for "no limit" it would allow what its author meant to stop.
        return invalid("limits.rps must be 1 or more; without limits, leave them out".to_owned());
    }
    for scope in &claims.scopes {
        if scope.filter.is_some() && scope.kind != ScopeKind::DataSourcesRead {
            // Ignoring it would give more than its author meant to give.
            return invalid(format!("{} takes no filter", scope.kind.as_str()));
        }
        for (parameter, value) in &scope.fixed_params {
            match fixed_value_problem(value) {
                // An empty text is a value as well; it names no tenant, and
                // whoever asks for a tenant refuses it there.
                Some(FixedValueProblem::Empty) if value.is_string() => {}
                Some(_) => {
                    return invalid(format!(
                        "the fixed parameter `{parameter}` must be a string, a number, a boolean \
                         or a list of them"
                    ));
                }
                None => {}
            }
        }
    }
    Ok(())
}
