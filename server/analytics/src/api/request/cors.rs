//! Which web pages may call the API from a browser.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer};

use crate::api::request::auth::{RATE_LIMIT, RATE_REMAINING, RATE_RESET};
use crate::api::rows::events::EVENTS;
use crate::api::{EXCEPTION_CODE, STATISTICS};

/// The longest time that browsers remember a preflight for.
const MAX_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// The layer for the configured origins; `*` stands for all.
///
/// Browsers send `sendBeacon` with credentials, and JSON only to where those are
/// allowed: events may come so. No cookie is ever read: the token is all the
/// authority there is.
pub(crate) fn layer(origins: &[String]) -> Result<CorsLayer, String> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::mirror_request()
    } else {
        AllowOrigin::list(
            origins
                .iter()
                .map(|origin| parse(origin))
                .collect::<Result<Vec<_>, _>>()?,
        )
    };
    Ok(CorsLayer::new()
        .allow_origin(allowed)
        .allow_credentials(AllowCredentials::predicate(|_, request| {
            request.uri.path() == EVENTS
        }))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
        ])
        .expose_headers([
            RATE_LIMIT,
            RATE_REMAINING,
            RATE_RESET,
            header::RETRY_AFTER,
            EXCEPTION_CODE,
            STATISTICS,
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(MAX_AGE))
}

/// An origin is scheme, host and port (RFC 6454): anything more would never
/// match.
fn parse(origin: &str) -> Result<HeaderValue, String> {
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    let is_origin =
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']));
    let value = HeaderValue::from_str(origin).ok().filter(|_| is_origin);
    value.ok_or_else(|| {
        format!("`{origin}` is not an origin; write it as `https://app.example` without a path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_are_taken() {
        for origin in ["http://localhost:3000", "https://app.example", "*"] {
            assert!(layer(&[origin.to_owned()]).is_ok(), "{origin}");
        }
        for origin in [
            "",
            "app.example",
            "https://app.example/",
            "https://*.example",
            "https://",
        ] {
            assert!(layer(&[origin.to_owned()]).is_err(), "{origin}");
        }
    }
}
