//! What the pool in front of the engine costs: the same SQL on the bare
//! engine and through `Embedded` with its limits and a tenant filter, in one
//! run.

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::embedded::{Embedded, EmbeddedSettings, cached_library};
use engine::{Engine, Insert, Statement, TableFilter, sql};
use futures::future::join_all;
use tokio::runtime::Runtime;

/// A typical endpoint: one airline's flights of each day.
const PER_DAY: &str = "SELECT toDate(scheduled, 'America/New_York') AS day, count() AS flights, \
    countIf(dep_delay IS NULL) AS cancelled FROM rookery.flights WHERE org = 'ua' \
    GROUP BY day ORDER BY day";

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("threads can be started");
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let engine = Embedded::open(EmbeddedSettings {
        library: cached_library().expect("there is a home"),
        data_directory: directory.path().join("engine"),
        database: "rookery".to_owned(),
        connections: 0,
        queue: 0,
    });
    let engine = engine.expect("the library was fetched with `cargo xtask fetch`");
    runtime.block_on(load_flights(&engine));

    for (name, sql) in [("select 1", "SELECT 1"), ("flights per day", PER_DAY)] {
        let mut group = criterion.benchmark_group(format!("engine: {name}"));
        let mut direct = engine
            .direct()
            .expect("the engine takes another connection");
        group.bench_function("bare", |bencher| {
            bencher.iter(|| direct.query(sql, "JSON").expect("the SQL is right"));
        });
        drop(direct);
        group.bench_function("embedded", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| async { engine.query(endpoint(sql, "ua")).await.expect("it answers") });
        });
        group.finish();
    }

    let mut group = criterion.benchmark_group("engine: flights per day, many at once");
    for callers in [4, 16, 64] {
        group.throughput(Throughput::Elements(callers));
        group.bench_function(format!("embedded, {callers} callers"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                join_all((0..callers).map(|_| engine.query(endpoint(PER_DAY, "ua")))).await
            });
        });
        group.bench_function(format!("bare, {callers} callers on 4 threads"), |bencher| {
            bencher.iter(|| bare_threads(&engine, callers));
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

fn bare_threads(engine: &Embedded, callers: u64) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut direct = engine
                    .direct()
                    .expect("the engine takes another connection");
                for _ in 0..callers / 4 {
                    direct.query(PER_DAY, "JSON").expect("the SQL is right");
                }
            });
        }
    });
}

async fn load_flights(engine: &Embedded) {
    let table = "CREATE TABLE flights (scheduled DateTime('UTC'), org LowCardinality(String), \
        flight UInt16, tail Nullable(String), origin LowCardinality(String), \
        dest LowCardinality(String), dep_delay Nullable(Int32), arr_delay Nullable(Int32), \
        air_time Nullable(Int32), distance UInt32) ENGINE = MergeTree ORDER BY (org, scheduled)";
    engine
        .query(Statement::change(table))
        .await
        .expect("the table is new");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/fixtures/flights.ndjson.gz");
    let file = std::fs::File::open(file).expect("the demo's fixtures are there");
    let mut data = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut data)
        .expect("the fixture is gzip");
    let insert = Insert {
        table: "rookery.flights".to_owned(),
        columns: Vec::new(),
        format: "JSONEachRow".to_owned(),
        data: data.into(),
        deadline: Duration::from_secs(60),
        settings: Vec::new(),
    };
    engine.insert(insert).await.expect("the fixture fits");
    // One part, as it stays after a while.
    let merge = Statement::change("OPTIMIZE TABLE flights FINAL");
    engine.query(merge).await.expect("parts can be merged");
}

criterion_group!(engine_benches, benches);
criterion_main!(engine_benches);
