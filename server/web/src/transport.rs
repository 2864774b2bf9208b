//! How a page that is being rendered asks the analytics server: over HTTP, as
//! the browser does afterwards.

use std::time::Duration;

use app::analytics::{Transport, TransportError, TransportRequest, TransportResponse};
use async_trait::async_trait;
use http::header;

use crate::origin::Origin;

/// A page waits this long for its data; then it is shown without and the
/// browser asks again.
const DEADLINE: Duration = Duration::from_secs(5);

/// Charts are drawn from kilobytes.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

const REQUEST_ID: &str = "x-request-id";

/// The HTTP client for the analytics server.
#[derive(Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    origin: Origin,
}

impl Http {
    /// A client for the analytics server at `origin`, as this server reaches it.
    pub(crate) fn new(origin: Origin) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DEADLINE)
            // The analytics server is a neighbour; the way out is for others.
            .no_proxy()
            .build()?;
        Ok(Self { client, origin })
    }
}

#[async_trait]
impl Transport for Http {
    async fn get(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        // Anything but a path would be another host's address.
        if !request.path_and_query.starts_with('/') {
            return Err(TransportError::Unreachable);
        }
        let mut call = self
            .client
            .get(self.origin.at(&request.path_and_query))
            .bearer_auth(&request.token);
        if let Some(id) = service::current_request_id() {
            call = call.header(REQUEST_ID, id);
        }
        let mut response = call.send().await.map_err(failed)?;
        let text_of = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let (status, request_id) = (response.status().as_u16(), text_of(REQUEST_ID));
        let retry_after =
            text_of(header::RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_BODY {
                tracing::warn!(
                    path = request.path_and_query,
                    "an answer is too large for a page"
                );
                return Err(TransportError::Unreachable);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(TransportResponse {
            status,
            request_id,
            retry_after,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_timeout() {
        tracing::warn!("the analytics server did not answer a page in time");
        TransportError::Timeout
    } else {
        tracing::warn!(%error, "the analytics server cannot be reached");
        TransportError::Unreachable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::extract::Request;
    use http::StatusCode;

    async fn ask(analytics: Router, path: &str) -> Result<TransportResponse, TransportError> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, analytics).await });
        let http = Http::new(Origin::internal(&origin).unwrap()).unwrap();
        let request = TransportRequest {
            path_and_query: path.to_owned(),
            token: "the-token".to_owned(),
        };
        http.get(request).await
    }

    #[tokio::test]
    async fn an_answer_of_any_status_is_an_answer() {
        let analytics = Router::new().fallback(|request: Request| async move {
            let token = request.headers()[header::AUTHORIZATION]
                .to_str()
                .unwrap()
                .to_owned();
            let headers = [("x-request-id", "r-1"), ("retry-after", "7")];
            (
                StatusCode::TOO_MANY_REQUESTS,
                headers,
                format!("{} {token}", request.uri()),
            )
        });
        let answer = ask(analytics, "/v0/pipes/p.json?date_from=2026-01-01")
            .await
            .unwrap();
        let expected = TransportResponse {
            status: 429,
            request_id: Some("r-1".to_owned()),
            retry_after: Some(7),
            body: "/v0/pipes/p.json?date_from=2026-01-01 Bearer the-token".to_owned(),
        };
        assert_eq!(answer, expected);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_none() {
        let analytics = Router::new().fallback(|| async { vec![b' '; LARGEST_BODY + 1] });
        assert_eq!(ask(analytics, "/").await, Err(TransportError::Unreachable));
    }

    #[tokio::test]
    async fn nobody_listening_is_unreachable() {
        let http = Http::new(Origin::internal("http://127.0.0.1:1").unwrap()).unwrap();
        let request = TransportRequest {
            path_and_query: "/".to_owned(),
            token: String::new(),
        };
        assert_eq!(http.get(request).await, Err(TransportError::Unreachable));
    }

    #[tokio::test]
    async fn a_path_cannot_name_another_host() {
        for path in ["@evil.example/", ".evil.example/", "http://evil.example/"] {
            assert_eq!(
                ask(Router::new(), path).await,
                Err(TransportError::Unreachable)
            );
        }
    }
}
