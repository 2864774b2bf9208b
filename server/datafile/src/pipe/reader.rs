//! Reads `.pipe` files.

mod kind;

use std::collections::BTreeSet;

use super::{Node, NodeKind, Pipe};
use crate::data_source::{Tags, TokenLine, TokenPermission, read_tags, read_token, read_version};
use crate::diagnostic::{Diagnostic, Findings};
use crate::keywords::PIPE;
use crate::position::{Fragment, Position};
use crate::syntax::{Entry, Value, read_entries};
use crate::value::{Secrets, Values};
use crate::variables::Variables;
use crate::{is_name, resource_name};
use kind::KindEntries;

/// Reads a `.pipe` file. `file` is its path relative to the project; its last
/// part names the pipe.
///
/// # Errors
/// Everything found, if any of it keeps the file from being served.
pub fn parse_pipe(file: &str, text: &str, variables: &Variables) -> Result<Pipe, Vec<Diagnostic>> {
    let mut findings = Findings::new(file);
    let name = resource_name(file, "pipe", &mut findings);
    let entries = read_entries(text, &PIPE, &mut findings);
    let mut reader = Reader {
        values: Values { variables },
        findings,
        description: None,
        tags: Tags::default(),
        tokens: Vec::new(),
        nodes: Vec::new(),
        version: None,
    };
    for entry in &entries {
        reader.entry(entry);
    }
    reader.finish(name, file)
}

struct Reader<'run, 'file> {
    values: Values<'run>,
    findings: Findings<'file>,
    description: Option<String>,
    tags: Tags,
    tokens: Vec<TokenLine>,
    nodes: Vec<NodeDraft>,
    version: Option<u32>,
}

/// What is read of a node so far.
#[derive(Debug)]
struct NodeDraft {
    name: String,
    position: Position,
    description: Option<String>,
    sql: Option<Fragment>,
    kind: KindEntries,
}

impl Reader<'_, '_> {
    fn entry(&mut self, entry: &Entry) {
        match entry.keyword.as_str() {
            "NODE" => self.node(entry),
            "DESCRIPTION" => self.describe(entry),
            "SQL" => self.sql(entry),
            "TAGS" => {
                let text = self
                    .values
                    .text(entry, Secrets::Refused, &mut self.findings);
                read_tags(&text.whole, &mut self.tags);
                self.check_tags(entry.position);
            }
            "TOKEN" => {
                let allowed = [TokenPermission::Read];
                let token = read_token(entry, &self.values, &allowed, &mut self.findings);
                self.tokens.extend(token);
            }
            "SCOPE" => {}
            "VERSION" => self.version = read_version(entry, &self.values, &mut self.findings),
            "FILTER" | "ON_DEMAND_COMPUTE" => self.findings.warning(
                entry.position,
                format!("{} is read but has no effect", entry.keyword),
                "the line may stay",
            ),
            keyword => {
                let secrets = match keyword.starts_with("EXPORT_") {
                    true => Secrets::Kept,
                    false => Secrets::Refused,
                };
                let text = self.values.text(entry, secrets, &mut self.findings);
                match self.nodes.last_mut() {
                    Some(node) => {
                        node.kind
                            .insert(keyword, entry.position, text.whole, &mut self.findings)
                    }
                    None => self.before_any_node(entry),
                }
            }
        }
    }

    fn before_any_node(&mut self, entry: &Entry) {
        let message = format!("{} stands before any NODE", entry.keyword);
        self.findings.error(
            entry.position,
            message,
            "put a line `NODE <name>` before it",
        );
    }

    fn node(&mut self, entry: &Entry) {
        let text = self
            .values
            .text(entry, Secrets::Refused, &mut self.findings);
        if !is_name(&text.whole) {
            let message = match text.whole.is_empty() {
                true => "this node has no name".to_owned(),
                false => format!("`{}` is not a name for a node", text.whole),
            };
            let help = "use letters, digits and underscores, and begin with no digit";
            self.findings.error(entry.position, message, help);
        }
        self.nodes.push(NodeDraft {
            name: text.whole.to_string(),
            position: entry.position,
            description: None,
            sql: None,
            kind: KindEntries::default(),
        });
    }

    /// What has an effect must not be taken for something else.
    fn check_tags(&mut self, position: Position) {
        let is_limit = |text: &str| text.parse::<u32>().is_ok_and(|limit| limit > 0);
        if let Some(limit) = self.tags.value("rps").filter(|text| !is_limit(text)) {
            self.findings.error(
                position,
                format!("the tag rps={limit} is no limit of requests per second"),
                "write a whole number, 1 or more; without a limit, leave the tag out",
            );
        }
        if let Some(word) = self
            .tags
            .value("mixes_tenants")
            .filter(|word| *word != "true")
        {
            self.findings.error(
                position,
                format!(
                    "the tag mixes_tenants={word} says neither that it does nor that it does not"
                ),
                "write mixes_tenants=true, or leave the tag out",
            );
        }
    }

