//! `rookery check`: everything that can be known of a project without serving
//! it, down to running every node through the engine's planner on a scratch
//! database with empty tables.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use super::files::source::{SourceFile, read_directory};
use super::findings::report::{Extent, Report};
use super::reading::analysis::{Analysis, NodeKey, analyze, validation};
use super::sql::select::{Select, select};
use super::tables::apply::{ApplyError, Target, check_columns, create_empty, view_select};
use super::tables::catalog::rows;
use super::{Project, Variables};
use crate::project::findings::locate;
use datafile::{Diagnostic, Node, NodeKind, Pipe, Position};
use engine::{Engine, EngineError, Statement};
use template::Parameters;

/// Checks the project in a directory. Without an engine, SQL is not read.
pub async fn check(directory: &Path, variables: &Variables, engine: Option<&dyn Engine>) -> Report {
    match read_directory(directory) {
        Ok(files) => check_files(&files, variables, engine).await.0,
        Err(found) => Report::new(&[], found),
    }
}

/// Checks files that are at hand; the project, if it is good.
pub async fn check_files(
    files: &[SourceFile],
    variables: &Variables,
    engine: Option<&dyn Engine>,
) -> (Report, Option<Project>) {
    let project = match Project::from_files(files, variables) {
        Ok(project) => project,
        Err(found) => {
            let mut report = Report::new(files, found);
            report.extent = Extent {
                awaits_files: engine.is_some(),
                ..counted(files)
            };
            return (report, None);
        }
    };
    let mut report = Report::new(files, project.warnings().to_vec());
    report.extent = counted(files);
    if let Some(engine) = engine {
        report.extent.with_engine = true;
        if let Err(error) = check_with(engine, &project, &mut report).await {
            let message = format!("the engine could not check the project: {error}");
            report.add(vec![Diagnostic::error(".", Position::START, message)]);
        }
    }
    let project = report.is_good().then_some(project);
    (report, project)
}

fn counted(files: &[SourceFile]) -> Extent {
    let count = |ending: &str| {
        files
            .iter()
            .filter(|file| file.path.ends_with(ending))
            .count()
    };
    Extent {
        data_sources: count(".datasource"),
        pipes: count(".pipe"),
        ..Extent::default()
    }
}

/// Drops the scratch databases of checks, copies and the like that were
/// interrupted.
pub(super) async fn drop_leftovers(engine: &dyn Engine) -> Result<(), ApplyError> {
    #[derive(Deserialize)]
    struct Database {
        name: String,
    }
    let sql =
        "SELECT name FROM system.databases WHERE match(name, '^(check|scratch)_[0-9a-f]{32}$')";
    let failed = |source| ApplyError::Engine {
        action: "looking for scratch databases".to_owned(),
        source,
    };
    let databases: Vec<Database> = rows(engine, sql, "").await.map_err(failed)?;
    for Database { name } in &databases {
        Target {
            engine,
            database: name,
        }
        .drop_database()
        .await?;
    }
    Ok(())
}

async fn check_with(
    engine: &dyn Engine,
    project: &Project,
    report: &mut Report,
) -> Result<(), ApplyError> {
    let database = format!("check_{}", uuid::Uuid::new_v4().simple());
    let target = Target {
        engine,
        database: &database,
    };
    target.create_database().await?;
    let result = Check {
        project,
        target,
        report,
        broken: BTreeSet::new(),
    }
    .run()
    .await;
    target.drop_database().await?;
    result
}

struct Check<'run> {
    project: &'run Project,
    target: Target<'run>,
    report: &'run mut Report,
    /// Nodes not to plan: what they say is wrong already, or what they read.
    broken: BTreeSet<NodeKey>,
}

impl Check<'_> {
    async fn run(mut self) -> Result<(), ApplyError> {
        let broken_tables = self.create_tables().await?;
        let analysis = analyze(self.project, self.target.engine).await;
        let mut analysis = analysis.map_err(|source| ApplyError::Engine {
            action: "reading the project's SQL".to_owned(),
            source,
        })?;
        self.report.add(std::mem::take(&mut analysis.found));
        self.broken = std::mem::take(&mut analysis.broken);
        for (pipe, node) in inside_out(self.project, &analysis) {
            let nodes = analysis.nodes(&pipe.name, &node.name);
            let sources = analysis.sources(&pipe.name, &node.name);
            let reads_broken = nodes.iter().any(|node| self.broken.contains(node))
                || sources.iter().any(|source| broken_tables.contains(*source));
            if reads_broken || !self.node(pipe, node).await? {
                self.broken.insert((pipe.name.clone(), node.name.clone()));
            }
        }
        Ok(())
    }

    /// Makes the project's tables; returns the names of those that cannot be.
    async fn create_tables(&mut self) -> Result<BTreeSet<String>, ApplyError> {
        let mut broken = BTreeSet::new();
        for data_source in self.project.data_sources() {
            match create_empty(&self.target, data_source).await {
                Ok(()) => {}
                Err(ApplyError::Refused(found)) => {
                    self.report.add(found);
                    broken.insert(data_source.name.clone());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(broken)
    }

    /// Plans a node and holds its columns against its target's. Returns
    /// whether it is good.
    async fn node(&mut self, pipe: &Pipe, node: &Node) -> Result<bool, ApplyError> {
        let result = match self.plan(pipe, node).await {
            Ok(Some(select)) => self.target_columns(pipe, node, &select).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => Ok(true),
            Err(ApplyError::Refused(found)) => {
                self.report.add(found);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Runs a node through the planner. `None` when only its stand-in values
    /// were refused.
    async fn plan(&mut self, pipe: &Pipe, node: &Node) -> Result<Option<Select>, ApplyError> {
        let (parameters, context) = (Parameters::new(), validation());
        let engine = self.target.engine;
        let select = select(self.project, engine, (pipe, node), &parameters, &context).await?;
        let statement = Statement {
            database: Some(self.target.database.to_owned()),
            parameters: select.parameters.clone(),
            ..Statement::read(format!("EXPLAIN {}", select.sql), "TSVRaw")
        };
        match engine.query(statement).await {
            Ok(_) => {
                self.report.extent.planned_nodes += 1;
                Ok(Some(select))
            }
            Err(EngineError::Query { name, message, .. }) => {
                if select.stands_in && blames_values(name.as_deref().unwrap_or(""), &message) {
                    self.report.extent.parsed_nodes += 1;
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
        &self,
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
                let place = (pipe.file.as_str(), node.sql.start());
                check_columns(self.project, &self.target, select, &copy.target, place).await
            }
            NodeKind::Standard | NodeKind::Endpoint | NodeKind::Sink { .. } => Ok(()),
        }
    }
}

/// All nodes, each after those it reads; circles last.
fn inside_out<'run>(project: &'run Project, analysis: &Analysis) -> Vec<(&'run Pipe, &'run Node)> {
    let nodes_of = |pipe: &'run Pipe| pipe.nodes.iter().map(move |node| (pipe, node));
    let mut nodes: Vec<(&Pipe, &Node)> = project.pipes().flat_map(|pipe| nodes_of(pipe)).collect();
    nodes.sort_by_cached_key(|(pipe, node)| analysis.nodes(&pipe.name, &node.name).len());
    nodes
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
