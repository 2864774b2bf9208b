//! Running what is not known to be good through the engine: data sources by
//! making their tables in a scratch database, nodes by its planner.

use std::collections::BTreeSet;

use futures::FutureExt;

use crate::project::Project;
use crate::project::findings::locate;
use crate::project::findings::report::Report;
use crate::project::findings::verdicts::Verdict;
use crate::project::reading::analysis::{Analysis, NodeKey, analyze, together, validation};
use crate::project::sql::ddl::{TableDefinition, quarantine_name};
use crate::project::sql::select::{Select, select};
use crate::project::tables::apply::{ApplyError, Target, check_columns, create_empty, view_select};
use crate::service_data;
use datafile::{DataSource, Diagnostic, Node, NodeKind, Pipe};
use engine::{Engine, EngineError, Statement};
use template::Parameters;

/// Checks a project and remembers what is good of it.
pub(super) async fn check(
    engine: &dyn Engine,
    project: &Project,
    report: &mut Report,
) -> Result<(), ApplyError> {
    let analysis = analyze(project, engine).await;
    let mut analysis = analysis.map_err(|source| ApplyError::Engine {
        action: "reading the project's SQL".to_owned(),
        source,
    })?;
    report.add(std::mem::take(&mut analysis.found));
    let nodes = Subject::all(project, &analysis);
    let tables = tables_to_make(project, &nodes);
    if !tables.is_empty() || nodes.iter().any(Subject::is_open) {
        let database = format!("check_{}", uuid::Uuid::new_v4().simple());
        let target = Target {
            engine,
            database: &database,
        };
        target.create_database().await?;
        if analysis.reads_service_data() {
            let made = service_data::create_tables(engine).await;
            made.map_err(|source| ApplyError::Engine {
                action: "making the service data sources".to_owned(),
                source,
            })?;
        }
        let run = Run { project, target };
        let result = run.all(&analysis, nodes, &tables, report).await;
        target.drop_database().await?;
        return result;
    }
    let known = nodes.iter().filter_map(|node| node.verdict.as_ref());
    known.for_each(|verdict| count(report, verdict));
    Ok(())
}

/// A node, and what is known of it.
struct Subject<'run> {
    pipe: &'run Pipe,
    node: &'run Node,
    /// The nodes it is made of, itself included.
    nodes: BTreeSet<NodeKey>,
    /// The data sources it reads, and the one it fills.
    data_sources: BTreeSet<&'run str>,
    fingerprint: String,
    verdict: Option<Verdict>,
    /// Whether it is not to be planned: what it says is wrong already, or what
    /// it reads.
    is_broken: bool,
}

impl<'run> Subject<'run> {
    /// All nodes, each after those it reads; circles last.
    fn all(project: &'run Project, analysis: &'run Analysis) -> Vec<Self> {
        let pipes = project.pipes();
        let nodes = pipes.flat_map(|pipe| pipe.nodes.iter().map(move |node| (&**pipe, node)));
        let mut subjects: Vec<Self> = nodes
            .map(|(pipe, node)| Self::new(project, analysis, pipe, node))
            .collect();
        subjects.sort_by_key(|subject| subject.nodes.len());
        subjects
    }

    fn new(
        project: &'run Project,
        analysis: &'run Analysis,
        pipe: &'run Pipe,
        node: &'run Node,
    ) -> Self {
        let mut data_sources = analysis.sources(&pipe.name, &node.name);
        match &node.kind {
            NodeKind::Materialized { data_source, .. } => data_sources.insert(data_source),
            NodeKind::Copy(copy) => data_sources.insert(&copy.target),
            NodeKind::Standard | NodeKind::Endpoint | NodeKind::Sink { .. } => false,
        };
        let nodes = analysis.nodes(&pipe.name, &node.name);
        let fingerprint = fingerprint_of(project, node, &nodes, &data_sources);
        Self {
            pipe,
            node,
            is_broken: !analysis.broken.is_disjoint(&nodes),
            nodes,
            data_sources,
            verdict: project.verdicts.get(&fingerprint),
            fingerprint,
        }
    }

    /// Whether it is to be planned.
    fn is_open(&self) -> bool {
        self.verdict.is_none() && !self.is_broken
    }

    fn key(&self) -> NodeKey {
        (self.pipe.name.clone(), self.node.name.clone())
    }
}

