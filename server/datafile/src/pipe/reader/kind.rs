//! TYPE and its keys: from entries to a [`NodeKind`].

use crate::diagnostic::Findings;
use crate::is_name;
use crate::pipe::{CopyMode, CopySchedule, CopySettings, NodeKind, parse_cron};
use crate::position::{Fragment, Position};

/// The lines of one node that say what becomes of its result.
#[derive(Debug, Default)]
pub(super) struct KindEntries {
    values: Vec<(String, Position, Fragment)>,
}

impl KindEntries {
    /// Whether the node says nothing of what becomes of its result.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Keeps a line.
    pub(super) fn insert(
        &mut self,
        keyword: &str,
        position: Position,
        value: Fragment,
        findings: &mut Findings<'_>,
    ) {
        let keyword = if keyword == "MODE" {
            "COPY_MODE"
        } else {
            keyword
        };
        if self.values.iter().any(|(known, ..)| known == keyword) {
            let message = format!("the node has {keyword} twice");
            findings.error(position, message, "take one of them out");
            return;
        }
        self.values.push((keyword.to_owned(), position, value));
    }

    /// What the lines say; `None`, with findings, if they say nothing.
    pub(super) fn read(mut self, findings: &mut Findings<'_>) -> Option<NodeKind> {
        let (position, type_name) = match self.take("TYPE") {
            Some((position, value)) => (position, value.to_ascii_lowercase()),
            None => (Position::START, String::new()),
        };
        let kind = match type_name.as_str() {
            "" | "standard" => Some(NodeKind::Standard),
            "endpoint" => Some(NodeKind::Endpoint),
            "materialized" => self.materialized(position, findings),
            "copy" => self.copy(position, findings),
            "sink" => self.sink(position, true, findings),
            "stream" => self.sink(position, false, findings),
            _ => {
                findings.error(
                    position,
                    format!("TYPE cannot be `{type_name}`"),
                    "choose from endpoint, materialized, copy, sink and standard",
                );
                return None;
            }
        };
        let owner = if type_name.is_empty() {
            "a node without TYPE"
        } else {
            &type_name
        };
        for (keyword, position, _) in self.values {
            findings.error(
                position,
                format!("{keyword} does not belong to {owner}"),
                belongs_to(&keyword),
            );
        }
        kind
    }

    fn take(&mut self, keyword: &str) -> Option<(Position, Fragment)> {
        let index = self
            .values
            .iter()
            .position(|(known, ..)| known == keyword)?;
        let (_, position, value) = self.values.remove(index);
        Some((position, value))
    }

    /// The data source that a line must name.
    fn target(
        &mut self,
        keyword: &str,
        position: Position,
        findings: &mut Findings<'_>,
    ) -> Option<String> {
        match self.take(keyword) {
            Some((_, value)) if is_name(&value) => Some(value.to_string()),
            Some((_, value)) => {
                let message = format!("`{value}` is not the name of a data source");
                findings.error(
                    value.start(),
                    message,
                    "write the name of its .datasource file without the ending",
                );
                None
            }
            None => {
                let help = format!("add a line `{keyword} <data source>`");
                findings.error(position, format!("{keyword} is missing"), &help);
                None
            }
        }
    }

    fn materialized(
        &mut self,
        position: Position,
        findings: &mut Findings<'_>,
    ) -> Option<NodeKind> {
        let data_source = self.target("DATASOURCE", position, findings);
        let alter = match self.take("DEPLOYMENT_METHOD") {
            Some((_, value)) if !value.eq_ignore_ascii_case("alter") => {
                let message = format!("DEPLOYMENT_METHOD cannot be `{value}`");
                findings.error(
                    value.start(),
                    message,
                    "write `DEPLOYMENT_METHOD alter` or leave the line out",
                );
                return None;
            }
            method => method.is_some(),
        };
        Some(NodeKind::Materialized {
            data_source: data_source?,
            alter,
        })
    }

    fn copy(&mut self, position: Position, findings: &mut Findings<'_>) -> Option<NodeKind> {
        let target = self.target("TARGET_DATASOURCE", position, findings);
        let schedule = match self.take("COPY_SCHEDULE") {
            None => Some(CopySchedule::OnDemand),
            Some((_, value)) => read_schedule(&value, findings),
        };
        let mode = match self.take("COPY_MODE") {
            None => Some(CopyMode::Append),
            Some((_, value)) if value.eq_ignore_ascii_case("append") => Some(CopyMode::Append),
            Some((_, value)) if value.eq_ignore_ascii_case("replace") => Some(CopyMode::Replace),
            Some((_, value)) => {
                let message = format!("COPY_MODE cannot be `{value}`");
                findings.error(value.start(), message, "write append or replace");
                None
            }
        };
        Some(NodeKind::Copy(CopySettings {
            target: target?,
            schedule: schedule?,
            mode: mode?,
        }))
    }

    fn sink(
        &mut self,
        position: Position,
        is_checked: bool,
        findings: &mut Findings<'_>,
    ) -> Option<NodeKind> {
        let is_export = |entry: &mut (String, Position, Fragment)| entry.0.starts_with("EXPORT_");
        let settings: Vec<(String, String)> = self
            .values
            .extract_if(.., is_export)
            .map(|(keyword, _, value)| (keyword, value.to_string()))
            .collect();
        let has = |keyword: &str| settings.iter().any(|(known, _)| known == keyword);
        let has_target =
            has("EXPORT_KAFKA_TOPIC") || (has("EXPORT_BUCKET_URI") && has("EXPORT_FILE_TEMPLATE"));
        if is_checked && !(has("EXPORT_CONNECTION_NAME") && has_target) {
            findings.error(
                position,
                "the sink does not say where to write",
                "give it EXPORT_CONNECTION_NAME and either EXPORT_KAFKA_TOPIC or EXPORT_BUCKET_URI with EXPORT_FILE_TEMPLATE",
            );
            return None;
        }
        findings.warning(
            position,
            "sinks do not run: the node writes nowhere",
            "read it over the API",
        );
        Some(NodeKind::Sink { settings })
    }
}

/// Where a line that was not expected would belong.
fn belongs_to(keyword: &str) -> &'static str {
    match keyword {
        "DATASOURCE" | "DEPLOYMENT_METHOD" => {
            "add `TYPE materialized` to the node, or take the line out"
        }
        "TARGET_DATASOURCE" | "COPY_SCHEDULE" | "COPY_MODE" => {
            "add `TYPE copy` to the node, or take the line out"
        }
        _ => "add `TYPE sink` to the node, or take the line out",
    }
}

fn read_schedule(value: &Fragment, findings: &mut Findings<'_>) -> Option<CopySchedule> {
    if value.is_empty() || value.eq_ignore_ascii_case("@on-demand") {
        return Some(CopySchedule::OnDemand);
    }
    match parse_cron(value) {
        Ok(_) => Some(CopySchedule::Cron(value.to_string())),
        Err(error) => {
            let reason = match value.split_whitespace().count() {
                5 => error.to_string(),
                _ => "it does not have five fields".to_owned(),
            };
            let message = format!("`{value}` is not a schedule: {reason}");
            findings.error(
                value.start(),
                message,
                "write `@on-demand` or a cron expression, as in `0 * * * *`",
            );
            None
        }
    }
}
