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
