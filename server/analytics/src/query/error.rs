//! Why a call has no answer.

use crate::project::sql::compose::ComposeError;
use engine::EngineError;
use engine::guard::Refusal;
use template::RenderError;

/// Why a call has no answer. HTTP-free; `api` chooses status and envelope.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The pipe has no node of TYPE endpoint.
    #[error("The pipe '{0}' does not have an endpoint yet")]
    NoEndpoint(String),
    /// A parameter is missing or wrong, or the template raised an error.
    #[error("{0}")]
    Template(#[from] RenderError),
    /// Nodes or pipes that read each other.
    #[error("'{0}' reads itself through the nodes and pipes it reads")]
    Cycle(String),
    /// A data source that the token's tenant may not read: the token fixes no
    /// value, or an empty one, for the parameter that names the tenant.
    #[error(
        "The data source '{data_source}' is kept apart by tenant, and the token fixes no value for '{parameter}'"
    )]
    NoTenant {
        /// The data source.
        data_source: String,
        /// The fixed parameter that is missing, also the tenant's column.
        parameter: String,
    },
    /// SQL of the caller's own, where the token allows none.
    #[error(
        "the token may not bring SQL of its own where rows are kept apart by tenant: call the \
         endpoint without it, or sign the scope with `\"sql\": true`"
    )]
    NoSql,
    /// SQL that may not run.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The engine's own error.
    #[error("{0}")]
    Engine(#[from] EngineError),
}

impl From<ComposeError> for QueryError {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::NoNode(pipe) => Self::NoEndpoint(pipe),
            ComposeError::Template { error, .. } => Self::Template(*error),
            ComposeError::Cycle(name) => Self::Cycle(name),
        }
    }
}
