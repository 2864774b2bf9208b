//! What an endpoint costs over the engine: the demo's endpoints of flights
//! through real HTTP with a token (verified, rate checked, rendered, filtered),
//! and the very same SQL on the bare engine, for 1 to 64 clients at once. And
//! what a token costs that the server has never seen.
//!
//! Client and server share the machine. The bare engine has no client, and
//! runs on as many threads as are best for it, four at most.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use analytics::project::{Project, Variables};
use analytics::{EngineSettings, Running, Settings, StartOptions, start};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::child::bare::{Bare, BareConnection};
use engine::{Statement, cached_library};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;
use template::{Parameters, RenderContext};
use token::{Claims, Scope, SigningKey, sign};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// Endpoints of one node, whose template is all of their SQL.
const ENDPOINTS: [&str; 3] = ["flights_per_day", "flights_summary", "delay_by_hour"];
/// One that the tokens are not for.
const NOT_IN_SCOPE: &str = "flights_period";
const ORG: &str = "ua";
const WORKSPACE: &str = "bench";
const ADMIN_TOKEN: &str = "p.an-admin-token-of-more-than-thirty-two-bytes";
const CLIENTS: [u64; 4] = [1, 4, 16, 64];
const BEST_BARE_THREADS: u64 = 4;
/// The year 2100.
const FAR_FUTURE: i64 = 4_102_444_800;
/// The demo's year ends in this week: 2026-11-21.
const NOW: i64 = 1_795_219_200;

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads can be started");
    let server = runtime.block_on(Server::start());
    let bare_engine = runtime.block_on(server.bare());
    for endpoint in ENDPOINTS {
        let sql = rendered(endpoint);
        let request = server.request(endpoint, &server.token(0));
        let mut group = criterion.benchmark_group(format!("endpoint: {endpoint}"));
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(5));
        for clients in CLIENTS {
            group.throughput(Throughput::Elements(clients));
            group.bench_function(BenchmarkId::new("bare engine", clients), |bencher| {
                let mut connections =
                    Server::bare_connections(&bare_engine, clients.min(BEST_BARE_THREADS));
                bencher.iter_custom(|rounds| bare(&mut connections, &sql, rounds * clients));
            });
            group.bench_function(BenchmarkId::new("over HTTP", clients), |bencher| {
                bencher.iter_custom(|rounds| {
                    let each = vec![Arc::clone(&request); rounds as usize];
                    runtime.block_on(server.over_http(vec![each; clients as usize], 200))
                });
            });
        }
        group.finish();
    }
    tokens(criterion, &runtime, &server);
    runtime.block_on(server.stop());
}

/// Requests that end when the token has been read: it is good, but not for
/// what is asked.
fn tokens(criterion: &mut Criterion, runtime: &Runtime, server: &Server) {
    let refused = |number| server.request(NOT_IN_SCOPE, &server.token(number));
    let mut group = criterion.benchmark_group("token over HTTP");
    group.sample_size(20).throughput(Throughput::Elements(1));
    let mut signed = 0;
    group.bench_function("seen for the first time", |bencher| {
        bencher.iter_custom(|rounds| {
            let first = signed + 1;
            signed += rounds;
            let requests = (first..=signed).map(refused).collect();
            runtime.block_on(server.over_http(vec![requests], 403))
        });
    });
    group.bench_function("seen before", |bencher| {
        let request = refused(0);
        bencher.iter_custom(|rounds| {
            let requests = vec![Arc::clone(&request); rounds as usize];
            runtime.block_on(server.over_http(vec![requests], 403))
        });
    });
    group.finish();
}

/// The endpoint's SQL as the server runs it.
fn rendered(endpoint: &str) -> String {
    let project = Project::load(&demo(), &Variables::default()).expect("the demo is right");
    let template = project
        .template(endpoint, "endpoint")
        .expect("the demo has this endpoint");
    let mut parameters = Parameters::new();
    parameters.add("org", ORG);
    let rendered = template.render(&parameters, &RenderContext::default());
    rendered.expect("`org` is all it needs").sql
}

/// Runs the SQL `times` times, spread over the connections.
fn bare(connections: &mut [BareConnection], sql: &str, times: u64) -> Duration {
    let threads = connections.len() as u64;
    let started = Instant::now();
    std::thread::scope(|scope| {
        for (number, connection) in connections.iter_mut().enumerate() {
            let share = times / threads + u64::from((number as u64) < times % threads);
            scope.spawn(move || {
                for _ in 0..share {
                    connection
                        .query(sql.as_bytes(), "JSON")
                        .expect("the SQL is right");
                }
            });
        }
    });
    started.elapsed()
}

/// The analytics server on a port of its own, with the demo's data.
struct Server {
    running: Running,
    address: SocketAddr,
    signing: SigningKey,
    state: TempDir,
}