/// Of everything that decides whether the engine takes a node.
fn fingerprint_of(
    project: &Project,
    node: &Node,
    nodes: &BTreeSet<NodeKey>,
    data_sources: &BTreeSet<&str>,
) -> String {
    let mut words = vec!["node".to_owned(), format!("{:?}", node.kind)];
    for (pipe, name) in nodes {
        if let Some(node) = project.pipe(pipe).and_then(|pipe| pipe.node(name)) {
            let is_template = node.is_template.to_string();
            words.extend([
                pipe.clone(),
                name.clone(),
                is_template,
                node.sql.to_string(),
            ]);
        }
    }
    for data_source in data_sources
        .iter()
        .filter_map(|name| project.data_source(name))
    {
        words.extend(definition_of(data_source));
    }
    project
        .verdicts
        .fingerprint(words.iter().map(String::as_str))
}

/// What makes a data source's tables, and by what they are kept apart.
fn definition_of(data_source: &DataSource) -> [String; 3] {
    let rows = TableDefinition::of(data_source);
    let quarantine = TableDefinition::of_quarantine(data_source);
    let tenant = data_source.tenant_column().unwrap_or_default();
    [
        rows.create(&data_source.name, ""),
        quarantine.create(&quarantine_name(&data_source.name), ""),
        tenant.to_owned(),
    ]
}

fn fingerprint_of_tables(project: &Project, data_source: &DataSource) -> String {
    let definition = definition_of(data_source);
    let words = ["made"]
        .into_iter()
        .chain(definition.iter().map(String::as_str));
    project.verdicts.fingerprint(words)
}

/// The data sources of which nothing is known, and those that nodes need of
/// which nothing is known.
fn tables_to_make<'run>(project: &'run Project, nodes: &[Subject<'_>]) -> Vec<&'run DataSource> {
    let open = nodes.iter().filter(|node| node.is_open());
    let needed: BTreeSet<&str> = open
        .flat_map(|node| node.data_sources.iter().copied())
        .collect();
    let data_sources = project.data_sources().map(|data_source| &**data_source);
    data_sources
        .filter(|data_source| {
            let fingerprint = fingerprint_of_tables(project, data_source);
            let is_known = project.verdicts.get(&fingerprint).is_some();
            !is_known || needed.contains(data_source.name.as_str())
        })
        .collect()
}

fn count(report: &mut Report, verdict: &Verdict) {
    match verdict {
        Verdict::Planned => report.extent.planned_nodes += 1,
        Verdict::Parsed => report.extent.parsed_nodes += 1,
        Verdict::Read(_) | Verdict::Made => {}
    }
}

/// That a node is good, or what is wrong with it.
type Found = Result<Verdict, Vec<Diagnostic>>;

#[derive(Clone, Copy)]
struct Run<'run> {
    project: &'run Project,
    target: Target<'run>,
}

