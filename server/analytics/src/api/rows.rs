//! Rows on their way in: events, files and where those wait, what takes the
//! place of other rows, and the notes of such operations.

pub(super) mod analyze;
pub(super) mod append;
pub(super) mod events;
pub(super) mod fetch;
pub(super) mod files;
pub(super) mod fixtures;
pub(super) mod operations;
pub(super) mod replace;
