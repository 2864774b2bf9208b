//! Signing: claims and a key become a compact JWS (RFC 7515, section 7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::claims::{Claims, FixedValueProblem, Scope, fixed_value_problem};
use crate::keys::{Algorithm, SigningKey};

/// Claims that must not be signed.
#[derive(Debug, Error)]
pub enum SignError {
    /// A fixed parameter that would hold the caller to nothing.
    #[error("the fixed parameter `{parameter}` of the scope on `{resource}` is null or empty")]
    EmptyFixedParameter {
        /// The scope's first resource.
        resource: String,
        /// The parameter.
        parameter: String,
    },
    /// A fixed parameter that no request parameter could stand in for.
    #[error(
        "the fixed parameter `{parameter}` of the scope on `{resource}` must be a string, a \
         number, a boolean or a list of them"
    )]
    NestedFixedParameter {
        /// The scope's first resource.
        resource: String,
        /// The parameter.
        parameter: String,
    },
    /// A claim still holds `{{`: something meant to be filled in was not.
    #[error("a claim still contains a shortcode that was not filled in: {0}")]
    Shortcode(String),
    /// The token would be longer than [`crate::MAX_TOKEN_BYTES`].
    #[error("the token would have {0} bytes; the most is {max}", max = crate::MAX_TOKEN_BYTES)]
    TooLarge(usize),
    /// The claims name no scope, workspace or name.
    #[error("the claim `{0}` is missing or empty")]
    Incomplete(&'static str),
    /// A limit that whoever wrote it may take for none, or for nothing at all.
    #[error("limits.rps must be 1 or more; without limits, leave them out")]
    NoRequests,
    /// The signature could not be made.
    #[error("the token could not be signed")]
    Signature(#[from] jsonwebtoken::errors::Error),
    /// The claims could not be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Signs claims. Refuses null and empty fixed parameters and text that still
/// holds a template's `{{`.
pub fn sign(claims: &Claims, key: &SigningKey) -> Result<String, SignError> {
    check(claims)?;
    sign_payload(claims, key)
}

/// What every signed token has to keep, whatever made its claims.
pub(crate) fn check(claims: &Claims) -> Result<(), SignError> {
    if claims.workspace_id.is_empty() {
        return Err(SignError::Incomplete("workspace_id"));
    }
    if claims.name.is_empty() {
        return Err(SignError::Incomplete("name"));
    }
    if claims.scopes.is_empty() {
        return Err(SignError::Incomplete("scopes"));
    }
    if claims.limits.is_some_and(|limits| limits.rps < 1) {
        return Err(SignError::NoRequests);
    }
    refuse_shortcode(&claims.workspace_id)?;
    refuse_shortcode(&claims.name)?;
    claims.scopes.iter().try_for_each(check_scope)
}

fn check_scope(scope: &Scope) -> Result<(), SignError> {
    let Some(resource) = scope.resource.iter().next() else {
        return Err(SignError::Incomplete("resource"));
    };
    scope.resource.iter().try_for_each(refuse_shortcode)?;
    scope.filter.as_deref().map_or(Ok(()), refuse_shortcode)?;
    for (parameter, value) in &scope.fixed_params {
        refuse_shortcodes(value)?;
        let (resource, parameter) = (resource.to_owned(), parameter.clone());
        match fixed_value_problem(value) {
            None => {}
            Some(FixedValueProblem::Empty) => {
                return Err(SignError::EmptyFixedParameter {
                    resource,
                    parameter,
                });
            }
            Some(FixedValueProblem::Nested) => {
                return Err(SignError::NestedFixedParameter {
                    resource,
                    parameter,
                });
            }
        }
    }
    Ok(())
}

fn refuse_shortcode(text: &str) -> Result<(), SignError> {
    if text.contains("{{") {
        Err(SignError::Shortcode(text.to_owned()))
    } else {
        Ok(())
    }
}

/// Looks for `{{` in every text of a JSON value, member names included.
pub(crate) fn refuse_shortcodes(value: &Value) -> Result<(), SignError> {
    match value {
        Value::String(text) => refuse_shortcode(text),
        Value::Array(items) => items.iter().try_for_each(refuse_shortcodes),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            refuse_shortcode(name)?;
            refuse_shortcodes(member)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Signs a payload whose claims were checked before.
pub(crate) fn sign_payload(
    payload: &impl Serialize,
    key: &SigningKey,
) -> Result<String, SignError> {
    let mut token = key.encoded_header.clone();
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(payload)?, &mut token);
    let signature = jsonwebtoken::crypto::sign(
        token.as_bytes(),
        &key.encoding,
        key.algorithm().for_jsonwebtoken(),
    )?;
    token.push('.');
    token.push_str(&signature);
    if token.len() > crate::MAX_TOKEN_BYTES {
        return Err(SignError::TooLarge(token.len()));
    }
    Ok(token)
}

/// The first segment of the tokens of one key.
pub(crate) fn encode_header(algorithm: Algorithm, kid: Option<&str>) -> String {
    let mut header = serde_json::Map::new();
    header.insert("alg".to_owned(), algorithm.as_str().into());
    header.insert("typ".to_owned(), "JWT".into());
    if let Some(kid) = kid {
        header.insert("kid".to_owned(), kid.into());
    }
    URL_SAFE_NO_PAD.encode(Value::Object(header).to_string())
}
