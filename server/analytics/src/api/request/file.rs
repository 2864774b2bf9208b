//! The file of rows in a request: where it is, how it is written down, and how
//! it is packed.

use crate::api::error::engine_error;
use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use http::{HeaderMap, StatusCode, header};
use service::ApiError;

use crate::api::request::body::{body, no_part};
use crate::api::request::input::{Input, media_type};
use crate::ingest::{Format, IngestError, unpack};
use datafile::DataSource;

pub(crate) fn refuse_url(input: &Input) -> Result<(), ApiError> {
    match input.get("url") {
        Some(_) => Err(no_urls()),
        None => Ok(()),
    }
}

fn no_urls() -> ApiError {
    let message = "nothing is fetched from addresses here: send the file itself";
    ApiError::bad_request("url_not_available", message)
}

/// How the file is written down: as the request says, or else as the data
/// source usually is.
pub(crate) fn format(
    input: &Input,
    headers: &HeaderMap,
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

/// What a CSV file escapes quotes with, if that is not another quote.
pub(crate) fn escape(input: &Input) -> Result<Option<u8>, ApiError> {
    let invalid = |message| Err(ApiError::bad_request("invalid_dialect", message));
    if !matches!(
        input.text("dialect_new_line"),
        None | Some("" | "\n" | "\r\n" | "\r" | "\\n" | "\\r\\n" | "\\r")
    ) {
        return invalid("dialect_new_line must be a line feed, a carriage return, or both");
    }
    match input.text("dialect_escapechar").map(str::as_bytes) {
        None | Some([] | [b'"']) => Ok(None),
        Some([escape]) if escape.is_ascii_punctuation() => Ok(Some(*escape)),
        Some(_) => invalid("dialect_escapechar must be one ASCII mark, such as a backslash"),
    }
}

/// What stands between the fields of CSV, if the request says it.
pub(crate) fn delimiter(input: &Input) -> Result<Option<char>, ApiError> {
    let Some(text) = input.text("dialect_delimiter") else {
        return Ok(None);
    };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(delimiter), None) if delimiter.is_ascii() => Ok(Some(delimiter)),
        _ => {
            let message = "dialect_delimiter must be one ASCII character";
            Err(ApiError::bad_request("invalid_delimiter", message))
        }
    }
}

/// The file of a request: the first file of a form, whatever its field is
/// called (clients say `csv` for every format), or the whole body.
pub(crate) async fn file(request: Request, most_bytes: usize) -> Result<Bytes, ApiError> {
    let media_type = media_type(request.headers());
    if media_type.as_deref() != Some("multipart/form-data") {
        let body = body(request, most_bytes).await?;
        // `curl --data` calls every body a form, so rows may be called one too.
        let is_form = media_type.as_deref() == Some("application/x-www-form-urlencoded");
        if is_form && body.starts_with(b"url=") {
            return Err(no_urls());
        }
        return Ok(body);
    }
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|rejection| {
            ApiError::new(rejection.status(), "invalid_form", rejection.body_text())
        })?;
    let broken_off = |error: MultipartError| no_part(&error, most_bytes);
    let mut parts = 0;
    while let Some(field) = form.next_field().await.map_err(broken_off)? {
        parts += 1;
        let is_file = field.file_name().is_some() || field.name() == Some("csv");
        if is_file {
            return field.bytes().await.map_err(broken_off);
        }
    }
    let message = format!("the form has {parts} fields and no file");
    Err(ApiError::bad_request("missing_file", message))
}

/// Refuses what is packed in a way that is not read. Whether a body is packed
/// is seen in its first bytes, so that a `.gz` file needs no header.
pub(crate) fn refuse_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get_all(header::CONTENT_ENCODING);
    let is_read = |encoding: &str| {
        ["", "identity", "gzip", "x-gzip", "zstd"]
            .iter()
            .any(|known| encoding.eq_ignore_ascii_case(known))
    };
    let all_read = given
        .iter()
        .all(|value| value.to_str().is_ok_and(|text| is_read(text.trim())));
    if all_read && given.iter().count() <= 1 {
        return Ok(());
    }
    let message = "the body is packed in a way that is not read: send it plain, or packed once \
                   with gzip or zstd";
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_encoding",
        message,
    ))
}

/// Unpacks gzip and zstd. It may take long, so it is kept off the async
/// threads.
pub(crate) async fn unpacked(data: Bytes, most_bytes: usize) -> Result<Bytes, ApiError> {
    let unpacked = tokio::task::spawn_blocking(move || unpack(data, most_bytes)).await;
    Ok(unpacked.map_err(ApiError::internal)??)
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Engine(error) => engine_error(error),
            IngestError::Unreadable(_) => Self::bad_request("unreadable_rows", error.to_string()),
            IngestError::TooLarge { .. } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                error.to_string(),
            ),
            // The engine's own text may quote rows and the view's SQL: neither
            // is for whoever appends, nor for the log.
            IngestError::View { ref view, code } => {
                tracing::warn!(
                    view,
                    code,
                    "a materialized view failed on rows that came in"
                );
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(status, "view_failed", error.to_string())
            }
            IngestError::NoColumn(_) => {
                Self::forbidden("token_fixes_unknown_column", error.to_string())
            }
        }
    }
}
