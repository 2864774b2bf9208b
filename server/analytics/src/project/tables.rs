//! The engine's tables: what is there, and making them what the project says
//! without losing a row.

pub(super) mod apply;
pub(super) mod catalog;
pub(super) mod fingerprint;
pub(super) mod scratch;
