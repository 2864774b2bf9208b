//! The SQL a project turns into: one SELECT of a node and all it reads, and the
//! statements that make its tables.

pub(crate) mod clean;
pub(crate) mod compose;
pub(super) mod ddl;
pub(crate) mod plain;
pub(super) mod select;
