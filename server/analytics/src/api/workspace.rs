//! What clients ask for when they start: the workspace, the version, the
//! regions. One installation has one workspace.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::routing::get;
use axum::{Extension, Json, Router};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use service::ApiError;

use super::auth::Caller;
use super::state::Api;

/// Routes behind the gate.
pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v1/workspace", get(workspace))
        .route("/v0/workspace", get(workspace))
        .route("/v1/user/workspaces", get(workspaces))
        .route("/v0/user/workspaces", get(workspaces))
        .route("/v0/user/workspaces/", get(workspaces))
        .route("/v0/workspaces/{id}", get(one_workspace))
        .route("/v1/environments", get(environments))
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
        .route("/health/readiness", get(|| async { "ready" }))
        .route("/v0/regions", get(regions))
        .route("/tokens", get(local_tokens))
}

fn describe(api: &Api) -> Value {
    let id = api.authority().workspace_id();
    json!({
        "id": id,
        "name": api.workspace_name(),
        "user_id": id,
        "user_email": "",
        "scope": "WORKSPACE",
        "main": null,
    })
}

async fn workspace(
    State(api): State<Api>,
    Caller(access): Caller,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    Ok(Json(describe(&api)))
}

async fn workspaces(
    State(api): State<Api>,
    Caller(access): Caller,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let mut workspace = describe(&api);
    if access.is_admin() {
        workspace["token"] = api.authority().admin_token().into();
    }
    Ok(Json(
        json!({ "organization_id": null, "workspaces": [workspace] }),
    ))
}

async fn one_workspace(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    if id != api.authority().workspace_id() {
        return Err(ApiError::not_found(
            "workspace_not_found",
            "there is no such workspace",
        ));
    }
    let mut workspace = describe(&api);
    if access.is_admin() {
        workspace["token"] = api.authority().admin_token().into();
    }
    Ok(Json(workspace))
}

/// Branches: there are none.
async fn environments(Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    Ok(Json(json!({ "environments": [] })))
}

async fn regions(State(api): State<Api>) -> Json<Value> {
    let host = format!("http://{}", api.settings().listen);
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
        return Err(super::no_such_route());
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
