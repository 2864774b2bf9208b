//! What the door costs: the same SQL on the bare library and through the
//! client, with its limits and a tenant filter, in one run.

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::child::bare::{Bare, BareConnection};
use engine::testing::TestEngine;
use engine::{Client, Engine, Insert, Statement, TableFilter, cached_library, sql};
use futures::future::join_all;
use tokio::runtime::Runtime;

/// A typical endpoint: one airline's flights of each day.
const PER_DAY: &str = "SELECT toDate(scheduled, 'America/New_York') AS day, count() AS flights, \
    countIf(dep_delay IS NULL) AS cancelled FROM rookery.flights WHERE org = 'ua' \
    GROUP BY day ORDER BY day";

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads can be started");
    let engine = runtime.block_on(TestEngine::with(0, 0));
    let rows = flights();
    runtime.block_on(load_flights(&engine, rows.clone()));
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let library = cached_library().expect("there is a home");
    let bare = Bare::load(&library, directory.path())
        .expect("the library was fetched with `cargo xtask fetch`");
    let mut loading = bare.connect().expect("the directory is new");
    load_bare(&mut loading, &rows);

    for (name, sql) in [("select 1", "SELECT 1"), ("flights per day", PER_DAY)] {
        let mut group = criterion.benchmark_group(format!("engine: {name}"));
        let mut direct = bare.connect().expect("it takes another connection");
        group.bench_function("bare", |bencher| {
            bencher.iter(|| {
                direct
                    .query(sql.as_bytes(), "JSON")
                    .expect("the SQL is right")
            });
        });
        group.bench_function("through the door", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| async { engine.query(endpoint(sql, "ua")).await.expect("it answers") });
        });
        group.finish();
    }

    let mut group = criterion.benchmark_group("engine: flights per day, many at once");
    for callers in [4, 16, 64] {
        group.throughput(Throughput::Elements(callers));
        group.bench_function(format!("through the door, {callers} callers"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                join_all((0..callers).map(|_| engine.query(endpoint(PER_DAY, "ua")))).await
            });
        });
        group.bench_function(format!("bare, {callers} callers on 4 threads"), |bencher| {
            bencher.iter(|| bare_threads(&bare, callers));
        });
    }
    group.finish();
    runtime.block_on(engine.shutdown());
}

/// The statement as an endpoint sends it.
fn endpoint(sql: &str, org: &str) -> Statement {
    Statement {
        tenant_filters: vec![TableFilter {
            table: "rookery.flights".to_owned(),
            expression: sql::equals("org", org),
        }],
        ..Statement::read(sql, "JSON")
    }
}

fn bare_threads(bare: &Bare, callers: u64) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut direct = bare.connect().expect("it takes another connection");
                for _ in 0..callers / 4 {
                    direct
                        .query(PER_DAY.as_bytes(), "JSON")
                        .expect("the SQL is right");
                }
            });
        }
    });
}

const TABLE: &str = "CREATE TABLE rookery.flights (scheduled DateTime('UTC'), \
    org LowCardinality(String), flight UInt16, tail Nullable(String), \
    origin LowCardinality(String), dest LowCardinality(String), dep_delay Nullable(Int32), \
    arr_delay Nullable(Int32), air_time Nullable(Int32), distance UInt32) \
    ENGINE = MergeTree ORDER BY (org, scheduled)";
/// One part, as it stays after a while.
const MERGE: &str = "OPTIMIZE TABLE rookery.flights FINAL";

/// The demo's rows.
fn flights() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/fixtures/flights.ndjson.gz");
    let file = std::fs::File::open(file).expect("the demo's fixtures are there");
    let mut data = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut data)
        .expect("the fixture is gzip");
    data
}

async fn load_flights(engine: &Client, rows: Vec<u8>) {
    let table = engine.query(Statement::change(TABLE));
    table.await.expect("the table is new");
    let insert = Insert {
        table: "rookery.flights".to_owned(),
        columns: Vec::new(),
        format: "JSONEachRow".to_owned(),
        data: rows.into(),
        deadline: Duration::from_secs(60),
        settings: Vec::new(),
    };
    engine.insert(insert).await.expect("the fixture fits");
    let merge = engine.query(Statement::change(MERGE));
    merge.await.expect("parts can be merged");
}

fn load_bare(connection: &mut BareConnection, rows: &[u8]) {
    let insert = [b"INSERT INTO rookery.flights FORMAT JSONEachRow\n", rows].concat();
    for sql in [
        b"CREATE DATABASE rookery",
        TABLE.as_bytes(),
        &insert,
        MERGE.as_bytes(),
    ] {
        let done = connection.query(sql, "Null");
        done.expect("the directory is new and the fixture fits");
    }
}

criterion_group!(engine_benches, benches);
criterion_main!(engine_benches);