impl Server {
    async fn start() -> Self {
        let state = tempfile::tempdir().expect("there is a temporary directory");
        let database = SqliteConnectOptions::new()
            .filename(state.path().join("rookery.db"))
            .create_if_missing(true);
        let keys = token::Settings::default()
            .load(ADMIN_TOKEN)
            .expect("the token is long enough");
        let signing = keys.signing.clone();
        let engine = EngineSettings {
            program: Some(engine::testing::program()),
            ..EngineSettings::default()
        };
        let settings = Settings {
            project: demo(),
            engine,
            ..Settings::default()
        };
        let options = StartOptions {
            state_directory: state.path().to_owned(),
            pool: SqlitePoolOptions::new()
                .connect_with(database)
                .await
                .expect("SQLite opens"),
            workspace_id: WORKSPACE.to_owned(),
            workspace_name: WORKSPACE.to_owned(),
            admin_token: ADMIN_TOKEN.to_owned(),
            keys,
            environment: std::collections::BTreeMap::new(),
        };
        let running = start(settings, options).await.expect("the demo is served");
        running
            .load_fixtures(NOW, |_| {})
            .await
            .expect("the demo's fixtures load");
        let listener = service::bind(([127, 0, 0, 1], 0).into())
            .await
            .expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(service::serve(
            listener,
            running.router(),
            service::ConnectionSettings::default(),
            std::future::pending(),
        ));
        Self {
            running,
            address: ([127, 0, 0, 1], port).into(),
            signing,
            state,
        }
    }

    /// The same rows in an engine without a door, in this process.
    async fn bare(&self) -> Bare {
        let engine = self.running.engine();
        let ask = |sql: &str, format: &str| engine.query(Statement::read(sql, format));
        let table = ask("SHOW CREATE TABLE rookery.flights", "TSVRaw").await;
        let table = table.expect("the server made it").body;
        let rows = ask("SELECT * FROM rookery.flights", "Native").await;
        let rows = rows.expect("the fixtures are loaded").body;
        let library = cached_library().expect("there is a home");
        let bare = Bare::load(&library, &self.state.path().join("bare"));
        let bare = bare.expect("the library was fetched");
        let mut connection = bare.connect().expect("its directory is new");
        let insert = [b"INSERT INTO rookery.flights FORMAT Native\n", &*rows].concat();
        for sql in [b"CREATE DATABASE rookery", &*table, &insert] {
            let done = connection.query(sql, "Null");
            done.expect("what one engine wrote the other takes");
        }
        bare
    }

    fn bare_connections(bare: &Bare, count: u64) -> Vec<BareConnection> {
        let connect = |_| {
            let mut connection = bare.connect().expect("it takes more connections");
            let used = connection.query(b"USE rookery", "Null");
            used.expect("it was made");
            connection
        };
        (0..count).map(connect).collect()
    }

    /// A token for the endpoints; another for each number.
    fn token(&self, number: u64) -> String {
        let claims = Claims {
            jti: Some(number.to_string()),
            ..claims()
        };
        sign(&claims, &self.signing).expect("the claims are complete")
    }

    fn request(&self, endpoint: &str, token: &str) -> Arc<str> {
        let address = self.address;
        format!(
            "GET /v0/pipes/{endpoint}.json HTTP/1.1\r\nHost: {address}\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        )
        .into()
    }

    /// Each client sends its next request when it has the answer, which has
    /// this status.
    async fn over_http(&self, clients: Vec<Vec<Arc<str>>>, status: u16) -> Duration {
        let mut connected = Vec::new();
        for requests in clients {
            let stream = TcpStream::connect(self.address).await;
            connected.push((stream.expect("the server listens"), requests));
        }
        let started = Instant::now();
        let tasks: Vec<_> = connected
            .into_iter()
            .map(|(mut stream, requests)| {
                tokio::spawn(async move {
                    let mut buffer = Vec::new();
                    for request in requests {
                        let answered = call(&mut stream, request.as_bytes(), &mut buffer).await;
                        assert_eq!(answered, status);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no client fails");
        }
        started.elapsed()
    }

    async fn stop(self) {
        self.running.shutdown().await;
    }
}

/// One request on a kept connection, read to its end; the answer's status. A
/// client of its own, because it shares the processors with the server: a
/// whole HTTP library would be a good part of what is measured.
async fn call(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> u16 {
    stream.write_all(request).await.expect("it is connected");
    buffer.clear();
    loop {
        stream.read_buf(buffer).await.expect("it is connected");
        if let Some((status, length)) = answer(buffer)
            && buffer.len() >= length
        {
            return status;
        }
    }
}

/// An answer's status and length in bytes, head and body, once its head is
/// there.
fn answer(buffer: &[u8]) -> Option<(u16, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let head = match answer.parse(buffer).expect("it is HTTP") {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return None,
    };
    let length = answer
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|length| str::from_utf8(length.value).ok()?.parse::<usize>().ok())
        .expect("the answer tells its length");
    Some((answer.code.expect("the head is whole"), head + length))
}

fn claims() -> Claims {
    Claims {
        workspace_id: WORKSPACE.to_owned(),
        name: "bench".to_owned(),
        exp: FAR_FUTURE,
        scopes: ENDPOINTS
            .iter()
            .map(|endpoint| Scope::read_pipe(endpoint).fixed("org", ORG))
            .collect(),
        ..Claims::default()
    }
}

fn demo() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo")
}

criterion_group!(group, benches);
criterion_main!(group);
