//! One HTTP/1.1 connection to an engine: over its socket, or over TCP and TLS.
//!
//! Whoever sends a request drives the connection too, in the same task: a
//! statement's answer wakes one task and not two.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Driver = http1::Connection<TokioIo<Pin<Box<dyn Io>>>, Full<Bytes>>;

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// An open connection that nobody else uses.
pub(crate) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum WireError {
    /// The engine has not taken the request.
    NotSent(String),
    /// The engine may have begun with it.
    Broken(String),
    /// The answer has more bytes than it may have.
    TooLarge,
}

impl Wire {
    /// Connects to an engine's socket.
    pub(crate) async fn socket(path: &Path) -> Result<Self, String> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|error| format!("the engine's socket {}: {error}", path.display()))?;
        Self::over(Box::pin(stream)).await
    }

    /// Connects to a server, with TLS where it is given.
    pub(crate) async fn server(
        host: &str,
        port: u16,
        tls: Option<&Arc<tokio_rustls::rustls::ClientConfig>>,
    ) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{host}:{port}: {error}");
        let connect = TcpStream::connect((host.trim_matches(['[', ']']), port));
        let stream = tokio::time::timeout(CONNECT, connect)
            .await
            .map_err(|_| failed(&"it does not answer"))?
            .map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let Some(tls) = tls else {
            return Self::over(Box::pin(stream)).await;
        };
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|error| failed(&error))?;
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
        let stream = tokio::time::timeout(CONNECT, secured)
            .await
            .map_err(|_| failed(&"it does not answer in TLS"))?
            .map_err(|error| failed(&error))?;
        Self::over(Box::pin(stream)).await
    }

    async fn over(stream: Pin<Box<dyn Io>>) -> Result<Self, String> {
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self { sender, driver })
    }

    /// Whether the other side has closed it meanwhile.
    pub(crate) async fn is_closed(&mut self) -> bool {
        futures::poll!(&mut self.driver).is_ready() || self.sender.is_closed()
    }

    /// Sends a request and reads its answer, `limit` bytes at most.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: u64,
    ) -> Result<Reply, WireError> {
        let Self { sender, driver } = self;
        let exchange = async {
            sender.ready().await.map_err(not_sent)?;
            let response = sender.send_request(request).await.map_err(|error| {
                if error.is_canceled() {
                    not_sent(error)
                } else {
                    broken(error)
                }
            })?;
            read(response, limit).await
        };
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            reply = &mut exchange => reply,
            // Closed or broken: the exchange ends with its own word for it.
            _ = driver => exchange.await,
        }
    }
}

async fn read(response: Response<Incoming>, limit: u64) -> Result<Reply, WireError> {
    let (head, mut body) = response.into_parts();
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    let mut length = 0_u64;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > limit {
            return Err(WireError::TooLarge);
        }
        // Most answers are one piece, which need not be copied.
        match first.take() {
            None if whole.is_empty() => first = Some(data),
            None => whole.extend_from_slice(&data),
            Some(begun) => {
                whole.reserve(begun.len() + data.len());
                whole.extend_from_slice(&begun);
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(Reply {
        status: head.status,
        headers: head.headers,
        body: first.unwrap_or_else(|| whole.freeze()),
    })
}

fn not_sent(error: hyper::Error) -> WireError {
    WireError::NotSent(error.to_string())
}

fn broken(error: hyper::Error) -> WireError {
    WireError::Broken(error.to_string())
}
