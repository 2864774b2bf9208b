//! A request's body in whole, and what is said when it cannot be had.

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use service::{ApiError, unread_body};

/// Bytes of a body that is not rows or files: SQL, parameters, a JSON object.
/// Tinybird takes as much.
pub(crate) const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The body of a request whose route takes so many bytes (`DefaultBodyLimit`).
pub(crate) async fn body(request: Request, most_bytes: usize) -> Result<Bytes, ApiError> {
    let body = Bytes::from_request(request, &()).await;
    body.map_err(|rejection| no_body(&rejection, most_bytes))
}

/// What is said of a body that an extractor could not have.
pub(crate) fn no_body(rejection: &BytesRejection, most_bytes: usize) -> ApiError {
    unread_body(rejection.status(), rejection, most_bytes)
}

/// What is said of a form that broke off.
pub(crate) fn no_part(error: &MultipartError, most_bytes: usize) -> ApiError {
    unread_body(error.status(), error, most_bytes)
}
