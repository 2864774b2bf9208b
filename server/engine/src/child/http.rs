//! ClickHouse's HTTP interface: listening, who may ask, and from a request to
//! a job and back.

use std::fs::Permissions;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Method, Request as HttpRequest, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;
use tower_http::compression::CompressionLayer;

use super::answer::{Answering, Body, failed, plain};
use super::cancel::Ticket;
use super::pool::{NotTaken, Pool, Running};
use super::request::Request;
use super::statement;
use super::worker::{Job, Kind, Text};
use super::{ChildSettings, Listen};
use crate::protocol::RUNNING;

/// Bytes of a body that are kept in memory; a longer one streams into the
/// engine.
const KEPT: usize = 1024 * 1024;
/// Bytes that a pipe holds, so that a small answer is there in one piece.
const PIPE: usize = 1024 * 1024;
/// Bytes of a request's head.
const HEAD: usize = 2 * 1024 * 1024;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Where callers come in.
pub(super) enum Listener {
    Socket(UnixListener, Listen),
    Address(TcpListener),
}

impl Listener {
    /// Listens; a socket that a dead process has left behind is replaced.
    pub(super) fn bind(listen: &Listen) -> Result<Self, String> {
        match listen {
            Listen::Socket(path) => Ok(Self::Socket(bind_socket(path)?, listen.clone())),
            Listen::Address(address) => {
                let refused = |error| format!("cannot listen on {address}: {error}");
                let bound = std::net::TcpListener::bind(address).map_err(refused)?;
                bound.set_nonblocking(true).map_err(refused)?;
                TcpListener::from_std(bound)
                    .map(Self::Address)
                    .map_err(refused)
            }
        }
    }

    /// Where it listens, with the port that was taken for 0.
    pub(super) fn address(&self) -> Result<Listen, String> {
        match self {
            Self::Socket(_, listen) => Ok(listen.clone()),
            Self::Address(listener) => listener
                .local_addr()
                .map(Listen::Address)
                .map_err(|error| error.to_string()),
        }
    }

    async fn accept(&self) -> std::io::Result<Pin<Box<dyn Io>>> {
        Ok(match self {
            Self::Socket(listener, _) => Box::pin(listener.accept().await?.0),
            Self::Address(listener) => {
                let (stream, _): (_, SocketAddr) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Box::pin(stream)
            }
        })
    }
}

fn bind_socket(path: &Path) -> Result<UnixListener, String> {
    /// Bytes of a socket's path, by the system's `sockaddr_un`.
    const LONGEST: usize = 107;

    let shown = path.display();
    if path.as_os_str().len() > LONGEST {
        return Err(format!(
            "the socket's path {shown} is longer than the {LONGEST} bytes the system takes: choose a `state` directory with a shorter path"
        ));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => {
            return Err(format!(
                "the socket {shown} is taken: another engine listens there"
            ));
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
                .map_err(|error| format!("the old socket {shown} cannot be removed: {error}"))?;
        }
        // None there, or no socket: binding tells.
        Err(_) => {}
    }
    let refused = |error| format!("cannot listen on the socket {shown}: {error}");
    // Nobody gets in between binding and the socket's own mode.
    let mode = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path).map_err(refused);
    rustix::process::umask(mode);
    let listener = listener?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(refused)?;
    Ok(listener)
}

/// Answers callers until listening fails.
pub(super) async fn serve(
    listener: Listener,
    pool: Arc<Pool>,
    settings: &ChildSettings,
) -> Result<(), String> {
    let token: Arc<str> = settings.token.as_str().into();
    loop {
        let stream = match listener.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                // Out of descriptors, or a caller that is gone already.
                tracing::warn!(%error, "a caller could not be let in");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let (pool, token) = (Arc::clone(&pool), Arc::clone(&token));
        let service = tower::service_fn(move |request: HttpRequest<Incoming>| {
            let (pool, token) = (Arc::clone(&pool), Arc::clone(&token));
            async move { Ok::<_, std::convert::Infallible>(answer(request, pool, &token).await) }
        });
        tokio::spawn(async move {
            let compressing = tower::ServiceBuilder::new()
                .layer(CompressionLayer::new())
                .service(service.clone());
            let plain = TowerToHyperService::new(service);
            let compressing = TowerToHyperService::new(compressing);
            let choose =
                service_fn(move |request: HttpRequest<Incoming>| {
                    let (plain, compressing) = (plain.clone(), compressing.clone());
                    async move {
                        use hyper::service::Service as _;
                        if asks_for_compression(&request) {
                            let response = compressing.call(request).await?;
                            Ok::<_, std::convert::Infallible>(response.map(|body| {
                                BodyExt::boxed_unsync(body.map_err(std::io::Error::other))
                            }))
                        } else {
                            plain.call(request).await
                        }
                    }
                });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .max_buf_size(HEAD)
                .serve_connection(TokioIo::new(stream), choose);
            // The caller went away; its statement was stopped.
            let _ = served.await;
        });
    }
}

