//! Clients that are slow, silent, many or wrong, on real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use axum::routing::{get, post};
use futures::StreamExt as _;
use service::{ApiError, ConnectionSettings, unread_body};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// Only a failure waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<Come>(come: impl Future<Output = Come>) -> Come {
    tokio::time::timeout(PATIENCE, come).await.unwrap()
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(router: Router, most: usize) -> Self {
        let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let settings = ConnectionSettings {
            most,
            idle_seconds: 1,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let router = service::observe(router, "test");
        let serving = tokio::spawn(service::serve(listener, router, settings, async {
            stopped.await.unwrap_or_default();
        }));
        Self {
            address,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes back for some bytes until the server closes.
    async fn exchange(&self, sent: &[u8]) -> String {
        let mut stream = self.connect().await;
        let (mut read, mut write) = stream.split();
        // A server that has heard enough closes while it is still spoken to.
        let talk = async { write.write_all(sent).await.ok() };
        let mut answer = Vec::new();
        let listen = async { read.read_to_end(&mut answer).await.ok() };
        soon(async { tokio::join!(talk, listen) }).await;
        String::from_utf8(answer).unwrap()
    }
}

fn hello() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/who",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        )
        .route(
            "/length",
            post(|body: Result<Bytes, BytesRejection>| async move {
                let unread = |rejection: BytesRejection| {
                    unread_body(rejection.status(), &rejection, 2 * 1024 * 1024)
                };
                let body = body.map_err(unread)?;
                Ok::<_, ApiError>(body.len().to_string())
            }),
        )
}

/// Reads an answer with a body of so many bytes.
async fn read_answer(stream: &mut TcpStream, ending: &str) -> String {
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(ending.as_bytes()) {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
    };
    soon(read).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_says_nothing_or_half_a_head_is_hung_up_on() {
    let server = Server::start(hello(), 10).await;
    assert_eq!(server.exchange(b"").await, "");
    assert_eq!(server.exchange(b"GET / HTTP/1.1\r\nHos").await, "");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request_and_no_longer() {
    let server = Server::start(hello(), 10).await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let answer = read_answer(&mut stream, "hello").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_told_of() {
    let server = Server::start(hello(), 10).await;
    let answer = server
        .exchange(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        .await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains(r#""code":"body_timeout""#), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_its_limit() {
    let server = Server::start(hello(), 10).await;
    let head = b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n";
    let answer = server
        .exchange(&[head.as_slice(), &vec![b'a'; 3_000_000]].concat())
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("larger than 2097152 bytes"), "{answer}");
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_does_not_hold_it_for_ever() {
    let (going, mut gone) = mpsc::channel::<()>(1);
    let endless = move || {
        let going = going.clone();
        async move {
            let part = Bytes::from(vec![b'a'; 64 * 1024]);
            let parts = futures::stream::repeat(part).map(move |part| {
                // Dropped with the answer.
                let _going = &going;
                Ok::<_, std::io::Error>(part)
            });
            Response::new(Body::from_stream(parts))
        }
    };
    let server = Server::start(Router::new().route("/", get(endless)), 10).await;
    let mut stream = server.connect().await;
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    soon(stream.read_u8()).await.unwrap();
    // The route holds one sender as well, and goes with the server.
    drop(server.stop);
    soon(server.serving).await.unwrap();
    assert_eq!(soon(gone.recv()).await, None);
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait_for_one() {
    let server = Server::start(hello(), 2).await;
    let mut first = server.connect().await;
    let second = server.connect().await;
    let request = b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n";
    first.write_all(request).await.unwrap();
    let own = first.local_addr().unwrap().to_string();
    read_answer(&mut first, &own).await;

    let mut third = server.connect().await;
    third.write_all(request).await.unwrap();
    let mut answer = [0];
    let too_early = tokio::time::timeout(Duration::from_millis(200), third.read(&mut answer));
    assert!(too_early.await.is_err(), "there is no place yet");
    drop((first, second));
    let own = third.local_addr().unwrap().to_string();
    read_answer(&mut third, &own).await;
}

#[tokio::test]
async fn silent_connections_do_not_keep_others_out() {
    let server = Server::start(hello(), 3).await;
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(server.connect().await);
    }
    let answer = server
        .exchange(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn what_is_no_request_gets_an_error_like_any_other() {
    let server = Server::start(hello(), 10).await;
    let long = "a".repeat(100_000);
    let address = format!("GET /?q={long} HTTP/1.1\r\nHost: a\r\n\r\n");
    let cookie = format!("cookie: {long}\r\n").repeat(10);
    let headers = format!("GET / HTTP/1.1\r\nHost: a\r\n{cookie}\r\n");
    for (request, status, code, said) in [
        (address.as_str(), 414, "address_too_long", "65534 bytes"),
        (headers.as_str(), 431, "headers_too_large", "leave some out"),
        ("hello\r\n\r\n", 400, "invalid_request", "HTTP/1.1"),
        (
            "GET / HTTP/1.1\r\nHo st: a\r\n\r\n",
            400,
            "invalid_request",
            "header",
        ),
    ] {
        let answer = server.exchange(request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(head.contains("x-request-id: "), "{answer}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], code);
        assert!(body["error"].as_str().unwrap().contains(said), "{body}");
        assert!(body["request_id"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn requests_under_way_are_answered_at_the_end() {
    let (arrive, arrived) = oneshot::channel::<()>();
    let (go_on, gone_on) = oneshot::channel::<()>();
    let waits = std::sync::Mutex::new(Some((arrive, gone_on)));
    let waits = std::sync::Arc::new(waits);
    let slow = move || {
        let (arrive, gone_on) = waits.lock().unwrap().take().unwrap();
        async move {
            arrive.send(()).unwrap();
            gone_on.await.unwrap();
            "done"
        }
    };
    let server = Server::start(Router::new().route("/", get(slow)), 10).await;
    let mut stream = server.connect().await;
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    soon(arrived).await.unwrap();
    drop(server.stop);
    go_on.send(()).unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    soon(server.serving).await.unwrap();
}
