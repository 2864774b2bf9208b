//! Building and deploying the project over HTTP, as Tinybird's clients do:
//! uploads, their answers, and the deployments there were.

use crate::api::error::engine_error;
use std::future::Future;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};
use service::ApiError;

use crate::access::Access;
use crate::api::request::auth::Caller;
use crate::api::request::body::no_part;
use crate::api::request::input::Input;
use crate::api::state::{Api, Served};
use crate::api::timestamp;
use crate::background::sync_tokens;
use crate::deploy::{
    Allowed, DeployError, Deployment, Goal, MOST_BYTES, MOST_FILE_BYTES, MOST_FILES, Outcome,
    Problem, Status, Summary,
};
use crate::project::{ApplyError, NotServed, SourceFile};

/// The field of each datafile.
const FILE_FIELD: &str = "data_project://";

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v1/build", post(build))
        .route("/v1/deploy", post(deploy))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .route("/v1/deployments", get(list))
        .route("/v1/deployments/{id}", get(detail).delete(remove))
        .route("/v1/deployments/{id}/set-live", post(set_live))
}

/// `POST /v1/build`: the files are served at once. Data sources may disappear,
/// as with a local Tinybird; their rows stay.
async fn build(
    State(api): State<Api>,
    Caller(access): Caller,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    may_change(&api, &access)?;
    let allowed = Allowed {
        deletions: true,
        ..allowed(&Input::from_uri(&uri)?)
    };
    let files = files(request).await?;
    let (id, summary) = match run(&api, files, Goal::Build, allowed).await? {
        Outcome::Deployed(deployment) => (deployment.id, deployment.summary),
        // Clients tell by the empty lists that nothing changed.
        Outcome::NoChanges | Outcome::Checked(_) => (live(&api).await?.id, Summary::default()),
    };
    let mut build = resources(&api.served());
    build.insert("id".to_owned(), id.to_string().into());
    build.append(&mut members(&summary)?);
    Ok(Json(json!({ "result": "success", "build": build })))
}

/// `POST /v1/deploy`: with `check=true` nothing is kept, with
/// `auto_promote=true` the files are served, else they wait to be set live.
async fn deploy(
    State(api): State<Api>,
    Caller(access): Caller,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    may_change(&api, &access)?;
    let input = Input::from_uri(&uri)?;
    let goal = match (input.flag("check"), input.flag("auto_promote")) {
        (true, _) => Goal::Check,
        (false, true) => Goal::Live,
        (false, false) => Goal::Stage,
    };
    let allowed = allowed(&input);
    let files = files(request).await?;
    let answer = match run(&api, files, goal, allowed).await? {
        Outcome::NoChanges => {
            let unchanged = Deployment {
                summary: Summary::default(),
                ..live(&api).await?
            };
            json!({ "result": "no_changes", "deployment": describe(&unchanged)? })
        }
        Outcome::Checked(summary) => {
            let mut checked = members(&summary)?;
            checked.insert("errors".to_owned(), json!([]));
            json!({ "result": "success", "deployment": checked })
        }
        Outcome::Deployed(deployment) => {
            json!({ "result": "success", "deployment": describe(&deployment)? })
        }
    };
    Ok(Json(answer))
}

fn allowed(input: &Input) -> Allowed {
    Allowed::all(input.flag("allow_destructive_operations"))
}

/// Deploys to the end, whether or not the caller waits for it: half a change is
/// none that anyone wants.
async fn run(
    api: &Api,
    files: Vec<SourceFile>,
    goal: Goal,
    allowed: Allowed,
) -> Result<Outcome, ApiError> {
    let deployer = api.deployer().clone();
    let work = async move { deployer.deploy(files, goal, allowed).await };
    to_the_end(api, work).await
}

async fn to_the_end<T: Send + 'static>(
    api: &Api,
    work: impl Future<Output = Result<T, DeployError>> + Send + 'static,
) -> Result<T, ApiError> {
    let api = api.clone();
    let work = async move {
        let done = work.await?;
        // The answer says that the project is served, and that goes for the
        // tokens of its files.
        sync_tokens(api.authority(), &api.workspace().current()).await?;
        Ok(done)
    };
    tokio::spawn(work).await.map_err(ApiError::internal)?
}

async fn live(api: &Api) -> Result<Deployment, ApiError> {
    let all = api.deployer().all().await?;
    let live = all.into_iter().next();
    live.ok_or_else(|| ApiError::internal("no deployment is live"))
}

/// `GET /v1/deployments`, the live one first. Those that ended are left out
/// unless `include_deleted=true`.
async fn list(
    State(api): State<Api>,
    Caller(access): Caller,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let with_deleted = Input::from_uri(&uri)?.flag("include_deleted");
    let all = api.deployer().all().await?;
    let deployments: Vec<Value> = all
        .iter()
        .filter(|one| with_deleted || one.status != Status::Deleted)
        .map(describe)
        .collect::<Result<_, _>>()?;
    Ok(Json(json!({ "deployments": deployments })))
}

async fn detail(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    answer(&api.deployer().find(&id).await?)
}