    fn describe(&mut self, entry: &Entry) {
        let text = Some(self.values.prose(entry));
        match self.nodes.last_mut() {
            Some(node) => node.description = text,
            None => self.description = text,
        }
    }

    fn sql(&mut self, entry: &Entry) {
        let (Value::Block(sql) | Value::Inline(sql)) = &entry.value;
        if matches!(entry.value, Value::Inline(_)) {
            let help = "write `SQL >` and put the query on the lines below, indented";
            self.findings
                .error(entry.position, "SQL must be a block", help);
        }
        let Some(node) = self.nodes.last_mut() else {
            return self.before_any_node(entry);
        };
        if node.sql.replace(sql.trim()).is_some() {
            let message = format!("the node `{}` has SQL twice", node.name);
            self.findings.error(
                entry.position,
                message,
                "put a line `NODE <name>` before the second",
            );
        }
    }

    fn finish(mut self, name: String, file: &str) -> Result<Pipe, Vec<Diagnostic>> {
        if self.nodes.is_empty() && !self.findings.has_errors() {
            let help = "add a line `NODE <name>` and a block `SQL >`";
            self.findings
                .error(Position::START, "the pipe has no nodes", help);
        }
        let has_type = !self.nodes.iter().all(|node| node.kind.is_empty());
        let findings = &mut self.findings;
        check_names(&name, &self.nodes, findings);
        let mut nodes: Vec<Node> = self
            .nodes
            .into_iter()
            .filter_map(|node| node.finish(findings))
            .collect();
        for node in nodes
            .iter()
            .filter(|node| node.kind != NodeKind::Standard)
            .skip(1)
        {
            let message = format!("the node `{}` is the pipe's second with a TYPE", node.name);
            findings.error(
                node.position,
                message,
                "give each endpoint, materialized view, copy and sink its own pipe",
            );
        }
        let is_classic = !has_type && !self.tokens.is_empty();
        if is_classic && let Some(last) = nodes.last_mut() {
            let (message, help) = last.serve_untyped();
            findings.warning(last.position, message, help);
        }
        let pipe = Pipe {
            name,
            file: file.to_owned(),
            description: self.description,
            tags: self.tags,
            tokens: self.tokens,
            nodes,
            version: self.version,
            has_type,
            warnings: Vec::new(),
        };
        let (mut pipe, warnings) = self.findings.conclude(Some(pipe))?;
        pipe.warnings = warnings;
        Ok(pipe)
    }
}

/// A node's name must be its own, and not the pipe's.
fn check_names(pipe: &str, nodes: &[NodeDraft], findings: &mut Findings<'_>) {
    let mut names = BTreeSet::new();
    for node in nodes {
        if !names.insert(node.name.as_str()) {
            let message = format!("there are two nodes `{}`", node.name);
            findings.error(node.position, message, "rename one of them");
        } else if node.name == pipe {
            let message = format!("the node `{}` has the pipe's name", node.name);
            findings.error(
                node.position,
                message,
                "rename the node: names must tell nodes, pipes and data sources apart",
            );
        }
    }
}

impl NodeDraft {
    fn finish(self, findings: &mut Findings<'_>) -> Option<Node> {
        let kind = self.kind.read(findings);
        let Some(sql) = self.sql.filter(|sql| !sql.is_empty()) else {
            let message = format!("the node `{}` has no SQL", self.name);
            findings.error(self.position, message, "add a block `SQL >` with its query");
            return None;
        };
        let (sql, is_template) = split_template_mark(&sql);
        if sql.is_empty() {
            findings.error(
                self.position,
                format!("the SQL of `{}` is empty", self.name),
                "write a SELECT",
            );
            return None;
        }
        if let Some(offset) = sql.find("{{").filter(|_| !is_template) {
            findings.error(
                sql.position(offset),
                "the SQL holds `{{` but is no template",
                "begin the SQL with a line `%` to make it a template",
            );
        }
        Some(Node {
            name: self.name,
            description: self.description,
            sql,
            is_template,
            kind: kind?,
            position: self.position,
        })
    }
}

/// Takes the leading `%` off, which makes SQL a template, and a trailing `;`.
fn split_template_mark(sql: &Fragment) -> (Fragment, bool) {
    let is_template = sql.starts_with('%');
    let body = sql.slice(usize::from(is_template)..sql.len()).trim();
    let end = body.trim_end_matches([';', ' ', '\t', '\r', '\n']).len();
    (body.slice(0..end), is_template)
}
