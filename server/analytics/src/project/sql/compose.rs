//! One SELECT out of a node and all nodes and pipes it reads: what requests
//! run (`query`), and what the server runs on its own (views, copies, checks).
//!
//! Pipes become common table expressions of the whole; the nodes of a pipe are
//! those of its own SELECT. So each is rendered once, whoever reads it, and
//! nodes of the same name in two pipes stay apart. Whether the SQL may run, and
//! on which rows, is decided elsewhere.

mod layout;
mod reads;
mod sources;

use std::collections::{BTreeMap, VecDeque};

use crate::project::Project;
use datafile::{Node, Pipe};
use engine::sql;
use layout::{Layout, closed_off, with_expressions};
use reads::Reads;
pub(crate) use reads::reads;
pub(crate) use sources::{NOWHERE, Source, Sources};
use template::{ParameterDeclaration, Parameters, RenderContext, RenderError, Rendered, Template};

/// Why nodes do not make one SELECT.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum ComposeError {
    /// A pipe without the node that is to be read.
    #[error("the pipe '{0}' has no such node")]
    NoNode(String),
    /// A node's template cannot be rendered.
    #[error("{error}")]
    Template {
        /// The node's pipe.
        pipe: String,
        /// The node.
        node: String,
        /// What is wrong, and on which line of the node's SQL.
        error: Box<RenderError>,
    },
    /// Nodes or pipes that read each other, by the name of one of them.
    #[error("'{0}' reads itself through the nodes and pipes it reads")]
    Cycle(String),
}

/// SQL that reads data sources alone.
#[derive(Debug)]
pub(crate) struct Composed<'p> {
    project: &'p Project,
    sql: String,
    parts: Vec<Part<'p>>,
    top: Top<'p>,
    is_qualified: bool,
}

/// What a composition comes to.
#[derive(Debug)]
enum Top<'p> {
    /// A part.
    Part(usize),
    /// A text from elsewhere.
    Text {
        sql: String,
        /// The parts it reads.
        reads: Vec<usize>,
        /// The pipe whose nodes it may name.
        own: Option<&'p Pipe>,
    },
}

/// A node as it went into a composition.
#[derive(Debug)]
pub(crate) struct Part<'p> {
    /// Its pipe.
    pub(crate) pipe: &'p Pipe,
    /// The node itself.
    pub(crate) node: &'p Node,
    /// What its template made.
    pub(crate) rendered: Rendered,
    /// The names in it.
    found: Reads,
    /// The parts it reads, by index; all come before it.
    reads: Vec<usize>,
    /// The SELECT whose expression it is, or which it is itself.
    scope: usize,
    /// Whether it is read by its pipe's name, everywhere.
    stands_for_pipe: bool,
}

impl Part<'_> {
    /// The name by which it is read.
    pub(crate) fn name(&self) -> &str {
        match self.stands_for_pipe {
            true => &self.pipe.name,
            false => &self.node.name,
        }
    }
}

impl Top<'_> {
    fn sql(&self, layout: Layout<'_, '_>) -> String {
        match self {
            Self::Part(part) => layout.select(*part),
            Self::Text { sql, reads, .. } => with_expressions(&layout.closed(reads), sql),
        }
    }
}

impl<'p> Composed<'p> {
    /// Of a composition whose parts are all there.
    fn new(project: &'p Project, parts: Vec<Part<'p>>, top: Top<'p>) -> Self {
        Self {
            project,
            sql: top.sql(Layout::new(project, &parts)),
            parts,
            top,
            is_qualified: false,
        }
    }

    /// The whole SQL.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    /// The same, when nothing else is wanted any more.
    pub(crate) fn into_sql(self) -> String {
        self.sql
    }

    /// What it is made of, each part after those it reads.
    pub(crate) fn parts(&self) -> &[Part<'p>] {
        &self.parts
    }

