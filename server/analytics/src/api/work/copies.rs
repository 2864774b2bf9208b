//! Copy pipes: running them on demand, pausing and resuming their schedules.

use crate::api::error::engine_error;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::ApiError;
use time::OffsetDateTime;

use crate::access::Access;
use crate::api::answers::endpoint::parameters;
use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::resources::pipes;
use crate::api::state::{Api, Named};
use crate::api::work::jobs::{self, Outcome, Task};
use crate::project::{ApplyError, CopyError, RunContext};
use crate::query::Parameters;
use datafile::{CopyMode, CopySchedule, CopySettings, Pipe};

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
    parameters.remove("on_demand_compute");
    let (_, settings) = copy_pipe(&api, &name)?;
    let target = api.served().id(&settings.target);
    let id = api
        .queue_copy(&access, &name, mode, parameters, None)
        .await?;
    let mut answer = jobs::started(&id);
    answer["tags"] = json!({ "copy_target_datasource": target });
    Ok(Json(answer))
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
    let cancelled = api.jobs().cancel_about("copy", &pipe.item.name).await;
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

/// One copy, as it is kept with its job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CopyRun {
    pub(crate) pipe: String,
    /// Whether the rows take the place of those that are there, as the pipe or
    /// the request said.
    pub(crate) replaces: bool,
    parameters: Parameters,
    /// The moment of its schedule in unix seconds; without one the time at
    /// which it runs counts.
    at: Option<i64>,
}

impl CopyRun {
    #[cfg(test)]
    pub(crate) fn on_demand(pipe: &str) -> Self {
        Self {
            pipe: pipe.to_owned(),
            replaces: false,
            parameters: Parameters::new(),
            at: None,
        }
    }

    /// Copies; answers with the number of rows, where they can be counted.
    pub(crate) async fn run(&self, api: &Api) -> Outcome {
        let at = self.at.map(OffsetDateTime::from_unix_timestamp);
        let context = RunContext {
            parameters: self.parameters.clone(),
            secrets: api.secrets(),
            now: at.and_then(Result::ok).unwrap_or_else(|| api.clock().now()),
        };
        let mode = match self.replaces {
            true => CopyMode::Replace,
            false => CopyMode::Append,
        };
        let copied = api.workspace().run_copy(&self.pipe, Some(mode), &context);
        let mut details = Map::new();
        if let Some(rows) = copied.await? {
            details.insert("statistics".to_owned(), json!({ "rows": rows }));
        }
        Ok(details)
    }
}

impl Api {
    /// Queues one copy as a job; answers with its id. `at` is the moment of its
    /// schedule.
    pub(crate) async fn queue_copy(
        &self,
        access: &Access,
        name: &str,
        mode: Option<CopyMode>,
        parameters: Parameters,
        at: Option<OffsetDateTime>,
    ) -> Result<String, ApiError> {
        let (pipe, settings) = copy_pipe(self, name)?;
        let details = jobs::filling(&self.served(), &pipe.item.name, &settings.target);
        let copy = CopyRun {
            pipe: pipe.item.name.clone(),
            replaces: mode.unwrap_or(settings.mode) == CopyMode::Replace,
            parameters,
            at: at.map(OffsetDateTime::unix_timestamp),
        };
        let queued = self.jobs().queue(self, access, Task::Copy(copy), details);
        Ok(queued.await?)
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
