//! Names: that each means one thing, and that those written down as targets
//! exist.

use std::collections::BTreeMap;

use crate::project::files::source::Resources;
use crate::project::sql::ddl::quarantine_name;
use datafile::{DataSource, Diagnostic, Node, NodeKind, Pipe, Position};

/// Notes every clash of names and every target that is not there.
pub(in crate::project) fn check(resources: &Resources, found: &mut Vec<Diagnostic>) {
    let Resources {
        data_sources,
        pipes,
        ..
    } = resources;
    for pipe in pipes.values() {
        if let Some(data_source) = data_sources.get(&pipe.name) {
            let message = format!(
                "the pipe `{}` has the name of a data source ({})",
                pipe.name, data_source.file
            );
            found.push(
                Diagnostic::error(&pipe.file, Position::START, message)
                    .help("rename one of the files"),
            );
        }
        for node in &pipe.nodes {
            check_node_name(pipe, node, resources, found);
            check_target(pipe, node, data_sources, found);
        }
    }
    for data_source in data_sources.values() {
        if let Some(other) = data_sources.get(&quarantine_name(&data_source.name)) {
            let message = format!(
                "`{}` is the name of the quarantine of {}",
                other.name, data_source.file
            );
            found.push(
                Diagnostic::error(&other.file, Position::START, message).help("rename the file"),
            );
        }
        check_connection(data_source, resources, found);
    }
}

fn check_node_name(pipe: &Pipe, node: &Node, resources: &Resources, found: &mut Vec<Diagnostic>) {
    let other = match (
        resources.pipes.get(&node.name),
        resources.data_sources.get(&node.name),
    ) {
        (Some(other), _) if other.name != pipe.name => format!("a pipe ({})", other.file),
        (_, Some(other)) => format!("a data source ({})", other.file),
        _ => return,
    };
    let message = format!("the node `{}` has the name of {other}", node.name);
    let help = "rename the node: names must tell nodes, pipes and data sources apart";
    found.push(Diagnostic::error(&pipe.file, node.position, message).help(help));
}

fn check_target(
    pipe: &Pipe,
    node: &Node,
    data_sources: &BTreeMap<String, DataSource>,
    found: &mut Vec<Diagnostic>,
) {
    let target = match &node.kind {
        NodeKind::Materialized { data_source, .. } => data_source,
        NodeKind::Copy(copy) => &copy.target,
        NodeKind::Standard | NodeKind::Endpoint | NodeKind::Sink { .. } => return,
    };
    if data_sources.contains_key(target) {
        return;
    }
    let message = format!(
        "the node `{}` writes to `{target}`, and there is no such data source",
        node.name
    );
    let help = format!("add datasources/{target}.datasource with the columns of its SELECT");
    found.push(Diagnostic::error(&pipe.file, node.position, message).help(help));
}

fn check_connection(data_source: &DataSource, resources: &Resources, found: &mut Vec<Diagnostic>) {
    let Some(connector) = &data_source.connector else {
        return;
    };
    let named = connector
        .settings
        .iter()
        .find(|(key, _)| key.ends_with("_CONNECTION_NAME"));
    if let Some((key, name)) = named.filter(|(_, name)| !resources.connections.contains_key(name)) {
        let message = format!("{key} names `{name}`, and there is no such connection");
        let help = format!(
            "add connections/{name}.connection; as connections do not run, the rest works without"
        );
        found.push(Diagnostic::warning(&data_source.file, connector.position, message).help(help));
    }
}
