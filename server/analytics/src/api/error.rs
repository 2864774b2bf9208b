//! From the errors of the other modules to what a client is told.
//!
//! Texts and codes of query errors follow Tinybird where its clients read
//! them: `[Error] … (CODE_NAME)` and the header `X-DB-Exception-Code`.

use http::{HeaderValue, StatusCode, header};
use service::ApiError;

use super::EXCEPTION_CODE;
use super::state::no_endpoint;
use crate::access::{AccessError, StoreError};
use crate::query::QueryError;
use engine::guard::Refusal;
use engine::{EngineError, Trouble};
use template::{RenderError, RenderErrorKind};

/// ClickHouse's codes for a query that took too long.
const TOO_LONG: [i32; 2] = [159, 160];
/// ClickHouse's code for a query that took too much memory.
const TOO_MUCH_MEMORY: i32 = 241;
/// ClickHouse's codes for a result that is too large.
const TOO_LARGE: [i32; 2] = [396, 158];

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(store) => store.into(),
            refusal => Self::forbidden(refusal.code(), refusal.to_string()),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NameTaken(_) => Self::conflict("token_exists", error.to_string()),
            StoreError::NotFound(_) => Self::not_found("token_not_found", error.to_string()),
            StoreError::TooMany => Self::bad_request("too_many_tokens", error.to_string()),
            StoreError::Database(_) | StoreError::Randomness(_) | StoreError::Unreadable(_) => {
                Self::internal(error)
            }
        }
    }
}

/// What the engine said, as a client is told. A function, since neither type
/// is this crate's.
pub(crate) fn engine_error(error: EngineError) -> ApiError {
    if let Some(trouble) = error.trouble() {
        return machine_trouble(trouble, error);
    }
    match error {
        EngineError::Query {
            code,
            name,
            message,
        } => query_error(code, name, &message),
        EngineError::DeadlineExceeded => query_timeout(),
        EngineError::QueueFull => {
            ApiError::unavailable(error).with_header(header::RETRY_AFTER, HeaderValue::from(1))
        }
        EngineError::ResultTooLarge { limit } => result_too_large(format!(
            "[Error] the answer has more than {limit} bytes; ask for less, or in pages"
        )),
        EngineError::EndedForMemory => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "query_ended_for_memory",
            "the query took more memory than there is and was ended; read less, or ask for less",
        ),
        EngineError::Cancelled | EngineError::Lost(_) | EngineError::Unavailable(_) => {
            ApiError::unavailable(error).with_header(header::RETRY_AFTER, HeaderValue::from(1))
        }
    }
}

/// The machine's trouble: the same request may work later.
fn machine_trouble(trouble: Trouble, cause: EngineError) -> ApiError {
    let (error, seconds) = match trouble {
        Trouble::DiskFull => (
            ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "").with_cause(cause),
            60,
        ),
        Trouble::Machine => (ApiError::unavailable(cause), 5),
    };
    error.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::NoEndpoint(pipe) => no_endpoint(&pipe),
            QueryError::Template(error) => template_error(error),
            QueryError::Cycle(_) => Self::bad_request("pipe_cycle", error.to_string()),
            QueryError::NoTenant { .. } => Self::forbidden("tenant_missing", error.to_string()),
            QueryError::NoSql => Self::forbidden("sql_not_allowed", error.to_string()),
            QueryError::Refused(Refusal::Table(_)) => {
                Self::forbidden("resource_not_found", error.to_string())
            }
            QueryError::Refused(refusal) => refused(&refusal),
            QueryError::Engine(error) => engine_error(error),
        }
    }
}

/// SQL that may not run, whoever sends it.
pub(crate) fn refused(refusal: &Refusal) -> ApiError {
    ApiError::bad_request("query_refused", format!("DB::Exception: {refusal}"))
}

pub(crate) fn template_error(error: RenderError) -> ApiError {
    let code = match error.kind {
        RenderErrorKind::MissingParameter => "parameter_missing",
        RenderErrorKind::InvalidParameter => "parameter_invalid",
        RenderErrorKind::Raised => "raised_by_pipe",
        RenderErrorKind::Template => "template_failed",
        RenderErrorKind::Limit => "template_limit",
    };
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut api_error = ApiError::new(status, code, error.message);
    if let Some(help) = error.help {
        api_error = api_error.with_member("help", help.to_string().into());
    }
    match error.body {
        Some(body) => api_error.with_message_value(body),
        None => api_error,
    }
}

fn query_error(code: i32, name: Option<String>, message: &str) -> ApiError {
    let error = if TOO_LONG.contains(&code) {
        query_timeout()
    } else {
        let text = match name {
            Some(name) => format!("[Error] {message} ({name})"),
            None => format!("[Error] {message}"),
        };
        match code {
            TOO_MUCH_MEMORY => ApiError::bad_request("query_memory_exceeded", text),
            code if TOO_LARGE.contains(&code) => result_too_large(text),
            _ => ApiError::bad_request("query_failed", text),
        }
    };
    error.with_header(EXCEPTION_CODE, HeaderValue::from(code))
}

fn result_too_large(text: String) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "query_result_too_large",
        text,
    )
}

fn query_timeout() -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "query_timeout",
        "the query took longer than its deadline; read less, or ask for less",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_errors_keep_their_code_and_name() {
        let error = engine_error(EngineError::Query {
            code: 47,
            name: Some("UNKNOWN_IDENTIFIER".into()),
            message: "Missing columns: 'x'".into(),
        });
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(
            error.message(),
            "[Error] Missing columns: 'x' (UNKNOWN_IDENTIFIER)"
        );
    }

    #[test]
    fn the_machines_trouble_is_not_the_callers_and_names_no_path() {
        for (name, status, code) in [
            ("NOT_ENOUGH_SPACE", 507, "storage_full"),
            ("CANNOT_OPEN_FILE", 503, "unavailable"),
            ("CHECKSUM_DOESNT_MATCH", 503, "unavailable"),
            ("EPOLL_ERROR", 503, "unavailable"),
        ] {
            let error = engine_error(EngineError::Query {
                code: 1,
                name: Some(name.into()),
                message: "cannot do it with /state/engine/store/a.bin".into(),
            });
            assert_eq!((error.status().as_u16(), error.code()), (status, code));
            assert!(!error.message().to_string().contains("/state"));
            let headers = axum::response::IntoResponse::into_response(error);
            assert!(
                headers.headers().contains_key(header::RETRY_AFTER),
                "{name}"
            );
        }
    }

    #[test]
    fn a_query_that_takes_too_long_is_a_408_wherever_it_was_stopped() {
        let stopped = EngineError::Query {
            code: 159,
            name: None,
            message: "Timeout exceeded".into(),
        };
        for error in [stopped, EngineError::DeadlineExceeded] {
            assert_eq!(engine_error(error).status(), StatusCode::REQUEST_TIMEOUT);
        }
    }

    #[test]
    fn every_refused_token_is_a_403() {
        let error = ApiError::from(AccessError::Missing);
        assert_eq!(
            (error.status(), error.code()),
            (StatusCode::FORBIDDEN, "token_missing")
        );
    }
}
