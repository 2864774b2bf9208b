//! Request ids, the access log, request metrics and the net under a panic.
//!
//! The log has the path without its query: codes, tokens and personal data
//! travel there.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use tower_http::catch_panic::CatchPanicLayer;
use uuid::Uuid;

use crate::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_REQUEST_ID: usize = 64;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// The id of the request that this task answers, if it answers one.
pub fn current_request_id() -> Option<String> {
    CURRENT
        .try_with(|id| id.to_str().map(str::to_owned).ok())
        .ok()
        .flatten()
}

/// Wraps `router` so that each answer carries `X-Request-Id`, is logged and
/// counted under `service`, and a panic becomes a 500.
pub fn observe(router: Router, service: &'static str) -> Router {
    router
        .layer(CatchPanicLayer::custom(answer_to_panic))
        .layer(middleware::from_fn(move |request, next| {
            observe_one(service, request, next)
        }))
}

async fn observe_one(service: &'static str, request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();

    let mut response = CURRENT.scope(id.clone(), next.run(request)).await;

    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    tracing::info!(
        target: "access",
        service,
        %method,
        path,
        status,
        duration_ms = elapsed.as_secs_f64() * 1000.0,
        request_id = id.to_str().unwrap_or_default(),
        "answered"
    );
    record(
        service,
        route.as_ref().map_or("unmatched", MatchedPath::as_str),
        status,
        elapsed.as_secs_f64(),
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The caller's id where it is short and plain, so that one id follows a
/// request through several services; else a new one.
fn request_id(request: &Request) -> HeaderValue {
    request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| {
            (1..=LONGEST_REQUEST_ID).contains(&id.len())
                && id
                    .as_bytes()
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        })
        .cloned()
        .unwrap_or_else(|| {
            HeaderValue::from_str(&Uuid::now_v7().to_string())
                .expect("a UUID is a valid header value")
        })
}

fn record(service: &'static str, route: &str, status: u16, seconds: f64) {
    let labels = [
        ("service", service.to_owned()),
        ("route", route.to_owned()),
        ("status", status.to_string()),
    ];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels).record(seconds);
}

fn answer_to_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panic without a message");
    ApiError::internal(text.to_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    fn router() -> Router {
        let routes = Router::new()
            .route(
                "/fails",
                get(|| async { ApiError::bad_request("wrong", "mend it") }),
            )
            .route(
                "/panics",
                get(|| async { panic!("the password is hunter2") as () }),
            );
        observe(routes, "test")
    }

    async fn get_with_id(path: &str, id: &str) -> Response {
        let request = Request::get(path)
            .header(REQUEST_ID, id)
            .body(Body::empty())
            .unwrap();
        router().oneshot(request).await.unwrap()
    }

    async fn text_of(response: Response) -> String {
        String::from_utf8(
            response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .to_vec(),
        )
        .unwrap()
    }

    #[tokio::test]
    async fn the_envelope_and_the_header_carry_the_same_id() {
        let response = get_with_id("/fails", "from-the-caller").await;
        assert_eq!(response.headers()[REQUEST_ID], "from-the-caller");
        assert!(
            text_of(response)
                .await
                .contains(r#""request_id":"from-the-caller""#)
        );
    }

    #[tokio::test]
    async fn an_id_that_could_forge_log_lines_is_replaced() {
        let response = get_with_id("/fails", "a b=c").await;
        assert_ne!(response.headers()[REQUEST_ID], "a b=c");
    }

    #[tokio::test]
    async fn a_panic_becomes_a_masked_500() {
        let response = get_with_id("/panics", "x").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!text_of(response).await.contains("hunter2"));
    }
}
