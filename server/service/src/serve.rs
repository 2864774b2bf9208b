//! Binding an address and serving until told to stop. What one connection may
//! do is `connection`'s; how a request that is none is answered, `refusal`'s.

mod connection;
mod refusal;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;
use tower_http::timeout::RequestBodyTimeoutLayer;

use connection::Connection;

/// Requests under way get this long to finish once the end is near.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait with the next connection when the system gives none.
const RECOVER: Duration = Duration::from_millis(500);
/// How often at most the log says that all places are taken.
const REMIND: Duration = Duration::from_secs(60);

/// What connections may take.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionSettings {
    /// Connections to one address at once; further ones wait until one ends.
    pub most: usize,
    /// Seconds that a client is waited for: for the whole head of its next
    /// request, for more of its body, and for its taking more of the answer.
    pub idle_seconds: u64,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            most: 4096,
            idle_seconds: 30,
        }
    }
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process has the port.
    #[error("port {0} is taken by another process: stop it or choose another address")]
    Taken(u16),
    /// Any other reason the system gives.
    #[error("cannot listen on {address}")]
    Refused {
        /// What was asked for.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
}

/// Listens on `address`; port 0 lets the system choose.
///
/// # Errors
/// [`BindError`] when the port is taken or the address is not ours.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken(address.port()),
            _ => BindError::Refused { address, source },
        })
}

/// Serves HTTP/1.1 until `stop` completes, then lets requests under way finish,
/// for at most ten seconds. Handlers find the caller's address as
/// `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ConnectionSettings,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let idle = Duration::from_secs(settings.idle_seconds);
    let router = router.layer(RequestBodyTimeoutLayer::new(idle));
    let mut places = Places::new(settings.most);
    let connections = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(idle);
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.next().await;
            (accept(&listener).await, place)
        };
        let ((stream, peer), place) = tokio::select! {
            accepted = next => accepted,
            () = &mut stop => break,
        };
        let router = router.clone();
        let answer = service_fn(move |request| answer(router.clone(), peer, request));
        let connection = Connection::new(stream, idle);
        let connection = http.serve_connection(TokioIo::new(connection), answer);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = connections.shutdown() => {}
        () = tokio::time::sleep(DRAIN) => {
            tracing::warn!("requests were still under way at the end and are cut off");
        }
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<http::Response<Body>, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request.map(Body::new)).await
}

/// The next connection. The listener itself does not fail: a connection that
/// was gone before it was taken is none, and without descriptors there are some
/// again later.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for the client's acknowledgement
                // (Nagle).
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY for a connection");
                }
                return (stream, peer);
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(RECOVER).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// The places for connections.
struct Places {
    free: Arc<Semaphore>,
    most: usize,
    told: Option<Instant>,
}

impl Places {
    fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            most,
            told: None,
        }
    }

    /// A place, as soon as there is one.
    async fn next(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(place);
        }
        if self.told.is_none_or(|told| told.elapsed() >= REMIND) {
            self.told = Some(Instant::now());
            let most = self.most;
            tracing::warn!(most, "all connections are taken: further ones wait");
        }
        // It is never closed.
        Arc::clone(&self.free).acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address).await.unwrap_err();
        assert!(error.to_string().contains(&address.port().to_string()));
    }
}
