//! The error that leaves a handler, and the one envelope it is sent in.
//!
//! Domain errors stay free of HTTP; a service converts them to [`ApiError`]
//! at its edge. What a client may read is `message`; what the operator needs
//! is the cause, which goes to the log and nowhere else.

use std::error::Error;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::observe::current_request_id;

/// Where the codes are explained; sent as `documentation` with every error.
pub const DOCUMENTATION: &str = "docs/api.md#errors";

/// A response extension: why a request was refused, for operators. It stays in
/// the server; what is our fault is logged alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause(pub String);

/// An error on its way to a client.
///
/// Serialized as `{"error", "code", "documentation", "request_id"}`. The text
/// of a 5xx answer is masked: its message and cause are only logged.
#[derive(Debug)]
pub struct ApiError(Box<Parts>);

/// Behind one pointer, so that results stay small where all goes well.
#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    message: Value,
    cause: Option<Box<dyn Error + Send + Sync>>,
    headers: HeaderMap,
    members: Map<String, Value>,
}

impl ApiError {
    /// An error with a stable, machine-readable `code` (`snake_case`) and a
    /// message that says what to change.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            code,
            message: Value::String(message.into()),
            cause: None,
            headers: HeaderMap::new(),
            members: Map::new(),
        }))
    }

    /// 400: the request is wrong.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 401: nobody is signed in.
    pub fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403: the caller is known, or its token is not good, and may not do this.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404: it does not exist, or the caller may not know that it does.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409: it cannot be done in the present state.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 500: a defect or a broken machine. The client learns only the request id.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "").with_cause(cause)
    }

    /// 503: overloaded or not ready; the same request may work later.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "").with_cause(cause)
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a response header, such as `Retry-After`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Adds a member to the body, for clients that read more than `error`.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.0.members.insert(name.to_owned(), value);
        self
    }

    /// Replaces the message by any JSON value; a pipe's `custom_error` may be
    /// an object.
    #[must_use]
    pub fn with_message_value(mut self, message: Value) -> Self {
        self.0.message = message;
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The public text, before masking.
    pub fn message(&self) -> &Value {
        &self.0.message
    }

    fn public_message(&self) -> Value {
        if !self.0.status.is_server_error() {
            return self.0.message.clone();
        }
        let text = match self.0.status {
            StatusCode::SERVICE_UNAVAILABLE => {
                "The service cannot answer right now; try again shortly."
            }
            StatusCode::INSUFFICIENT_STORAGE => {
                "The server has no room for more data; nothing is wrong with the request, try again later."
            }
            _ => "Something went wrong on the server; the request id finds it in the log.",
        };
        Value::String(text.to_owned())
    }

    fn log(&self) {
        let cause = self.0.cause.as_deref().map(cause_chain).unwrap_or_default();
        if self.0.status.is_server_error() {
            tracing::error!(status = self.0.status.as_u16(), code = self.0.code, message = %self.0.message, cause, "request failed");
        } else {
            tracing::debug!(
                status = self.0.status.as_u16(),
                code = self.0.code,
                cause,
                "request refused"
            );
        }
    }
}

/// The body of every error.
pub(crate) fn envelope(code: &str, message: Value, request_id: Option<&str>) -> Value {
    json!({
        "error": message,
        "code": code,
        "documentation": DOCUMENTATION,
        "request_id": request_id,
    })
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let request_id = current_request_id();
        let envelope = envelope(self.0.code, self.public_message(), request_id.as_deref());
        let mut body = self.0.members;
        if let Value::Object(envelope) = envelope {
            body.extend(envelope);
        }
        let mut headers = self.0.headers;
        // Many statuses may be kept by caches unless they are told not to, and an
        // error is true for one caller at one moment.
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        let cause = self.0.cause.as_deref().map(cause_chain);
        let cause = cause.filter(|_| !self.0.status.is_server_error());
        let mut response = (self.0.status, headers, Json(body)).into_response();
        if let Some(cause) = cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}

fn cause_chain(error: &(dyn Error + Send + Sync)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn body_of(error: ApiError) -> Value {
        let bytes = error
            .into_response()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_change() {
        let body = body_of(ApiError::bad_request(
            "missing_name",
            "add ?name=<data source>",
        ))
        .await;
        assert_eq!(body["error"], "add ?name=<data source>");
        assert_eq!(body["code"], "missing_name");
        assert_eq!(body["documentation"], DOCUMENTATION);
    }

    #[tokio::test]
    async fn the_cause_of_a_server_error_stays_inside() {
        let error = ApiError::internal("disk /var/secret is full");
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let text = body_of(error).await.to_string();
        assert!(!text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn further_members_stand_beside_the_error_and_never_for_it() {
        let error = ApiError::bad_request("refused", "wrong")
            .with_member("errors", json!(["a"]))
            .with_member("error", json!("other"));
        let body = body_of(error).await;
        assert_eq!(
            (&body["errors"], &body["error"]),
            (&json!(["a"]), &json!("wrong"))
        );
    }

    #[tokio::test]
    async fn a_pipes_own_error_may_be_an_object() {
        let error =
            ApiError::bad_request("custom_error", "").with_message_value(json!({"field": "from"}));
        assert_eq!(body_of(error).await["error"]["field"], "from");
    }
}
