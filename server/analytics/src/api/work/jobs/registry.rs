//! All jobs of the workspace: their order, how far each is, and how they end.
//! Jobs live in memory, and the last hundred are remembered.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use serde_json::{Map, Value};
use service::ApiError;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::describe;
use crate::access::Access;
use crate::clock::Clock;
use crate::service_data::{Operation, ServiceData};

/// Jobs that are remembered, the oldest ended one being forgotten first.
const REMEMBERED: usize = 100;
/// Kinds of jobs that go on in the engine part by part: stopped half-way, they
/// would leave half of it done.
const UNSTOPPABLE: [&str; 1] = ["delete_data"];

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

/// What a job answers with: members that are added to its description.
pub(crate) type Outcome = Result<Map<String, Value>, ApiError>;

/// Work in turn: it takes a writing connection of the engine for long, so one
/// such job runs at a time; and it can be done again.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) kind: &'static str,
    /// What it is about. Of the turns about the same only one is under way.
    pub(crate) subject: String,
    /// Members of its description.
    pub(crate) details: Map<String, Value>,
    pub(crate) work: Arc<dyn Fn() -> BoxFuture<'static, Outcome> + Send + Sync>,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Turn")
            .field("kind", &self.kind)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// A job about the same is under way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job {id} does this already: wait for it, or cancel it")]
pub(crate) struct Busy {
    id: String,
}

impl From<Busy> for ApiError {
    fn from(busy: Busy) -> Self {
        Self::conflict("job_under_way", busy.to_string())
    }
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) status: Status,
    /// Members of its own, such as the data source's name.
    pub(super) details: Map<String, Value>,
    pub(super) error: Option<String>,
    pub(super) created_at: OffsetDateTime,
    pub(super) started_at: Option<OffsetDateTime>,
    pub(super) updated_at: OffsetDateTime,
    /// The token that asked for it; administrators see all jobs.
    pub(super) token_id: Option<String>,
    /// How to do it again.
    pub(super) turn: Option<Turn>,
    abort: Option<AbortHandle>,
}

/// All jobs of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Jobs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    jobs: Mutex<VecDeque<Job>>,
    /// Whose turn it is.
    turn: Semaphore,
    clock: Arc<dyn Clock>,
    service_data: ServiceData,
}

impl Jobs {
    pub(crate) fn new(clock: Arc<dyn Clock>, service_data: ServiceData) -> Self {
        Self(Arc::new(Shared {
            jobs: Mutex::default(),
            turn: Semaphore::new(1),
            clock,
            service_data,
        }))
    }

    /// Starts `work` and answers with the job's id. What `work` answers is
    /// added to the job's members.
    pub(crate) fn start<Work>(
        &self,
        kind: &'static str,
        access: &Access,
        details: Map<String, Value>,
        work: Work,
    ) -> String
    where
        Work: Future<Output = Outcome> + Send + 'static,
    {
        let job = self.job(kind, details, access.token_id.clone());
        let id = job.id.clone();
        let mut jobs = self.lock();
        remember(&mut jobs, job);
        let run = Run {
            jobs: self.clone(),
            id: id.clone(),
        };
        let task = tokio::spawn(async move {
            run.begin();
            run.end(work.await);
        });
        abort_with(&mut jobs, &id, task.abort_handle());
        id
    }

    /// Lets a job wait for its turn and then work; answers with its id.
    pub(crate) fn queue(&self, access: &Access, turn: Turn) -> Result<String, Busy> {
        let mut jobs = self.lock();
        let is_same = |job: &&Job| {
            let other = job.turn.as_ref().filter(|_| !job.status.has_ended());
            other.is_some_and(|other| (other.kind, &other.subject) == (turn.kind, &turn.subject))
        };
        if let Some(job) = jobs.iter().find(is_same) {
            return Err(Busy { id: job.id.clone() });
        }
        let mut job = self.job(turn.kind, turn.details.clone(), access.token_id.clone());
        job.turn = Some(turn.clone());
        let id = job.id.clone();
        remember(&mut jobs, job);
        let run = Run {
            jobs: self.clone(),
            id: id.clone(),
        };
        let task = tokio::spawn(async move {
            // It is never closed.
            let _turn = run.jobs.0.turn.acquire().await;
            run.begin();
            run.end((turn.work)().await);
        });
        abort_with(&mut jobs, &id, task.abort_handle());
        Ok(id)
    }

    /// Cancels the jobs of one kind and subject; answers with what became of
    /// them.
    pub(crate) fn cancel_about(&self, kind: &str, subject: &str) -> Vec<Value> {
        let now = self.0.clock.now();
        let mut jobs = self.lock();
        let about = |job: &&mut Job| {
            let turn = job.turn.as_ref().filter(|_| !job.status.has_ended());
            turn.is_some_and(|turn| turn.kind == kind && turn.subject == subject)
        };
        jobs.iter_mut()
            .filter(about)
            .map(|job| {
                job.cancel(now);
                describe(job)
            })
            .collect()
    }