    /// Puts other sources in the place of tables; then the SQL is to run where
    /// no tables are ([`NOWHERE`]). A text from elsewhere gets at those alone
    /// that it may name.
    pub(crate) fn read_from(&mut self, sources: &Sources<'_>, may_name: &dyn Fn(&str) -> bool) {
        let project = self.project;
        let is_table = |own: Option<&Pipe>, name: &str| {
            own.is_none_or(|pipe| pipe.node(name).is_none()) && project.pipe(name).is_none()
        };
        for part in &mut self.parts {
            let is_table = |name: &str| is_table(Some(part.pipe), name);
            part.rendered.sql = sources.put_into(&part.rendered.sql, &is_table);
        }
        if let Top::Text { sql, own, .. } = &mut self.top {
            let is_table = |name: &str| is_table(*own, name) && may_name(name);
            *sql = sources.put_into(sql, &is_table);
        }
        self.sql = self.top.sql(Layout::new(project, &self.parts));
        self.is_qualified = true;
    }

    /// Whether tables stand in it by their full names.
    pub(crate) fn is_qualified(&self) -> bool {
        self.is_qualified
    }

    /// Lays another SELECT over the whole, which it reads as `name`.
    pub(crate) fn wrap_in(&mut self, name: &str, outer: &str) {
        self.sql = with_expressions(&[(name.to_owned(), closed_off(&self.sql))], outer);
    }

    /// Bound parameters as the engine takes them.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let bound = self.parts.iter().flat_map(|part| &part.rendered.bound);
        // Several nodes may bind the same secret.
        let bound: BTreeMap<&String, &String> = bound.map(|(name, value)| (name, value)).collect();
        bound
            .into_iter()
            .map(|(name, value)| (name.clone(), sql::parameter(value)))
            .collect()
    }

    /// The lowest that any part asks for.
    pub(crate) fn max_threads(&self) -> Option<u32> {
        let asked = self.parts.iter().map(|part| part.rendered.max_threads);
        asked.flatten().min()
    }

    /// The shortest that any part asks for.
    pub(crate) fn cache_ttl(&self) -> Option<&'static str> {
        const ASCENDING: [&str; 5] = ["5s", "1m", "5m", "30m", "1h"];

        let asked = self.parts.iter().map(|part| part.rendered.cache_ttl);
        asked
            .flatten()
            .min_by_key(|ttl| ASCENDING.iter().position(|known| known == ttl))
    }

    /// Whether any part asks for a feature.
    pub(crate) fn activates(&self, feature: &str) -> bool {
        let mut asked = self.parts.iter().flat_map(|part| &part.rendered.activate);
        asked.any(|asked| *asked == feature)
    }

    /// The tables of the project that its parts may read.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        let names = self.parts.iter().flat_map(|part| part.found.places.iter());
        let is_table = |name: &&str| self.project.data_source_of(name).is_some();
        names.map(|place| place.name.as_str()).filter(is_table)
    }

    /// Names in the place of a table that mean nothing in the project: columns
    /// after IN, or tables of a former project.
    pub(crate) fn strangers(&self) -> impl Iterator<Item = &str> {
        let names = self.parts.iter().flat_map(|part| {
            let names = part.found.foreign();
            names.filter(|name| part.pipe.node(name).is_none())
        });
        let is_known = |name: &str| {
            self.project.pipe(name).is_some() || self.project.data_source_of(name).is_some()
        };
        names
            .map(String::as_str)
            .filter(move |name| !is_known(name))
    }

    /// Whether any part reaches further than names of the project, or may.
    pub(crate) fn is_unusual(&self) -> bool {
        self.parts.iter().any(|part| part.found.is_unusual)
    }

    /// The part that calls a CTE of its own as something is called that it
    /// reads, and that name. What it reads is closed off in a `view()`, which
    /// is no table that could be watched.
    pub(crate) fn captured(&self) -> Option<(&Part<'p>, &str)> {
        let layout = Layout::new(self.project, &self.parts);
        let mut captured = self.parts.iter().enumerate();
        captured.find_map(|(index, part)| Some((part, layout.captured(index)?)))
    }

    /// The parameters of all parts, each name once, those of the last part
    /// first.
    pub(crate) fn declarations(&self) -> Vec<ParameterDeclaration> {
        let templates = self
            .parts
            .iter()
            .rev()
            .filter_map(|part| self.project.template(&part.pipe.name, &part.node.name));
        let mut declarations: Vec<ParameterDeclaration> = Vec::new();
        for declaration in templates.flat_map(|template| template.parameters()) {
            match declarations
                .iter_mut()
                .find(|known| known.name == declaration.name)
            {
                Some(known) => known.required |= declaration.required,
                None => declarations.push(declaration.clone()),
            }
        }
        declarations
    }
}

