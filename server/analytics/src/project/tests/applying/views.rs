//! Materialized views: populated once, fed from then on, never counted twice.

use super::{DAILY, DAILY_USERS, DAILY_VIEW, EVENTS, INSERT, apply, refused, rows};
use crate::project::Applied;
use engine::testing::TestEngine;

#[tokio::test]
async fn a_view_is_populated_when_it_is_first_built_and_fed_from_then_on() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS]).await;
    engine.change(INSERT).await;
    let applied = apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await;
    assert_eq!(applied.populated, ["daily_view"]);
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t2"
    );
    engine
        .change("INSERT INTO rookery.events VALUES ('ua', '2026-01-01 12:00:00', 'dan')")
        .await;
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t3"
    );
    assert_eq!(
        apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await,
        Applied::default()
    );
    let leftovers = "SELECT name FROM system.tables WHERE database = 'rookery' AND name LIKE '%.%'";
    assert_eq!(rows(&engine, leftovers).await, "view.daily_view");
}

#[tokio::test]
async fn a_chain_of_views_is_populated_from_its_beginning() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS]).await;
    engine.change(INSERT).await;
    let monthly = (
        "a_monthly.datasource",
        "SCHEMA >\n    org String,\n    month Date,\n    users AggregateFunction(uniq, String)\n\
         ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY org, month\n",
    );
    let monthly_view = (
        "a_monthly_view.pipe",
        "NODE m\nSQL >\n    SELECT org, toStartOfMonth(day) AS month, uniqMergeState(users) AS users FROM daily GROUP BY org, month\n\
         TYPE materialized\nDATASOURCE a_monthly\n",
    );
    let all = [EVENTS, DAILY, DAILY_VIEW, monthly, monthly_view];
    let applied = apply(&engine, &all).await;
    assert_eq!(applied.populated, ["daily_view", "a_monthly_view"]);
    let monthly_users =
        "SELECT org, uniqMerge(users) FROM rookery.a_monthly GROUP BY ALL ORDER BY ALL";
    assert_eq!(rows(&engine, monthly_users).await, "b6\t1\nua\t2");
    engine
        .change("INSERT INTO rookery.events VALUES ('b6', '2026-01-31 12:00:00', 'dan')")
        .await;
    assert_eq!(rows(&engine, monthly_users).await, "b6\t2\nua\t2");
}

#[tokio::test]
async fn rows_that_populate_a_view_reach_the_views_behind_it() {
    let engine = TestEngine::open().await;
    let log = (
        "log.datasource",
        "SCHEMA >\n    org String,\n    n UInt64\nENGINE_SORTING_KEY org\n",
    );
    let copy_of_daily = (
        "log_view.pipe",
        "NODE l\nSQL >\n    SELECT org, count() AS n FROM daily GROUP BY org\nTYPE materialized\nDATASOURCE log\n",
    );
    apply(&engine, &[EVENTS, DAILY, log, copy_of_daily]).await;
    engine.change(INSERT).await;
    apply(&engine, &[EVENTS, DAILY, DAILY_VIEW, log, copy_of_daily]).await;
    assert_eq!(
        rows(&engine, "SELECT org, n FROM rookery.log ORDER BY org").await,
        "b6\t1\nua\t1"
    );
}

#[tokio::test]
async fn a_null_table_feeds_its_views() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS]).await;
    engine.change(INSERT).await;
    let passing = (
        "passing.datasource",
        "SCHEMA >\n    org String,\n    user String\nENGINE Null\n",
    );
    let into_passing = (
        "into_passing.pipe",
        "NODE i\nSQL >\n    SELECT org, user FROM events\nTYPE materialized\nDATASOURCE passing\n",
    );
    let users = (
        "users.datasource",
        "SCHEMA >\n    user String\nENGINE_SORTING_KEY user\n",
    );
    let out = (
        "out.pipe",
        "NODE o\nSQL >\n    SELECT user FROM passing WHERE user != ''\nTYPE materialized\nDATASOURCE users\n",
    );
    apply(&engine, &[EVENTS, passing, into_passing, users, out]).await;
    assert_eq!(
        rows(&engine, "SELECT user FROM rookery.users ORDER BY user").await,
        "ada\nben\neve"
    );
}

#[tokio::test]
async fn backfill_skip_leaves_the_target_empty() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS]).await;
    engine.change(INSERT).await;
    let daily = (DAILY.0, &*format!("{}BACKFILL skip\n", DAILY.1));
    assert!(
        apply(&engine, &[EVENTS, daily, DAILY_VIEW])
            .await
            .populated
            .is_empty()
    );
    assert_eq!(rows(&engine, DAILY_USERS).await, "");
    engine.change(INSERT).await;
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t2"
    );
}

#[tokio::test]
async fn a_view_survives_that_its_source_is_rebuilt() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await;
    engine.change(INSERT).await;
    let rebuilt = (
        EVENTS.0,
        &*format!(
            "{}ENGINE_PARTITION_KEY toYYYYMM(at)\nFORWARD_QUERY >\n    SELECT *\n",
            EVENTS.1
        ),
    );
    apply(&engine, &[rebuilt, DAILY, DAILY_VIEW]).await;
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t2"
    );
    engine
        .change("INSERT INTO rookery.events VALUES ('ua', '2026-01-01 12:00:00', 'dan')")
        .await;
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t3"
    );
    assert_eq!(
        rows(&engine, "SELECT count() FROM rookery.events").await,
        "5"
    );
}

