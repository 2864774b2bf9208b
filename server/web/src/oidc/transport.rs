//! HTTP to the provider: over the network, or to the embedded provider in this
//! process, as the same messages.
//!
//! A provider is trusted to say who people are, not to be quick, brief or
//! honest about addresses.

use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use tower::ServiceExt;
use url::Url;

use crate::origin::{is_loopback, is_secure};

/// A provider that takes longer is down, as far as a waiting person can tell.
const DEADLINE: Duration = Duration::from_secs(10);

/// Discovery documents, key sets and token responses are some kilobytes.
const LARGEST_BODY: usize = 256 * 1024;

/// No answer from the provider.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// It did not answer in time.
    #[error("no answer within {} seconds", DEADLINE.as_secs())]
    Timeout,
    /// The answer is too large.
    #[error("the answer is larger than {LARGEST_BODY} bytes")]
    TooLarge,
    /// It answered that it is broken.
    #[error("it answers with status {0}")]
    Broken(StatusCode),
    /// The address is plain HTTP to another machine, or no address.
    #[error("`{0}` is not an https address")]
    Insecure(String),
    /// The request could not be made or the connection broke.
    #[error("the request failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The client for messages to the provider.
#[derive(Clone)]
pub(crate) struct Transport {
    network: reqwest::Client,
    embedded: Option<Embedded>,
    deadline: Duration,
}

/// The embedded provider as a service, mounted below its issuer's path.
#[derive(Clone)]
struct Embedded {
    issuer: Url,
    router: Router,
}

impl Transport {
    /// A client that follows no redirects. Requests below `issuer` go to
    /// `in_process`, if there is one.
    pub(crate) fn new(issuer: &Url, in_process: Option<Router>) -> Result<Self, reqwest::Error> {
        let mut network = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DEADLINE);
        if is_loopback(issuer) {
            network = network.no_proxy();
        }
        let network = network.build()?;
        let embedded = in_process.map(|provider| {
            let path = issuer.path().trim_end_matches('/');
            let router = if path.is_empty() {
                provider
            } else {
                Router::new().nest(path, provider)
            };
            Embedded {
                issuer: issuer.clone(),
                router,
            }
        });
        Ok(Self {
            network,
            embedded,
            deadline: DEADLINE,
        })
    }

    /// Sends one request. A provider that answers with a server error is down.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let text = request.uri().to_string();
        let url = Url::parse(&text).map_err(|_| TransportError::Insecure(text.clone()))?;
        if !is_secure(&url) {
            return Err(TransportError::Insecure(text));
        }
        let answer = async {
            match &self.embedded {
                Some(embedded) if embedded.serves(&url) => embedded.call(request, &url).await,
                _ => self.call(request).await,
            }
        };
        let answer = tokio::time::timeout(self.deadline, answer)
            .await
            .map_err(|_| TransportError::Timeout)??;
        if answer.status().is_server_error() {
            return Err(TransportError::Broken(answer.status()));
        }
        Ok(answer)
    }

    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let mut response = self.network.execute(request).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_BODY {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        Ok(answer)
    }
}

impl Embedded {
    fn serves(&self, url: &Url) -> bool {
        let path = self.issuer.path().trim_end_matches('/');
        url.origin() == self.issuer.origin()
            && url
                .path()
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    async fn call(&self, request: HttpRequest, url: &Url) -> Result<HttpResponse, TransportError> {
        let mut request = request.map(Body::from);
        // What a connection from the network would have brought along.
        if let Ok(host) = HeaderValue::from_str(url.authority()) {
            request.headers_mut().insert(header::HOST, host);
        }
        *request.uri_mut() = url[url::Position::BeforePath..].parse().map_err(failed)?;
        let caller = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        request.extensions_mut().insert(ConnectInfo(caller));

        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_BODY)
            .collect()
            .await
            .map_err(|_| TransportError::TooLarge)?;
        Ok(HttpResponse::from_parts(parts, body.to_bytes().to_vec()))
    }
}

impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field(
                "embedded",
                &self.embedded.as_ref().map(|each| each.issuer.as_str()),
            )
            .finish_non_exhaustive()
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::Failed(error.into())
}

#[cfg(test)]
mod tests;
