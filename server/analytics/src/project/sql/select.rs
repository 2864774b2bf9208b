//! SELECTs that the server runs on its own: for materialized views, copies and
//! checks. Each part is held against the rules for a project's SQL before any
//! of it runs; joining the parts is `compose`'s.

use crate::project::findings::locate;
use crate::project::sql::compose::{ComposeError, Composer, Part};
use crate::project::{ApplyError, Project};
use datafile::{Diagnostic, Node, Pipe};
use engine::{Engine, EngineError, sql};
use template::{Parameters, RenderContext};

/// SQL that runs on data sources alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::project) struct Select {
    pub(in crate::project) sql: String,
    /// Parameters the engine binds: names and values.
    pub(in crate::project) parameters: Vec<(String, String)>,
    /// Whether stand-ins for parameters had a part in it.
    pub(in crate::project) stands_in: bool,
    /// Why no materialized view can be made of it.
    pub(in crate::project) unwatchable: Option<Diagnostic>,
}

impl Select {
    /// The engine's error about it, as it may be told: nothing but secrets is
    /// bound.
    pub(in crate::project) fn told(&self, error: EngineError) -> EngineError {
        match self.parameters.is_empty() {
            true => error,
            false => error.without_text(),
        }
    }
}

/// The SELECT of a node with everything it reads.
pub(in crate::project) async fn select(
    project: &Project,
    engine: &dyn Engine,
    (pipe, node): (&Pipe, &Node),
    parameters: &Parameters,
    context: &RenderContext,
) -> Result<Select, ApplyError> {
    let composed = Composer::new(project, parameters, context).node(pipe, node);
    let composed = composed.map_err(|error| not_composed(project, (pipe, node), error))?;
    for part in composed.parts() {
        check(project, engine, part).await?;
    }
    Ok(Select {
        parameters: composed.parameters(),
        stands_in: composed.parts().iter().any(|part| part.rendered.stands_in),
        unwatchable: composed
            .captured()
            .map(|(part, name)| unwatchable(part, name)),
        sql: composed.into_sql(),
    })
}

/// Refuses what a template has rendered beyond what was checked when its
/// project was loaded.
async fn check(project: &Project, engine: &dyn Engine, part: &Part<'_>) -> Result<(), ApplyError> {
    let Part {
        pipe,
        node,
        rendered,
        ..
    } = part;
    let parameters = sql::parameters(&rendered.bound);
    let reading = project.verdicts.read(engine, &rendered.sql, &parameters);
    let reading = reading.await.map_err(|error| match error {
        EngineError::Query { message, .. } => {
            ApplyError::Refused(vec![locate::unreadable(pipe, node, &message)])
        }
        source => ApplyError::Engine {
            action: format!("reading the SQL of `{}`", node.name),
            source,
        },
    })?;
    let Some(refusal) = reading.refusal else {
        return Ok(());
    };
    let message = format!("the SQL of `{}` is refused: {refusal}", node.name);
    Err(ApplyError::Refused(vec![Diagnostic::error(
        &pipe.file,
        node.sql.start(),
        message,
    )]))
}

/// What a part reads by a name that its own CTE has is read through `view()`,
/// which no materialized view takes.
fn unwatchable(part: &Part<'_>, name: &str) -> Diagnostic {
    let Part { pipe, node, .. } = part;
    let position = locate::find_name(&node.sql, name).unwrap_or(node.sql.start());
    let message = format!(
        "`{}` calls a CTE of its own `{name}`, as something is called that it reads, and ClickHouse cannot tell them apart in a materialized view",
        node.name
    );
    Diagnostic::error(&pipe.file, position, message).help("give the CTE another name")
}

/// What keeps a node from being composed, where it stands.
fn not_composed(project: &Project, read: (&Pipe, &Node), error: ComposeError) -> ApplyError {
    let (pipe, node) = read;
    let found = match &error {
        ComposeError::Template {
            pipe: in_pipe,
            node: in_node,
            error,
        } => {
            let location = project
                .pipe(in_pipe)
                .and_then(|pipe| Some((pipe.as_ref(), pipe.node(in_node)?)));
            let (pipe, node) = location.unwrap_or(read);
            let position = node.sql.line_start(error.line);
            let message = format!("`{}` cannot be rendered: {error}", node.name);
            Diagnostic::error(&pipe.file, position, message)
        }
        ComposeError::NoNode(_) | ComposeError::Cycle(_) => {
            Diagnostic::error(&pipe.file, node.sql.start(), error.to_string())
        }
    };
    ApplyError::Refused(vec![found])
}
