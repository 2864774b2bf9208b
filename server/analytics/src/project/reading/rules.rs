//! What nodes must not do together: read each other in circles, or carry one
//! tenant's rows to where another may read them.

use std::collections::{BTreeMap, BTreeSet};

use super::analysis::{Analysis, NodeKey, Read, views};
use crate::project::{Project, TenantColumn};
use datafile::{Column, DataSource, Diagnostic, MIXES_TENANTS, Node, NodeKind, Pipe};

/// Notes everything against the rules, and returns the nodes not to be used.
pub(super) fn check(
    project: &Project,
    analysis: &Analysis,
    found: &mut Vec<Diagnostic>,
) -> Vec<NodeKey> {
    let mut broken = check_cycles(project, analysis, found);
    check_view_cycles(project, analysis, found);
    broken.extend(check_views_of_service_data(project, analysis, found));
    broken.extend(check_tenancy(project, analysis, found));
    broken
}

/// Notes and returns the nodes that read themselves over others.
fn check_cycles(
    project: &Project,
    analysis: &Analysis,
    found: &mut Vec<Diagnostic>,
) -> Vec<NodeKey> {
    let edges = |key: &NodeKey| {
        let reads = analysis.reads.get(key).into_iter().flatten();
        reads
            .filter_map(|read| match read {
                Read::Node(other) => Some(other.clone()),
                Read::DataSource(_) => None,
            })
            .collect()
    };
    let circles = cycles(analysis.reads.keys(), edges);
    for cycle in &circles {
        let Some((pipe, node)) = cycle.first().and_then(|(pipe, node)| {
            let pipe = project.pipe(pipe)?;
            Some((pipe, pipe.node(node)?))
        }) else {
            continue;
        };
        let names: Vec<String> = cycle
            .iter()
            .chain(cycle.first())
            .map(|(pipe, node)| format!("{pipe}.{node}"))
            .collect();
        let message = format!(
            "these nodes read each other in a circle: {}",
            names.join(" reads ")
        );
        found.push(
            Diagnostic::error(&pipe.file, node.sql.start(), message)
                .help("let one of them read a data source in its place"),
        );
    }
    circles.into_iter().flatten().collect()
}

/// Materialized views whose results come back into what they read.
fn check_view_cycles(project: &Project, analysis: &Analysis, found: &mut Vec<Diagnostic>) {
    let mut feeds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (pipe, node, target) in views(project) {
        let sources = analysis.sources(&pipe.name, &node.name);
        feeds
            .entry(target.to_owned())
            .or_default()
            .extend(sources.into_iter().map(str::to_owned));
    }
    let edges = |name: &String| feeds.get(name).into_iter().flatten().cloned().collect();
    for cycle in cycles(feeds.keys(), edges) {
        let Some((pipe, node, _)) = views(project)
            .find(|(_, _, target)| cycle.first().is_some_and(|first| first == target))
        else {
            continue;
        };
        let names: Vec<&str> = cycle
            .iter()
            .chain(cycle.first())
            .map(String::as_str)
            .collect();
        let message = format!(
            "materialized views feed these data sources in a circle: {}",
            names.join(" from ")
        );
        found.push(
            Diagnostic::error(&pipe.file, node.position, message)
                .help("write to another data source"),
        );
    }
}

/// Service data sources are no data sources of the project, whose rows a
/// materialized view could wait for. Notes and returns the nodes that would.
fn check_views_of_service_data(
    project: &Project,
    analysis: &Analysis,
    found: &mut Vec<Diagnostic>,
) -> Vec<NodeKey> {
    let mut refused = Vec::new();
    for (pipe, node, _) in views(project) {
        let nodes = analysis.nodes(&pipe.name, &node.name);
        if analysis.service_data.is_disjoint(&nodes) {
            continue;
        }
        let message = format!(
            "the materialized view `{}` reads service data, whose rows no view sees",
            node.name
        );
        let help = "make it a copy pipe with a schedule, or read the service data in the endpoint";
        found.push(Diagnostic::error(&pipe.file, node.position, message).help(help));
        refused.push((pipe.name.clone(), node.name.clone()));
    }
    refused
}

