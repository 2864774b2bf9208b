//! Rows on their way in: events, files, what takes the place of other rows, and
//! the notes of such operations.

pub(super) mod analyze;
pub(super) mod append;
pub(super) mod events;
pub(super) mod operations;
pub(super) mod replace;