async fn set_live(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    may_change(&api, &access)?;
    let deployer = api.deployer().clone();
    let work = async move { deployer.set_live(&id).await };
    answer(&to_the_end(&api, work).await?)
}

async fn remove(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    may_change(&api, &access)?;
    answer(&api.deployer().delete(&id).await?)
}

fn answer(deployment: &Deployment) -> Result<Json<Value>, ApiError> {
    Ok(Json(
        json!({ "result": "success", "deployment": describe(deployment)? }),
    ))
}

fn may_change(api: &Api, access: &Access) -> Result<(), ApiError> {
    access.deploy()?;
    if api.settings().deploy {
        return Ok(());
    }
    let message = "this server does not take deployments: switch on its setting `analytics.deploy`, \
                   or change the project's files where they lie";
    Err(ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "deploy_disabled",
        message,
    ))
}

/// The datafiles of a form.
async fn files(request: Request) -> Result<Vec<SourceFile>, ApiError> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|rejection| {
            ApiError::new(rejection.status(), "invalid_form", rejection.body_text())
        })?;
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() != Some(FILE_FIELD) {
            continue;
        }
        if files.len() == MOST_FILES {
            let message = format!("a project has at most {MOST_FILES} datafiles");
            return Err(too_large(message));
        }
        files.push(file(field).await?);
    }
    if files.is_empty() {
        let message =
            format!("send each datafile as a part named `{FILE_FIELD}` with its path as file name");
        return Err(ApiError::bad_request("missing_file", message));
    }
    Ok(files)
}

async fn file(field: Field<'_>) -> Result<SourceFile, ApiError> {
    let path = field.file_name().unwrap_or_default().to_owned();
    let bytes = field.bytes().await.map_err(unreadable)?;
    if bytes.len() > MOST_FILE_BYTES {
        return Err(too_large(format!(
            "{path:?} is too large: a datafile has at most {MOST_FILE_BYTES} bytes"
        )));
    }
    match String::from_utf8(bytes.into()) {
        Ok(text) => Ok(SourceFile { path, text }),
        Err(_) => Err(refused(&[Problem {
            file: Some(path),
            message: "save it as UTF-8 text".to_owned(),
        }])),
    }
}

fn unreadable(error: MultipartError) -> ApiError {
    no_part(&error, MOST_BYTES)
}

fn too_large(message: String) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
}

fn refused(problems: &[Problem]) -> ApiError {
    DeployError::Refused(problems.to_vec()).into()
}

impl From<DeployError> for ApiError {
    fn from(error: DeployError) -> Self {
        let text = error.to_string();
        match error {
            DeployError::Refused(problems) => {
                let errors: Vec<Value> = problems.iter().map(describe_problem).collect();
                Self::bad_request("deploy_refused", text)
                    .with_member("result", "failed".into())
                    .with_member("errors", errors.into())
            }
            DeployError::Waiting(_) => Self::conflict("deployment_waiting", text),
            DeployError::Live(_) => Self::conflict("deployment_live", text),
            DeployError::Deleted(_) => Self::conflict("deployment_deleted", text),
            DeployError::NotFound(_) => Self::not_found("deployment_not_found", text),
            DeployError::ReadOnly(_) => Self::conflict("project_read_only", text),
            DeployError::Failed(NotServed::NotApplied(ApplyError::Engine { source, .. })) => {
                engine_error(source)
            }
            DeployError::Failed(_) | DeployError::Database(_) => Self::internal(error),
        }
    }
}

fn describe_problem(problem: &Problem) -> Value {
    json!({ "filename": problem.file, "error": problem.message })
}

/// A deployment as clients read it. What is served stays `data_ready`.
fn describe(deployment: &Deployment) -> Result<Value, ApiError> {
    let status = match deployment.status {
        Status::Staged | Status::Promoting | Status::Live => "data_ready",
        Status::Deleted => "deleted",
    };
    let mut description = members(&deployment.summary)?;
    let own = json!({
        "id": deployment.id.to_string(),
        "status": status,
        "live": deployment.status == Status::Live,
        "created_at": timestamp(deployment.created_at),
        "updated_at": timestamp(deployment.updated_at),
        "errors": [],
    });
    if let Value::Object(own) = own {
        description.extend(own);
    }
    Ok(description.into())
}

fn members(summary: &Summary) -> Result<Map<String, Value>, ApiError> {
    match serde_json::to_value(summary).map_err(ApiError::internal)? {
        Value::Object(members) => Ok(members),
        _ => Err(ApiError::internal("a summary has members")),
    }
}

/// The data sources and pipes that are served.
fn resources(served: &Served) -> Map<String, Value> {
    let data_sources = served.project.data_sources();
    let data_sources: Vec<Value> = data_sources
        .map(|one| served.reference(&one.name))
        .collect();
    let pipes = served.project.pipes();
    let pipes: Vec<Value> = pipes.map(|one| served.reference(&one.name)).collect();
    Map::from_iter([
        ("datasources".to_owned(), data_sources.into()),
        ("pipes".to_owned(), pipes.into()),
    ])
}
