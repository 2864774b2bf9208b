//! What goes to the analytics server and what comes back, and how a page that
//! is being rendered gets there: `web` implements [`Transport`] over its HTTP
//! client. The browser's way is `crate::browser`.

use std::fmt::Debug;

/// The transport as it is provided in the context of each rendered page.
#[cfg(feature = "ssr")]
pub type ServerTransport = std::sync::Arc<dyn Transport>;

/// Sends one request to the analytics server over HTTP.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait Transport: Debug + Send + Sync {
    /// Sends a `GET`. The implementation puts its own address of the
    /// analytics server in front of the path and gives up after a deadline of
    /// its choice, because the page waits. Every status is an `Ok`.
    async fn get(&self, request: TransportRequest) -> Result<TransportResponse, TransportError>;
}

/// A `GET` to the analytics server.
#[derive(Clone, PartialEq, Eq)]
pub struct TransportRequest {
    /// Path and query, such as `/v0/pipes/flights_per_day.json?date_from=2026-01-01`.
    pub path_and_query: String,
    /// Sent as `Authorization: Bearer`.
    pub token: String,
}

impl Debug for TransportRequest {
    // The token stays out of logs.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TransportRequest")
            .field("path_and_query", &self.path_and_query)
            .finish_non_exhaustive()
    }
}

/// The answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportResponse {
    /// The HTTP status.
    pub status: u16,
    /// The header `X-Request-Id`.
    pub request_id: Option<String>,
    /// The header `Retry-After`, when it is a number of seconds.
    pub retry_after: Option<u32>,
    /// The body as text.
    pub body: String,
}

/// Why there was no answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The transport's deadline passed; the browser asks again by itself.
    #[error("the analytics server did not answer in time")]
    Timeout,
    /// No connection, or it broke.
    #[error("the analytics server cannot be reached")]
    Unreachable,
}
