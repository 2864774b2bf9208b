//! How long it takes until a project of the size of the largest public ones is
//! served: for the first time, again, and with one pipe changed.
//!
//! A process can open the engine once, so each measurement is a process of its
//! own: this one again, called with the directories and what to do.

mod generator;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use analytics::{Running, Settings, StartOptions, start};
use criterion::{Criterion, SamplingMode, criterion_group};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What a process of its own is told to do; the directory follows.
const START: &str = "--start-once";
const DEPLOY: &str = "--deploy-once";

/// The pipe that a deployment changes; nobody reads it.
const CHANGED: &str = "endpoints/endpoint_5.pipe";
/// What its SQL ends with.
const LAST: &str = "ORDER BY share DESC";
const ADMIN_TOKEN: &str = "p.an-admin-token-of-more-than-thirty-two-bytes";

/// A project beside the state of the server that serves it.
struct Place(TempDir);

impl Place {
    fn create() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        for (path, text) in generator::files(generator::LARGE) {
            let path = directory.path().join("project").join(path);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        }
        Self(directory)
    }

    /// What a process of its own measured.
    fn measure(&self, what: &str) -> Duration {
        let program = std::env::current_exe().expect("this program has a path");
        let output = Command::new(program)
            .arg(what)
            .arg(self.0.path())
            .output()
            .expect("it can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        let seconds = text.trim().parse().unwrap_or_else(|_| {
            panic!("{what}: {}", String::from_utf8_lossy(&output.stderr));
        });
        Duration::from_secs_f64(seconds)
    }
}

fn benches(criterion: &mut Criterion) {
    let size = generator::LARGE;
    let mut group = criterion.benchmark_group(format!(
        "project of {} data sources and {} pipes",
        size.data_sources, size.pipes
    ));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1));
    group.measurement_time(Duration::from_millis(1));
    group.bench_function("first start", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| Place::create().measure(START)).sum());
    });
    let place = Place::create();
    place.measure(START);
    for (name, what) in [("restart", START), ("deploy of one pipe", DEPLOY)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| place.measure(what)).sum());
        });
    }
    group.finish();
}

/// Does what this process was called for; seconds.
async fn run(what: &str, directory: &Path) -> f64 {
    let started = Instant::now();
    let running = serve(directory).await;
    let took = match what {
        DEPLOY => deploy(&running).await,
        _ => started.elapsed(),
    };
    running.shutdown().await;
    took.as_secs_f64()
}

async fn serve(directory: &Path) -> Running {
    let database = SqliteConnectOptions::new()
        .filename(directory.join("rookery.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(database).await;
    let options = StartOptions {
        state_directory: directory.to_owned(),
        pool: pool.expect("SQLite opens"),
        workspace_id: "bench".to_owned(),
        workspace_name: "bench".to_owned(),
        admin_token: ADMIN_TOKEN.to_owned(),
        keys: token::Settings::default()
            .load(ADMIN_TOKEN)
            .expect("the token is long enough"),
        environment: BTreeMap::new(),
    };
    let settings = Settings {
        project: directory.join("project"),
        ..Settings::default()
    };
    let running = start(settings, options).await;
    running.unwrap_or_else(|error| panic!("{error}"))
}

/// Deploys the project with one pipe changed, as `/v1/deploy` does.
async fn deploy(running: &Running) -> Duration {
    let started = Instant::now();
    let change = running.workspace().change().await;
    let mut change = change.unwrap_or_else(|error| panic!("{error}"));
    let mut files = change.present().to_vec();
    let file = files.iter_mut().find(|file| file.path == CHANGED);
    let file = file.expect("the project has it");
    let (before, after) = file.text.split_once(LAST).expect("it ends so");
    let (_, rest) = after.split_once('\n').expect("it has lines");
    // Another number each time: what was there before is remembered.
    let rows = std::process::id();
    file.text = format!("{before}{LAST} LIMIT {rows}\n{rest}");
    let rehearsed = change.rehearse(files).await;
    let installed = change.install(rehearsed.expect("it is good")).await;
    installed.expect("it is served");
    started.elapsed()
}

criterion_group!(group, benches);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.as_slice() {
        [_, what, directory] if [START, DEPLOY].contains(&what.as_str()) => {
            let runtime = Runtime::new().expect("threads can be started");
            let measured = runtime.block_on(run(what, Path::new(directory)));
            writeln!(std::io::stdout(), "{measured}").expect("the bench reads it");
        }
        _ => {
            group();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
