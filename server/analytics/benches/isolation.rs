//! What `TAGS "tenant=…, isolated=true"` costs, for few and many tenants: the
//! parts that an insert makes, the rate of inserts, an endpoint's median and
//! the time to start. Prints a table.

use std::path::Path;
use std::time::{Duration, Instant};

use analytics::{EngineSettings, Running, Settings, StartOptions, start};
use axum::body::Body;
use engine::Statement;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use token::{Claims, Scope, SigningKey, sign};
use tower::ServiceExt;

const TENANTS: [u64; 3] = [10, 200, 5_000];
const ADMIN_TOKEN: &str = "p.an-admin-token-of-more-than-thirty-two-bytes";
const WORKSPACE: &str = "bench";
/// The year 2100.
const FAR_FUTURE: i64 = 4_102_444_800;

/// Rows of one insert, spread over all tenants.
const ROWS: u64 = 10_000;
const INSERTS: u64 = 5;
const CALLS: usize = 50;

/// How a data source keeps its tenants.
const KINDS: [(&str, &str, &str); 3] = [
    ("shared", "tenant=org", "String"),
    ("isolated", "tenant=org, isolated=true", "String"),
    (
        "isolated, with documents",
        "tenant=org, isolated=true",
        "JSON",
    ),
];

const ENDPOINT: &str = "NODE all\nSQL >\n    SELECT toDate(at) AS day, count() AS n, sum(id) AS ids FROM visits GROUP BY day ORDER BY day\n\nTYPE endpoint\n";

#[expect(clippy::print_stdout, reason = "the table is what it is for")]
fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    println!(
        "| tenants | kept | parts of an insert | rows a second | median of an endpoint | start |"
    );
    println!("|---|---|---|---|---|---|");
    for tenants in TENANTS {
        for (name, tags, document) in KINDS {
            let directory = tempfile::tempdir().expect("there is a temporary directory");
            write_project(directory.path(), tags, document);
            let filled = runtime.block_on(fill(directory.path(), tenants));
            let start = runtime.block_on(start_again(directory.path()));
            println!(
                "| {tenants} | {name} | {} | {:.0} | {:.1} ms | {} ms |",
                filled.parts,
                ROWS as f64 / filled.insert.as_secs_f64(),
                filled.call.as_secs_f64() * 1_000.0,
                start.as_millis()
            );
        }
    }
}

/// What filling an empty directory showed.
struct Filled {
    /// Parts of the first insert.
    parts: u64,
    /// Median of an insert.
    insert: Duration,
    /// Median of a call of the endpoint.
    call: Duration,
}

fn write_project(directory: &Path, tags: &str, document: &str) {
    let project = directory.join("project");
    std::fs::create_dir_all(&project).expect("the directory is new");
    let data_source = format!(
        "TAGS \"{tags}\"\n\nSCHEMA >\n    `org` String `json:$.org`,\n    `id` UInt64 `json:$.id`,\n    `at` DateTime `json:$.at`,\n    `city` LowCardinality(String) `json:$.city`,\n    `doc` {document} `json:$.doc`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"org, at\"\n"
    );
    for (name, text) in [
        ("visits.datasource", data_source.as_str()),
        ("visits_per_day.pipe", ENDPOINT),
    ] {
        std::fs::write(project.join(name), text).expect("the directory is ours");
    }
}

async fn running(directory: &Path) -> Running {
    let database = SqliteConnectOptions::new()
        .filename(directory.join("rookery.db"))
        .create_if_missing(true);
    let settings = Settings {
        project: directory.join("project"),
        engine: EngineSettings {
            program: Some(engine::testing::program()),
            ..EngineSettings::default()
        },
        ..Settings::default()
    };
    let options = StartOptions {
        state_directory: directory.to_owned(),
        pool: SqlitePoolOptions::new()
            .connect_with(database)
            .await
            .expect("SQLite opens"),
        workspace_id: WORKSPACE.to_owned(),
        workspace_name: WORKSPACE.to_owned(),
        admin_token: ADMIN_TOKEN.to_owned(),
        keys: token::Settings::default()
            .load(ADMIN_TOKEN)
            .expect("the token is long enough"),
        environment: std::collections::BTreeMap::new(),
    };
    start(settings, options).await.expect("it is served")
}

async fn start_again(directory: &Path) -> Duration {
    let started = Instant::now();
    let running = running(directory).await;
    let elapsed = started.elapsed();
    running.shutdown().await;
    elapsed
}

async fn fill(directory: &Path, tenants: u64) -> Filled {
    let running = running(directory).await;
    let mut parts = 0;
    let mut times = Vec::new();
    for insert in 0..INSERTS {
        let rows = rows(insert, tenants);
        let started = Instant::now();
        let path = "/v0/events?name=visits&wait=true";
        send(&running, Method::POST, path, ADMIN_TOKEN, rows).await;
        times.push(started.elapsed());
        if insert == 0 {
            parts = active_parts(&running).await;
        }
    }
    let scope = Scope::read_pipe("visits_per_day").fixed("org", "tenant-1");
    let claims = Claims {
        workspace_id: WORKSPACE.to_owned(),
        name: "bench".to_owned(),
        exp: FAR_FUTURE,
        scopes: vec![scope],
        ..Claims::default()
    };
    let key = SigningKey::hs256(ADMIN_TOKEN).expect("the key is long enough");
    let token = sign(&claims, &key).expect("the claims are complete");
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let started = Instant::now();
        let path = "/v0/pipes/visits_per_day.json";
        send(&running, Method::GET, path, &token, String::new()).await;
        calls.push(started.elapsed());
    }
    running.shutdown().await;
    Filled {
        parts,
        insert: median(times),
        call: median(calls),
    }
}

fn rows(insert: u64, tenants: u64) -> String {
    let row = |number: u64| {
        let id = insert * ROWS + number;
        format!(
            "{{\"org\":\"tenant-{}\",\"id\":{id},\"at\":\"2026-11-{:02} 10:00:00\",\"city\":\"city-{}\",\"doc\":{{\"page\":\"/{}\"}}}}\n",
            id % tenants,
            1 + id % 28,
            id % 40,
            id % 7
        )
    };
    (0..ROWS).map(row).collect()
}

async fn active_parts(running: &Running) -> u64 {
    let sql = "SELECT count() FROM system.parts WHERE active AND database = 'rookery' AND table = 'visits'";
    let statement = Statement::change(sql);
    let statement = Statement {
        format: "TabSeparated".to_owned(),
        ..statement
    };
    let answer = running.engine().query(statement).await;
    let body = answer.expect("the engine tells").body;
    let text = String::from_utf8_lossy(&body);
    text.trim().parse().expect("a number")
}

async fn send(running: &Running, method: Method, path: &str, token: &str, body: String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", format!("Bearer {token}"))
        .body(Body::from(body))
        .expect("the request is right");
    let response = match running.router().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    let body = response.into_body().collect().await;
    let body = body.expect("the answer comes").to_bytes();
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
