//! One SELECT out of a node and all nodes and pipes it reads.
//!
//! Pipes become common table expressions of the whole; the nodes of a pipe are
//! those of its own SELECT. So each is rendered once, whoever reads it, and
//! nodes of the same name in two pipes stay apart.

use std::collections::BTreeMap;

use super::Parameters;
use super::error::QueryError;
use super::reads::{Reads, reads};
use crate::datafile::Pipe;
use crate::datafile::tokens::tokenize;
use crate::engine::Engine;
use crate::engine::guard::Guard;
use crate::engine::sql::{self, identifier};
use crate::project::Project;
use crate::template::RenderContext;

/// SQL that reads data sources alone, in parts.
#[derive(Debug, Default)]
pub(super) struct Composed {
    /// Common table expressions, each after those it reads.
    pub(super) expressions: Vec<(String, String)>,
    /// The SELECT that reads them.
    pub(super) body: String,
    bound: BTreeMap<String, String>,
    /// Pipes and nodes that went into it, each before what reads it.
    pub(super) rendered: Vec<(String, String)>,
    /// The lowest that any part asks for.
    pub(super) max_threads: Option<u32>,
    /// The shortest that any part asks for.
    pub(super) cache_ttl: Option<&'static str>,
    aggregates_in_order: bool,
    /// Whether any part reaches further than names of the project.
    is_unusual: bool,
}

impl Composed {
    /// The whole SQL.
    pub(super) fn into_sql(self) -> String {
        with_expressions(&self.expressions, &self.body)
    }

    /// The same, for looking at it.
    pub(super) fn sql(&self) -> String {
        with_expressions(&self.expressions, &self.body)
    }

    /// Closes the expressions off from SQL of a caller around them. ClickHouse
    /// looks for what a common table expression names (its tables, sets, even
    /// functions such as `equals`) in the SQL around it, too, where the caller
    /// could give it another meaning. `view()` has a scope of its own.
    pub(super) fn close_off(&mut self) {
        let open = std::mem::take(&mut self.expressions);
        for (index, (name, sql)) in open.iter().enumerate() {
            let closed = closed_off(&with_expressions(&open[..index], sql));
            self.expressions.push((name.clone(), closed));
        }
    }

    /// Makes the whole an expression of that name, closed off, for another
    /// SELECT to read.
    pub(super) fn lay_under(&mut self, name: &str, over: String) {
        let closed = closed_off(&self.sql());
        self.expressions = vec![(name.to_owned(), closed)];
        self.body = over;
    }

    /// Bound parameters as the engine takes them.
    pub(super) fn engine_parameters(&self) -> Vec<(String, String)> {
        self.bound
            .iter()
            .map(|(name, value)| (name.clone(), sql::parameter(value)))
            .collect()
    }

    /// Engine settings that templates ask for.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let name = "optimize_aggregation_in_order";
        self.aggregates_in_order
            .then(|| (name.to_owned(), "1".to_owned()))
            .into_iter()
    }

    /// Checks what a template may have rendered beyond what was checked when
    /// its project was loaded. Costs nothing for the usual query.
    pub(super) async fn check_reach(
        &self,
        engine: &dyn Engine,
        guard: &Guard,
    ) -> Result<(), QueryError> {
        if !self.is_unusual {
            return Ok(());
        }
        let inspection = guard
            .inspect(engine, &self.sql(), &self.engine_parameters())
            .await?;
        Ok(inspection.check_project()?)
    }
}

/// Renders and joins the nodes of one call.
#[derive(Debug)]
pub(super) struct Composer<'c> {
    project: &'c Project,
    parameters: &'c Parameters,
    context: &'c RenderContext,
}

/// What has been put together so far.
struct Work<'c> {
    composed: Composed,
    /// Pipes that are done, and those that are being composed.
    pipes: Vec<(&'c str, bool)>,
}

/// The nodes of one pipe, while it is being composed.
struct Nodes<'c> {
    pipe: &'c Pipe,
    /// As for pipes.
    seen: Vec<(&'c str, bool)>,
    expressions: Vec<(String, String)>,
}

impl<'c> Composer<'c> {
    pub(super) fn new(
        project: &'c Project,
        parameters: &'c Parameters,
        context: &'c RenderContext,
    ) -> Self {
        Self {
            project,
            parameters,
            context,
        }
    }

    /// The SELECT of a pipe's endpoint.
    pub(super) fn endpoint(&self, pipe: &'c Pipe) -> Result<Composed, QueryError> {
        let Some(endpoint) = pipe.endpoint() else {
            return Err(QueryError::NoEndpoint(pipe.name.clone()));
        };
        self.node(pipe, &endpoint.name)
    }

    /// The SELECT of any node.
    pub(super) fn node(&self, pipe: &'c Pipe, node: &'c str) -> Result<Composed, QueryError> {
        let mut work = Work {
            composed: Composed::default(),
            pipes: vec![(&pipe.name, false)],
        };
        let mut nodes = Nodes {
            pipe,
            seen: vec![(node, false)],
            expressions: Vec::new(),
        };
        work.composed.body = self.render(node, &mut nodes, &mut work)?;
        work.composed.expressions.append(&mut nodes.expressions);
        Ok(work.composed)
    }

