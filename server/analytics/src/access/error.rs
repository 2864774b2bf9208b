//! Why an access is refused.

use thiserror::Error;
use token::VerifyError;

use super::store::StoreError;

/// Why a caller may not do what it asks for. The text never repeats the token
/// and never tells whether a hidden resource exists.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The request carries no token.
    #[error(
        "no authentication token: send it as `Authorization: Bearer <token>` or as `?token=<token>`"
    )]
    Missing,
    /// The token is a JWT that is not good.
    #[error("invalid authentication token: {0}")]
    Invalid(#[from] VerifyError),
    /// The token looks like a static token and is none of this workspace.
    #[error("invalid authentication token")]
    Unknown,
    /// The token was good until it was revoked.
    #[error("invalid authentication token: it was revoked")]
    Revoked,
    /// The token's scopes do not reach so far.
    #[error("the token has no scope that allows this: it needs {0}")]
    OutOfScope(String),
    /// Two scopes fix one parameter to different values.
    #[error(
        "the token has two scopes on `{resource}` that fix the parameter `{parameter}` to \
         different values"
    )]
    Ambiguous {
        /// The pipe or data source.
        resource: String,
        /// The parameter.
        parameter: String,
    },
    /// A data source that is kept apart by tenant, and the token fixes no value
    /// (or an empty one) for the parameter that names the tenant.
    #[error(
        "the data source `{data_source}` is kept apart by tenant, and the token fixes no value for \
         `{parameter}`"
    )]
    NoTenant {
        /// The data source.
        data_source: String,
        /// The fixed parameter that is missing, also the tenant's column.
        parameter: String,
    },
    /// A scope's filter that is more, or less, than a condition on a row.
    #[error(
        "the token's filter on `{data_source}` is not one SQL condition: {reason}; sign a token \
         whose filter is"
    )]
    Filter {
        /// The data source.
        data_source: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The stored tokens cannot be read.
    #[error("the tokens cannot be read")]
    Store(#[from] StoreError),
}

impl AccessError {
    /// A stable name for programs; part of the API.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Invalid(error) => error.code(),
            Self::Unknown => "token_unknown",
            Self::Revoked => "token_revoked",
            Self::OutOfScope(_) => "token_out_of_scope",
            Self::Ambiguous { .. } => "token_ambiguous_scope",
            Self::NoTenant { .. } => "tenant_missing",
            Self::Filter { .. } => "token_filter_invalid",
            Self::Store(_) => "internal",
        }
    }
}
