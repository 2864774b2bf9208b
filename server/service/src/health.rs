//! `/healthz` (the process answers), `/readyz` (it can do its work) and
//! `/metrics` in Prometheus' text format.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{StatusCode, header};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

type ReadyFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Asks a service whether it can do its work.
#[derive(Clone)]
pub struct Readiness(Arc<dyn Fn() -> ReadyFuture + Send + Sync>);

impl Readiness {
    /// A check that is run at each call of `/readyz`, which shows why it failed;
    /// keep both short, and the reason free of secrets.
    pub fn new<Check, Answer>(check: Check) -> Self
    where
        Check: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(check())))
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Readiness")
    }
}

/// The three routes. Metrics are the whole process's: services that share a
/// process show the same figures, told apart by their label `service`.
pub fn health_routes(readiness: Readiness) -> Router {
    let metrics = recorder();
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(move || ready(readiness.clone())))
        .route("/metrics", get(move || render(metrics)))
}

async fn ready(readiness: Readiness) -> impl IntoResponse {
    match (readiness.0)().await {
        Ok(()) => (StatusCode::OK, "ready".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}")),
    }
}

async fn render(metrics: &'static PrometheusHandle) -> impl IntoResponse {
    metrics.run_upkeep();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics.render(),
    )
}

/// One recorder serves the whole process; the first caller installs it.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed; /metrics stays empty");
        }
        handle
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn get_path(router: Router, path: &str) -> (StatusCode, String) {
        let response = router
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_follows_the_check() {
        let broken = health_routes(Readiness::new(|| async { Err("no disk".to_owned()) }));
        assert_eq!(
            get_path(broken.clone(), "/readyz").await.0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(get_path(broken, "/healthz").await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn answered_requests_are_counted() {
        let routes = crate::observe(
            health_routes(Readiness::new(|| async { Ok(()) })),
            "counted",
        );
        get_path(routes.clone(), "/healthz").await;
        let (_, metrics) = get_path(routes, "/metrics").await;
        assert!(
            metrics.contains(
                r#"http_requests_total{service="counted",route="/healthz",status="200"}"#
            ),
            "{metrics}"
        );
    }
}
