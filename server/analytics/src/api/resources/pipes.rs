//! Pipes: what there is, and the calls of endpoints that `endpoint` answers.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};
use service::ApiError;

use crate::api::answers::endpoint;
use crate::api::answers::format::Format;
use crate::api::request::auth::Caller;
use crate::api::request::input::{Input, Members};
use crate::api::state::{Api, Named, Served, no_such_pipe};
use crate::api::{PlainText, timestamp};
use datafile::{CopyMode, CopySchedule, Node, NodeKind, Pipe};

/// The route of endpoint calls and of a pipe's description.
const ONE_PIPE: &str = "/v0/pipes/{pipe}";

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/pipes", get(list).post(refuse_change))
        .route(
            ONE_PIPE,
            get(read)
                .post(call)
                .put(refuse_change)
                .delete(refuse_change),
        )
        .route("/v0/pipes/{pipe}/nodes", post(refuse_change))
        .route(
            "/v0/pipes/{pipe}/nodes/{node}",
            put(refuse_change).delete(refuse_change),
        )
        // …/endpoint, …/copy, …/sink, …/materialization.
        .route(
            "/v0/pipes/{pipe}/nodes/{node}/{kind}",
            post(refuse_change).put(refuse_change).delete(refuse_change),
        )
        .route("/v0/pipes/{pipe}/endpoint", put(refuse_change))
        .route("/v0/pipes/{pipe}/append", post(refuse_change))
        .route("/v1/pipes/{file}", get(text))
        .route("/examples/query.http", get(example))
}

/// The endpoint that a request calls, for its rate limit.
pub(crate) fn called_endpoint(
    served: &Served,
    route: &str,
    parameter: Option<&str>,
) -> Option<Arc<Pipe>> {
    let (name, _) = endpoint_file(parameter.filter(|_| route == ONE_PIPE)?)?;
    served.pipe(name).map(|pipe| pipe.item)
}

/// The limit a pipe's author has set: `TAGS "rps=100"`.
pub(crate) fn tagged_rps(pipe: &Pipe) -> Option<i64> {
    pipe.tags.value("rps")?.trim().parse().ok()
}

/// `top.json` is the endpoint `top` in JSON.
fn endpoint_file(file: &str) -> Option<(&str, Format)> {
    let (name, ending) = file.rsplit_once('.')?;
    Some((name, Format::of_ending(ending)?))
}

async fn read(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(file): Path<String>,
    input: Input,
) -> Result<Response, ApiError> {
    if let Some((name, format)) = endpoint_file(&file) {
        return endpoint::call(&api, &access, name, format, input).await;
    }
    access.metadata()?;
    let served = api.served();
    let pipe = served.pipe(&file).ok_or_else(|| unknown(&file))?;
    if !access.sees_pipe(pipe.resource()) {
        return Err(unknown(&file));
    }
    Ok(Json(describe(&api, &served, &pipe)).into_response())
}

/// Names of pipes have no dots: what is behind one was meant as a format.
fn unknown(file: &str) -> ApiError {
    match file.rsplit_once('.') {
        None => no_such_pipe(file),
        Some((_, ending)) => {
            let message = format!(
                "`{ending}` is no format: ask for json, csv, ndjson, parquet or prometheus"
            );
            ApiError::not_found("format_not_found", message)
        }
    }
}

async fn call(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(file): Path<String>,
    input: Input,
) -> Result<Response, ApiError> {
    match endpoint_file(&file) {
        Some((name, format)) => endpoint::call(&api, &access, name, format, input).await,
        None => Err(managed_by_project()),
    }
}

/// All pipes; `attrs=` and `node_attrs=` ask for some of their members.
async fn list(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let (members, node_members) = (
        Members::of(&input, "attrs"),
        Members::of(&input, "node_attrs"),
    );
    let served = api.served();
    let pipes: Vec<Value> = served
        .project
        .pipes()
        .filter_map(|pipe| served.pipe(&pipe.name))
        .filter(|pipe| access.sees_pipe(pipe.resource()))
        .map(|pipe| {
            let mut description = describe(&api, &served, &pipe);
            let nodes = description["nodes"].as_array_mut();
            nodes
                .into_iter()
                .flatten()
                .for_each(|node| node_members.keep(node));
            members.keep(&mut description);
            description
        })
        .collect();
    Ok(Json(json!({ "pipes": pipes })))
}

/// The datafile of a pipe.
async fn text(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(file): Path<String>,
) -> Result<PlainText, ApiError> {
    access.metadata()?;
    let name = file
        .strip_suffix(".pipe")
        .ok_or_else(crate::api::no_such_route)?;
    let pipe = api.served().require_pipe(name)?;
    if !access.sees_pipe(pipe.resource()) {
        return Err(no_such_pipe(name));
    }
    crate::api::read_datafile(&api, &pipe.item.file).await
}

