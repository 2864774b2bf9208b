//! What the files of Tinybird Classic say otherwise than today's: pipes without
//! any `TYPE`, and names with a version.

use std::collections::BTreeMap;

use super::source::Resources;
use crate::project::findings::locate::find_name;
use datafile::tokens::{TokenKind, tokenize};
use datafile::{Diagnostic, Pipe};
use engine::sql::identifier;

/// Finds the endpoints of pipes without any `TYPE`. Classic serves the last
/// node of each; today's files name their endpoints, and such a pipe is a
/// part of others. Which of them a project is, its other pipes tell.
pub(in crate::project) fn serve_untyped(
    pipes: &mut BTreeMap<String, Pipe>,
    found: &mut Vec<Diagnostic>,
) {
    let names_endpoints = pipes
        .values()
        .any(|pipe| pipe.has_type && pipe.endpoint().is_some());
    let is_read = |pipe: &Pipe| {
        let others = pipes.values().filter(|other| other.name != pipe.name);
        let mut nodes = others.flat_map(|other| &other.nodes);
        nodes.any(|node| find_name(&node.sql, &pipe.name).is_some())
    };
    let untyped = pipes
        .values()
        .filter(|pipe| !pipe.has_type && pipe.endpoint().is_none());
    let unread: Vec<String> = untyped
        .filter(|pipe| !names_endpoints || !is_read(pipe))
        .map(|pipe| pipe.name.clone())
        .collect();
    for name in unread {
        let Some(pipe) = pipes.get_mut(&name) else {
            continue;
        };
        let Some(last) = pipe.nodes.last_mut() else {
            continue;
        };
        let (message, help) = match names_endpoints {
            false => last.serve_untyped(),
            true => (
                format!("no node of `{name}` has a TYPE and no pipe reads it, so nobody can"),
                "write a line `TYPE endpoint` below the SQL of its last node",
            ),
        };
        found.push(Diagnostic::warning(&pipe.file, last.position, message).help(help));
    }
}

/// `<name>__v<version>` of all that has a version, and the name it means.
pub(in crate::project) fn versions(resources: &Resources) -> BTreeMap<String, String> {
    let Resources {
        data_sources,
        pipes,
        ..
    } = resources;
    let data_sources = data_sources.values();
    let data_sources = data_sources.map(|found| (&found.name, found.version));
    let all = data_sources.chain(pipes.values().map(|found| (&found.name, found.version)));
    all.filter_map(|(name, version)| Some((format!("{name}__v{}", version?), name.clone())))
        .filter(|(name, _)| {
            !resources.data_sources.contains_key(name) && !resources.pipes.contains_key(name)
        })
        .collect()
}

/// SQL with some names exchanged for others.
pub(in crate::project) fn renamed(sql: &str, names: &BTreeMap<String, String>) -> String {
    let mut renamed = String::with_capacity(sql.len());
    let mut end = 0;
    for token in tokenize(sql).0 {
        let name = match &token.kind {
            TokenKind::Word => &sql[token.range.clone()],
            TokenKind::Quoted(name) => name,
            _ => continue,
        };
        if let Some(name) = names.get(name) {
            renamed.push_str(&sql[end..token.range.start]);
            renamed.push_str(&identifier(name));
            end = token.range.end;
        }
    }
    renamed.push_str(&sql[end..]);
    renamed
}
