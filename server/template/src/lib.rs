//! The template language of pipes: Tornado's tags around Python expressions,
//! with typed parameters that always end as escaped literals.
//!
//! A template is parsed once, when its project loads; rendering walks the tree.
//! What a pipe reads and how the SQL runs is `query`'s work.

mod check;
mod context;
mod declarations;
mod escape;
mod evaluate;
mod expression;
mod fault;
mod functions;
mod lexer;
mod limits;
mod methods;
mod operand;
mod operators;
mod parameters;
mod parser;
mod print;
mod syntax;
mod text;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use declarations::ParameterDeclaration;
pub use fault::{
    DOCUMENTATION, ParameterHelp, RenderError, RenderErrorKind, TemplateError, TemplateWarning,
};
pub use limits::RenderLimits;
pub use parameters::{Parameter, Parameters};

use evaluate::Evaluator;
use functions::ParameterType;
use syntax::Node;

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template {
    program: Arc<Program>,
}

/// What a rendering needs of a template.
#[derive(Debug)]
struct Program {
    nodes: Vec<Node>,
    /// Names by slot.
    names: Vec<Arc<str>>,
    arrays: Vec<(usize, &'static ParameterType)>,
    missing_message: String,
    parameters: Vec<ParameterDeclaration>,
    warnings: Vec<TemplateWarning>,
    text_length: usize,
}

/// What surrounds a rendering.
#[derive(Debug, Clone, Default)]
pub struct RenderContext {
    /// Secrets that `tb_secret()` may bind.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// Bounds of the rendering.
    pub limits: RenderLimits,
    /// What stands in for parameters, where only the SQL is to be seen.
    pub stand_ins: StandIns,
    /// The time of a copy job, `YYYY-MM-DD HH:MM:SS`.
    pub job_timestamp: Option<String>,
}

/// Stand-ins for parameters: with them a template renders whatever is given,
/// so that its SQL can be checked before anybody calls it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StandIns {
    /// None: the values that are given count.
    #[default]
    None,
    /// As if nobody gave any: `defined(x)` is false. So Tinybird checks.
    Undefined,
    /// As if somebody gave all: `defined(x)` is true.
    Defined,
}

/// A rendered template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The SQL.
    pub sql: String,
    /// Parameters the engine binds: names and values.
    pub bound: Vec<(String, String)>,
    /// Asked for with `max_threads()`.
    pub max_threads: Option<u32>,
    /// Asked for with `backend_hint()`.
    pub backend_hint: Option<String>,
    /// Asked for with `cache_ttl()`: one of 5s, 1m, 5m, 30m, 1h.
    pub cache_ttl: Option<&'static str>,
    /// Features asked for with `activate()`.
    pub activate: Vec<&'static str>,
    /// Features refused with `disable()`.
    pub disable: Vec<&'static str>,
    /// Whether a stand-in is in the SQL, or had a part in making it: what is
    /// wrong with it then may be the stand-in's fault.
    pub stands_in: bool,
}

impl Template {
    /// Parses a template. Errors call it `<string>`.
    ///
    /// ```
    /// use template::{Parameters, RenderContext, Template};
    ///
    /// let template = Template::parse("SELECT * FROM t WHERE name = {{String(name)}}")?;
    /// let parameters = Parameters::from_iter([("name", "O'Neill")]);
    /// let rendered = template.render(&parameters, &RenderContext::default())?;
    /// assert_eq!(rendered.sql, r"SELECT * FROM t WHERE name = 'O\'Neill'");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        Self::parse_named("<string>", source)
    }

    /// Parses a template that errors call `name`.
    pub fn parse_named(name: &str, source: &str) -> Result<Self, TemplateError> {
        let (nodes, names) = parser::parse(name, source)?;
        let survey = declarations::survey(&nodes)?;
        let program = Program {
            nodes,
            names: names.texts,
            arrays: survey.arrays,
            missing_message: survey.missing_message,
            parameters: survey.parameters,
            warnings: survey.warnings,
            text_length: source.len(),
        };
        Ok(Self {
            program: Arc::new(program),
        })
    }

    /// Parses a node's SQL: a template after a leading `%`, plain SQL without.
    pub fn of_node(name: &str, sql: &str) -> Result<Self, TemplateError> {
        let trimmed = sql.trim_start();
        if let Some(source) = trimmed.strip_prefix('%') {
            let mut template = Self::parse_named(name, source);
            let skipped = sql[..sql.len() - trimmed.len()].matches('\n').count();
            if let Err(error) = &mut template {
                error.line += skipped;
            }
            return template;
        }
        let tag = ["{{", "{%"].iter().filter_map(|tag| sql.find(tag)).min();
        if let Some(at) = tag {
            let line = 1 + sql[..at].matches('\n').count();
            return Err(TemplateError {
                message: format!(
                    "The node {name} has template tags but does not start with `%`. Add a line with `%` before its SQL."
                ),
                line,
            });
        }
        let program = Program {
            nodes: vec![Node::Text(sql.into())],
            names: Vec::new(),
            arrays: Vec::new(),
            missing_message: String::new(),
            parameters: Vec::new(),
            warnings: Vec::new(),
            text_length: sql.len(),
        };
        Ok(Self {
            program: Arc::new(program),
        })
    }

    /// Renders the template's SQL.
    pub fn render(
        &self,
        parameters: &Parameters,
        context: &RenderContext,
    ) -> Result<Rendered, RenderError> {
        let mut evaluator = Evaluator::new(&self.program, context);
        evaluator.run(parameters)?;
        let effects = evaluator.effects;
        Ok(Rendered {
            sql: evaluator.output.sql,
            bound: effects.bound,
            max_threads: effects.max_threads,
            backend_hint: effects.backend_hint,
            cache_ttl: effects.cache_ttl,
            activate: effects.activate,
            disable: effects.disable,
            stands_in: evaluator.stands_in,
        })
    }

    /// The parameters it uses, in order of appearance.
    pub fn parameters(&self) -> &[ParameterDeclaration] {
        &self.program.parameters
    }

    /// What is allowed but should be changed.
    pub fn warnings(&self) -> &[TemplateWarning] {
        &self.program.warnings
    }
}
