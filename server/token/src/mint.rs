//! The mint: a template, a key and a subject become a token.
//!
//! It knows nothing of sessions; whoever calls it has made sure that the
//! subject is who they are and acts for an organization of theirs.

use serde_json::Value;
use thiserror::Error;

use crate::claims::Claims;
use crate::keys::SigningKey;
use crate::sign::{SignError, check, refuse_shortcodes, sign_payload};
use crate::template::{JwtTemplate, RenderError, Subject};
use crate::verify::{VerifyError, read_claims};

/// Makes the tokens of one template.
#[derive(Clone, Debug)]
pub struct Mint {
    template: JwtTemplate,
    key: SigningKey,
    workspace_id: String,
}

/// A fresh token.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token, to be sent as it is.
    pub token: String,
    /// When it expires, in unix seconds: its `exp`.
    pub expires_at: i64,
    /// What it says.
    pub claims: Claims,
}

/// Why no token is made.
#[derive(Debug, Error)]
pub enum MintError {
    /// A scope needs an organization and none is active. The person should be
    /// asked to choose or join one; a token without it would be everybody's.
    #[error("no organization is active, and the token's scopes need one")]
    NoOrganization,
    /// A claim cannot be filled in for this subject.
    #[error("the template cannot be filled in: {0}")]
    Unfilled(String),
    /// The filled-in claims are none.
    #[error("the template's claims are invalid")]
    Claims(#[from] VerifyError),
    /// The claims must not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Mint {
    /// A mint for the tokens of one workspace.
    #[must_use]
    pub fn new(template: JwtTemplate, key: SigningKey, workspace_id: impl Into<String>) -> Self {
        Self {
            template,
            key,
            workspace_id: workspace_id.into(),
        }
    }

    /// The template it fills in.
    #[must_use]
    pub fn template(&self) -> &JwtTemplate {
        &self.template
    }

    /// Signs a token for `subject` at `now` (unix seconds). Beside the
    /// template's claims it carries `sub`, `iat`, `exp` and a fresh `jti`.
    pub fn mint(&self, subject: &Subject, now: i64) -> Result<Minted, MintError> {
        let (mut payload, lacked_organization) = self
            .template
            .render(subject, &self.workspace_id)
            .map_err(|error| match error {
                RenderError::NoOrganization(_) => MintError::NoOrganization,
                other => MintError::Unfilled(other.to_string()),
            })?;
        let expires_at = now.saturating_add(self.template.lifetime());
        payload.insert("sub".to_owned(), subject.user.id.as_str().into());
        payload.insert("iat".to_owned(), now.into());
        payload.insert("exp".to_owned(), expires_at.into());
        payload.insert("jti".to_owned(), uuid::Uuid::new_v4().to_string().into());

        let payload = Value::Object(payload);
        refuse_shortcodes(&payload)?;
        let claims = self.claims_of(&payload).map_err(|error| match error {
            MintError::Claims(_) | MintError::Sign(SignError::EmptyFixedParameter { .. })
                if lacked_organization =>
            {
                MintError::NoOrganization
            }
            other => other,
        })?;
        let token = sign_payload(&payload, &self.key)?;
        Ok(Minted {
            token,
            expires_at,
            claims,
        })
    }

    /// The claims a verifier will read, held to what [`crate::sign`] demands.
    fn claims_of(&self, payload: &Value) -> Result<Claims, MintError> {
        let json = serde_json::to_vec(payload).map_err(SignError::from)?;
        let claims = read_claims(&json)?;
        check(&claims)?;
        if claims.workspace_id != self.workspace_id {
            return Err(VerifyError::WrongWorkspace.into());
        }
        Ok(claims)
    }
}
