//! The embedded engine, the real one: what it answers, what it refuses, what
//! it stops, and that nothing leaks from one statement to the next.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

use std::fmt::Debug;
use std::time::{Duration, Instant};

use bytes::Bytes;

use engine::testing::TestEngine;
use engine::*;

fn code(result: Result<impl Debug, EngineError>) -> i32 {
    match result {
        Err(EngineError::Query { code, .. }) => code,
        other => panic!("not a query error: {other:?}"),
    }
}

/// `sql` with a filter of `org` on the table `rookery.f`.
fn filtered(sql: &str, org: &str) -> Statement {
    Statement {
        tenant_filters: vec![TableFilter {
            table: "rookery.f".into(),
            expression: sql::equals("org", org),
        }],
        ..Statement::read(sql, "TabSeparated")
    }
}

async fn with_table() -> TestEngine {
    let engine = TestEngine::open().await;
    engine
        .change(
            "CREATE TABLE f (org LowCardinality(String), v UInt32) ENGINE = MergeTree ORDER BY org",
        )
        .await;
    engine
        .change("INSERT INTO f SELECT ['ua', 'b6'][number % 2 + 1], number FROM numbers(10)")
        .await;
    engine
}

#[tokio::test]
async fn a_joins_rows_keep_the_order_of_its_left_side() {
    let engine = TestEngine::open().await;
    // Each side is a subquery, whose size the planner does not know.
    let sql = "SELECT groupArray(a.n) = range(50) FROM \
        (SELECT n FROM (SELECT arrayJoin(range(50)) AS n) AS a \
         LEFT JOIN (SELECT number AS n, count() AS c FROM numbers(30) GROUP BY n) AS b ON a.n = b.n) AS a";
    assert_eq!(engine.rows(sql).await.unwrap(), "1\n");
}

#[tokio::test]
async fn parts_of_json_documents_can_be_joined_grouped_and_sorted_by() {
    let engine = TestEngine::open().await;
    let sql = "WITH rows AS (SELECT arrayJoin(['{\"a\":\"x\"}', '{\"a\":\"y\"}', '{\"a\":\"x\"}'])::JSON AS row) \
        SELECT l.a, count() FROM (SELECT row.a AS a FROM rows) AS l JOIN (SELECT row.a AS a FROM rows) AS r \
        ON l.a = r.a GROUP BY l.a ORDER BY l.a";
    assert_eq!(engine.rows(sql).await.unwrap(), "x\t4\ny\t1\n");
}

