//! Who reads whom: the SQL of every node, read by ClickHouse's own parser.
//!
//! Names are resolved node before pipe before data source. From that follow
//! cycles, what feeds a materialized view or copy, and whether it would carry
//! one tenant's rows to where another may read them.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::Project;
use crate::project::findings::locate;
use crate::project::findings::verdicts::Reading;
use crate::project::reading::{expressions, rules};
use crate::service_data;
use datafile::{Diagnostic, Node, NodeKind, Pipe};
use engine::guard::{Refusal, TableName};
use engine::{Engine, EngineError, sql};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use template::{Parameters, RenderContext, StandIns};

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

/// Does work that asks the engine, some of it at once: more than the engine
/// has connections would only wait. The results come in the work's order.
pub(in crate::project) async fn together<T>(work: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    const AT_ONCE: usize = 4;

    stream::iter(work).buffered(AT_ONCE).collect().await
}

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
    pub(super) reads: BTreeMap<NodeKey, BTreeSet<Read>>,
    /// Nodes that read service data sources.
    pub(super) service_data: BTreeSet<NodeKey>,
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

    /// Whether any node reads a service data source.
    pub(in crate::project) fn reads_service_data(&self) -> bool {
        !self.service_data.is_empty()
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
    let mut analysis = Analysis::default();
    let mut work = Vec::new();
    for pipe in project.pipes() {
        for node in &pipe.nodes {
            work.push(read_node(project, pipe, node, engine).boxed());
        }
    }
    for read in together(work).await {
        let NodeReading {
            key,
            reads,
            reads_service_data,
            found,
        } = read?;
        if reads_service_data {
            analysis.service_data.insert(key.clone());
        }
        if !found.is_empty() {
            analysis.broken.insert(key.clone());
        }
        analysis.found.extend(found);
        analysis.reads.extend(reads.map(|reads| (key, reads)));
    }
    let mut found = std::mem::take(&mut analysis.found);
    expressions::check(project, engine, &mut found).await?;
    let against_rules = rules::check(project, &analysis, &mut found);
    analysis.broken.extend(against_rules);
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

/// What one node's SQL says.
struct NodeReading {
    key: NodeKey,
    /// None where it cannot be read.
    reads: Option<BTreeSet<Read>>,
    reads_service_data: bool,
    found: Vec<Diagnostic>,
}

/// Renders a node with stand-ins for its parameters and lets ClickHouse read
/// it. What it says only when its parameters are given is read as well, for
/// what it reaches; whether it is right shows when it is called.
async fn read_node(
    project: &Project,
    pipe: &Pipe,
    node: &Node,
    engine: &dyn Engine,
) -> Result<NodeReading, EngineError> {
    let mut read = NodeReading {
        key: (pipe.name.clone(), node.name.clone()),
        reads: None,
        reads_service_data: false,
        found: Vec::new(),
    };
    let none = Parameters::new();
    let render = |context| project.render(&pipe.name, &node.name, &none, &context);
    let Some(rendered) = render(validation()) else {
        return Ok(read);
    };
    let rendered = match rendered {
        Ok(rendered) => rendered,
        Err(error) => {
            let position = node.sql.line_start(error.line);
            let found = Diagnostic::error(&pipe.file, position, error.message);
            read.found.push(found);
            return Ok(read);
        }
    };
    let given = RenderContext {
        stand_ins: StandIns::Defined,
        ..RenderContext::default()
    };
    let given = render(given).and_then(Result::ok);
    let given = given.filter(|given| given.sql != rendered.sql);
    for (rendered, is_called) in [(Some(rendered), true), (given, false)] {
        let Some(rendered) = rendered else {
            continue;
        };
        let parameters = sql::parameters(&rendered.bound);
        let reading = project.verdicts.read(engine, &rendered.sql, &parameters);
        match reading.await {
            Ok(reading) => {
                check_reach(pipe, node, &reading, &mut read.found);
                let is_service_data =
                    |name: &TableName| name.database.as_deref() == Some(service_data::DATABASE);
                read.reads_service_data |= reading.tables.iter().any(is_service_data);
                let names = resolve(project, pipe, node, &reading);
                read.reads.get_or_insert_default().extend(names);
            }
            Err(EngineError::Query { message, .. }) if is_called => {
                read.found.push(locate::unreadable(pipe, node, &message));
                return Ok(read);
            }
            Err(EngineError::Query { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
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
fn resolve(project: &Project, pipe: &Pipe, node: &Node, reading: &Reading) -> BTreeSet<Read> {
    let names = reading.tables.iter();
    let names = names.filter(|name| name.database.is_none());
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
fn check_reach(pipe: &Pipe, node: &Node, reading: &Reading, found: &mut Vec<Diagnostic>) {
    let before = found.len();
    for name in &reading.tables {
        let is_foreign = match name.database.as_deref() {
            None => name.table.contains('.'),
            // Of the engine's own tables `check_project` knows the harmless.
            Some("system") => false,
            Some(service_data::DATABASE) => !service_data::NAMES.contains(&name.table.as_str()),
            // After IN, `t.x` may be a column.
            Some(_) => !name.after_in,
        };
        if is_foreign {
            let help = match name.database.as_deref() {
                Some(service_data::DATABASE) => format!(
                    "the service data sources here are {}",
                    service_data::NAMES.join(", ")
                ),
                _ => "a project's SQL only reads its own data sources, pipes and nodes, by their bare names; of a data source that another workspace shares, copy the file from vendor/".to_owned(),
            };
            let message = format!(
                "`{}` reads `{name}`, which is not in the project",
                node.name
            );
            found.push(Diagnostic::error(&pipe.file, node.sql.start(), message).help(&help));
        }
    }
    match &reading.refusal {
        // It is told of already.
        Some(Refusal::Table(_)) if found.len() > before => {}
        Some(refusal) => found.push(refused(pipe, node, refusal)),
        None => {}
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