impl Run<'_> {
    /// Makes the tables, plans the nodes, and reports what is wrong; not of
    /// nodes that read what is wrong.
    async fn all(
        self,
        analysis: &Analysis,
        nodes: Vec<Subject<'_>>,
        tables: &[&DataSource],
        report: &mut Report,
    ) -> Result<(), ApplyError> {
        let mut broken = analysis.broken.clone();
        let broken_tables = self.make(tables, report).await?;
        let reads_broken = |subject: &Subject<'_>, broken: &BTreeSet<NodeKey>| {
            subject.nodes.iter().any(|node| broken.contains(node))
                || subject
                    .data_sources
                    .iter()
                    .any(|name| broken_tables.contains(*name))
        };
        let mut work = Vec::new();
        for subject in &nodes {
            let is_left_out = subject.is_broken || reads_broken(subject, &broken);
            work.push(self.found(subject, is_left_out).boxed());
        }
        let found = together(work).await;
        for (subject, found) in nodes.iter().zip(found) {
            let found = found?;
            match found.filter(|_| !reads_broken(subject, &broken)) {
                Some(Ok(verdict)) => {
                    count(report, &verdict);
                    if subject.verdict.is_none() {
                        self.project
                            .verdicts
                            .keep(subject.fingerprint.clone(), verdict);
                    }
                }
                Some(Err(found)) => {
                    report.add(found);
                    broken.insert(subject.key());
                }
                None => {
                    broken.insert(subject.key());
                }
            }
        }
        Ok(())
    }

    /// Makes tables; returns the names of those that cannot be.
    async fn make<'a>(
        self,
        tables: &[&'a DataSource],
        report: &mut Report,
    ) -> Result<BTreeSet<&'a str>, ApplyError> {
        let mut work = Vec::new();
        for data_source in tables {
            work.push(create_empty(&self.target, data_source).boxed());
        }
        let made = together(work).await;
        let mut broken = BTreeSet::new();
        for (data_source, made) in tables.iter().zip(made) {
            match made {
                Ok(()) => {
                    let fingerprint = fingerprint_of_tables(self.project, data_source);
                    self.project.verdicts.keep(fingerprint, Verdict::Made);
                }
                Err(ApplyError::Refused(found)) => {
                    report.add(found);
                    broken.insert(data_source.name.as_str());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(broken)
    }

    /// What is known of a node, or found; nothing of one that is left out.
    async fn found(
        self,
        subject: &Subject<'_>,
        is_left_out: bool,
    ) -> Result<Option<Found>, ApplyError> {
        match &subject.verdict {
            _ if is_left_out => Ok(None),
            Some(verdict) => Ok(Some(Ok(verdict.clone()))),
            None => self.node(subject).await.map(Some),
        }
    }

    /// Plans a node and holds its columns against its target's; what is wrong
    /// with it is found.
    async fn node(self, subject: &Subject<'_>) -> Result<Found, ApplyError> {
        let (pipe, node) = (subject.pipe, subject.node);
        let verdict = match self.plan(pipe, node).await {
            Ok(Some(select)) => {
                let fits = self.target_columns(pipe, node, &select).await;
                fits.map(|()| Verdict::Planned)
            }
            Ok(None) => Ok(Verdict::Parsed),
            Err(error) => Err(error),
        };
        match verdict {
            Ok(verdict) => Ok(Ok(verdict)),
            Err(ApplyError::Refused(found)) => Ok(Err(found)),
            Err(error) => Err(error),
        }
    }

    /// Runs a node through the planner. `None` when only its stand-in values
    /// were refused.
    async fn plan(self, pipe: &Pipe, node: &Node) -> Result<Option<Select>, ApplyError> {
        let (parameters, context) = (Parameters::new(), validation());
        let engine = self.target.engine;
        let select = select(self.project, engine, (pipe, node), &parameters, &context).await?;
        let statement = Statement {
            database: Some(self.target.database.to_owned()),
            parameters: select.parameters.clone(),
            ..Statement::read(format!("EXPLAIN {}", select.sql), "TSVRaw")
        };
        match engine.query(statement).await {
            Ok(_) => Ok(Some(select)),
            Err(EngineError::Query { name, message, .. }) => {
                if select.stands_in && blames_values(name.as_deref().unwrap_or(""), &message) {
                    return Ok(None);
                }
                let message = message.replace(&format!("{}.", self.target.database), "");
                Err(ApplyError::Refused(vec![locate::unplannable(
                    pipe, node, &message,
                )]))
            }
            Err(source) => Err(ApplyError::Engine {
                action: format!("planning `{}`", node.name),
                source,
            }),
        }
    }

    async fn target_columns(
        self,
        pipe: &Pipe,
        node: &Node,
        select: &Select,
    ) -> Result<(), ApplyError> {
        match &node.kind {
            NodeKind::Materialized { data_source, .. } => {
                view_select(self.project, &self.target, pipe, node, data_source)
                    .await
                    .map(drop)
            }
            NodeKind::Copy(copy) => {
                let into = &copy.target;
                check_columns(self.project, &self.target, select, into, (pipe, node)).await
            }
            NodeKind::Standard | NodeKind::Endpoint | NodeKind::Sink { .. } => Ok(()),
        }
    }
}

/// Whether the engine complains of a value and not of the SQL. Stand-ins for
/// parameters are no dates, numbers or names of columns.
fn blames_values(name: &str, message: &str) -> bool {
    let is_about_sql = name.starts_with("UNKNOWN_")
        || matches!(
            name,
            "SYNTAX_ERROR"
                | "NUMBER_OF_ARGUMENTS_DOESNT_MATCH"
                | "NOT_AN_AGGREGATE"
                | "ILLEGAL_AGGREGATION"
                | "NO_SUCH_COLUMN_IN_TABLE"
                | "NOT_FOUND_COLUMN_IN_BLOCK"
                | "THERE_IS_NO_COLUMN"
                | "AMBIGUOUS_IDENTIFIER"
                | "AMBIGUOUS_COLUMN_NAME"
                | "MULTIPLE_EXPRESSIONS_FOR_ALIAS"
                | "UNION_ALL_RESULT_STRUCTURES_MISMATCH"
                | "NUMBER_OF_COLUMNS_DOESNT_MATCH"
                | "ILLEGAL_TYPE_OF_ARGUMENT"
                | "NO_COMMON_TYPE"
        );
    let message = locate::tidy(message);
    let has_stand_in = ["__no_value__", "`placeholder`", "'placeholder'"]
        .iter()
        .any(|text| message.contains(text));
    !is_about_sql || has_stand_in
}
