//! Jobs: work that goes on after its request was answered, and the routes that
//! tell how it goes. Jobs live in memory; the last hundred are remembered.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use service::ApiError;
use time::OffsetDateTime;
use tokio::task::AbortHandle;
use uuid::Uuid;

use super::auth::Caller;
use super::input::Input;
use super::state::Api;
use super::timestamp;
use crate::access::Access;

/// Jobs that are remembered, the oldest ended one being forgotten first.
const REMEMBERED: usize = 100;

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/jobs", get(list))
        .route("/v0/jobs/{id}", get(detail))
        .route("/v0/jobs/{id}/cancel", post(cancel))
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Working,
    Done,
    Error,
    Cancelled,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Done => "done",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug)]
struct Job {
    id: String,
    kind: &'static str,
    status: Status,
    /// Members of its own, such as the data source's name.
    details: Map<String, Value>,
    error: Option<String>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    /// The token that asked for it; administrators see all jobs.
    token_id: Option<String>,
    abort: Option<AbortHandle>,
}

/// All jobs of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs(Arc<Mutex<VecDeque<Job>>>);

impl Jobs {
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
        Work: Future<Output = Result<Map<String, Value>, ApiError>> + Send + 'static,
    {
        let id = Uuid::new_v4().to_string();
        let now = OffsetDateTime::now_utc();
        self.remember(Job {
            id: id.clone(),
            kind,
            status: Status::Working,
            details,
            error: None,
            created_at: now,
            updated_at: now,
            token_id: access.token_id.clone(),
            abort: None,
        });
        let (jobs, ended) = (self.clone(), id.clone());
        let task = tokio::spawn(async move {
            let outcome = work.await;
            jobs.change(&ended, |job| match outcome {
                Ok(mut details) => {
                    job.status = Status::Done;
                    job.details.append(&mut details);
                }
                Err(error) => {
                    job.status = Status::Error;
                    job.error = Some(public_text(&error));
                }
            });
        });
        self.change(&id, |job| job.abort = Some(task.abort_handle()));
        id
    }

    /// Stops everything that is still at work.
    pub(crate) fn stop(&self) {
        for job in self.lock().iter() {
            if let Some(abort) = &job.abort {
                abort.abort();
            }
        }
    }

    fn remember(&self, job: Job) {
        let mut jobs = self.lock();
        if jobs.len() >= REMEMBERED {
            let ended = jobs.iter().position(|job| job.status != Status::Working);
            jobs.remove(ended.unwrap_or_default());
        }
        jobs.push_back(job);
    }

    /// Changes a job that has not ended yet.
    fn change(&self, id: &str, change: impl FnOnce(&mut Job)) {
        let mut jobs = self.lock();
        let job = jobs
            .iter_mut()
            .find(|job| job.id == id && job.status == Status::Working);
        if let Some(job) = job {
            change(job);
            job.updated_at = OffsetDateTime::now_utc();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job keeps what its request would have been answered with.
fn public_text(error: &ApiError) -> String {
    if error.status().is_server_error() {
        return "something went wrong on the server".to_owned();
    }
    error
        .message()
        .as_str()
        .map_or_else(|| error.message().to_string(), str::to_owned)
}

/// Where a job can be asked after.
pub(crate) fn job_url(id: &str) -> String {
    format!("/v0/jobs/{id}")
}

/// What a route that starts a job answers with.
pub(crate) fn started(id: &str) -> Value {
    json!({ "id": id, "job_id": id, "job_url": job_url(id), "status": "waiting",
        "job": { "id": id, "job_id": id, "job_url": job_url(id), "status": "waiting" } })
}

async fn list(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let (kind, status) = (input.text("kind"), input.text("status"));
    let jobs: Vec<Value> = api
        .jobs()
        .lock()
        .iter()
        .rev()
        .filter(|job| may_see(&access, job))
        .filter(|job| kind.is_none_or(|kind| kind == job.kind))
        .filter(|job| status.is_none_or(|status| status == job.status.as_str()))
        .map(describe)
        .collect();
    Ok(Json(json!({ "jobs": jobs })))
}

async fn detail(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let jobs = api.jobs().lock();
    let job = jobs
        .iter()
        .find(|job| job.id == id && may_see(&access, job));
    job.map(|job| Json(describe(job))).ok_or_else(not_found)
}

async fn cancel(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let mut jobs = api.jobs().lock();
    let job = jobs
        .iter_mut()
        .find(|job| job.id == id && may_see(&access, job));
    let job = job.ok_or_else(not_found)?;
    if job.status != Status::Working {
        let message = format!("the job cannot be cancelled: it is {}", job.status.as_str());
        return Err(ApiError::bad_request("job_ended", message));
    }
    if let Some(abort) = &job.abort {
        abort.abort();
    }
    job.status = Status::Cancelled;
    job.updated_at = OffsetDateTime::now_utc();
    Ok(Json(describe(job)))
}

fn not_found() -> ApiError {
    ApiError::not_found("job_not_found", "there is no such job, or it was long ago")
}

fn may_see(access: &Access, job: &Job) -> bool {
    access.deploy().is_ok() || (job.token_id.is_some() && job.token_id == access.token_id)
}

fn describe(job: &Job) -> Value {
    let mut description = json!({
        "id": job.id,
        "job_id": job.id,
        "kind": job.kind,
        "status": job.status.as_str(),
        "created_at": timestamp(job.created_at),
        "started_at": timestamp(job.created_at),
        "updated_at": timestamp(job.updated_at),
        "is_cancellable": job.status == Status::Working,
        "job_url": job_url(&job.id),
    });
    if let Some(error) = &job.error {
        description["error"] = error.as_str().into();
    }
    if let Some(members) = description.as_object_mut() {
        members.extend(job.details.clone());
    }
    description
}
