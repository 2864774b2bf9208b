//! Helpers for people who write SQL: how a text looks in the engine's own
//! spelling, and which tables it names. Nothing is run.

use crate::api::error::engine_error;
use std::collections::BTreeSet;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use service::ApiError;

use super::request::SqlRequest;
use super::{inspect, rendered};
use crate::api::request::auth::Caller;
use crate::api::state::Api;
use crate::project::sql::compose::reads;
use engine::guard::StatementKind;
use engine::{Statement, sql};

pub(super) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/sql_format", get(format).post(format))
        .route("/v0/sql_tables", get(tables).post(tables))
}

/// `{"q": <the SQL, formatted>}`. A template is the author's to format: it is
/// given back as it came.
async fn format(
    State(api): State<Api>,
    Caller(access): Caller,
    request: SqlRequest,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let text = request.text()?;
    if text.starts_with('%') {
        return Ok(Json(json!({ "q": text })));
    }
    // Says what is wrong in better words than the function would.
    inspect(&api, text).await?;
    let statement = Statement {
        parameters: vec![("sql".to_owned(), sql::parameter(text))],
        ..Statement::read("SELECT formatQuery({sql:String})", "TSVRaw")
    };
    let answer = api.engine().query(statement).await.map_err(engine_error)?;
    let formatted = String::from_utf8_lossy(&answer.body);
    Ok(Json(json!({ "q": formatted.trim_end() })))
}

/// `{"tables": [[database, table], …]}`: the names in the text, whether there
/// are such tables or not; the database is empty where the text names none.
async fn tables(
    State(api): State<Api>,
    Caller(access): Caller,
    request: SqlRequest,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let inspection = inspect(&api, &rendered(&request)?).await?;
    if !matches!(
        inspection.kind,
        StatementKind::Select | StatementKind::Describe
    ) {
        let message = "DB::Exception: Only SELECT or DESCRIBE queries are supported";
        return Err(ApiError::bad_request("query_refused", message));
    }
    let own = reads(&inspection.body).own;
    let served = api.served();
    let is_resource =
        |name: &str| served.data_source(name).is_some() || served.pipe(name).is_some();
    let names: BTreeSet<[&str; 2]> = inspection
        .tables
        .iter()
        .filter(|name| name.database.is_some() || !own.contains(&name.table))
        // After IN it is a table only if there is one.
        .filter(|name| !name.after_in || is_resource(&name.table))
        .map(|name| [name.database.as_deref().unwrap_or(""), &name.table])
        .collect();
    Ok(Json(json!({ "tables": names })))
}