/// Renders and joins nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Composer<'p, 'r> {
    project: &'p Project,
    parameters: &'r Parameters,
    context: &'r RenderContext,
}

/// What has been put together so far.
#[derive(Default)]
struct Work<'p> {
    /// What nodes are made of that are not parts yet.
    rendered: Vec<Draft<'p>>,
    parts: Vec<Part<'p>>,
    pipes: Seen<'p>,
    /// How many SELECTs there are.
    scopes: usize,
}

/// A node that is rendered.
struct Draft<'p> {
    node: &'p Node,
    rendered: Rendered,
    found: Reads,
}

/// Names and their parts; none while one is being composed.
type Seen<'p> = Vec<(&'p str, Option<usize>)>;

/// The nodes of one pipe, while it is being composed.
struct Nodes<'p> {
    pipe: &'p Pipe,
    scope: usize,
    seen: Seen<'p>,
}

impl<'p, 'r> Composer<'p, 'r> {
    pub(crate) fn new(
        project: &'p Project,
        parameters: &'r Parameters,
        context: &'r RenderContext,
    ) -> Self {
        Self {
            project,
            parameters,
            context,
        }
    }

    /// The SELECT of a node.
    pub(crate) fn node(self, pipe: &'p Pipe, node: &'p Node) -> Result<Composed<'p>, ComposeError> {
        let mut work = Work {
            rendered: self.render(vec![(pipe, node)])?,
            ..Work::default()
        };
        work.pipes.push((&pipe.name, None));
        let mut nodes = work.nodes_of(pipe);
        nodes.seen.push((&node.name, None));
        let part = self.part(node, &mut nodes, false, &mut work)?;
        Ok(Composed::new(self.project, work.parts, Top::Part(part)))
    }

    /// A SQL text from elsewhere that reads those of the project's pipes, and
    /// of the nodes of `own`, that it may name. They are closed off from its own
    /// names.
    pub(crate) fn text(
        self,
        text: &str,
        own: Option<&'p Pipe>,
        may_name: &dyn Fn(&str) -> bool,
    ) -> Result<Composed<'p>, ComposeError> {
        let mut found = reads(text);
        found.tables.retain(|name| may_name(name));
        let named = found.foreign();
        let roots = named.filter_map(|name| self.read_by_name(own, name));
        let mut work = Work {
            rendered: self.render(roots.collect())?,
            ..Work::default()
        };
        let mut nodes = own.map(|pipe| work.nodes_of(pipe));
        let read = self.join(&found, nodes.as_mut(), &mut work)?;
        let top = Top::Text {
            sql: text.to_owned(),
            reads: read,
            own,
        };
        Ok(Composed::new(self.project, work.parts, top))
    }

    /// Renders nodes and all they read, level by level: so the error that is
    /// told is that of the node nearest to what was asked for, as Tinybird's.
    fn render(self, roots: Vec<(&'p Pipe, &'p Node)>) -> Result<Vec<Draft<'p>>, ComposeError> {
        let mut open: VecDeque<_> = roots.into();
        let mut drafts: Vec<Draft<'p>> = Vec::new();
        while let Some((pipe, node)) = open.pop_front() {
            if drafts.iter().any(|draft| std::ptr::eq(draft.node, node)) {
                continue;
            }
            let draft = self.draft(pipe, node)?;
            let names = draft.found.foreign();
            open.extend(names.filter_map(|name| self.read_by_name(Some(pipe), name)));
            drafts.push(draft);
        }
        Ok(drafts)
    }

    fn draft(self, pipe: &'p Pipe, node: &'p Node) -> Result<Draft<'p>, ComposeError> {
        let (parameters, context) = (self.parameters, self.context);
        let unknown = || ComposeError::NoNode(pipe.name.clone());
        let rendered = match self
            .project
            .render(&pipe.name, &node.name, parameters, context)
        {
            Some(rendered) => rendered,
            // The project does not have it: see `Pipe::with_result`.
            None if node.name == Pipe::RESULT => Template::parse(&node.sql)
                .map_err(|_| unknown())?
                .render(parameters, context),
            None => return Err(unknown()),
        };
        let rendered = rendered.map_err(|error| ComposeError::Template {
            pipe: pipe.name.clone(),
            node: node.name.clone(),
            error: Box::new(error),
        })?;
        Ok(Draft {
            node,
            found: reads(&rendered.sql),
            rendered,
        })
    }

    /// The node that a name means: a node of the same pipe, or another pipe's
    /// output.
    fn read_by_name(self, own: Option<&'p Pipe>, name: &str) -> Option<(&'p Pipe, &'p Node)> {
        if let Some((pipe, node)) = own.and_then(|pipe| Some((pipe, pipe.node(name)?))) {
            return Some((pipe, node));
        }
        let pipe = self.project.pipe(name)?;
        Some((pipe, pipe.output()?))
    }

    /// Joins one node to everything it reads; the part's index.
    fn part(
        self,
        node: &'p Node,
        nodes: &mut Nodes<'p>,
        stands_for_pipe: bool,
        work: &mut Work<'p>,
    ) -> Result<usize, ComposeError> {
        let pipe = nodes.pipe;
        let draft = work
            .rendered
            .iter()
            .position(|draft| std::ptr::eq(draft.node, node));
        // A node is a part of its pipe's SELECT and may be another pipe's, too.
        let Draft {
            rendered, found, ..
        } = match draft {
            Some(at) => work.rendered.swap_remove(at),
            None => self.draft(pipe, node)?,
        };
        let read = self.join(&found, Some(&mut *nodes), work)?;
        work.parts.push(Part {
            pipe,
            node,
            rendered,
            found,
            reads: read,
            scope: nodes.scope,
            stands_for_pipe,
        });
        Ok(work.parts.len() - 1)
    }

    /// Adds what is read: nodes before pipes before data sources, which need
    /// nothing. The indexes of the parts.
    fn join(
        self,
        found: &Reads,
        mut nodes: Option<&mut Nodes<'p>>,
        work: &mut Work<'p>,
    ) -> Result<Vec<usize>, ComposeError> {
        let mut read = Vec::new();
        for name in found.foreign() {
            let own = nodes
                .as_deref_mut()
                .and_then(|nodes| Some((nodes.pipe.node(name)?, nodes)));
            if let Some((node, nodes)) = own {
                let part = match known(&mut nodes.seen, &node.name)? {
                    Some(part) => part,
                    None => self.part(node, nodes, false, work)?,
                };
                finish(&mut nodes.seen, &node.name, part);
                read.push(part);
            } else if let Some(pipe) = self.project.pipe(name)
                && let Some(output) = pipe.output()
            {
                let part = match known(&mut work.pipes, &pipe.name)? {
                    Some(part) => part,
                    None => {
                        let mut inner = work.nodes_of(pipe);
                        inner.seen.push((&output.name, None));
                        self.part(output, &mut inner, true, work)?
                    }
                };
                finish(&mut work.pipes, &pipe.name, part);
                read.push(part);
            }
        }
        Ok(read)
    }
}

impl<'p> Work<'p> {
    /// A SELECT of its own for a pipe's nodes.
    fn nodes_of(&mut self, pipe: &'p Pipe) -> Nodes<'p> {
        self.scopes += 1;
        Nodes {
            pipe,
            scope: self.scopes,
            seen: Seen::new(),
        }
    }
}

/// The part of a name that is composed; one that is not is noted as being so.
fn known<'p>(seen: &mut Seen<'p>, name: &'p str) -> Result<Option<usize>, ComposeError> {
    match seen.iter().find(|(found, _)| *found == name) {
        Some((_, Some(part))) => Ok(Some(*part)),
        Some((_, None)) => Err(ComposeError::Cycle(name.to_owned())),
        None => {
            seen.push((name, None));
            Ok(None)
        }
    }
}

fn finish(seen: &mut Seen<'_>, name: &str, part: usize) {
    if let Some((_, done)) = seen.iter_mut().find(|(found, _)| *found == name) {
        *done = Some(part);
    }
}
