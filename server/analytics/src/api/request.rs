//! What every request brings and passes: its token, its rate, its origin, its
//! parameters and files, and the note that is kept of its call.

pub(super) mod auth;
pub(super) mod body;
pub(super) mod calls;
pub(super) mod cors;
pub(super) mod file;
pub(super) mod input;