#[tokio::test]
async fn answers_come_in_the_format_asked_for_with_statistics() {
    let engine = TestEngine::open().await;
    let json = engine.query(Statement::read(
        "SELECT number AS n, 'a/b' AS s FROM numbers(2)",
        "JSON",
    ));
    let json = json.await.unwrap();
    assert_eq!(json.statistics.rows_read, 2);
    let count = engine.query(Statement::read(
        "SELECT sum(number) FROM numbers(1000)",
        "CSV",
    ));
    let count = count.await.unwrap().statistics;
    assert_eq!((count.rows_read, count.bytes_read), (1000, 8000));
    assert!(json.statistics.elapsed > 0.0);
    let body: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(
        body["data"],
        serde_json::json!([{"n": 0, "s": "a/b"}, {"n": 1, "s": "a/b"}])
    );
    assert!(String::from_utf8_lossy(&json.body).contains(r#""a\/b""#));

    for (format, expected) in [
        ("CSVWithNames", "\"n\"\n0\n"),
        ("JSONEachRow", "{\"n\":0}\n"),
        ("TabSeparated", "0\n"),
        ("PrettyCompactMonoBlock", "   ┌─n─┐\n1. │ 0 │\n   └───┘\n"),
    ] {
        let text = engine.text(Statement::read(
            "SELECT number AS n FROM numbers(1)",
            format,
        ));
        assert_eq!(text.await.unwrap(), expected, "{format}");
    }
    let parquet = engine
        .query(Statement::read("SELECT 1 AS n", "Parquet"))
        .await
        .unwrap();
    assert!(parquet.body.starts_with(b"PAR1"));
    let prometheus = Statement::read("SELECT 'up' AS name, 1. AS value", "Prometheus");
    assert!(engine.text(prometheus).await.unwrap().contains("up 1"));
}

#[tokio::test]
async fn parameters_are_bound_and_never_become_sql() {
    let engine = TestEngine::open().await;
    for hostile in [
        "'",
        "\\",
        "' OR 1 --",
        "a\tb\nc",
        "/*",
        "é\u{0}x",
        "{x:String}",
    ] {
        let statement = Statement {
            parameters: vec![
                ("x".into(), sql::parameter(hostile)),
                ("n".into(), "3".into()),
            ],
            ..Statement::read("SELECT {x:String} AS x, {n:UInt8} + 1 AS n", "JSONEachRow")
        };
        let row: serde_json::Value =
            serde_json::from_str(&engine.text(statement).await.unwrap()).unwrap();
        assert_eq!(row, serde_json::json!({"x": hostile, "n": 4}));
    }
    assert_eq!(code(engine.rows("SELECT {x:String}").await), 456);
}

#[tokio::test]
async fn reading_statements_change_nothing() {
    let engine = with_table().await;
    for sql in [
        "INSERT INTO f VALUES ('x', 1)",
        "DROP TABLE f",
        "CREATE TABLE g (a UInt8) ENGINE = Null",
        "CREATE TEMPORARY TABLE g (a UInt8)",
        "ALTER TABLE f DELETE WHERE 1",
        "SET max_threads = 1",
        "USE system",
        "SELECT 1 INTO OUTFILE '/tmp/rookery-must-not-exist'",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1",
    ] {
        assert_eq!(code(engine.rows(sql).await), 164, "{sql}");
    }
    for sql in [
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE f",
        "SELECT 1 PARALLEL WITH SELECT 2",
    ] {
        assert_eq!(code(engine.rows(sql).await), 62, "{sql}");
    }
    assert_eq!(
        engine.rows("SELECT count() FROM f;;").await.unwrap(),
        "10\n"
    );
}

#[tokio::test]
async fn a_broken_statement_does_not_run_the_good_one_before_it() {
    let engine = with_table().await;
    let broken = engine
        .rows("SET additional_table_filters = {'rookery.f': '0'}; SELECT (")
        .await;
    let Err(EngineError::Query {
        code: 62, message, ..
    }) = &broken
    else {
        panic!("{broken:?}")
    };
    assert!(message.starts_with("Syntax error"), "{message}");
    assert!(!message.contains("formatQuery"), "{message}");
    for _ in 0..4 {
        assert_eq!(engine.rows("SELECT count() FROM f").await.unwrap(), "10\n");
    }
}

#[tokio::test]
async fn filters_and_limits_do_not_leak_into_the_next_statement() {
    let engine = with_table().await;
    let threads = "SELECT getSetting('max_threads'), getSetting('max_memory_usage')";
    let before = engine.rows(threads).await.unwrap();
    for _ in 0..8 {
        let mine = engine
            .text(filtered("SELECT count() FROM f", "ua"))
            .await
            .unwrap();
        assert_eq!(mine, "5\n");
        let none = engine
            .text(filtered("SELECT count() FROM f", "o'x"))
            .await
            .unwrap();
        assert_eq!(none, "0\n");
        assert_eq!(engine.rows("SELECT count() FROM f").await.unwrap(), "10\n");
        let limited = Statement {
            limits: QueryLimits {
                max_threads: Some(1),
                memory: 1 << 30,
                ..QueryLimits::default()
            },
            ..Statement::read(threads, "TabSeparated")
        };
        assert_eq!(engine.text(limited).await.unwrap(), "1\t1073741824\n");
        assert_eq!(engine.rows(threads).await.unwrap(), before);
    }
}

#[tokio::test]
async fn a_session_that_could_not_be_entered_leaves_nothing_behind() {
    let engine = with_table().await;
    let wrong = Statement {
        settings: vec![("no_such_setting".into(), "1".into())],
        ..filtered("SELECT 1", "ua")
    };
    for _ in 0..3 {
        assert_eq!(code(engine.text(wrong.clone()).await), 115);
        assert_eq!(engine.rows("SELECT count() FROM f").await.unwrap(), "10\n");
    }
    let elsewhere = Statement {
        database: Some("nowhere".into()),
        ..Statement::read("SELECT count() FROM f", "TabSeparated")
    };
    assert_eq!(code(engine.text(elsewhere).await), 81);
    assert_eq!(engine.rows("SELECT count() FROM f").await.unwrap(), "10\n");
}

#[tokio::test]
async fn limits_of_memory_and_result_size_hold() {
    let engine = TestEngine::open().await;
    let limited = |sql: &str, limits| Statement {
        limits,
        ..Statement::read(sql, "Null")
    };
    let memory = QueryLimits {
        memory: 10_000_000,
        ..QueryLimits::default()
    };
    let grouping = "SELECT number, count() FROM numbers(10000000) GROUP BY number";
    assert_eq!(code(engine.text(limited(grouping, memory)).await), 241);
    let size = QueryLimits {
        result_bytes: 1000,
        ..QueryLimits::default()
    };
    let long = "SELECT number FROM numbers(100000)";
    assert_eq!(code(engine.text(limited(long, size)).await), 396);
}

/// Whether a statement with this text is inside the engine.
async fn runs(engine: &TestEngine, mark: &str) -> bool {
    let sql = format!(
        "SELECT count() FROM system.processes
         WHERE query LIKE '%{mark}%' AND query NOT LIKE '%system.processes%'"
    );
    engine.rows(&sql).await.unwrap() != "0\n"
}

/// Waits until it does, or does not; fails after ten seconds.
async fn becomes(engine: &TestEngine, mark: &str, expected: bool) {
    let limit = Duration::from_secs(10);
    let reached = tokio::time::timeout(limit, async {
        while runs(engine, mark).await != expected {
            tokio::task::yield_now().await;
        }
    });
    assert!(reached.await.is_ok(), "{mark} running stayed {}", !expected);
}

const ENDLESS: [&str; 3] = [
    "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore('endless')",
    "SELECT count() FROM numbers(300000) AS endless CROSS JOIN numbers(300000) AS b WHERE endless.number != b.number",
    "SELECT sleepEachRow(1), 'endless' FROM numbers(1000) SETTINGS max_block_size = 1",
];

#[tokio::test]
async fn a_statement_past_its_deadline_leaves_the_engine() {
    let engine = TestEngine::open().await;
    for sql in ENDLESS {
        let statement = Statement {
            limits: QueryLimits {
                deadline: Duration::from_millis(300),
                ..QueryLimits::default()
            },
            ..Statement::read(sql, "TabSeparated")
        };
        let begun = Instant::now();
        assert_eq!(
            engine.query(statement).await,
            Err(EngineError::DeadlineExceeded)
        );
        assert!(begun.elapsed() < Duration::from_secs(1));
        becomes(&engine, "endless", false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_stops_its_statement() {
    let engine = TestEngine::open().await;
    for sql in ENDLESS {
        let asked = engine.query(Statement::read(sql, "TabSeparated"));
        tokio::select! {
            answer = asked => panic!("{sql} came to an end: {answer:?}"),
            () = becomes(&engine, "endless", true) => {}
        }
        becomes(&engine, "endless", false).await;
        assert_eq!(engine.rows("SELECT 1").await.unwrap(), "1\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_never_hits_the_statement_after_it() {
    let engine = TestEngine::with(1, 64).await;
    for _ in 0..50 {
        let hang_up = engine.query(Statement::read(ENDLESS[0], "Null"));
        let _ = tokio::time::timeout(Duration::from_millis(2), hang_up).await;
        assert_eq!(
            engine
                .rows("SELECT sum(number) FROM numbers(1000000)")
                .await
                .unwrap(),
            "499999500000\n"
        );
    }
}

#[tokio::test]
async fn the_queue_is_bounded_and_waiting_counts_against_the_deadline() {
    let engine = TestEngine::with(1, 1).await;
    let statement = Statement {
        limits: QueryLimits {
            deadline: Duration::from_millis(500),
            ..QueryLimits::default()
        },
        ..Statement::read(ENDLESS[0], "Null")
    };
    let begun = Instant::now();
    let asked = (0..4).map(|_| engine.query(statement.clone()));
    let answers = futures::future::join_all(asked).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    // One may run and one may wait; whichever did, its time ran out.
    let refused = answers
        .iter()
        .filter(|answer| **answer == Err(EngineError::QueueFull));
    let late = answers
        .iter()
        .filter(|answer| **answer == Err(EngineError::DeadlineExceeded));
    let (refused, late) = (refused.count(), late.count());
    assert!(refused >= 2 && refused + late == 4, "{answers:?}");
    assert_eq!(engine.rows("SELECT 1").await.unwrap(), "1\n");
}

#[tokio::test]
async fn shutdown_ends_the_engine_and_may_be_repeated() {
    let engine = TestEngine::open().await;
    engine
        .change("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
        .await;
    engine.shutdown().await;
    engine.shutdown().await;
    let after = engine.rows("SELECT 1").await;
    assert!(
        matches!(after, Err(EngineError::Unavailable(_))),
        "{after:?}"
    );
}

#[tokio::test]
async fn inserts_are_whole_or_not_at_all() {
    let engine = TestEngine::open().await;
    engine
        .change("CREATE TABLE t (a UInt8, b String DEFAULT 'x') ENGINE = MergeTree ORDER BY a")
        .await;
    let insert = |data: &'static str| Insert {
        table: "rookery.t".into(),
        columns: vec!["a".into()],
        format: "JSONEachRow".into(),
        data: Bytes::from_static(data.as_bytes()),
        deadline: Duration::from_secs(10),
        settings: vec![],
    };
    let written = engine
        .insert(insert("{\"a\":1}\n{\"a\":2}\n"))
        .await
        .unwrap();
    assert_eq!(written.rows_written, 2);
    assert_eq!(
        code(engine.insert(insert("{\"a\":3}\n{\"a\":\"no\"}\n")).await),
        27
    );
    assert_eq!(
        engine.rows("SELECT * FROM t ORDER BY a").await.unwrap(),
        "1\tx\n2\tx\n"
    );
    let missing = Insert {
        table: "rookery.nowhere".into(),
        ..insert("{}")
    };
    assert_eq!(code(engine.insert(missing).await), 60);
}

fn json(table: &str, data: &'static str) -> Insert {
    Insert {
        table: table.into(),
        columns: vec![],
        format: "JSONEachRow".into(),
        data: Bytes::from_static(data.as_bytes()),
        deadline: Duration::from_secs(10),
        settings: vec![],
    }
}

#[tokio::test]
async fn a_view_with_a_scalar_subquery_takes_inserted_rows() {
    let engine = TestEngine::open().await;
    for sql in [
        "CREATE TABLE words (w String) ENGINE = MergeTree ORDER BY w",
        "INSERT INTO words VALUES ('a'), ('b')",
        "CREATE TABLE src (id UInt8) ENGINE = MergeTree ORDER BY id",
        "CREATE TABLE seen (id UInt8, x Int64) ENGINE = MergeTree ORDER BY id",
        "CREATE MATERIALIZED VIEW v TO seen AS WITH (SELECT count() FROM words) AS k \
         SELECT id, toInt64(k) AS x FROM src",
    ] {
        engine.change(sql).await;
    }
    engine
        .insert(json("rookery.src", "{\"id\":1}\n{\"id\":2}\n"))
        .await
        .unwrap();
    let seen = engine.rows("SELECT * FROM seen ORDER BY id").await;
    assert_eq!(seen.unwrap(), "1\t2\n2\t2\n");
}

#[tokio::test]
async fn rows_before_an_error_do_not_reach_the_next_answer() {
    let engine = TestEngine::open().await;
    let fails = "SELECT number, throwIf(number = 500000) FROM numbers(1000000) SETTINGS max_block_size = 1000";
    for _ in 0..16 {
        let failed = engine.query(Statement::read(fails, "TabSeparated")).await;
        assert!(
            matches!(failed, Err(EngineError::Query { .. })),
            "{failed:?}"
        );
        assert_eq!(engine.rows("SELECT 1").await.unwrap(), "1\n");
    }
}
