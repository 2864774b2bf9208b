//! JWT templates, after Clerk's: JSON whose texts may hold shortcodes such as
//! `{{org.slug}}` or `{{user.username || user.id}}`.
//!
//! A template is parsed and checked when it is loaded: an unknown shortcode, a
//! reserved claim or a missing one is an error then, not a broken token later.
//! Signing what comes out is [`crate::Mint`]'s business.

mod expression;
mod subject;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::json::refuse_duplicates;
pub(crate) use expression::RenderError;
use expression::{Node, Resolved, parse_members, render_members};
pub use subject::{OrganizationClaims, Subject, UserClaims};

/// Seconds a token lives when the template does not say; Clerk's default.
const DEFAULT_LIFETIME: i64 = 60;
/// The shortest and longest lifetime in seconds, Clerk's: 30 s to ten years.
const LIFETIMES: std::ops::RangeInclusive<i64> = 30..=315_360_000;

/// Claims that are set for every token or belong to session tokens; a template
/// must not have them.
const RESERVED: [&str; 12] = [
    "azp", "exp", "iat", "iss", "jti", "nbf", "sub", "sid", "v", "pla", "fea", "fva",
];

/// A template that cannot be used.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// The file is not the JSON of a template.
    #[error("not a JWT template: {0}")]
    Json(#[from] serde_json::Error),
    /// The lifetime is out of bounds.
    #[error("lifetime is {0}; it must be {min} to {max} seconds", min = LIFETIMES.start(), max = LIFETIMES.end())]
    Lifetime(i64),
    /// A claim that templates cannot set.
    #[error("the claim `{0}` is reserved; remove it, it is set when it is needed")]
    Reserved(String),
    /// A claim every token needs.
    #[error("the claim `{0}` is missing")]
    Missing(&'static str),
    /// A claim of the wrong shape.
    #[error("{claim}: {problem}")]
    Shape {
        /// Where, such as `scopes[0].type`.
        claim: String,
        /// What is wrong.
        problem: String,
    },
    /// A shortcode that cannot be read.
    #[error("{claim}: {problem} in `{text}`")]
    Shortcode {
        /// Where, such as `scopes[0].fixed_params.org`.
        claim: String,
        /// The text with the shortcode.
        text: String,
        /// What is wrong.
        problem: String,
    },
}

/// A template, ready to be filled in.
#[derive(Clone, Debug)]
pub struct JwtTemplate {
    name: String,
    lifetime: i64,
    claims: Vec<(String, Node)>,
}

/// The file's JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default = "default_lifetime")]
    lifetime: i64,
    claims: Map<String, Value>,
}

fn default_lifetime() -> i64 {
    DEFAULT_LIFETIME
}

impl JwtTemplate {
    /// Reads a template: `{"name", "lifetime", "claims"}`.
    pub fn parse(json: &str) -> Result<Self, TemplateError> {
        refuse_duplicates(json.as_bytes())?;
        let File {
            name,
            lifetime,
            claims,
        } = serde_json::from_str(json)?;
        if name.is_empty() {
            return Err(TemplateError::Missing("name"));
        }
        if !LIFETIMES.contains(&lifetime) {
            return Err(TemplateError::Lifetime(lifetime));
        }
        check_claims(&claims)?;
        let claims = parse_members(claims, &mut String::new())?;
        Ok(Self {
            name,
            lifetime,
            claims,
        })
    }

    /// The template's name, by which it is asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long its tokens live, in seconds.
    #[must_use]
    pub fn lifetime(&self) -> i64 {
        self.lifetime
    }

    /// Fills in the claims. The second value tells whether a shortcode found
    /// nothing because no organization is active.
    pub(crate) fn render(
        &self,
        subject: &Subject,
        workspace_id: &str,
    ) -> Result<(Map<String, Value>, bool), RenderError> {
        let mut resolved = Resolved::new(subject, workspace_id);
        let claims = render_members(&self.claims, &mut resolved)?;
        Ok((claims, resolved.lacked_organization))
    }
}

/// Checks what can be known before a subject is: names and shapes.
fn check_claims(claims: &Map<String, Value>) -> Result<(), TemplateError> {
    if let Some(reserved) = RESERVED.iter().find(|name| claims.contains_key(**name)) {
        return Err(TemplateError::Reserved((*reserved).to_owned()));
    }
    for required in ["workspace_id", "name", "scopes"] {
        if !claims.contains_key(required) {
            return Err(TemplateError::Missing(required));
        }
    }
    let shape = |claim: String, problem: &str| {
        Err(TemplateError::Shape {
            claim,
            problem: problem.to_owned(),
        })
    };
    let Some(Value::Array(scopes)) = claims.get("scopes") else {
        return shape("scopes".to_owned(), "expected a list of scopes");
    };
    if scopes.is_empty() {
        return shape("scopes".to_owned(), "a token without scopes allows nothing");
    }
    for (index, scope) in scopes.iter().enumerate() {
        // Shortcodes stand in texts, and a scope's texts may be any text, so
        // a scope has its final shape before it is filled in.
        if let Err(error) = serde_json::from_value::<crate::Scope>(scope.clone()) {
            return shape(format!("scopes[{index}]"), &error.to_string());
        }
    }
    Ok(())
}
