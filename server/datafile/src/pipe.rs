//! A pipe: the model that a `.pipe` file describes.

mod reader;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};

use super::data_source::{Tags, TokenLine};
use super::diagnostic::Diagnostic;
use super::position::{Fragment, Position};

pub use reader::parse_pipe;

/// A chain of SQL nodes, read from `<name>.pipe` and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipe {
    /// Its name: the file's name without the extension.
    pub name: String,
    /// The file, as a path relative to the project.
    pub file: String,
    /// What its author says about it.
    pub description: Option<String>,
    /// `TAGS`.
    pub tags: Tags,
    /// `TOKEN` lines; all of them read.
    pub tokens: Vec<TokenLine>,
    /// Its nodes in order; at least one, at most one that is not standard.
    pub nodes: Vec<Node>,
    /// `VERSION`: in Tinybird Classic a name of it is `<name>__v<version>`.
    pub version: Option<u32>,
    /// Whether it says of any node what becomes of its result.
    pub has_type: bool,
    /// What its author should know though the file is valid.
    pub warnings: Vec<Diagnostic>,
}

/// How a pipe takes it upon itself that its views and copies may show one
/// tenant's rows to another; ends a refusal.
pub const MIXES_TENANTS: &str =
    "or, if it is meant, take the responsibility with `TAGS \"mixes_tenants=true\"` in the pipe";

impl Pipe {
    /// Whether its views and copies may make one row of several tenants' rows,
    /// or write them where others read: its author says so by a tag.
    #[must_use]
    pub fn mixes_tenants(&self) -> bool {
        self.tags.value("mixes_tenants") == Some("true")
    }

    /// The node with this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The one node that is an endpoint, materialized, a copy or a sink.
    #[must_use]
    pub fn special_node(&self) -> Option<&Node> {
        self.nodes
            .iter()
            .find(|node| node.kind != NodeKind::Standard)
    }

    /// The node that is served over HTTP.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Node> {
        self.nodes
            .iter()
            .find(|node| node.kind == NodeKind::Endpoint)
    }

    /// The settings of its copy node, if it has one.
    #[must_use]
    pub fn copy(&self) -> Option<&CopySettings> {
        self.nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Copy(copy) => Some(copy),
            _ => None,
        })
    }

    /// The node that stands for the endpoint's rows in SQL beside the pipe.
    pub const RESULT: &str = "_";

    /// The same with one more node, [`Self::RESULT`], by which clients mean the
    /// rows of its endpoint. A pipe without one has none.
    #[must_use]
    pub fn with_result(&self) -> Self {
        let mut pipe = self.clone();
        let result = self.endpoint().map(|endpoint| Node {
            name: Self::RESULT.to_owned(),
            description: None,
            sql: Fragment::verbatim(
                &format!("SELECT * FROM `{}`", endpoint.name),
                endpoint.position,
            ),
            is_template: false,
            kind: NodeKind::Standard,
            position: endpoint.position,
        });
        pipe.nodes
            .extend(result.filter(|result| self.node(&result.name).is_none()));
        pipe
    }

    /// The node that other pipes read when they name this one: the special
    /// node, or else the last.
    #[must_use]
    pub fn output(&self) -> Option<&Node> {
        self.special_node().or(self.nodes.last())
    }
}

/// One SELECT of a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, unique within the pipe.
    pub name: String,
    /// What its author says about it.
    pub description: Option<String>,
    /// Its SQL without the leading `%`.
    pub sql: Fragment,
    /// Whether the SQL began with `%` and so is a template.
    pub is_template: bool,
    /// What becomes of its result.
    pub kind: NodeKind,
    /// Where its NODE line stands.
    pub position: Position,
}

impl Node {
    /// Makes the last node of a pipe without any `TYPE` its endpoint, as
    /// Tinybird Classic does; what its author should know, and the mend.
    pub fn serve_untyped(&mut self) -> (String, &'static str) {
        self.kind = NodeKind::Endpoint;
        let message = format!(
            "no node has a TYPE, so the last, `{}`, is the endpoint",
            self.name
        );
        let help = "write a line `TYPE endpoint` below its SQL, which Tinybird Forward needs";
        (message, help)
    }
}

/// What becomes of a node's result: `TYPE` and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Other nodes read it.
    Standard,
    /// It is served over HTTP.
    Endpoint,
    /// Every row that comes into the source runs through it into a data source.
    Materialized {
        /// The data source that keeps the result.
        data_source: String,
        /// `DEPLOYMENT_METHOD alter`: a changed query replaces the former one
        /// and what is in the data source stays.
        alter: bool,
    },
    /// Its result is written into a data source, on demand or by schedule.
    Copy(CopySettings),
    /// Its result would be sent out; parsed, not running.
    Sink {
        /// `EXPORT_…` keys as written, secrets not filled in.
        settings: Vec<(String, String)>,
    },
}

/// The settings of a copy node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySettings {
    /// The data source it writes to.
    pub target: String,
    /// When it runs.
    pub schedule: CopySchedule,
    /// Whether the result is added to the target or takes its place.
    pub mode: CopyMode,
}

/// When a copy node runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopySchedule {
    /// Only when it is asked to.
    OnDemand,
    /// By a cron expression of five fields, UTC.
    Cron(String),
}

/// How a copy node writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyMode {
    /// The result is added to what is there.
    #[default]
    Append,
    /// The result takes the place of what was there, all at once.
    Replace,
}

/// Reads a cron expression of five fields.
pub fn parse_cron(expression: &str) -> Result<Cron, CronError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed);
    parser.build().parse(expression)
}
