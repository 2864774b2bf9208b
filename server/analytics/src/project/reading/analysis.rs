//! Who reads whom: the SQL of every node, read by ClickHouse's own parser.
//!
//! Names are resolved node before pipe before data source. From that follow
//! cycles, what feeds a materialized view or copy, and whether it would carry
//! one tenant's rows to where another may read them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::project::findings::locate;
use crate::project::reading::expressions;
use crate::project::{Project, TenantColumn};
use datafile::{Diagnostic, Node, NodeKind, Pipe};
use engine::guard::{Guard, Inspection, Refusal};
use engine::{Engine, EngineError, sql};
use template::{Parameters, RenderContext, Rendered, StandIns};

/// Table functions by which projects fetch rows from systems of their own.
const FOREIGN_SYSTEMS: [&str; 9] = [
    "postgresql",
    "mysql",
    "mongodb",
    "s3",
    "gcs",
    "azureblobstorage",
    "iceberg",
    "deltalake",
    "url",
];

/// A node: its pipe's name and its own.
pub(in crate::project) type NodeKey = (String, String);

/// Something that a node reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::project) enum Read {
    /// A node of the same pipe, or another pipe's output.
    Node(NodeKey),
    /// A data source.
    DataSource(String),
}

/// What is known of a project's nodes.
#[derive(Debug, Default)]
pub(in crate::project) struct Analysis {
    reads: BTreeMap<NodeKey, BTreeSet<Read>>,
    /// Nodes whose SQL cannot be used.
    pub(in crate::project) broken: BTreeSet<NodeKey>,
    /// Everything found, of every severity.
    pub(in crate::project) found: Vec<Diagnostic>,
}

impl Analysis {
    /// The data sources whose rows reach a node, directly or over others.
    pub(in crate::project) fn sources(&self, pipe: &str, node: &str) -> BTreeSet<&str> {
        let mut sources = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let start = (pipe.to_owned(), node.to_owned());
        let mut open: Vec<&NodeKey> = self
            .reads
            .get_key_value(&start)
            .map(|(key, _)| key)
            .into_iter()
            .collect();
        while let Some(key) = open.pop() {
            if !seen.insert(key) {
                continue;
            }
            for read in self.reads.get(key).into_iter().flatten() {
                match read {
                    Read::Node(other) => open.push(other),
                    Read::DataSource(name) => {
                        sources.insert(name.as_str());
                    }
                }
            }
        }
        sources
    }

    /// The nodes that a node is made of, itself included.
    pub(in crate::project) fn nodes(&self, pipe: &str, node: &str) -> BTreeSet<NodeKey> {
        let mut nodes = BTreeSet::new();
        let mut open = vec![(pipe.to_owned(), node.to_owned())];
        while let Some(key) = open.pop() {
            if !nodes.insert(key.clone()) {
                continue;
            }
            for read in self.reads.get(&key).into_iter().flatten() {
                if let Read::Node(other) = read {
                    open.push(other.clone());
                }
            }
        }
        nodes
    }
}

/// Reads every node. What is wrong with the project is found; an error is the
/// engine's alone.
pub(in crate::project) async fn analyze(
    project: &Project,
    engine: &dyn Engine,
) -> Result<Analysis, EngineError> {
    let guard = Guard::default();
    let mut analysis = Analysis::default();
    for pipe in project.pipes() {
        for node in &pipe.nodes {
            let key = (pipe.name.clone(), node.name.clone());
            let errors_before = analysis.found.len();
            let inspections =
                inspect_node(project, pipe, node, engine, &guard, &mut analysis.found).await?;
            for inspection in inspections {
                check_reach(pipe, node, &inspection, &mut analysis.found);
                let reads = analysis.reads.entry(key.clone()).or_default();
                reads.extend(resolve(project, pipe, node, &inspection));
            }
            if analysis.found.len() > errors_before {
                analysis.broken.insert(key);
            }
        }
    }
    let mut found = std::mem::take(&mut analysis.found);
    expressions::check(project, engine, &guard, &mut found).await?;
    let in_circles = check_cycles(project, &analysis, &mut found);
    analysis.broken.extend(in_circles);
    check_view_cycles(project, &analysis, &mut found);
    check_tenancy(project, &analysis, &mut found);
    analysis.found = found;
    Ok(analysis)
}

