//! What clients ask about the project as a whole: who reads whom, tags,
//! connections. Every answer names only what its caller sees.

use crate::api::error::engine_error;
use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use service::ApiError;

use crate::access::Access;
use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::state::{Api, Served, no_such_data_source, no_such_pipe};

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/dependencies", get(dependencies))
        .route("/v0/tags", get(tags))
        .route("/v0/connectors", get(connectors))
        .route("/v0/integrations", get(integrations))
}

/// For each data source the pipes that read it, directly or over others;
/// `datasource=` and `pipe=` narrow it down, `no_deps=true` asks for the data
/// sources that nobody reads.
async fn dependencies(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let served = api.served();
    let mut readers = served
        .project
        .readers(api.engine().as_ref())
        .await
        .map_err(engine_error)?;
    readers.retain(|name, pipes| {
        pipes.retain(|pipe| sees_pipe(&served, &access, pipe));
        sees_data_source(&served, &access, name)
    });
    let name_of = |parameter: &str| input.text(parameter).filter(|name| !name.is_empty());
    if let Some(asked) = name_of("datasource") {
        let data_source = served.require_data_source(asked)?;
        if !sees_data_source(&served, &access, &data_source.item.name) {
            return Err(no_such_data_source(asked));
        }
        readers.retain(|name, _| *name == data_source.item.name);
    }
    if let Some(asked) = name_of("pipe") {
        let pipe = served.require_pipe(asked)?;
        if !sees_pipe(&served, &access, &pipe.item.name) {
            return Err(no_such_pipe(asked));
        }
        readers.retain(|_, pipes| pipes.contains(&pipe.item.name));
    }
    if input.flag("no_deps") {
        readers.retain(|_, pipes| pipes.is_empty());
    }
    Ok(Json(
        json!({ "dependencies": readers, "incompatible_datasources": {} }),
    ))
}

/// The bare words of `TAGS` lines, and what they stand on.
async fn tags(State(api): State<Api>, Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let served = api.served();
    let mut tags: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for data_source in served.project.data_sources() {
        let name = &data_source.name;
        if sees_data_source(&served, &access, name) {
            let resource = json!({ "id": served.id(name), "name": name, "type": "datasource" });
            for label in &data_source.tags.labels {
                tags.entry(label).or_default().push(resource.clone());
            }
        }
    }
    for pipe in served.project.pipes() {
        let name = &pipe.name;
        if sees_pipe(&served, &access, name) {
            let resource = json!({ "id": served.id(name), "name": name, "type": "pipe" });
            for label in &pipe.tags.labels {
                tags.entry(label).or_default().push(resource.clone());
            }
        }
    }
    let tags: Vec<Value> = tags
        .into_iter()
        .map(|(name, resources)| json!({ "name": name, "resources": resources }))
        .collect();
    Ok(Json(json!({ "tags": tags })))
}

/// The project's `.connection` files. None of them runs, and their settings
/// stay in the files.
async fn connectors(
    State(api): State<Api>,
    Caller(access): Caller,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let served = api.served();
    let connectors: Vec<Value> = served
        .project
        .connections()
        .map(|connection| {
            json!({
                "id": served.id(&connection.name),
                "name": connection.name,
                "service": connection.kind.name(),
                "connected_datasources": 0,
                "settings": {},
            })
        })
        .collect();
    Ok(Json(json!({ "connectors": connectors })))
}

/// Services of other houses: there are none.
async fn integrations(Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    Ok(Json(json!({ "integrations": [] })))
}

fn sees_pipe(served: &Served, access: &Access, name: &str) -> bool {
    served
        .pipe(name)
        .is_some_and(|pipe| access.sees_pipe(pipe.resource()))
}

fn sees_data_source(served: &Served, access: &Access, name: &str) -> bool {
    served
        .data_source(name)
        .is_some_and(|data_source| access.sees_data_source(data_source.resource()))
}
