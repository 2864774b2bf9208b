//! The grammar of datafiles: `.datasource`, `.pipe` and `.connection`.
//!
//! A text becomes a model in three steps, each with positions: lines become
//! entries (a keyword and its value), values are read by their own small
//! grammars (columns, types, JSONPaths, keys), and the whole is checked. All
//! errors of a file are reported at once. What needs more than one file is
//! `project`'s; what stands between `{{` and `}}` in a node is `template`'s.

mod connection;
mod data_source;
mod data_type;
mod diagnostic;
mod json_path;
mod pipe;
mod position;

pub use connection::{Connection, ConnectionKind};
pub use data_source::{
    Column, Connector, DataSource, EngineKind, Index, TableEngine, Tags, TokenLine, TokenPermission,
};
pub use data_type::{DataType, TypeArgument};
pub use diagnostic::{Diagnostic, Severity};
pub use json_path::{JsonPath, JsonPathStep};
pub use pipe::{Copy, CopyMode, CopySchedule, Node, NodeKind, Pipe};
pub use position::{Fragment, Position};