impl Project {
    /// For each data source the pipes that read it, directly or over others.
    ///
    /// # Errors
    /// The engine's.
    pub async fn readers(
        &self,
        engine: &dyn Engine,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, EngineError> {
        let analysis = analyze(self, engine).await?;
        let names = self.data_sources().map(|found| found.name.clone());
        let mut readers: BTreeMap<String, BTreeSet<String>> =
            names.map(|name| (name, BTreeSet::new())).collect();
        for pipe in self.pipes() {
            let nodes = pipe.nodes.iter();
            let sources = nodes.flat_map(|node| analysis.sources(&pipe.name, &node.name));
            for source in sources {
                let entry = readers.entry(source.to_owned()).or_default();
                entry.insert(pipe.name.clone());
            }
        }
        Ok(readers)
    }
}

/// Renders a node with stand-ins for its parameters and lets ClickHouse read
/// it; nothing, with findings, if either fails. What it says only when its
/// parameters are given is read as well, for what it reaches; whether it is
/// right shows when it is called.
async fn inspect_node(
    project: &Project,
    pipe: &Pipe,
    node: &Node,
    engine: &dyn Engine,
    guard: &Guard,
    found: &mut Vec<Diagnostic>,
) -> Result<Vec<Arc<Inspection>>, EngineError> {
    let Some(template) = project.template(&pipe.name, &node.name) else {
        return Ok(Vec::new());
    };
    let none = Parameters::new();
    let rendered = match template.render(&none, &validation()) {
        Ok(rendered) => rendered,
        Err(error) => {
            let position = node.sql.line_start(error.line);
            found.push(Diagnostic::error(&pipe.file, position, error.message));
            return Ok(Vec::new());
        }
    };
    let first = match inspect(guard, engine, &rendered).await {
        Ok(inspection) => inspection,
        Err(EngineError::Query { message, .. }) => {
            found.push(locate::unreadable(pipe, node, &message));
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut inspections = vec![first];
    let given = RenderContext {
        stand_ins: StandIns::Defined,
        ..RenderContext::default()
    };
    let given = template.render(&none, &given);
    if let Some(given) = given.ok().filter(|given| given.sql != rendered.sql) {
        match inspect(guard, engine, &given).await {
            Ok(inspection) => inspections.push(inspection),
            Err(EngineError::Query { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(inspections)
}

async fn inspect(
    guard: &Guard,
    engine: &dyn Engine,
    rendered: &Rendered,
) -> Result<Arc<Inspection>, EngineError> {
    let parameters = sql::parameters(&rendered.bound);
    guard.inspect(engine, &rendered.sql, &parameters).await
}

/// SQL that a project must not bring along. A copy that reads another system
/// is only noted: it cannot run here, and the rest of the project can.
fn refused(pipe: &Pipe, node: &Node, refusal: &Refusal) -> Diagnostic {
    let position = node.sql.start();
    let is_copy = pipe
        .nodes
        .iter()
        .any(|node| matches!(node.kind, NodeKind::Copy(_)));
    match refusal {
        Refusal::TableFunction(name)
            if is_copy && FOREIGN_SYSTEMS.contains(&name.to_ascii_lowercase().as_str()) =>
        {
            let message = format!(
                "`{}` reads another system with {name}, so the copy does not run",
                node.name
            );
            let help = "send the rows to /v0/events, or append them as a file; the pipe may stay";
            Diagnostic::warning(&pipe.file, position, message).help(help)
        }
        refusal => {
            let message = format!("the SQL of `{}` is refused: {refusal}", node.name);
            let help = "a project's SQL only reads its own data sources, pipes and nodes";
            Diagnostic::error(&pipe.file, position, message).help(help)
        }
    }
}

/// Rendering with stand-ins, to check the SQL alone, as if no parameter were
/// given: what Tinybird accepts is accepted.
pub(in crate::project) fn validation() -> RenderContext {
    RenderContext {
        stand_ins: StandIns::Undefined,
        ..RenderContext::default()
    }
}

/// What the names in a node's SQL mean. Unknown ones are CTEs of its own, or
/// the engine will say that it does not know them.
pub(in crate::project) fn resolve(
    project: &Project,
    pipe: &Pipe,
    node: &Node,
    inspection: &Inspection,
) -> BTreeSet<Read> {
    let names = inspection
        .tables
        .iter()
        .filter(|name| name.database.is_none());
    names
        .filter_map(|name| resolve_name(project, pipe, node, &name.table))
        .collect()
}

fn resolve_name(project: &Project, pipe: &Pipe, node: &Node, name: &str) -> Option<Read> {
    if name != node.name && pipe.node(name).is_some() {
        return Some(Read::Node((pipe.name.clone(), name.to_owned())));
    }
    if let Some(output) = project.pipe(name).and_then(|pipe| pipe.output()) {
        return Some(Read::Node((name.to_owned(), output.name.clone())));
    }
    let data_source = project.data_source_of(name)?;
    Some(Read::DataSource(data_source.name.clone()))
}

/// Notes what a project must not do, and tables that are no business of it:
/// those of other databases, and the server's own, which have a dot in their
/// names.
fn check_reach(pipe: &Pipe, node: &Node, inspection: &Inspection, found: &mut Vec<Diagnostic>) {
    if let Err(refusal) = inspection.check_project() {
        let refused = refused(pipe, node, &refusal);
        if !found.contains(&refused) {
            found.push(refused);
        }
    }
    let help =
        "a project's SQL only reads its own data sources, pipes and nodes, by their bare names";
    for name in &inspection.tables {
        let is_foreign = match name.database.as_deref() {
            None => name.table.contains('.'),
            // Of the engine's own tables `check_project` knows the harmless.
            Some("system") => false,
            // After IN, `t.x` may be a column.
            Some(_) => !name.after_in,
        };
        if is_foreign {
            let message = format!(
                "`{}` reads `{name}`, which is not in the project",
                node.name
            );
            found.push(Diagnostic::error(&pipe.file, node.sql.start(), message).help(help));
        }
    }
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

/// A project's materialized views: pipe, node, target.
pub(in crate::project) fn views(project: &Project) -> impl Iterator<Item = (&Pipe, &Node, &str)> {
    let nodes = project
        .pipes()
        .flat_map(|pipe| pipe.nodes.iter().map(move |node| (pipe.as_ref(), node)));
    nodes.filter_map(|(pipe, node)| match &node.kind {
        NodeKind::Materialized { data_source, .. } => Some((pipe, node, data_source.as_str())),
        _ => None,
    })
}

/// Rows of a tenant stay with the tenant.
fn check_tenancy(project: &Project, analysis: &Analysis, found: &mut Vec<Diagnostic>) {
    for pipe in project.pipes() {
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
            for (source, tenant) in tenants.filter(|(_, tenant)| Some(*tenant) != target_tenant) {
                found.push(leak(pipe, node, source, tenant, target));
            }
        }
    }
}

fn leak(pipe: &Pipe, node: &Node, source: &str, tenant: &TenantColumn, target: &str) -> Diagnostic {
    let tenant = &tenant.name;
    let message = format!(
        "`{}` writes rows of `{source}`, which belong to the tenants of its column `{tenant}`, to `{target}`, which is not kept apart by `{tenant}`",
        node.name
    );
    let help = format!(
        "select `{tenant}` and give {target}.datasource that column and the line `TAGS \"tenant={tenant}\"`"
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
