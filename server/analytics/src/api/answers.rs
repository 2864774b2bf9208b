//! Answers computed from rows: endpoints, the Query API, how the engine would
//! run them, and the description of all endpoints.

pub(super) mod endpoint;
pub(super) mod explain;
pub(super) mod format;
pub(super) mod openapi;
pub(super) mod sql;
mod told;
