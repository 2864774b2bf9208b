//! Models as text, for comparing with the expectations of golden cases.

use std::fmt::{Display, Write as _};

use crate::{
    Connection, CopySchedule, DataSource, Diagnostic, EngineKind, Fragment, Node, NodeKind, Pipe,
    Tags, TokenLine,
};

/// One line for each thing that a model says.
#[derive(Debug, Default)]
pub(super) struct Outline {
    text: String,
}

impl Outline {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.text, "{line}").expect("writing to a string cannot fail");
    }

    fn optional(&mut self, label: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.line(format!("{label}: {value}"));
        }
    }

    fn sql(&mut self, label: &str, value: Option<&Fragment>) {
        if let Some(value) = value {
            self.line(format!("{label} at {}: {value}", value.start()));
        }
    }

    pub(super) fn diagnostics(&mut self, found: &[Diagnostic]) {
        for Diagnostic {
            line,
            column,
            message,
            help,
            severity,
            ..
        } in found
        {
            self.line(format!("{line}:{column} {severity}: {message}"));
            self.optional("  help", help.as_ref());
        }
    }

    fn tags(&mut self, tags: &Tags) {
        for (key, value) in &tags.pairs {
            self.line(format!("tag {key}: {value}"));
        }
        for label in &tags.labels {
            self.line(format!("label {label}"));
        }
    }

    fn tokens(&mut self, tokens: &[TokenLine]) {
        for token in tokens {
            self.line(format!(
                "token `{}` {:?} at {}",
                token.name, token.permission, token.position
            ));
        }
    }

    pub(super) fn data_source(&mut self, data_source: &DataSource) {
        self.line(format!("data source {}", data_source.name));
        self.optional("description", data_source.description.as_ref());
        for column in &data_source.columns {
            let mut line = format!("column `{}` {}", column.name, column.data_type);
            let parts = [
                ("json", column.json_path.as_ref().map(ToString::to_string)),
                ("default", column.default.clone()),
                ("codec", column.codec.clone()),
            ];
            for (label, part) in parts {
                if let Some(part) = part {
                    line.push_str(&format!(", {label} {part}"));
                }
            }
            self.line(line);
        }
        for index in &data_source.indexes {
            self.line(format!(
                "index {}: {} is {}",
                index.name, index.expression, index.kind
            ));
            self.optional("  granularity", index.granularity);
        }
        self.engine(data_source);
        self.tags(&data_source.tags);
        self.tokens(&data_source.tokens);
        for workspace in &data_source.shared_with {
            self.line(format!("shared with {workspace}"));
        }
        self.sql("forward query", data_source.forward_query.as_ref());
        if data_source.skips_backfill {
            self.line("skips backfill");
        }
        for (key, value) in data_source
            .connector
            .iter()
            .flat_map(|connector| &connector.settings)
        {
            self.line(format!("connector {key}: {value}"));
        }
        self.diagnostics(&data_source.warnings);
    }

    fn engine(&mut self, data_source: &DataSource) {
        let engine = &data_source.engine;
        let arguments = match &engine.kind {
            EngineKind::ReplacingMergeTree {
                version,
                is_deleted,
            } => version.iter().chain(is_deleted).cloned().collect(),
            EngineKind::SummingMergeTree { columns } => columns.clone(),
            EngineKind::CollapsingMergeTree { sign } => vec![sign.clone()],
            EngineKind::VersionedCollapsingMergeTree { sign, version } => {
                vec![sign.clone(), version.clone()]
            }
            EngineKind::MergeTree | EngineKind::AggregatingMergeTree | EngineKind::Null => vec![],
        };
        self.line(format!(
            "engine {}({})",
            engine.kind.name(),
            arguments.join(", ")
        ));
        self.sql("partition key", engine.partition_key.as_ref());
        self.sql("sorting key", engine.sorting_key.as_ref());
        self.sql("primary key", engine.primary_key.as_ref());
        self.sql("sampling key", engine.sampling_key.as_ref());
        self.sql("ttl", engine.ttl.as_ref());
        for (name, value) in &engine.settings {
            self.line(format!("setting {name}: {value}"));
        }
    }

    pub(super) fn pipe(&mut self, pipe: &Pipe) {
        self.line(format!("pipe {}", pipe.name));
        self.optional("description", pipe.description.as_ref());
        self.tags(&pipe.tags);
        self.tokens(&pipe.tokens);
        for node in &pipe.nodes {
            self.node(node);
        }
        self.diagnostics(&pipe.warnings);
    }

    fn node(&mut self, node: &Node) {
        self.line(format!("node {}", node.name));
        self.optional("  description", node.description.as_ref());
        match &node.kind {
            NodeKind::Standard => {}
            NodeKind::Endpoint => self.line("  endpoint"),
            NodeKind::Materialized { data_source, alter } => {
                self.line(format!(
                    "  materialized into {data_source}{}",
                    if *alter { ", by alter" } else { "" }
                ));
            }
            NodeKind::Copy(copy) => {
                let schedule = match &copy.schedule {
                    CopySchedule::OnDemand => "on demand",
                    CopySchedule::Cron(expression) => expression,
                };
                self.line(format!(
                    "  copy into {} by {:?}, {schedule}",
                    copy.target, copy.mode
                ));
            }
            NodeKind::Sink { settings } => {
                for (key, value) in settings {
                    self.line(format!("  sink {key}: {value}"));
                }
            }
        }
        let kind = if node.is_template { "template" } else { "sql" };
        self.sql(&format!("  {kind}"), Some(&node.sql));
    }

    pub(super) fn connection(&mut self, connection: &Connection) {
        self.line(format!(
            "connection {} to {:?}",
            connection.name, connection.kind
        ));
        for (key, value) in &connection.settings {
            self.line(format!("setting {key}: {value}"));
        }
        self.diagnostics(&connection.warnings);
    }
}
