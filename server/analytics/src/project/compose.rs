//! One SELECT out of a node and all nodes and pipes it reads, for what the
//! server runs on its own: materialized views, copies, checks.

use std::collections::BTreeSet;

use futures::future::BoxFuture;

use super::analysis::{Read, resolve};
use super::{ApplyError, Project};
use crate::datafile::tokens::tokenize;
use crate::datafile::{Diagnostic, Node, Pipe};
use crate::engine::guard::Guard;
use crate::engine::sql::identifier;
use crate::engine::{Engine, EngineError};
use crate::project::locate;
use crate::template::{Parameters, RenderContext};

/// SQL that runs on data sources alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Composed {
    pub(super) sql: String,
    /// Parameters the engine binds: names and values.
    pub(super) bound: Vec<(String, String)>,
}

/// Renders and joins nodes.
#[derive(Debug)]
pub(super) struct Composer<'run> {
    project: &'run Project,
    engine: &'run dyn Engine,
    guard: Guard,
    pub(super) parameters: Parameters,
    pub(super) context: RenderContext,
}

impl<'run> Composer<'run> {
    /// A composer that renders without parameters.
    pub(super) fn new(project: &'run Project, engine: &'run dyn Engine) -> Self {
        Self {
            project,
            engine,
            guard: Guard::default(),
            parameters: Parameters::new(),
            context: RenderContext::default(),
        }
    }

    /// The SELECT of a node with everything it reads as CTEs.
    pub(super) async fn compose(&self, pipe: &str, node: &str) -> Result<Composed, ApplyError> {
        self.node(pipe, node, 0).await
    }

    fn node<'a>(
        &'a self,
        pipe: &'a str,
        node: &'a str,
        depth: usize,
    ) -> BoxFuture<'a, Result<Composed, ApplyError>> {
        /// Circles are refused before anything is composed; this is deeper
        /// than any project.
        const DEEPEST: usize = 64;

        Box::pin(async move {
            let Some(pipe) = self.project.pipe(pipe).filter(|_| depth < DEEPEST) else {
                return Ok(Composed::default());
            };
            let mut join = Join {
                seen: BTreeSet::new(),
                ctes: Vec::new(),
                bound: Vec::new(),
            };
            let sql = self.collect(pipe, node, &mut join, depth).await?;
            Ok(Composed {
                sql: with_ctes(&join.ctes, &sql),
                bound: join.bound,
            })
        })
    }

    /// A node's own SQL; what it reads goes into `join`, each before what reads
    /// it.
    fn collect<'a>(
        &'a self,
        pipe: &'a Pipe,
        node: &'a str,
        join: &'a mut Join,
        depth: usize,
    ) -> BoxFuture<'a, Result<String, ApplyError>> {
        Box::pin(async move {
            let Some(node) = pipe.node(node) else {
                return Ok(String::new());
            };
            let rendered = self.render(pipe, node)?;
            let inspection = self
                .guard
                .inspect(self.engine, &rendered.sql, &rendered.bound)
                .await;
            let inspection = inspection.map_err(|error| unreadable(pipe, node, error))?;
            inspection.check_project().map_err(|refusal| {
                let message = format!("the SQL of `{}` is refused: {refusal}", node.name);
                ApplyError::Refused(vec![Diagnostic::error(
                    &pipe.file,
                    node.sql.start(),
                    message,
                )])
            })?;
            for read in resolve(self.project, pipe, node, &inspection) {
                let Read::Node((other_pipe, other_node)) = read else {
                    continue;
                };
                let is_own = other_pipe == pipe.name;
                let name = if is_own { &other_node } else { &other_pipe };
                if !join.seen.insert(name.clone()) {
                    continue;
                }
                let sql = if is_own {
                    self.collect(pipe, &other_node, join, depth).await?
                } else {
                    let composed = self.node(&other_pipe, &other_node, depth + 1).await?;
                    join.bound.extend(composed.bound);
                    composed.sql
                };
                join.ctes.push((name.clone(), sql));
            }
            join.bound.extend(rendered.bound);
            Ok(rendered.sql)
        })
    }

    fn render(&self, pipe: &Pipe, node: &Node) -> Result<Composed, ApplyError> {
        let Some(template) = self.project.template(&pipe.name, &node.name) else {
            return Ok(Composed::default());
        };
        let rendered = template
            .render(&self.parameters, &self.context)
            .map_err(|error| {
                let position = node.sql.line_start(error.line);
                let message = format!("`{}` cannot be rendered: {error}", node.name);
                ApplyError::Refused(vec![Diagnostic::error(&pipe.file, position, message)])
            })?;
        Ok(Composed {
            sql: rendered.sql,
            bound: rendered.bound,
        })
    }
}

/// What a composition has collected.
struct Join {
    seen: BTreeSet<String>,
    ctes: Vec<(String, String)>,
    bound: Vec<(String, String)>,
}

fn unreadable(pipe: &Pipe, node: &Node, error: EngineError) -> ApplyError {
    match error {
        EngineError::Query { message, .. } => {
            ApplyError::Refused(vec![locate::unreadable(pipe, node, &message)])
        }
        source => ApplyError::Engine {
            action: format!("reading the SQL of `{}`", node.name),
            source,
        },
    }
}

/// Puts CTEs before a SELECT, which may have a WITH of its own.
fn with_ctes(ctes: &[(String, String)], sql: &str) -> String {
    if ctes.is_empty() {
        return sql.to_owned();
    }
    let quoted = |(name, sql): &(String, String)| format!("{} AS ({sql}\n)", identifier(name));
    let ctes: Vec<String> = ctes.iter().map(quoted).collect();
    let ctes = ctes.join(", ");
    let tokens = tokenize(sql).0;
    let is = |index: usize, word: &str| {
        tokens
            .get(index)
            .is_some_and(|token| sql[token.range.clone()].eq_ignore_ascii_case(word))
    };
    let after = |index: usize| &sql[tokens[index].range.end..];
    match () {
        () if is(0, "WITH") && is(1, "RECURSIVE") => format!("WITH RECURSIVE {ctes},{}", after(1)),
        () if is(0, "WITH") => format!("WITH {ctes},{}", after(0)),
        () if is(0, "SELECT") => format!("WITH {ctes} {sql}"),
        // A query in parentheses takes no WITH before it.
        () => format!("WITH {ctes} SELECT * FROM ({sql}\n)"),
    }
}
