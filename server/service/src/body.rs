//! Bodies that could not be read to their end.

use std::error::Error;

use http::StatusCode;
use tower_http::timeout::TimeoutError;

use crate::error::ApiError;

/// What is said when a body of at most `most_bytes` could not be read; `status`
/// and `error` are the framework's.
pub fn unread_body(
    status: StatusCode,
    error: &(dyn Error + 'static),
    most_bytes: usize,
) -> ApiError {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the body is larger than {most_bytes} bytes: send it in parts");
        return ApiError::new(status, "too_large", message);
    }
    if caused_by_patience(error) {
        let message = "nothing more of the body came for too long: send the request again";
        return ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", message);
    }
    ApiError::new(status, "invalid_body", error.to_string())
}

fn caused_by_patience(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<TimeoutError>() {
            return true;
        }
        next = error.source();
    }
    false
}
