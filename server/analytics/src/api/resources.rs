//! What the workspace consists of and how it is changed: data sources, pipes,
//! deployments, variables, tokens.

pub(super) mod data_sources;
pub(super) mod deployments;
pub(super) mod inventory;
pub(super) mod pipes;
pub(super) mod revocations;
pub(super) mod tokens;
pub(super) mod variables;
pub(super) mod workspace;
