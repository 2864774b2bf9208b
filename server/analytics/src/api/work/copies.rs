//! Copy pipes: running them on demand, pausing and resuming their schedules.

use crate::api::error::engine_error;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use service::ApiError;
use time::OffsetDateTime;

use crate::access::Access;
use crate::api::answers::endpoint::parameters;
use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::resources::pipes;
use crate::api::state::{Api, Named};
use crate::api::work::jobs::{self, Turn};
use crate::project::{ApplyError, CopyError, RunContext};
use crate::query::Parameters;
use datafile::{CopyMode, CopySchedule, CopySettings, Pipe};

/// The kind of these jobs.
const COPY: &str = "copy";

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/pipes/{pipe}/copy", post(copy))
        .route("/v0/pipes/{pipe}/copy/pause", post(pause))
        .route("/v0/pipes/{pipe}/copy/resume", post(resume))
        .route("/v0/pipes/{pipe}/copy/cancel", post(cancel))
}

async fn copy(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let mode = match input.text("_mode") {
        None => None,
        Some("append") => Some(CopyMode::Append),
        Some("replace") => Some(CopyMode::Replace),
        Some(_) => {
            let message = "`_mode` is `append` or `replace`";
            return Err(ApiError::bad_request("invalid_parameter", message));
        }
    };
    let mut parameters = parameters(input);
    // A template must not write down who called.
    parameters.remove("token");
    let turn = api.copy(&name, mode, parameters, None)?;
    let id = api.jobs().queue(&access, turn)?;
    Ok(Json(jobs::started(&id)))
}

/// The schedule's moments pass until it is resumed; it can be copied on demand
/// meanwhile.
async fn pause(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let pipe = scheduled(&api, &access, &name)?;
    let paused = api
        .schedules()
        .pause(&pipe.item.name, api.clock().now())
        .await;
    paused.map_err(ApiError::internal)?;
    Ok(Json(pipes::describe(&api, &api.served(), &pipe)))
}

async fn resume(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let pipe = scheduled(&api, &access, &name)?;
    let resumed = api
        .schedules()
        .resume(&pipe.item.name, api.clock().now())
        .await;
    resumed.map_err(ApiError::internal)?;
    Ok(Json(pipes::describe(&api, &api.served(), &pipe)))
}

/// Cancels the copy that is under way or waits for its turn.
async fn cancel(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let (pipe, _) = copy_pipe(&api, &name)?;
    let cancelled = api.jobs().cancel_about(COPY, &pipe.item.name);
    let mut description = pipes::describe(&api, &api.served(), &pipe);
    description["jobs"] = cancelled.into();
    Ok(Json(description))
}

/// A copy pipe that has a schedule.
fn scheduled(api: &Api, access: &Access, name: &str) -> Result<Named<Pipe>, ApiError> {
    access.deploy()?;
    let (pipe, settings) = copy_pipe(api, name)?;
    match settings.schedule {
        CopySchedule::Cron(_) => Ok(pipe),
        CopySchedule::OnDemand => {
            let message = format!(
                "the pipe `{name}` is copied on demand only: give its node `COPY_SCHEDULE` with a cron expression"
            );
            Err(ApiError::bad_request("not_scheduled", message))
        }
    }
}

fn copy_pipe(api: &Api, name: &str) -> Result<(Named<Pipe>, CopySettings), ApiError> {
    let pipe = api.served().require_pipe(name)?;
    let settings = pipe.item.copy().cloned();
    let settings = settings.ok_or_else(|| {
        ApiError::bad_request(
            "not_a_copy_pipe",
            CopyError::NoCopy(name.to_owned()).to_string(),
        )
    })?;
    Ok((pipe, settings))
}

impl Api {
    /// One copy, to be queued as a job. `at` is the moment of its schedule;
    /// without one the time at which it runs counts.
    pub(crate) fn copy(
        &self,
        name: &str,
        mode: Option<CopyMode>,
        parameters: Parameters,
        at: Option<OffsetDateTime>,
    ) -> Result<Turn, ApiError> {
        let (pipe, settings) = copy_pipe(self, name)?;
        let target = &settings.target;
        let details = jobs::filling(&self.served(), &pipe.item.name, target);
        let (api, name) = (self.clone(), pipe.item.name.clone());
        let subject = name.clone();
        let work = move || {
            let (api, name, parameters) = (api.clone(), name.clone(), parameters.clone());
            let run = async move {
                let context = RunContext {
                    parameters,
                    secrets: api.secrets(),
                    now: at.unwrap_or_else(|| api.clock().now()),
                };
                let rows = api.workspace().run_copy(&name, mode, &context).await?;
                let mut details = Map::new();
                if let Some(rows) = rows {
                    details.insert("statistics".to_owned(), json!({ "rows": rows }));
                }
                Ok(details)
            };
            Box::pin(run) as futures::future::BoxFuture<'static, jobs::Outcome>
        };
        Ok(Turn {
            kind: COPY,
            subject,
            details,
            work: Arc::new(work),
        })
    }
}

impl From<CopyError> for ApiError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Run(ApplyError::Engine { source, .. }) => engine_error(source),
            CopyError::Run(ApplyError::Refused(_)) | CopyError::NoCopy(_) => {
                Self::bad_request("copy_refused", error.to_string())
            }
            CopyError::Changed(_) => Self::conflict("project_changed", error.to_string()),
            CopyError::UnknownPipe(pipe) => crate::api::state::no_such_pipe(&pipe),
        }
    }
}