#[tokio::test]
async fn a_changed_view_asks_what_becomes_of_its_rows() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await;
    engine.change(INSERT).await;
    let reformatted = DAILY_VIEW
        .1
        .replace("SELECT * FROM", "SELECT *  -- all\n    FROM");
    assert_eq!(
        apply(&engine, &[EVENTS, DAILY, (DAILY_VIEW.0, &reformatted)]).await,
        Applied::default()
    );

    let changed = DAILY_VIEW.1.replace("user != ''", "user != 'ada'");
    let found = refused(&engine, &[EVENTS, DAILY, (DAILY_VIEW.0, &changed)]).await;
    assert!(
        found[0].starts_with("daily_view.pipe:4:1: error: the query of `daily_rows` changed"),
        "{found:?}"
    );

    let alter = format!("{changed}DEPLOYMENT_METHOD alter\n");
    apply(&engine, &[EVENTS, DAILY, (DAILY_VIEW.0, &alter)]).await;
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t2"
    );
    engine.change("INSERT INTO rookery.events VALUES ('dl', '2026-01-01 12:00:00', 'ada'), ('dl', '2026-01-01 12:00:00', '')").await;
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\ndl\t2026-01-01\t1\nua\t2026-01-01\t2"
    );

    engine.change("TRUNCATE TABLE rookery.daily").await;
    let again = apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await;
    assert_eq!(again.populated, ["daily_view"]);
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\ndl\t2026-01-01\t1\nua\t2026-01-01\t2"
    );
}

#[tokio::test]
async fn a_view_that_comes_back_does_not_count_its_rows_twice() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await;
    engine.change(INSERT).await;
    apply(&engine, &[EVENTS, DAILY]).await;
    let views = "SELECT count() FROM system.tables WHERE database = 'rookery' AND engine = 'MaterializedView'";
    assert_eq!(rows(&engine, views).await, "0");
    assert!(
        apply(&engine, &[EVENTS, DAILY, DAILY_VIEW])
            .await
            .populated
            .is_empty()
    );
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t2"
    );
}

#[tokio::test]
async fn filling_that_was_interrupted_is_finished() {
    let engine = TestEngine::open().await;
    apply(&engine, &[EVENTS]).await;
    engine.change(INSERT).await;
    apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await;
    // As if the process had ended before the rows were moved over.
    engine
        .change("CREATE TABLE rookery.`staging.daily_view` AS rookery.daily")
        .await;
    engine.change("ALTER TABLE rookery.daily MOVE PARTITION ID 'all' TO TABLE rookery.`staging.daily_view`").await;
    assert_eq!(rows(&engine, DAILY_USERS).await, "");
    apply(&engine, &[EVENTS, DAILY, DAILY_VIEW]).await;
    assert_eq!(
        rows(&engine, DAILY_USERS).await,
        "b6\t2026-01-02\t1\nua\t2026-01-01\t2"
    );
    assert_eq!(
        rows(
            &engine,
            "SELECT count() FROM system.tables WHERE name LIKE 'staging%'"
        )
        .await,
        "0"
    );
}

#[tokio::test]
async fn a_view_whose_cte_is_named_like_what_it_reads_is_refused() {
    let engine = TestEngine::open().await;
    let users = (
        "users.datasource",
        "SCHEMA >\n    user String\nENGINE_SORTING_KEY user\n",
    );
    let view = |cte: &str| {
        format!(
            "NODE seen\nSQL >\n    SELECT user FROM events\nNODE v\nSQL >\n    WITH\n      {cte} AS (SELECT user FROM seen)\n    SELECT user FROM {cte}\nTYPE materialized\nDATASOURCE users\n"
        )
    };
    let (same, other) = (view("events"), view("present"));
    let found = refused(&engine, &[EVENTS, users, ("users_view.pipe", &same)]).await;
    assert!(
        found[0].starts_with(
            "users_view.pipe:7:7: error: `v` calls a CTE of its own `events`, as something is called that it reads"
        ),
        "{found:?}"
    );
    apply(&engine, &[EVENTS, users, ("users_view.pipe", &other)]).await;
    engine.change(INSERT).await;
    let seen = |table: &str| format!("SELECT arraySort(groupUniqArray(user)) FROM rookery.{table}");
    assert_eq!(
        rows(&engine, &seen("users")).await,
        rows(&engine, &seen("events")).await
    );
}

#[tokio::test]
async fn a_view_that_would_cut_numbers_or_leave_columns_empty_is_refused_by_column() {
    let engine = TestEngine::open().await;
    let source = "SCHEMA >\n    id UInt32,\n    n UInt32,\n    f Float64\n";
    for (at, (columns, select, expected)) in [
        ("n UInt8", "n", Some("`n` as UInt32")),
        ("n Nullable(Int16)", "n", Some("`n` as UInt32")),
        ("n UInt64", "n", None),
        ("n UInt8", "toUInt8(n % 100) AS n", None),
        ("n Int32", "f AS n", Some("`n` as Float64")),
        (
            "n SimpleAggregateFunction(max, UInt8)",
            "max(n) AS n",
            Some("`n` as UInt32"),
        ),
        ("id UInt32,\n    n UInt32", "n", Some("does not make `id`")),
        ("id UInt32 DEFAULT 1,\n    n UInt32", "n", None),
        (
            "id AggregateFunction(sum, UInt32),\n    n UInt32",
            "n",
            None,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (into, view) = (format!("into{at}.datasource"), format!("v{at}.pipe"));
        let schema = format!("SCHEMA >\n    {columns}\n");
        let sql = format!(
            "NODE v\nSQL >\n    SELECT {select} FROM src\nTYPE materialized\nDATASOURCE into{at}\n"
        );
        let files = [
            ("src.datasource", source),
            (into.as_str(), schema.as_str()),
            (view.as_str(), sql.as_str()),
        ];
        match expected {
            None => drop(apply(&engine, &files).await),
            Some(expected) => {
                let found = refused(&engine, &files).await;
                assert!(found[0].contains(expected), "{found:?}");
            }
        }
    }
}
