//! `POST /v1/fixtures`: the project's fixtures into data sources that have no
//! rows, as `rookery load` does it through a server that runs. Tinybird has
//! nothing like it.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use service::ApiError;

use crate::api::request::auth::Caller;
use crate::api::state::Api;
use crate::api::unix_now;
use crate::fixtures::Fixtures;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/v1/fixtures", post(load))
}

/// Answers with the number of data sources that were filled.
async fn load(State(api): State<Api>, Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.administer()?;
    let _tables_stay = api.workspace().writing().await;
    let fixtures = Fixtures {
        directory: &api.settings().project,
        project: &api.workspace().current(),
        engine: api.engine().as_ref(),
        database: api.database(),
    };
    let filled = fixtures
        .load_missing(unix_now(), |_| {})
        .await
        .map_err(|error| ApiError::bad_request("fixture_failed", error.to_string()))?;
    Ok(Json(json!({ "filled": filled })))
}