    /// A SQL text that may read the project's pipes, and the nodes of `own`.
    pub(super) fn text(&self, sql: String, own: Option<&'c Pipe>) -> Result<Composed, QueryError> {
        let mut work = Work {
            composed: Composed::default(),
            pipes: Vec::new(),
        };
        let found = reads(&sql);
        let mut nodes = own.map(|pipe| Nodes {
            pipe,
            seen: Vec::new(),
            expressions: Vec::new(),
        });
        self.join(found, nodes.as_mut(), &mut work)?;
        if let Some(mut nodes) = nodes {
            work.composed.expressions.append(&mut nodes.expressions);
        }
        work.composed.body = sql;
        Ok(work.composed)
    }

    /// Renders one node after everything it reads.
    fn render(
        &self,
        node: &'c str,
        nodes: &mut Nodes<'c>,
        work: &mut Work<'c>,
    ) -> Result<String, QueryError> {
        let Some(template) = self.project.template(&nodes.pipe.name, node) else {
            return Err(QueryError::NoEndpoint(nodes.pipe.name.clone()));
        };
        let rendered = template.render(self.parameters, self.context)?;
        let composed = &mut work.composed;
        composed.bound.extend(rendered.bound);
        composed.max_threads = lowest(composed.max_threads, rendered.max_threads);
        composed.cache_ttl = shortest(composed.cache_ttl, rendered.cache_ttl);
        composed.aggregates_in_order |=
            rendered.activate.contains(&"optimize_aggregation_in_order");
        let found = reads(&rendered.sql);
        composed.is_unusual |= found.is_unusual;
        self.join(found, Some(&mut *nodes), work)?;
        let name = (nodes.pipe.name.clone(), node.to_owned());
        work.composed.rendered.push(name);
        Ok(rendered.sql)
    }

    /// Adds what is read: nodes before pipes before data sources, which need
    /// nothing.
    fn join(
        &self,
        found: Reads,
        mut nodes: Option<&mut Nodes<'c>>,
        work: &mut Work<'c>,
    ) -> Result<(), QueryError> {
        for name in &found.tables {
            let own = nodes
                .as_deref_mut()
                .and_then(|nodes| Some((nodes.pipe.node(name)?, nodes)));
            if let Some((node, nodes)) = own {
                if is_new(&mut nodes.seen, &node.name)? {
                    let sql = self.render(&node.name, nodes, work)?;
                    nodes.expressions.push((node.name.clone(), sql));
                    finish(&mut nodes.seen, &node.name);
                }
            } else if let Some(pipe) = self.project.pipe(name)
                && let Some(output) = pipe.output()
                && is_new(&mut work.pipes, &pipe.name)?
            {
                let mut inner = Nodes {
                    pipe,
                    seen: vec![(&output.name, false)],
                    expressions: Vec::new(),
                };
                let body = self.render(&output.name, &mut inner, work)?;
                let sql = with_expressions(&inner.expressions, &body);
                work.composed.expressions.push((pipe.name.clone(), sql));
                finish(&mut work.pipes, &pipe.name);
            }
        }
        Ok(())
    }
}

/// Whether `name` has to be composed; a cycle when it already is being.
fn is_new<'c>(seen: &mut Vec<(&'c str, bool)>, name: &'c str) -> Result<bool, QueryError> {
    match seen.iter().find(|(found, _)| *found == name) {
        Some((_, true)) => Ok(false),
        Some((_, false)) => Err(QueryError::Cycle(name.to_owned())),
        None => {
            seen.push((name, false));
            Ok(true)
        }
    }
}

fn finish(seen: &mut [(&str, bool)], name: &str) {
    if let Some((_, done)) = seen.iter_mut().find(|(found, _)| *found == name) {
        *done = true;
    }
}

fn lowest(left: Option<u32>, right: Option<u32>) -> Option<u32> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}

fn shortest(left: Option<&'static str>, right: Option<&'static str>) -> Option<&'static str> {
    let rank = |ttl: &str| {
        ["5s", "1m", "5m", "30m", "1h"]
            .iter()
            .position(|known| *known == ttl)
    };
    match (left, right) {
        (Some(left), Some(right)) => Some(if rank(left) <= rank(right) {
            left
        } else {
            right
        }),
        (left, right) => left.or(right),
    }
}

fn closed_off(sql: &str) -> String {
    // The newline ends a comment that the SQL may end with.
    format!("SELECT * FROM view(SELECT * FROM ({sql}\n))")
}

/// Puts common table expressions before a SELECT, which may have a WITH of its
/// own.
fn with_expressions(expressions: &[(String, String)], sql: &str) -> String {
    if expressions.is_empty() {
        return sql.to_owned();
    }
    let mut list = String::new();
    for (index, (name, expression)) in expressions.iter().enumerate() {
        if index > 0 {
            list.push_str(", ");
        }
        // The newline ends a comment that the expression may end with.
        list.push_str(&format!("{} AS ({expression}\n)", identifier(name)));
    }
    let (tokens, _) = tokenize(sql);
    let word = |index: usize| {
        tokens
            .get(index)
            .map_or("", |token| &sql[token.range.clone()])
    };
    let after = |index: usize| &sql[tokens[index].range.end..];
    if word(0).eq_ignore_ascii_case("WITH") && word(1).eq_ignore_ascii_case("RECURSIVE") {
        return format!("WITH RECURSIVE {list},{}", after(1));
    }
    if word(0).eq_ignore_ascii_case("WITH") {
        return format!("WITH {list},{}", after(0));
    }
    if word(0).eq_ignore_ascii_case("SELECT") || word(0).eq_ignore_ascii_case("FROM") {
        return format!("WITH {list} {sql}");
    }
    // A query in parentheses takes no WITH before it.
    format!("WITH {list} SELECT * FROM ({sql}\n)")
}