/// ClickHouse compresses only for those who ask twice: by `Accept-Encoding`
/// and by the setting.
fn asks_for_compression(request: &HttpRequest<Incoming>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "enable_http_compression" && value == "1")
}

async fn answer(request: HttpRequest<Incoming>, pool: Arc<Pool>, token: &str) -> Response<Body> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/ping" {
        return plain("Ok.\n");
    }
    let asked = match Request::read(&head) {
        Ok(asked) => asked,
        Err(error) => return failed(&error),
    };
    if asked.user != "default" || !same(asked.password.as_bytes(), token.as_bytes()) {
        return failed(&format!(
            "Code: 516. DB::Exception: {}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)",
            asked.user
        ));
    }
    match (head.uri.path(), &head.method) {
        (RUNNING, &Method::GET) => running(&pool).await,
        ("/", &Method::GET | &Method::POST) => run(asked, body, pool).await,
        (path, _) => {
            let mut response = plain(format!("There is no handle {path}\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// Compares without telling by its time how much is right.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && differences == 0
}

async fn running(pool: &Pool) -> Response<Body> {
    let lines: String = pool
        .list()
        .await
        .into_iter()
        .map(|(id, bytes, since)| format!("{id}\t{bytes}\t{}\n", since.as_millis()))
        .collect();
    plain(lines)
}

async fn run(mut asked: Request, mut body: Incoming, pool: Arc<Pool>) -> Response<Body> {
    if let Some(boundary) = asked.boundary.take() {
        let text = match asked.read_form(body, boundary).await {
            Ok(()) => Bytes::from(std::mem::take(&mut asked.query)),
            Err(error) => return failed(&error),
        };
        return start(asked, pool, Text::Statement(text)).await;
    }
    let mut text = BytesMut::from(asked.query.as_bytes());
    let in_url = text.len();
    let is_whole = match keep(&mut body, &mut text).await {
        Ok(is_whole) => is_whole,
        Err(error) => return failed(&error),
    };
    if text.trim_ascii().is_empty() {
        return match asked.is_read_only {
            true => plain("Ok.\n"),
            false => failed("Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR)"),
        };
    }
    if let Some(id) = killed(&text) {
        let found = if pool.kill(&id) {
            format!("waiting\t{id}\tdefault\t\n")
        } else {
            String::new()
        };
        return plain(found);
    }
    let is_insert = statement::begins_with(&text, "INSERT");
    let streams = !is_whole && is_insert && in_url > 0;
    if streams {
        return insert(asked, pool, text, in_url, body).await;
    }
    if !is_whole {
        // A statement is read to its end, whatever its length.
        match body.collect().await {
            Ok(rest) => text.extend_from_slice(&rest.to_bytes()),
            Err(error) => return failed(&gone(&error)),
        }
    }
    let text = text.freeze();
    let text = if is_insert {
        Text::Insert(text)
    } else {
        Text::Statement(text)
    };
    start(asked, pool, text).await
}

/// Takes the body into `text`, behind the statement of the URL, as long as it
/// is short; true when that was all of it.
async fn keep(body: &mut Incoming, text: &mut BytesMut) -> Result<bool, String> {
    let mut is_first = !text.is_empty();
    while text.len() <= KEPT {
        let Some(frame) = body.frame().await else {
            return Ok(true);
        };
        let frame = frame.map_err(|error| gone(&error))?;
        if let Ok(data) = frame.into_data() {
            if std::mem::take(&mut is_first) {
                text.extend_from_slice(b"\n");
            }
            text.extend_from_slice(&data);
        }
    }
    Ok(false)
}

fn gone(error: &hyper::Error) -> String {
    format!("Code: 210. DB::Exception: the body could not be read: {error}. (NETWORK_ERROR)")
}

/// The id in `KILL QUERY WHERE query_id = '…'`, which is answered here: the
/// engine inside has ids of its own.
fn killed(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.trim().trim_end_matches(';');
    let mut words = text.split_ascii_whitespace();
    let is = |word: Option<&str>, expected: &str| {
        word.is_some_and(|word| word.eq_ignore_ascii_case(expected))
    };
    if !is(words.next(), "KILL") || !is(words.next(), "QUERY") || !is(words.next(), "WHERE") {
        return None;
    }
    let condition: String = words.collect::<Vec<_>>().join("");
    let rest = condition.strip_prefix("query_id='")?;
    let (id, mode) = rest.split_once('\'')?;
    matches!(mode.to_ascii_uppercase().as_str(), "" | "ASYNC" | "SYNC").then(|| id.to_owned())
}

/// Starts a statement and answers it.
async fn start(asked: Request, pool: Arc<Pool>, text: Text) -> Response<Body> {
    let waits = asked.waits_for_end;
    match submit(asked, &pool, text) {
        Ok(answering) if waits => answering.whole().await,
        Ok(answering) => answering.streamed().await,
        Err(error) => failed(&error),
    }
}

/// Runs an insert while its rows still come.
async fn insert(
    asked: Request,
    pool: Arc<Pool>,
    begun: BytesMut,
    in_url: usize,
    mut body: Incoming,
) -> Response<Body> {
    let statement_text = asked.query.clone();
    let mut begun = begun.freeze();
    // The line end between them was ours.
    let _ = begun.split_to(in_url + 1);
    let (rows, sink) = match pipe() {
        Ok(pipe) => pipe,
        Err(error) => return failed(&error),
    };
    let sink = sink.into_nonblocking().map_err(|error| error.to_string());
    let mut sink = match sink {
        Ok(sink) => sink,
        Err(error) => return failed(&error),
    };
    let text = Text::InsertFrom {
        statement: statement_text,
        rows,
    };
    let answering = match submit(asked, &pool, text) {
        Ok(answering) => answering,
        Err(error) => return failed(&error),
    };
    match feed(&mut sink, begun, &mut body).await {
        Ok(()) => {}
        // Callers read no answer before they have sent everything.
        Err(Fed::Engine) => while body.frame().await.is_some_and(|frame| frame.is_ok()) {},
        Err(Fed::Caller(error)) => {
            // Half of the rows are none.
            answering.running.cancel();
            let _ = answering.whole().await;
            return failed(&error);
        }
    }
    drop(sink);
    answering.whole().await
}

/// Who ended a stream of rows early.
enum Fed {
    /// The engine: its answer says why.
    Engine,
    Caller(String),
}

async fn feed(sink: &mut Sender, begun: Bytes, body: &mut Incoming) -> Result<(), Fed> {
    sink.write_all(&begun).await.map_err(|_| Fed::Engine)?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Fed::Caller(gone(&error)))?;
        if let Ok(data) = frame.into_data() {
            sink.write_all(&data).await.map_err(|_| Fed::Engine)?;
        }
    }
    Ok(())
}

fn submit(asked: Request, pool: &Arc<Pool>, text: Text) -> Result<Answering, String> {
    let (output, writer) = pipe()?;
    let output = Receiver::from_owned_fd(output.into()).map_err(|error| error.to_string())?;
    let (reply, ended) = oneshot::channel();
    let kind = if asked.is_read_only {
        Kind::Reader
    } else {
        Kind::Writer
    };
    let limit = asked.settings.get("max_result_bytes");
    let limit = limit.and_then(|bytes| bytes.parse().ok());
    let id = asked
        .query_id
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let job = Job {
        kind,
        text,
        format: asked.format.clone(),
        database: asked.database,
        settings: asked.settings,
        parameters: asked.parameters,
        output: writer.0,
        ticket: Arc::new(Ticket::default()),
        reply,
    };
    let running: Running = pool.submit(&id, job).map_err(|refused| match refused {
        NotTaken::Busy => "Code: 202. DB::Exception: Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)".to_owned(),
        NotTaken::SameId => format!(
            "Code: 216. DB::Exception: Query with id = {id} is already running. (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)"
        ),
    })?;
    Ok(Answering {
        running,
        output,
        ended,
        limit: limit.filter(|limit| *limit > 0),
        id,
        format: asked.format,
    })
}

/// The end of a pipe that is written to.
struct Sink(std::io::PipeWriter);

impl Sink {
    fn into_nonblocking(self) -> std::io::Result<Sender> {
        Sender::from_owned_fd(self.0.into())
    }
}

fn pipe() -> Result<(std::io::PipeReader, Sink), String> {
    let (reader, writer) = std::io::pipe().map_err(|error| {
        format!("Code: 76. DB::Exception: no pipe for the answer: {error}. (CANNOT_OPEN_FILE)")
    })?;
    // A smaller one works as well: an unprivileged user's pipes have a limit
    // in sum.
    let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE);
    Ok((reader, Sink(writer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_kill_by_id_is_answered_here() {
        let id = |text: &str| killed(text.as_bytes());
        assert_eq!(
            id("KILL QUERY WHERE query_id = 'a-1'").as_deref(),
            Some("a-1")
        );
        assert_eq!(
            id("kill query where query_id='a' ASYNC;").as_deref(),
            Some("a")
        );
        assert_eq!(id("KILL QUERY WHERE user = 'a'"), None);
        assert_eq!(id("KILL QUERY WHERE query_id = 'a' OR 1"), None);
        assert_eq!(id("SELECT 1"), None);
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"ab", b"abc") && !same(b"", b"abc"));
    }
}