/// The address of an endpoint, as text, for people to try.
async fn example(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<PlainText, ApiError> {
    let pipe = api.served().require_pipe(input.required("pipe")?)?;
    access.pipe(pipe.resource())?;
    let ending = input.text("format").unwrap_or("json");
    let format = Format::of_ending(ending).map_or("json", |_| ending);
    Ok(PlainText(address(&api, &pipe.item, format)))
}

/// Where an endpoint answers.
fn address(api: &Api, pipe: &Pipe, format: &str) -> String {
    let origin = api.settings().origin();
    format!("{origin}/v0/pipes/{}.{format}", pipe.name)
}

async fn refuse_change() -> ApiError {
    managed_by_project()
}

fn managed_by_project() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "managed_by_project",
        "pipes come from the project's files: change them there and reload the project",
    )
}

/// A pipe as clients read it.
pub(crate) fn describe(api: &Api, served: &Served, pipe: &Named<Pipe>) -> Value {
    let time = timestamp(served.loaded_at);
    let nodes: Vec<Value> = pipe
        .item
        .nodes
        .iter()
        .map(|node| describe_node(served, &pipe.item, node))
        .collect();
    let endpoint = pipe
        .item
        .endpoint()
        .map(|node| node_id(served, &pipe.item, node));
    let kind = pipe
        .item
        .special_node()
        .map_or("default", |node| kind_name(&node.kind, "default"));
    let mut description = json!({
        "id": pipe.id,
        "name": pipe.item.name,
        "description": pipe.item.description,
        "type": kind,
        "endpoint": endpoint,
        "url": pipe.item.endpoint().map(|_| address(api, &pipe.item, "json")),
        "nodes": nodes,
        "tags": pipe.item.tags.labels,
        "parent": null,
        "created_at": time,
        "updated_at": time,
    });
    if let (Some(copy), Some(node)) = (pipe.item.copy(), pipe.item.special_node()) {
        description["copy_node"] = node_id(served, &pipe.item, node).into();
        description["copy_mode"] = match copy.mode {
            CopyMode::Append => "append".into(),
            CopyMode::Replace => "replace".into(),
        };
        description["copy_target_datasource"] = served.id(&copy.target).into();
        if let CopySchedule::Cron(cron) = &copy.schedule {
            let is_paused = api.schedules().is_paused(&pipe.item.name);
            let status = if is_paused { "paused" } else { "running" };
            description["schedule"] =
                json!({ "cron": cron, "timezone": "Etc/UTC", "status": status });
        }
    }
    description
}

fn describe_node(served: &Served, pipe: &Pipe, node: &Node) -> Value {
    let time = timestamp(served.loaded_at);
    let sql: &str = &node.sql;
    let sql = if node.is_template {
        format!("%\n{sql}")
    } else {
        sql.to_owned()
    };
    let materialized = match &node.kind {
        NodeKind::Materialized { data_source, .. } => Some(served.id(data_source)),
        _ => None,
    };
    json!({
        "id": node_id(served, pipe, node),
        "name": node.name,
        "description": node.description,
        "sql": sql,
        "node_type": kind_name(&node.kind, "standard"),
        "materialized": materialized,
        "params": endpoint::described_parameters(served, pipe, node),
        "tags": {},
        "version": 0,
        "created_at": time,
        "updated_at": time,
    })
}

/// The node with this name or id, or a 404.
pub(crate) fn require_node<'pipe>(
    served: &Served,
    pipe: &'pipe Pipe,
    name_or_id: &str,
) -> Result<&'pipe Node, ApiError> {
    pipe.nodes
        .iter()
        .find(|node| node.name == name_or_id || node_id(served, pipe, node) == name_or_id)
        .ok_or_else(|| {
            let message = format!("the pipe '{}' has no node '{name_or_id}'", pipe.name);
            ApiError::not_found("node_not_found", message)
        })
}

fn node_id(served: &Served, pipe: &Pipe, node: &Node) -> String {
    served.id(&format!("{}.{}", pipe.name, node.name))
}

fn kind_name(kind: &NodeKind, standard: &'static str) -> &'static str {
    match kind {
        NodeKind::Standard => standard,
        NodeKind::Endpoint => "endpoint",
        NodeKind::Materialized { .. } => "materialized",
        NodeKind::Copy(_) => "copy",
        NodeKind::Sink { .. } => "sink",
    }
}
