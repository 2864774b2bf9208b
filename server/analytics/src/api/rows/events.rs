//! The Events API: rows as they happen, `POST /v0/events?name=<data source>`.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use service::ApiError;

use crate::api::request::auth::Caller;
use crate::api::request::body::no_body;
use crate::api::request::file::{refuse_encoding, unpacked};
use crate::api::request::input::Input;
use crate::api::rows::append::{append_rows, appendable};
use crate::api::rows::operations::Noted;
use crate::api::state::Api;
use crate::ingest::{Append, Format};

/// Where events are sent.
pub(crate) const EVENTS: &str = "/v0/events";

pub(crate) fn router(most_bytes: usize) -> Router<Api> {
    Router::new()
        .route(EVENTS, post(events))
        .layer(DefaultBodyLimit::max(most_bytes))
}

/// Rows are written before the answer in any case; without `wait=true` the
/// answer is 202 all the same, because clients take it for that.
async fn events(
    State(api): State<Api>,
    Caller(access): Caller,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    // The body is rows, whatever its media type says: options come in the
    // query string alone.
    let input = Input::from_uri(&uri)?;
    let name = input.required("name")?;
    let format = match input.text("format") {
        None | Some("ndjson") => Format::Ndjson,
        Some("json") => Format::Json,
        Some(_) => {
            let message = "the format of events is `ndjson` or `json`";
            return Err(ApiError::bad_request("invalid_format", message));
        }
    };
    refuse_encoding(&headers)?;
    // Bytes of somebody who may not append are not worth unpacking.
    let data_source = appendable(&api, &access, name)?;
    let most_bytes = api.settings().limits.event_bytes;
    let body = body.map_err(|rejection| no_body(&rejection, most_bytes))?;
    let data = unpacked(body, most_bytes).await?;
    let noted = Noted::begin(&api, "append-hfi", &data_source);
    let appended = append_rows(&api, &access, name, Append::new(format, data)).await;
    let ingested = noted.end(appended, |ingested| Some(*ingested))?;
    let status = if input.flag("wait") {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let answer = json!({
        "successful_rows": ingested.successful_rows,
        "quarantined_rows": ingested.quarantined_rows,
    });
    Ok((status, Json(answer)))
}
