//! A real server on a port of its own, over a real engine in an empty directory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use analytics::{
    Clock, EngineSettings, QuerySettings, Running, Settings, StartOptions, SystemClock,
};
use reqwest::{Client, RequestBuilder, Response};
use service::ConnectionSettings;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;
use token::{Claims, Scope, sign};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const WORKSPACE: &str = "0c5f1f4e-2b7e-4c0a-9e0a-3f7b8f0d1a2b";
pub(crate) const ADMIN: &str = "p.eyJ1IjoiMGM1ZjFmNGUtMmI3ZS00YzBhLTllMGEtM2Y3YjhmMGQxYTJiIiwiaWQiOiJhZG1pbi1pZCJ9.c2VjcmV0LXNlY3JldC1zZWNyZXQ";

/// How long tests wait for what comes by itself. Only a failure waits so long,
/// so it is long enough for a machine with other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The project of the golden cases.
pub(crate) fn project() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/endpoint/project")
}

/// Settings that the golden cases count on.
pub(crate) fn settings() -> Settings {
    let secret = service::Secret::new("hunter2hu");
    Settings {
        project: project(),
        origin: Some("https://analytics.example/".to_owned()),
        query: QuerySettings {
            deadline_seconds: 2,
            ..QuerySettings::default()
        },
        engine: engine_settings(),
        secrets: BTreeMap::from([("api_key".to_owned(), secret)]),
        ..Settings::default()
    }
}

/// The engine's program, beside the tests.
pub(crate) fn engine_settings() -> EngineSettings {
    let (url, password) = engine::testing::server().unzip();
    EngineSettings {
        program: Some(engine::testing::program()),
        url,
        password: password.map(service::Secret::new),
        ..EngineSettings::default()
    }
}

/// A server that ends with its test. One per process: run with nextest.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) client: Client,
    origin: String,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    state: TempDir,
}

impl Server {
    /// Serves the cases' project with its fixtures.
    pub(crate) async fn start() -> Self {
        Self::start_with_fixtures(settings()).await
    }

    /// Serves any project that has the cases' data sources, with their
    /// fixtures.
    pub(crate) async fn start_with_fixtures(settings: Settings) -> Self {
        let server = Self::start_with(settings).await;
        for name in ["events", "plans", "versions"] {
            let rows = std::fs::read(project().join(format!("fixtures/{name}.ndjson"))).unwrap();
            let path = format!("/v0/events?name={name}&wait=true");
            let request = server.post(&path).bearer_auth(ADMIN).body(rows);
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            let is_whole = text.contains(r#""quarantined_rows":0"#);
            assert!(status == 200 && is_whole, "{name}: {text}");
        }
        server
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        engine::testing::empty_server().await;
        Self::start_in(tempfile::tempdir().unwrap(), settings).await
    }

    /// The same with what a former process left in the state directory.
    pub(crate) async fn start_in(state: TempDir, settings: Settings) -> Self {
        Self::start_all(state, settings, Arc::new(SystemClock)).await
    }

    /// The same by a clock that the test moves.
    pub(crate) async fn start_with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self::start_all(tempfile::tempdir().unwrap(), settings, clock).await
    }

    async fn start_all(state: TempDir, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let options = options(state.path()).await;
        let running = analytics::start_with_clock(settings, options, clock).await;
        let running = running.unwrap_or_else(|error| panic!("the server does not start: {error}"));
        let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let router = running.router();
        let serving = tokio::spawn(async move {
            let stopped = async move { stopped.await.unwrap_or_default() };
            service::serve(listener, router, ConnectionSettings::default(), stopped).await;
        });
        let client = Client::builder().pool_max_idle_per_host(4).build().unwrap();
        Self {
            running,
            client,
            origin,
            stop: Some(stop),
            serving,
            state,
        }
    }

    /// The state directory.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// The answer to a GET with a token.
    pub(crate) async fn read(&self, path: &str, token: &str) -> Response {
        self.get(path).bearer_auth(token).send().await.unwrap()
    }

    /// The same as status and JSON.
    pub(crate) async fn json(&self, path: &str, token: &str) -> (u16, serde_json::Value) {
        let answer = self.read(path, token).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Ends the server as SIGTERM would; answers with what it leaves behind.
    pub(crate) async fn end(mut self) -> TempDir {
        drop(self.stop.take());
        self.serving.await.unwrap();
        self.running.shutdown().await;
        self.state
    }

    /// The same, and takes its state away.
    pub(crate) async fn stop(self) {
        self.end().await.close().unwrap();
    }
}

pub(crate) async fn options(state: &Path) -> StartOptions {
    let database = SqliteConnectOptions::new()
        .filename(state.join("rookery.db"))
        .create_if_missing(true);
    StartOptions {
        state_directory: state.to_owned(),
        pool: SqlitePool::connect_with(database).await.unwrap(),
        workspace_id: WORKSPACE.into(),
        workspace_name: "tests".into(),
        admin_token: ADMIN.into(),
        keys: token::Settings::default().load(ADMIN).unwrap(),
        environment: BTreeMap::new(),
    }
}

pub(crate) fn unix_now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// A JWT that is good for an hour.
pub(crate) fn jwt(name: &str, scopes: Vec<Scope>) -> String {
    signed(Claims {
        name: name.into(),
        scopes,
        ..claims()
    })
}

pub(crate) fn claims() -> Claims {
    Claims {
        workspace_id: WORKSPACE.into(),
        name: "test".into(),
        exp: unix_now() + 3600,
        iat: Some(unix_now()),
        ..Claims::default()
    }
}

pub(crate) fn signed(claims: Claims) -> String {
    sign(&claims, &token::SigningKey::hs256(ADMIN).unwrap()).unwrap()
}
