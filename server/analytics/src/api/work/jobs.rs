//! The routes that tell how jobs go: work that goes on after its request was
//! answered. Jobs of the last two days are listed; running them is `registry`'s.

mod job;
mod registry;
mod store;
mod task;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use service::ApiError;
use time::Duration;

use crate::access::Access;
use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::state::{Api, Served};
use job::{Job, Status};
pub(crate) use registry::{Jobs, public_text};
pub(crate) use task::{Outcome, Task};

/// How long jobs are listed.
const LISTED: Duration = Duration::hours(48);

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/jobs", get(list))
        .route("/v0/jobs/{id}", get(detail))
        .route("/v0/jobs/{id}/cancel", post(cancel))
        .route("/v0/jobs/{id}/retry", post(retry))
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

/// Members of a job in which a pipe fills a data source.
pub(crate) fn filling(served: &Served, pipe: &str, data_source: &str) -> Map<String, Value> {
    Map::from_iter([
        ("pipe".to_owned(), served.reference(pipe)),
        ("datasource".to_owned(), served.reference(data_source)),
    ])
}

async fn list(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let (kind, status) = (input.text("kind"), input.text("status"));
    let oldest = api.clock().now() - LISTED;
    let jobs: Vec<Value> = api
        .jobs()
        .lock()
        .iter()
        .rev()
        .filter(|job| job.created_at >= oldest || !job.status.has_ended())
        .filter(|job| may_see(&access, job))
        .filter(|job| kind.is_none_or(|kind| kind == job.task.kind()))
        .filter(|job| status.is_none_or(|status| status == job.status.as_str()))
        .map(Job::describe)
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
    job.map(|job| Json(job.describe())).ok_or_else(not_found)
}

async fn cancel(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    {
        let jobs = api.jobs().lock();
        let job = jobs
            .iter()
            .find(|job| job.id == id && may_see(&access, job));
        let job = job.ok_or_else(not_found)?;
        if !job.status.has_ended() && !job.is_cancellable() {
            let message = format!(
                "a job of the kind {} cannot be cancelled: half of it would be done",
                job.task.kind()
            );
            return Err(ApiError::bad_request("job_not_cancellable", message));
        }
    }
    let cancelled = api.jobs().cancel(&id).await;
    cancelled.map(Json).ok_or_else(|| {
        let message = "the job cannot be cancelled: it has ended";
        ApiError::bad_request("job_ended", message)
    })
}

/// Does the work of a job that failed or was cancelled again, as a new job.
/// What its token may do can have changed since, so this is for those who may
/// do all such work.
async fn retry(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let (task, details) = {
        let jobs = api.jobs().lock();
        let job = jobs
            .iter()
            .find(|job| job.id == id && may_see(&access, job));
        let job = job.ok_or_else(not_found)?;
        access.deploy()?;
        if !matches!(job.status, Status::Error | Status::Cancelled) {
            let message = format!(
                "only a job that failed or was cancelled can be retried: it is {}",
                job.status.as_str()
            );
            return Err(ApiError::bad_request("job_not_retryable", message));
        }
        if !job.task.is_kept() {
            let message = format!(
                "what a job of the kind {} worked on is not kept: send the request again",
                job.task.kind()
            );
            return Err(ApiError::bad_request("job_not_retryable", message));
        }
        (job.task.clone(), job.details.clone())
    };
    let id = api.jobs().queue(&api, &access, task, details).await?;
    Ok(Json(started(&id)))
}

fn not_found() -> ApiError {
    ApiError::not_found("job_not_found", "there is no such job, or it was long ago")
}

fn may_see(access: &Access, job: &Job) -> bool {
    access.deploy().is_ok() || (job.token_id.is_some() && job.token_id == access.token_id)
}
