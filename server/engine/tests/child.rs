//! The engine's process: what kills it, what keeps it from starting, and what
//! those who ask it see of that.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::testing::{TestEngine, child};
use engine::{
    Client, ClientSettings, Engine, EngineError, Insert, QueryLimits, Statement,
    SupervisorSettings, default_bound,
};
use futures::future::join_all;

/// Does not look whether it is to stop.
const STUBBORN: &str = "SELECT sum(editDistance(repeat('a', 60000), repeat(toString(number % 10), 60000))) FROM numbers(2000)";

fn settings() -> ClientSettings {
    ClientSettings {
        connections: 2,
        queue: 64,
        grace: Duration::from_secs(1),
    }
}

fn kill(engine: &TestEngine) {
    let process = engine.process_id().unwrap();
    let process = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_notice_a_kill_and_no_acknowledged_row_is_lost() {
    let engine = Arc::new(TestEngine::with(4, 256).await);
    engine
        .change("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        .await;
    let insert = |number: u64| Insert {
        table: "rookery.t".into(),
        columns: vec![],
        format: "JSONEachRow".into(),
        data: Bytes::from(format!("{{\"n\":{number}}}\n")),
        deadline: Duration::from_secs(60),
        settings: vec![],
    };
    let queries = (0..50).map(|_| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            let slow = Statement {
                limits: QueryLimits {
                    deadline: Duration::from_secs(60),
                    ..QueryLimits::default()
                },
                ..Statement::read(
                    "SELECT sum(sipHash64(number)) > 0 FROM numbers(3000000)",
                    "TSV",
                )
            };
            engine.text(slow).await
        })
    });
    let queries: Vec<_> = queries.collect();
    let inserts = (0..10).map(|number| {
        let engine = Arc::clone(&engine);
        let insert = insert(number);
        tokio::spawn(async move { (number, engine.insert(insert).await.is_ok()) })
    });
    let inserts: Vec<_> = inserts.collect();
    kill(&engine);
    for answer in join_all(queries).await {
        assert_eq!(answer.unwrap(), Ok("1\n".to_owned()));
    }
    let stored = engine.rows("SELECT n FROM t").await.unwrap();
    let stored: Vec<u64> = stored.lines().map(|line| line.parse().unwrap()).collect();
    for inserted in join_all(inserts).await {
        let (number, acknowledged) = inserted.unwrap();
        let times = stored.iter().filter(|stored| **stored == number).count();
        assert!(
            times <= 1 && (times == 1 || !acknowledged),
            "{number}: {times}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_does_not_stop_ends_the_engine_and_nobody_else_sees_it() {
    let grace = Duration::from_secs(1);
    let engine = TestEngine::start(2, 16, default_bound(), grace).await;
    let before = engine.process_id();
    let stubborn = Statement {
        limits: QueryLimits {
            deadline: Duration::from_secs(1),
            ..QueryLimits::default()
        },
        ..Statement::read(STUBBORN, "TSV")
    };
    let begun = Instant::now();
    let (answer, beside) = tokio::join!(
        engine.query(stubborn),
        engine.rows("SELECT count() FROM numbers(10)")
    );
    assert_eq!(answer, Err(EngineError::DeadlineExceeded));
    assert_eq!(beside.unwrap(), "10\n");
    // The second one is asked while the first still holds a connection.
    assert_eq!(engine.rows("SELECT 1").await.unwrap(), "1\n");
    while engine.process_id() == before {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the engine was not ended"
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.rows("SELECT 2").await.unwrap(), "2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_beyond_its_memory_is_ended_and_the_statement_to_blame_told() {
    let bound = 1024 * 1024 * 1024;
    let engine = TestEngine::start(2, 16, bound, Duration::from_secs(5)).await;
    let greedy = Statement {
        limits: QueryLimits {
            deadline: Duration::from_secs(60),
            memory: 64 * bound,
            ..QueryLimits::default()
        },
        ..Statement::read(
            "SELECT length(groupArray(toString(number) || repeat('x', 1000))) FROM numbers(8000000)",
            "TSV",
        )
    };
    assert_eq!(engine.query(greedy).await, Err(EngineError::EndedForMemory));
    assert_eq!(engine.rows("SELECT 1").await.unwrap(), "1\n");
}

#[tokio::test]
async fn an_answer_is_counted_where_it_is_formatted() {
    let engine = TestEngine::open().await;
    // A constant column counts as nothing before that.
    let sql = "SELECT repeat('x', 1000000) AS p FROM numbers(200)";
    let limited = |result_bytes| Statement {
        limits: QueryLimits {
            result_bytes,
            ..QueryLimits::default()
        },
        ..Statement::read(sql, "JSON")
    };
    for bytes in [1_000_000, 100_000_000, 199_999_999] {
        let answer = engine.query(limited(bytes)).await;
        let is_told = match &answer {
            Err(EngineError::ResultTooLarge { limit }) => *limit == bytes,
            Err(EngineError::Query { code, .. }) => *code == 396,
            _ => false,
        };
        assert!(
            is_told,
            "{bytes}: {:?}",
            answer.map(|answer| answer.body.len())
        );
    }
    let whole = engine.query(limited(300_000_000)).await.unwrap();
    assert!(whole.body.len() > 200_000_000);
}

async fn refusal(child: SupervisorSettings) -> String {
    match Client::start(child, settings()).await {
        Err(EngineError::Unavailable(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(client) => {
            client.shutdown().await;
            panic!("it started");
        }
    }
}

fn script(directory: &Path, text: &str) -> std::path::PathBuf {
    let path = directory.join("program");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn whatever_keeps_the_engine_from_starting_is_told_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let good = || child(directory.path());

    let missing = SupervisorSettings {
        program: "/nowhere/rookery".into(),
        ..good()
    };
    assert!(
        refusal(missing)
            .await
            .contains("/nowhere/rookery is not there")
    );

    let plain_file = directory.path().join("plain");
    std::fs::write(&plain_file, "").unwrap();
    let not_executable = SupervisorSettings {
        program: plain_file,
        ..good()
    };
    assert!(refusal(not_executable).await.contains("is not executable"));

    let other = SupervisorSettings {
        program: script(
            directory.path(),
            r#"echo '{"ready":{"version":"0.0.1","listen":{"socket":"x"}}}'; cat >/dev/null"#,
        ),
        ..good()
    };
    let why = refusal(other).await;
    assert!(why.contains("is of version 0.0.1"), "{why}");

    let no_engine = SupervisorSettings {
        program: script(directory.path(), "echo hello; cat >/dev/null"),
        ..good()
    };
    assert!(refusal(no_engine).await.contains("is it `rookery`?"));

    let crash = SupervisorSettings {
        program: script(directory.path(), "read line; exit 7"),
        ..good()
    };
    let why = refusal(crash).await;
    assert!(
        why.contains("ended before it served") && why.contains('7'),
        "{why}"
    );

    let no_library = SupervisorSettings {
        library: "/nowhere/libchdb.so".into(),
        ..good()
    };
    let why = refusal(no_library).await;
    assert!(
        why.contains("cannot load the library /nowhere/libchdb.so"),
        "{why}"
    );

    let _listening = std::os::unix::net::UnixListener::bind(good().socket).unwrap();
    let why = refusal(good()).await;
    assert!(why.contains("is taken"), "{why}");
    drop(_listening);

    let far = directory.path().join("d".repeat(120));
    std::fs::create_dir(&far).unwrap();
    let why = refusal(SupervisorSettings {
        socket: far.join("engine.sock"),
        ..good()
    })
    .await;
    assert!(why.contains("shorter path"), "{why}");
    assert!(!why.contains('\n'), "{why}");
}

#[tokio::test]
async fn two_engines_on_one_state_are_refused() {
    let first = TestEngine::open().await;
    let directory = tempfile::tempdir().unwrap();
    let second = SupervisorSettings {
        data_directory: first.data_directory(),
        ..child(directory.path())
    };
    let why = refusal(second).await;
    assert!(why.contains("two on one state are not possible"), "{why}");
    assert_eq!(first.rows("SELECT 1").await.unwrap(), "1\n");
}

#[tokio::test]
async fn a_damaged_state_is_told_with_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("engine");
    let client = Client::start(child(directory.path()), settings())
        .await
        .unwrap();
    let table = "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a";
    client.query(Statement::change(table)).await.unwrap();
    client.shutdown().await;
    for entry in walk(&data) {
        if entry
            .extension()
            .is_some_and(|extension| extension == "sql")
        {
            std::fs::write(entry, "").unwrap();
        }
    }
    let why = refusal(child(directory.path())).await;
    assert!(why.contains(&data.display().to_string()), "{why}");
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test]
async fn nobody_else_reaches_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    let socket = child(directory.path()).socket;
    let client = Client::start(child(directory.path()), settings())
        .await
        .unwrap();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    client.shutdown().await;
    assert!(!socket.exists(), "the socket stays behind");
}
