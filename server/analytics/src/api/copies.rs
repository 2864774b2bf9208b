//! Running copy pipes on demand.

use std::future::Future;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use service::ApiError;
use time::OffsetDateTime;

use super::auth::Caller;
use super::endpoint::parameters;
use super::input::Input;
use super::jobs;
use super::state::Api;
use crate::datafile::{CopyMode, NodeKind};
use crate::project::{ApplyError, CopyError, Project, RunContext};
use crate::query::Parameters;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/v0/pipes/{pipe}/copy", post(copy))
}

async fn copy(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let served = api.served();
    let pipe = served.require_pipe(&name)?;
    let target = pipe.item.nodes.iter().find_map(|node| match &node.kind {
        NodeKind::Copy(copy) => Some(copy.target.clone()),
        _ => None,
    });
    let target = target.ok_or_else(|| {
        let message =
            format!("the pipe `{name}` is no copy pipe: give one of its nodes `TYPE copy`");
        ApiError::bad_request("not_a_copy_pipe", message)
    })?;
    let mode = match input.text("_mode") {
        None => None,
        Some("append") => Some(CopyMode::Append),
        Some("replace") => Some(CopyMode::Replace),
        Some(_) => {
            let message = "`_mode` is `append` or `replace`";
            return Err(ApiError::bad_request("invalid_parameter", message));
        }
    };
    let mut details = Map::new();
    details.insert(
        "pipe".to_owned(),
        json!({ "id": pipe.id, "name": pipe.item.name }),
    );
    details.insert(
        "datasource".to_owned(),
        json!({ "id": served.id(&target), "name": target }),
    );
    let project = Arc::clone(&served.project);
    let work = api.copy_job(project, pipe.item.name.clone(), mode, parameters(input));
    let id = api.jobs().start("copy", &access, details, work);
    Ok(Json(jobs::started(&id)))
}

impl Api {
    /// The work of one copy, for a job.
    pub(crate) fn copy_job(
        &self,
        project: Arc<Project>,
        pipe: String,
        mode: Option<CopyMode>,
        parameters: Parameters,
    ) -> impl Future<Output = Result<Map<String, Value>, ApiError>> + Send + use<> {
        let api = self.clone();
        async move {
            let _tables_stay = api.workspace().writing().await;
            let context = RunContext {
                parameters,
                secrets: api.secrets(),
                now: OffsetDateTime::now_utc(),
            };
            let engine = api.engine().as_ref();
            project
                .run_copy(engine, api.database(), &pipe, mode, &context)
                .await?;
            Ok(Map::new())
        }
    }
}

impl From<CopyError> for ApiError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Run(ApplyError::Engine { source, .. }) => source.into(),
            CopyError::Run(ApplyError::Refused(_)) | CopyError::NoCopy(_) => {
                Self::bad_request("copy_refused", error.to_string())
            }
            CopyError::UnknownPipe(pipe) => super::state::no_such_pipe(&pipe),
        }
    }
}