    /// Stops everything that is still at work.
    pub(crate) fn stop(&self) {
        for job in self.lock().iter() {
            if let Some(abort) = &job.abort {
                abort.abort();
            }
        }
    }

    fn job(
        &self,
        kind: &'static str,
        details: Map<String, Value>,
        token_id: Option<String>,
    ) -> Job {
        let now = self.0.clock.now();
        Job {
            id: Uuid::new_v4().to_string(),
            kind,
            status: Status::Waiting,
            details,
            error: None,
            created_at: now,
            started_at: None,
            updated_at: now,
            token_id,
            turn: None,
            abort: None,
        }
    }

    /// Changes a job that has not ended yet.
    fn change(&self, id: &str, change: impl FnOnce(&mut Job)) {
        let now = self.0.clock.now();
        let mut jobs = self.lock();
        let job = jobs
            .iter_mut()
            .find(|job| job.id == id && !job.status.has_ended());
        if let Some(job) = job {
            job.updated_at = now;
            change(job);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job on its way.
struct Run {
    jobs: Jobs,
    id: String,
}

impl Run {
    fn begin(&self) {
        self.jobs.change(&self.id, |job| {
            job.status = Status::Working;
            job.started_at = Some(job.updated_at);
        });
    }

    fn end(&self, outcome: Outcome) {
        self.jobs.change(&self.id, |job| {
            match outcome {
                Ok(mut details) => {
                    job.status = Status::Done;
                    job.details.append(&mut details);
                }
                Err(error) => {
                    if error.status().is_server_error() {
                        tracing::error!(job = job.id, kind = job.kind, ?error, "a job failed");
                    }
                    job.status = Status::Error;
                    job.error = Some(public_text(&error));
                }
            }
            self.jobs.0.service_data.operation(job.operation());
        });
    }
}

impl Drop for Run {
    /// Work that panicked must not be under way for ever.
    fn drop(&mut self) {
        self.end(Err(ApiError::internal("the work broke off")));
    }
}

impl Job {
    pub(super) fn is_cancellable(&self) -> bool {
        match self.status {
            Status::Waiting => true,
            Status::Working => !UNSTOPPABLE.contains(&self.kind),
            Status::Done | Status::Error | Status::Cancelled => false,
        }
    }

    /// What it did to its data source, for the log of operations.
    fn operation(&self) -> Operation {
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
            event_type: match self.kind {
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

    /// Ends the work where it is; its statement in the engine goes with it.
    pub(super) fn cancel(&mut self, now: OffsetDateTime) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
        self.status = Status::Cancelled;
        self.updated_at = now;
    }
}

fn remember(jobs: &mut VecDeque<Job>, job: Job) {
    if jobs.len() >= REMEMBERED {
        let ended = jobs.iter().position(|job| job.status.has_ended());
        jobs.remove(ended.unwrap_or_default());
    }
    jobs.push_back(job);
}

fn abort_with(jobs: &mut VecDeque<Job>, id: &str, abort: AbortHandle) {
    if let Some(job) = jobs.iter_mut().find(|job| job.id == id) {
        job.abort = Some(abort);
    }
}

/// A job keeps what its request would have been answered with.
pub(crate) fn public_text(error: &ApiError) -> String {
    if error.status().is_server_error() {
        return "something went wrong on the server".to_owned();
    }
    error
        .message()
        .as_str()
        .map_or_else(|| error.message().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn work_that_panics_does_not_keep_others_waiting() {
        let jobs = Jobs::new(Arc::new(SystemClock), ServiceData::unwritten());
        let turn = |work: fn() -> BoxFuture<'static, Outcome>| Turn {
            kind: "copy",
            subject: "p".to_owned(),
            details: Map::new(),
            work: Arc::new(work),
        };
        let access = Access::admin(None);
        let panicking = turn(|| Box::pin(async { panic!("on purpose") }));
        let id = jobs.queue(&access, panicking).unwrap();
        assert_eq!(
            jobs.queue(&access, turn(|| Box::pin(async { Ok(Map::new()) }))),
            Err(Busy { id: id.clone() })
        );
        let status = |id: &str| {
            let jobs = jobs.lock();
            jobs.iter().find(|job| job.id == id).unwrap().status
        };
        while !status(&id).has_ended() {
            tokio::task::yield_now().await;
        }
        assert_eq!(status(&id), Status::Error);
        let next = turn(|| Box::pin(async { Ok(Map::new()) }));
        let next = jobs.queue(&access, next).unwrap();
        while !status(&next).has_ended() {
            tokio::task::yield_now().await;
        }
        assert_eq!(status(&next), Status::Done);
    }
}
