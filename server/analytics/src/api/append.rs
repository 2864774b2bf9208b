//! Appending files to data sources: NDJSON, CSV and Parquet, at once (`/v0`)
//! or as a job (`/v1`).

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};
use service::ApiError;
use uuid::Uuid;

use super::auth::Caller;
use super::data_sources::reference;
use super::input::{Input, media_type};
use super::jobs;
use super::state::{Api, Named, no_such_data_source};
use crate::access::{Access, Resource};
use crate::datafile::DataSource;
use crate::ingest::{Append, Format, IngestError, Ingested, Target, append, unpack};

pub(crate) fn router(most_bytes: usize) -> Router<Api> {
    Router::new()
        .route("/v0/datasources", post(append_now))
        .route("/v1/datasources/{name}/append", post(append_as_job))
        .layer(DefaultBodyLimit::max(most_bytes))
}

/// Appends rows for a caller, if it may.
pub(crate) async fn append_rows(
    api: &Api,
    access: &Access,
    name: &str,
    mut rows: Append,
) -> Result<(Named<DataSource>, Ingested), ApiError> {
    let data_source = appendable(api, access, name)?;
    rows.stamp = access
        .append(data_source.resource())?
        .stamps(&data_source.item)?;
    let ingested = write(api, &data_source, rows).await?;
    Ok((data_source, ingested))
}

async fn write(
    api: &Api,
    data_source: &Named<DataSource>,
    rows: Append,
) -> Result<Ingested, ApiError> {
    let _tables_stay = api.workspace().writing().await;
    let target = Target {
        engine: api.engine().as_ref(),
        database: api.database(),
        data_source: &data_source.item,
    };
    Ok(append(target, rows).await?)
}

/// The data source, if the caller may append to it. Whoever may not learns
/// nothing about whether it exists.
fn appendable(api: &Api, access: &Access, name: &str) -> Result<Named<DataSource>, ApiError> {
    match api.served().data_source(name) {
        Some(data_source) => {
            access.append(data_source.resource())?;
            Ok(data_source)
        }
        None => {
            access.append(Resource { name, id: name })?;
            Err(no_such_data_source(name))
        }
    }
}

/// `POST /v0/datasources?mode=append&name=…&format=…` with a file in a
/// multipart form or as the body itself.
async fn append_now(
    State(api): State<Api>,
    Caller(access): Caller,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let input = Input::from_uri(&uri)?;
    match input.text("mode").unwrap_or("append") {
        "append" => {}
        "create" => return Err(super::data_sources::managed_by_project()),
        _ => {
            let message = "the mode is `append`; to replace rows, delete them by a condition or \
                           truncate the data source, then append";
            return Err(ApiError::bad_request("mode_not_available", message));
        }
    }
    refuse_url(&input)?;
    let name = input.required("name")?;
    let data_source = appendable(&api, &access, name)?;
    let format = format(&input, request.headers(), &data_source.item)?;
    let body = file(request).await?;
    let data = unpacked(body, api.settings().limits.file_bytes).await?;
    let import_id = Uuid::new_v4().to_string();
    let rows = Append {
        import_id: Some(import_id.clone()),
        ..Append::new(format, data)
    };
    let (data_source, ingested) = append_rows(&api, &access, name, rows).await?;
    Ok(Json(json!({
        "import_id": import_id,
        "datasource": reference(&data_source),
        "successful_rows": ingested.successful_rows,
        "quarantined_rows": ingested.quarantined_rows,
        "quarantine_rows": ingested.quarantined_rows,
        "invalid_lines": 0,
        "error": false,
        "blocks": [],
    })))
}