/// Rows of a tenant stay with the tenant. Notes and returns the nodes by which
/// they would not.
fn check_tenancy(
    project: &Project,
    analysis: &Analysis,
    found: &mut Vec<Diagnostic>,
) -> Vec<NodeKey> {
    let mut leaks = Vec::new();
    for pipe in project.pipes().filter(|pipe| !pipe.mixes_tenants()) {
        for node in &pipe.nodes {
            let target = match &node.kind {
                NodeKind::Materialized { data_source, .. } => data_source,
                NodeKind::Copy(copy) => &copy.target,
                _ => continue,
            };
            let sources = analysis.sources(&pipe.name, &node.name);
            let tenants = sources
                .iter()
                .filter_map(|source| Some((*source, project.tenancy(source)?)));
            let target_tenant = project.tenancy(target);
            let shared = project
                .data_source(target)
                .and_then(|target| shared_documents(pipe, node, target));
            if let Some(shared) = shared {
                found.push(shared);
                leaks.push((pipe.name.clone(), node.name.clone()));
            }
            for (source, tenant) in tenants.filter(|(_, tenant)| Some(*tenant) != target_tenant) {
                found.push(leak(pipe, node, source, tenant, target));
                leaks.push((pipe.name.clone(), node.name.clone()));
            }
        }
    }
    leaks
}

/// What a SELECT writes comes in blocks of many tenants' rows, and documents of
/// one block share their structure wherever they are kept.
fn shared_documents(pipe: &Pipe, node: &Node, target: &DataSource) -> Option<Diagnostic> {
    let has_documents = |column: &&Column| column.data_type.holds_documents();
    let column = target.columns.iter().find(has_documents);
    let column = column.filter(|_| target.is_isolated())?;
    let message = format!(
        "`{}` writes rows of many tenants at once to `{}`, which is isolated, and the documents in `{}` would share their keys",
        node.name, target.name, column.name
    );
    let help = format!(
        "give `{}` a plain type, or take `isolated=true` from {}.datasource",
        column.name, target.name
    );
    Some(Diagnostic::error(&pipe.file, node.position, message).help(help))
}

fn leak(pipe: &Pipe, node: &Node, source: &str, tenant: &TenantColumn, target: &str) -> Diagnostic {
    let tenant = &tenant.name;
    let message = format!(
        "`{}` writes rows of `{source}`, which belong to the tenants of its column `{tenant}`, to `{target}`, which is not kept apart by `{tenant}`",
        node.name
    );
    let help = format!(
        "select `{tenant}` and give {target}.datasource that column and the line `TAGS \"tenant={tenant}\"`; {MIXES_TENANTS}"
    );
    Diagnostic::error(&pipe.file, node.position, message).help(help)
}

/// The circles of a graph, one for each way back that a walk finds.
fn cycles<'run, Key: Ord + Clone + 'run>(
    keys: impl Iterator<Item = &'run Key>,
    edges: impl Fn(&Key) -> Vec<Key>,
) -> Vec<Vec<Key>> {
    let mut done: BTreeSet<Key> = BTreeSet::new();
    let mut circles = Vec::new();
    for start in keys {
        // The path walked, each with the edges not yet followed.
        let mut path: Vec<(Key, Vec<Key>)> = vec![(start.clone(), edges(start))];
        while let Some((key, open)) = path.last_mut() {
            if done.contains(key) {
                path.pop();
                continue;
            }
            let Some(next) = open.pop() else {
                done.insert(key.clone());
                path.pop();
                continue;
            };
            if let Some(back) = path.iter().position(|(key, _)| *key == next) {
                circles.push(path[back..].iter().map(|(key, _)| key.clone()).collect());
            } else if !done.contains(&next) {
                let following = edges(&next);
                path.push((next, following));
            }
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_circle_is_found_once() {
        let graph: BTreeMap<&str, Vec<&str>> = [
            ("a", vec!["b"]),
            ("b", vec!["c"]),
            ("c", vec!["a", "d"]),
            ("d", vec!["d"]),
            ("e", vec!["a"]),
        ]
        .into();
        let edges = |key: &&'static str| graph.get(key).cloned().unwrap_or_default();
        let keys = ["a", "b", "c", "d", "e"];
        assert_eq!(cycles(keys.iter(), edges), [vec!["d"], vec!["a", "b", "c"]]);
    }
}
