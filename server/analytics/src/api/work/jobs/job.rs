//! One job: how far it is, and what is told of it.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::task::AbortHandle;

use super::job_url;
use super::task::Task;
use crate::api::timestamp;
use crate::service_data::Operation;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Others come first.
    Waiting,
    Working,
    Done,
    Error,
    Cancelled,
}

impl Status {
    pub(super) const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Working,
        Self::Done,
        Self::Error,
        Self::Cancelled,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Done => "done",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn has_ended(self) -> bool {
        !matches!(self, Self::Waiting | Self::Working)
    }
}

/// Work that goes on after its request was answered.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) task: Task,
    pub(super) status: Status,
    /// Members of its description of its own, such as the data source's name.
    pub(super) details: Map<String, Value>,
    pub(super) error: Option<String>,
    pub(super) created_at: OffsetDateTime,
    pub(super) started_at: Option<OffsetDateTime>,
    pub(super) updated_at: OffsetDateTime,
    /// The token that asked for it; administrators see all jobs.
    pub(super) token_id: Option<String>,
    pub(super) abort: Option<AbortHandle>,
}

impl Job {
    pub(super) fn is_cancellable(&self) -> bool {
        match self.status {
            Status::Waiting => true,
            Status::Working => self.task.is_stoppable(),
            Status::Done | Status::Error | Status::Cancelled => false,
        }
    }

    /// Whether it is under way and does the same as a task.
    pub(super) fn does(&self, kind: &str, subject: Option<&str>) -> bool {
        !self.status.has_ended()
            && self.task.kind() == kind
            && subject.is_some()
            && self.task.subject().as_deref() == subject
    }

    /// Ends the work where it is; its statement in the engine goes with it.
    pub(super) fn cancel(&mut self, now: OffsetDateTime) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
        self.status = Status::Cancelled;
        self.updated_at = now;
    }

    /// How the API tells of it.
    pub(super) fn describe(&self) -> Value {
        let mut description = json!({
            "id": self.id,
            "job_id": self.id,
            "kind": self.task.kind(),
            "status": self.status.as_str(),
            "created_at": timestamp(self.created_at),
            "started_at": self.started_at.map(timestamp),
            "updated_at": timestamp(self.updated_at),
            "is_cancellable": self.is_cancellable(),
            "job_url": job_url(&self.id),
        });
        if let Some(error) = &self.error {
            description["error"] = error.as_str().into();
            description["errors"] = json!([error]);
        }
        if let Some(members) = description.as_object_mut() {
            members.extend(self.details.clone());
        }
        description
    }

    /// What it did to its data source, for the log of operations.
    pub(super) fn operation(&self) -> Operation {
        let text = |member: &str, of: &str| {
            let member = self.details.get(member).and_then(|member| member.get(of));
            member
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let number = |member: Option<&Value>| member.and_then(Value::as_u64);
        let elapsed = self.updated_at - self.started_at.unwrap_or(self.updated_at);
        Operation {
            timestamp: self.updated_at.unix_timestamp(),
            event_type: match self.task.kind() {
                "import" => self.details.get("mode").map_or("append", |_| "replace"),
                "delete_data" => "delete",
                kind => kind,
            },
            datasource_id: text("datasource", "id"),
            datasource_name: text("datasource", "name"),
            result: if self.error.is_none() { "ok" } else { "error" },
            elapsed_time: elapsed.as_seconds_f64(),
            error: self.error.clone(),
            job_id: Some(self.id.clone()),
            rows: number(
                self.details
                    .get("statistics")
                    .and_then(|found| found.get("rows")),
            ),
            rows_quarantine: number(self.details.get("quarantine_rows")),
            pipe_id: text("pipe", "id"),
            pipe_name: text("pipe", "name"),
            ..Operation::default()
        }
    }
}
