//! ClickHouse's error codes as HTTP statuses, as its own HTTP interface has
//! them (`exceptionCodeToHTTPStatus`, see its documentation of the interface).

use http::StatusCode;

/// The code in `Code: 60. DB::Exception: …`; 0 when there is none.
pub(super) fn code(text: &str) -> i32 {
    text.strip_prefix("Code: ")
        .and_then(|rest| rest.split(['.', ',']).next())
        .and_then(|code| code.trim().parse().ok())
        .unwrap_or(0)
}

/// The status an error is answered with.
pub(super) fn status(code: i32) -> StatusCode {
    match code {
        // REQUIRED_PASSWORD
        194 => StatusCode::UNAUTHORIZED,
        // UNKNOWN_USER, WRONG_PASSWORD, AUTHENTICATION_FAILED
        192 | 193 | 516 => StatusCode::FORBIDDEN,
        // CANNOT_PARSE_…, ILLEGAL_…, TYPE_MISMATCH, SYNTAX_ERROR, INCORRECT_DATA,
        // CANNOT_CONVERT_TYPE, UNKNOWN_QUERY_PARAMETER and their kin
        6 | 26 | 27 | 36 | 38 | 41 | 43 | 44 | 53 | 62 | 70 | 72 | 117 | 130 | 131 | 132 | 378
        | 456 | 457 => StatusCode::BAD_REQUEST,
        // UNKNOWN_TABLE, UNKNOWN_DATABASE, UNKNOWN_FUNCTION, UNKNOWN_IDENTIFIER, …
        16 | 46 | 47 | 50 | 52 | 60 | 63 | 73 | 81 | 115 => StatusCode::NOT_FOUND,
        // QUERY_IS_TOO_LARGE, TOO_LARGE_STRING_SIZE…
        28 | 223 | 396 => StatusCode::PAYLOAD_TOO_LARGE,
        // UNKNOWN_TYPE_OF_QUERY
        78 => StatusCode::NOT_IMPLEMENTED,
        // TIMEOUT_EXCEEDED, SOCKET_TIMEOUT
        159 | 209 => StatusCode::REQUEST_TIMEOUT,
        // CANNOT_SCHEDULE_TASK, TOO_MANY_SIMULTANEOUS_QUERIES
        202 | 439 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_old_and_new_texts_is_read() {
        assert_eq!(code("Code: 60. DB::Exception: x"), 60);
        assert_eq!(code("Code: 62, e.displayText() = DB::Exception: x"), 62);
        assert_eq!(code("it broke"), 0);
    }
}
