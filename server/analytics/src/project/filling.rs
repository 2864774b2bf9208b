//! Filling tables from other tables: copies, populated views, and views made
//! again when rows under them were replaced.

pub(super) mod copy;
pub(super) mod populate;
pub(super) mod rebuild;
