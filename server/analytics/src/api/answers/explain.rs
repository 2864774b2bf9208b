//! How the engine would run a query: `explain=true` on endpoints and on the
//! Query API, `/v0/pipes/<pipe>/explain` and the same for a node.
//!
//! A plan names tables, and the SQL beside it shows how a pipe is made, so both
//! are for static tokens that may read everything the query reads. The plan has
//! no values in it: those of secrets stay secret.

use crate::api::error::engine_error;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use service::ApiError;

use crate::access::{Access, Readable};
use crate::api::answers::endpoint;
use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::state::{Api, Named, Served, no_such_pipe};
use crate::query::prepare_node;
use datafile::{Node, Pipe};
use engine::Statement;

/// The steps and the tables they read. What is switched off shows the values
/// that rows are held against.
const EXPLAIN: &str = "EXPLAIN PLAN pretty = 0, actions = 0, indexes = 0, header = 0";

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/pipes/{pipe}/explain", get(whole_pipe))
        .route("/v0/pipes/{pipe}/nodes/{node}/explain", get(one_node))
}

async fn whole_pipe(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    let served = api.served();
    let pipe = visible(&served, &access, &name)?;
    let node = pipe.item.endpoint().or_else(|| pipe.item.output());
    let node = node.ok_or_else(|| no_such_node(&pipe.item, ""))?;
    explain_node(&api, &served, &access, (&pipe.item, node), input).await
}

async fn one_node(
    State(api): State<Api>,
    Caller(access): Caller,
    Path((name, node)): Path<(String, String)>,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    let served = api.served();
    let pipe = visible(&served, &access, &name)?;
    let id = |own: &str| served.id(&format!("{}.{own}", pipe.item.name));
    let found = pipe
        .item
        .nodes
        .iter()
        .find(|own| own.name == node || id(&own.name) == node);
    let found = found.ok_or_else(|| no_such_node(&pipe.item, &node))?;
    explain_node(&api, &served, &access, (&pipe.item, found), input).await
}

fn visible(served: &Served, access: &Access, name: &str) -> Result<Named<Pipe>, ApiError> {
    access.metadata()?;
    let pipe = served.require_pipe(name)?;
    if !access.sees_pipe(pipe.resource()) {
        return Err(no_such_pipe(name));
    }
    Ok(pipe)
}

fn no_such_node(pipe: &Pipe, node: &str) -> ApiError {
    let message = format!("The pipe '{}' has no node '{node}'", pipe.name);
    ApiError::not_found("node_not_found", message)
}

async fn explain_node(
    api: &Api,
    served: &Served,
    access: &Access,
    (pipe, node): (&Pipe, &Node),
    input: Input,
) -> Result<Json<Value>, ApiError> {
    let call = endpoint::unrestricted_call(api, served, pipe, input);
    let prepared = prepare_node(api.engine().as_ref(), api.guard(), call, node).await?;
    explained(api, served, access, prepared.statement).await
}

/// The plan of a statement that is ready to run, beside its SQL.
pub(crate) async fn explained(
    api: &Api,
    served: &Served,
    access: &Access,
    statement: Statement,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let engine = api.engine().as_ref();
    let inspection = api
        .guard()
        .inspect(engine, &statement.sql, &statement.parameters)
        .await
        .map_err(engine_error)?;
    let readable = Readable::new(
        access,
        &served.project,
        api.authority().workspace_id(),
        api.database(),
        served.tables(api).await?,
        None,
    );
    if !inspection.reads_only(&readable) {
        let message = "the token has no scope that allows this: it needs ADMIN, or READ on \
                       everything that the query reads";
        return Err(ApiError::forbidden("token_out_of_scope", message));
    }
    let sql = statement.sql.clone();
    // Nothing but secrets is bound.
    let has_secrets = !statement.parameters.is_empty();
    let plan = Statement {
        sql: format!("{EXPLAIN} {sql}"),
        format: "TSVRaw".to_owned(),
        ..statement
    };
    let answer = engine
        .query(plan)
        .await
        .map_err(|error| match has_secrets {
            true => engine_error(error.without_text()),
            false => engine_error(error),
        })?;
    Ok(Json(json!({
        "debug_query": sql,
        "query_explain": String::from_utf8_lossy(&answer.body),
    })))
}
