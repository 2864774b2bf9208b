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
mod keywords;
mod pipe;
mod position;
mod schema;
mod syntax;
mod table_engine;
pub mod tokens;
mod value;
mod variables;

pub use connection::{Connection, ConnectionKind, parse_connection};
pub use data_source::{
    Column, Connector, DataSource, EngineKind, Index, TableEngine, Tags, TokenLine,
    TokenPermission, parse_data_source,
};
pub use data_type::{DataType, TypeArgument};
pub use diagnostic::{Diagnostic, Severity};
pub use json_path::{JsonPath, JsonPathStep};
pub use pipe::{
    CopyMode, CopySchedule, CopySettings, MIXES_TENANTS, Node, NodeKind, Pipe, parse_cron,
    parse_pipe,
};
pub use position::{Fragment, Position};
pub use variables::Variables;

use diagnostic::Findings;

/// Whether a text can name a data source, a pipe or a node: letters, digits
/// and underscores, no digit first.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// The name that a file gives what it describes.
fn resource_name(file: &str, extension: &str, findings: &mut Findings<'_>) -> String {
    let last = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let name = last
        .strip_suffix(extension)
        .and_then(|stem| stem.strip_suffix('.'))
        .unwrap_or(last);
    if !is_name(name) {
        let message = format!("`{name}` is not a name");
        findings.error(
            Position::START,
            message,
            "name the file with letters, digits and underscores, no digit first",
        );
    }
    name.to_owned()
}

#[cfg(test)]
mod tests;
