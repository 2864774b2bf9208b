//! Requests that are none: hyper answers them before any route sees them, with
//! a status alone. Here they get the envelope of all errors.

use http::StatusCode;
use uuid::Uuid;

use crate::error::envelope;

/// Bytes of an address that hyper reads.
const LONGEST_ADDRESS: usize = u16::MAX as usize - 1;

/// Whether an answer is hyper's own: no route answers without an id.
pub(super) fn is_empty(answer: &[u8]) -> bool {
    status_of(answer).is_some()
}

/// The answer that is sent in place of one of hyper's own.
pub(super) fn in_place_of(answer: &[u8]) -> Option<Vec<u8>> {
    let status = status_of(answer)?;
    let (code, message) = match status {
        StatusCode::URI_TOO_LONG => (
            "address_too_long",
            format!(
                "the address (URL) is longer than {LONGEST_ADDRESS} bytes: send its parameters as the body of a POST"
            ),
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "headers_too_large",
            "the headers are too many or too large: leave some out, such as old cookies".to_owned(),
        ),
        _ => (
            "invalid_request",
            "this is no HTTP/1.1 request: its first line or a header cannot be read".to_owned(),
        ),
    };
    let id = Uuid::now_v7().to_string();
    let body = envelope(code, message.into(), Some(&id)).to_string();
    let reason = status.canonical_reason().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-request-id: {id}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        body.len()
    );
    Some([head, body].concat().into_bytes())
}

fn status_of(answer: &[u8]) -> Option<StatusCode> {
    let rest = answer.strip_prefix(b"HTTP/1.")?;
    let status = StatusCode::from_bytes(rest.get(2..5)?).ok()?;
    let is_known = matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::URI_TOO_LONG
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
    let head = std::str::from_utf8(answer).ok().filter(|_| is_known)?;
    let is_empty = head.contains("\r\ncontent-length: 0\r\n") && head.ends_with("\r\n\r\n");
    (is_empty && !head.contains("\r\nx-request-id:")).then_some(status)
}
