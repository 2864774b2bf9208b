//! Binding an address and serving until told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

/// Requests under way get this long to finish once the end is near.
const DRAIN: Duration = Duration::from_secs(10);

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

/// Serves until `stop` completes, then lets requests under way finish, for at
/// most ten seconds.
///
/// # Errors
/// The listener's own failure; a client's broken connection is none.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
    // Small answers must not wait for the client's acknowledgement (Nagle).
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY for a connection");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        stop.await;
        drop(stopping);
    });
    tokio::select! {
        result = served => result,
        () = async { stopped.await.ok(); tokio::time::sleep(DRAIN).await } => {
            tracing::warn!("requests were still under way at the end and are cut off");
            Ok(())
        }
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
