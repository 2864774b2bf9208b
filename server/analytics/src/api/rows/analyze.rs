//! `POST /v0/analyze`: a schema for the rows of a file. Nothing is kept.

use std::time::Instant;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use http::Uri;
use serde_json::{Map, Value, json};
use service::ApiError;

use crate::api::request::auth::Caller;
use crate::api::request::file::{delimiter, file, refuse_encoding, refuse_url, unpacked};
use crate::api::request::input::{Input, media_type};
use crate::api::state::Api;
use crate::ingest::{Analysis, Format, infer};

pub(crate) fn router(most_bytes: usize) -> Router<Api> {
    Router::new()
        .route("/v0/analyze", post(analyze))
        .layer(DefaultBodyLimit::max(most_bytes))
}

async fn analyze(
    State(api): State<Api>,
    Caller(access): Caller,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let input = Input::from_uri(&uri)?;
    refuse_url(&input)?;
    refuse_encoding(request.headers())?;
    let media_type = media_type(request.headers());
    let most_bytes = api.settings().limits.file_bytes;
    let data = unpacked(file(request, most_bytes).await?, most_bytes).await?;
    let format = format(&input, media_type.as_deref(), &data)?;
    let began = Instant::now();
    let bytes = data.len();
    let found = tokio::task::spawn_blocking(move || infer(&data, format)).await;
    let found = found.map_err(ApiError::internal)??;
    let elapsed = began.elapsed().as_secs_f64();
    let statistics = json!({ "elapsed": elapsed, "rows_read": found.rows, "bytes_read": bytes });
    Ok(Json(describe(&found, statistics)))
}

/// As the request says, or else as the data looks.
fn format(input: &Input, media_type: Option<&str>, data: &[u8]) -> Result<Format, ApiError> {
    let looks_like_json = matches!(data.trim_ascii_start().first(), Some(b'{' | b'['));
    let likely = match media_type {
        Some("text/csv") => "csv",
        Some("application/x-ndjson") => "ndjson",
        _ if data.trim_ascii_start().starts_with(b"[") => "json",
        _ if looks_like_json => "ndjson",
        _ => "csv",
    };
    match input.text("format").unwrap_or(likely) {
        "ndjson" => Ok(Format::Ndjson),
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv {
            delimiter: delimiter(input)?,
        }),
        _ => {
            let message = "the format of rows to analyze is `csv`, `ndjson` or `json`";
            Err(ApiError::bad_request("invalid_format", message))
        }
    }
}

fn describe(found: &Analysis, statistics: Value) -> Value {
    let columns: Vec<Value> = found
        .columns
        .iter()
        .map(|column| {
            json!({
                "path": column.path,
                "name": column.name,
                "recommended_type": column.data_type,
                "present_pct": column.present_pct,
            })
        })
        .collect();
    let meta: Vec<Value> = found
        .columns
        .iter()
        .map(|column| json!({ "name": column.name, "type": column.data_type }))
        .collect();
    let data: Vec<Map<String, Value>> = found
        .preview
        .iter()
        .map(|row| {
            let names = found.columns.iter().map(|column| column.name.clone());
            names.zip(row.iter().cloned()).collect()
        })
        .collect();
    json!({
        "analysis": { "columns": columns, "schema": found.schema() },
        "preview": { "meta": meta, "data": data, "rows": data.len(), "statistics": statistics },
    })
}
