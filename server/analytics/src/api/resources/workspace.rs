//! What clients ask for when they start: the workspace, the version, the
//! regions. One installation has one workspace.

use crate::api::error::engine_error;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use service::ApiError;

use crate::access::Access;
use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::state::Api;
use engine::Statement;

/// Routes behind the gate.
pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/auth", get(auth))
        .route("/v1/workspace", get(workspace))
        .route("/v0/workspace", get(workspace))
        .route("/v1/workspaces", post(create))
        .route("/v1/workspaces/{id}", delete(remove))
        .route("/v1/user/workspaces", get(workspaces))
        .route("/v1/user/workspaces/", get(workspaces))
        .route("/v0/user/workspaces", get(workspaces))
        .route("/v0/user/workspaces/", get(workspaces))
        .route("/v0/workspaces/{id}", get(one_workspace))
        .route(
            "/v1/environments",
            get(environments).post(create_environment),
        )
        .route(
            "/v0/environments/{name}",
            get(no_environment).delete(no_environment),
        )
}

/// Routes that need no token.
pub(crate) fn open_router() -> Router<Api> {
    Router::new()
        .route("/version", get(|| async { env!("CARGO_PKG_VERSION") }))
        .route(
            "/v0/health",
            get(|| async { Json(json!({ "status": "ok" })) }),
        )
        .route("/health/liveness", get(|| async { "alive" }))
        .route("/health/readiness", get(ready))
        .route("/v0/regions", get(regions))
        .route("/tokens", get(local_tokens))
}

fn describe(api: &Api, access: &Access) -> Value {
    let id = api.authority().workspace_id();
    json!({
        "id": id,
        "name": api.workspace_name(),
        "user_id": id,
        "user_email": "",
        "scope": "WORKSPACE",
        "main": null,
        "is_branch": false,
        "organization": null,
        // Nobody signs in here: whoever holds a token is what it says.
        "role": if access.is_admin() { "admin" } else { "viewer" },
        "plan": "self-hosted",
        "members": [],
    })
}

async fn workspace(
    State(api): State<Api>,
    Caller(access): Caller,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    Ok(Json(describe(&api, &access)))
}

/// Whether the token is good, and whether it is one that may manage the
/// workspace. A token that is not good does not come here.
async fn auth(Caller(access): Caller) -> Json<Value> {
    Json(json!({ "is_valid": true, "is_user": access.is_admin() }))
}

async fn workspaces(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let workspaces = match input.flag("only_environments") {
        true => Vec::new(),
        false => vec![describe_for(&api, &access)],
    };
    Ok(Json(json!({
        "id": api.authority().workspace_id(),
        "organization_id": null,
        "workspaces": workspaces,
    })))
}

/// The workspace, with its token for administrators alone.
fn describe_for(api: &Api, access: &Access) -> Value {
    let mut workspace = describe(api, access);
    if access.is_admin() {
        workspace["token"] = api.authority().admin_token().into();
    }
    workspace
}

/// There is one workspace: whoever wants one of its name has it already.
async fn create(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.administer()?;
    if input.required("name")? == api.workspace_name() {
        return Ok(Json(describe_for(&api, &access)));
    }
    let message = format!(
        "this server has one workspace, `{}`: use it, or run another server with a state directory of its own",
        api.workspace_name()
    );
    Err(ApiError::bad_request("one_workspace", message))
}

async fn remove(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.administer()?;
    require_workspace(&api, &id)?;
    let message = "the only workspace is not deleted over HTTP: stop the server and remove its state directory";
    Err(ApiError::conflict("one_workspace", message))
}

fn require_workspace(api: &Api, id: &str) -> Result<(), ApiError> {
    match id == api.authority().workspace_id() {
        true => Ok(()),
        false => Err(ApiError::not_found(
            "workspace_not_found",
            "there is no such workspace",
        )),
    }
}

async fn one_workspace(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    require_workspace(&api, &id)?;
    Ok(Json(describe_for(&api, &access)))
}

/// Branches: there are none.
async fn environments(Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    Ok(Json(json!({ "environments": [] })))
}

async fn create_environment(Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let message = "there are no branches: run another server with a state directory of its own beside this one";
    Err(ApiError::bad_request("no_branches", message))
}

async fn no_environment(Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    Err(ApiError::not_found(
        "environment_not_found",
        "there is no such branch",
    ))
}

/// Ready is who gets an answer out of the engine.
async fn ready(State(api): State<Api>) -> Result<&'static str, ApiError> {
    api.engine()
        .query(Statement::read("SELECT 1", "Null"))
        .await
        .map_err(engine_error)?;
    Ok("ready")
}

async fn regions(State(api): State<Api>) -> Json<Value> {
    let host = api.settings().origin();
    Json(
        json!({ "regions": [{ "name": "local", "api_host": host, "host": host,
        "provider": "rookery" }] }),
    )
}

/// Tinybird Local gives its tokens to whoever asks. Here that is switched on by
/// hand, and only callers on this machine are answered, who also call it by a
/// name of this machine: a page elsewhere may make a name of its own lead here.
async fn local_tokens(
    State(api): State<Api>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let is_local = peer
        .is_some_and(|Extension(ConnectInfo(address))| address.ip().to_canonical().is_loopback());
    if !api.settings().local_bootstrap || !is_local || !names_this_machine(&headers) {
        return Err(crate::api::no_such_route());
    }
    let token = api.authority().admin_token();
    Ok(Json(json!({
        "user_token": token, "admin_token": token, "workspace_admin_token": token,
    })))
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_this_machines_names_are_local() {
        let local = |host: &'static str| {
            names_this_machine(&HeaderMap::from_iter([(
                header::HOST,
                HeaderValue::from_static(host),
            )]))
        };
        assert!(local("localhost:7181") && local("127.0.0.1") && local("[::1]:7181"));
        assert!(!local("evil.example:7181") && !local("localhost.evil.example") && !local(""));
    }
}