/// `POST /v1/datasources/<name>/append?format=…` with the file as body.
async fn append_as_job(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    uri: Uri,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = Input::from_uri(&uri)?;
    refuse_url(&input)?;
    let data_source = appendable(&api, &access, &name)?;
    let stamp = access
        .append(data_source.resource())?
        .stamps(&data_source.item)?;
    let format = format(&input, request.headers(), &data_source.item)?;
    let body = file(request).await?;
    let mut details = Map::new();
    details.insert("datasource".to_owned(), reference(&data_source));
    let work = import(api.clone(), data_source, format, body, stamp);
    let id = api.jobs().start("import", &access, details, work);
    let mut answer = jobs::started(&id);
    answer["import_id"] = id.into();
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

async fn import(
    api: Api,
    data_source: Named<DataSource>,
    format: Format,
    body: Bytes,
    stamp: BTreeMap<String, String>,
) -> Result<Map<String, Value>, ApiError> {
    let data = unpacked(body, api.settings().limits.file_bytes).await?;
    let rows = Append {
        stamp,
        ..Append::new(format, data)
    };
    let ingested = write(&api, &data_source, rows).await?;
    let mut details = Map::new();
    details.insert(
        "quarantine_rows".to_owned(),
        ingested.quarantined_rows.into(),
    );
    details.insert("invalid_lines".to_owned(), 0.into());
    details.insert(
        "statistics".to_owned(),
        json!({ "rows": ingested.successful_rows }),
    );
    Ok(details)
}

fn refuse_url(input: &Input) -> Result<(), ApiError> {
    match input.get("url") {
        Some(_) => Err(no_urls()),
        None => Ok(()),
    }
}

fn no_urls() -> ApiError {
    let message = "the server fetches nothing from addresses: send the file itself";
    ApiError::bad_request("url_not_available", message)
}

/// How the file is written down: as the request says, or else as the data
/// source usually is.
fn format(
    input: &Input,
    headers: &http::HeaderMap,
    data_source: &DataSource,
) -> Result<Format, ApiError> {
    let usual = if data_source.has_json_paths() {
        "ndjson"
    } else {
        "csv"
    };
    let by_media_type = match media_type(headers).as_deref() {
        Some("text/csv") => "csv",
        Some("application/x-ndjson") => "ndjson",
        Some("application/vnd.apache.parquet") => "parquet",
        _ => usual,
    };
    match input.text("format").unwrap_or(by_media_type) {
        "csv" => Ok(Format::Csv {
            delimiter: delimiter(input)?,
        }),
        "ndjson" => Ok(Format::Ndjson),
        "json" => Ok(Format::Json),
        "parquet" => Ok(Format::Parquet),
        _ => {
            let message = "the format of a file is `csv`, `ndjson` or `parquet`";
            Err(ApiError::bad_request("invalid_format", message))
        }
    }
}

fn delimiter(input: &Input) -> Result<char, ApiError> {
    let text = input.text("dialect_delimiter").unwrap_or(",");
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(delimiter), None) if delimiter.is_ascii() => Ok(delimiter),
        _ => {
            let message = "dialect_delimiter must be one ASCII character";
            Err(ApiError::bad_request("invalid_delimiter", message))
        }
    }
}

/// The file of a request: the first file of a form, whatever its field is
/// called (clients say `csv` for every format), or the whole body.
async fn file(request: Request) -> Result<Bytes, ApiError> {
    let media_type = media_type(request.headers());
    if media_type.as_deref() != Some("multipart/form-data") {
        let body = Bytes::from_request(request, &()).await.map_err(no_body)?;
        // `curl --data` calls every body a form, so rows may be called one too.
        let is_form = media_type.as_deref() == Some("application/x-www-form-urlencoded");
        if is_form && body.starts_with(b"url=") {
            return Err(no_urls());
        }
        return Ok(body);
    }
    let unreadable = |status: StatusCode, text: String| ApiError::new(status, "invalid_form", text);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|rejection| unreadable(rejection.status(), rejection.body_text()))?;
    let mut parts = 0;
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| unreadable(error.status(), error.body_text()))?
    {
        parts += 1;
        let is_file = field.file_name().is_some() || field.name() == Some("csv");
        if is_file {
            return field
                .bytes()
                .await
                .map_err(|error| unreadable(error.status(), error.body_text()));
        }
    }
    let message = format!("the form has {parts} fields and no file");
    Err(ApiError::bad_request("missing_file", message))
}

/// Unpacks gzip. Anything that could take long is kept off the async threads.
pub(crate) async fn unpacked(data: Bytes, most_bytes: usize) -> Result<Bytes, ApiError> {
    if let [0x28, 0xb5, 0x2f, 0xfd, ..] = &data[..] {
        let message = "the body is packed with zstd: send it plain or packed with gzip";
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "zstd",
            message,
        ));
    }
    let unpacked = tokio::task::spawn_blocking(move || unpack(data, most_bytes)).await;
    Ok(unpacked.map_err(ApiError::internal)??)
}

pub(crate) fn no_body(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = "the request is too large: send the rows in parts";
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
    }
    ApiError::new(rejection.status(), "invalid_body", rejection.body_text())
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Engine(error) => error.into(),
            IngestError::Unreadable(_) => Self::bad_request("unreadable_rows", error.to_string()),
            IngestError::TooLarge { .. } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                error.to_string(),
            ),
            IngestError::NoColumn(_) => {
                Self::forbidden("token_fixes_unknown_column", error.to_string())
            }
        }
    }
}
