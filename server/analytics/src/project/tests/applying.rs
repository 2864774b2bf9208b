//! Tables and views in a real engine.

use super::project;
use crate::engine::testing::TestEngine;
use crate::project::{Applied, ApplyError, Project, Variables};

const DATABASE: &str = "rookery";

async fn apply(engine: &TestEngine, pairs: &[(&str, &str)]) -> Applied {
    project(pairs).apply(&**engine, DATABASE).await.unwrap()
}

/// The findings of a project that must be refused.
async fn refused(engine: &TestEngine, pairs: &[(&str, &str)]) -> Vec<String> {
    match project(pairs).apply(&**engine, DATABASE).await {
        Err(ApplyError::Refused(found)) => found.iter().map(ToString::to_string).collect(),
        other => panic!("it must be refused: {other:?}"),
    }
}

async fn rows(engine: &TestEngine, sql: &str) -> String {
    engine
        .rows(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .trim_end()
        .to_owned()
}

const EVENTS: (&str, &str) = (
    "events.datasource",
    "SCHEMA >\n    org String,\n    at DateTime,\n    user String\nENGINE_SORTING_KEY org, at\n",
);
const DAILY: (&str, &str) = (
    "daily.datasource",
    "SCHEMA >\n    org String,\n    day Date,\n    users AggregateFunction(uniq, String)\n\
     ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY org, day\n",
);
const DAILY_VIEW: (&str, &str) = (
    "daily_view.pipe",
    "NODE known\nSQL >\n    SELECT * FROM events WHERE user != ''\n\
     NODE daily_rows\nSQL >\n    SELECT org, toDate(at) AS day, uniqState(user) AS users FROM known GROUP BY org, day\n\
     TYPE materialized\nDATASOURCE daily\n",
);
const INSERT: &str = "INSERT INTO rookery.events VALUES ('ua', '2026-01-01 10:00:00', 'ada'), \
                      ('ua', '2026-01-01 11:00:00', 'eve'), ('b6', '2026-01-02 10:00:00', 'ben'), \
                      ('b6', '2026-01-02 10:00:00', '')";
const DAILY_USERS: &str =
    "SELECT org, day, uniqMerge(users) FROM rookery.daily GROUP BY ALL ORDER BY ALL";

#[tokio::test]
async fn the_demo_is_applied_once() {
    let engine = TestEngine::open();
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    let demo = Project::load(&directory, &Variables::default()).unwrap();
    let applied = demo.apply(&*engine, DATABASE).await.unwrap();
    assert_eq!(
        applied.created,
        ["airlines", "airports", "demo_loads", "flights"]
    );
    assert_eq!(
        demo.apply(&*engine, DATABASE).await.unwrap(),
        Applied::default()
    );
    let columns = rows(&engine, "SELECT count() FROM system.columns WHERE database = 'rookery' AND table = 'flights_quarantine'").await;
    assert_eq!(columns, "14");
}

#[tokio::test]
async fn a_view_is_populated_when_it_is_first_built_and_fed_from_then_on() {
    let engine = TestEngine::open();
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
    let engine = TestEngine::open();
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
    let engine = TestEngine::open();
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
    let engine = TestEngine::open();
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
    let engine = TestEngine::open();
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
async fn columns_defaults_codecs_ttl_and_indexes_change_in_place() {
    let engine = TestEngine::open();
    let before = "SCHEMA >\n    a UInt8,\n    b String DEFAULT 'x' CODEC(ZSTD(1)),\n    at DateTime\n\
                  INDEXES >\n    old b TYPE minmax\nENGINE_SORTING_KEY a\nENGINE_TTL at + toIntervalDay(9000)\nENGINE_SETTINGS ttl_only_drop_parts=1\n";
    let after = "SCHEMA >\n    a UInt8,\n    c Array(String) DEFAULT ['n'],\n    b LowCardinality(String),\n    at DateTime,\n    d Nullable(Int32)\n\
                 INDEXES >\n    new at TYPE minmax GRANULARITY 2\nENGINE_SORTING_KEY a\nENGINE_SETTINGS merge_with_ttl_timeout=7200\n";
    apply(&engine, &[("t.datasource", before)]).await;
    engine
        .change("INSERT INTO rookery.t VALUES (1, 'one', now())")
        .await;
    assert_eq!(
        apply(&engine, &[("t.datasource", after)]).await.changed,
        ["t"]
    );
    assert_eq!(
        rows(&engine, "SELECT a, c, b, d FROM rookery.t").await,
        "1\t['n']\tone\t\\N"
    );
    let definition = rows(&engine, "SELECT replaceAll(create_table_query, '\\n', ' ') FROM system.tables WHERE database = 'rookery' AND name = 't'").await;
    for (part, is_there) in [
        ("`c` Array(String) DEFAULT", true),
        ("`b` LowCardinality(String), `at`", true),
        ("INDEX new at TYPE minmax GRANULARITY 2", true),
        ("INDEX old", false),
        ("TTL", false),
        ("ttl_only_drop_parts", false),
        ("merge_with_ttl_timeout = 7200", true),
    ] {
        assert_eq!(
            definition.contains(part),
            is_there,
            "{part} in {definition}"
        );
    }
    let quarantine = "SELECT groupArray(name) FROM system.columns WHERE database = 'rookery' AND table = 't_quarantine' AND type = 'Nullable(String)'";
    assert_eq!(
        rows(&engine, quarantine).await,
        "['c__import_id','a','c','b','at','d']"
    );
    assert_eq!(
        apply(&engine, &[("t.datasource", after)]).await,
        Applied::default()
    );
}

#[tokio::test]
async fn a_change_that_would_lose_rows_is_refused_and_nothing_is_touched() {
    let engine = TestEngine::open();
    let before = (
        "t.datasource",
        "SCHEMA >\n    a UInt8,\n    b String\nENGINE_SORTING_KEY a\n",
    );
    apply(&engine, &[before]).await;
    engine
        .change("INSERT INTO rookery.t VALUES (1, 'one')")
        .await;
    for (text, reason) in [
        (
            "SCHEMA >\n    a UInt8\nENGINE_SORTING_KEY a\n",
            "the column `b` would be dropped",
        ),
        (
            "SCHEMA >\n    a UInt8,\n    b UInt8\nENGINE_SORTING_KEY a\n",
            "the column `b` would change from String to UInt8",
        ),
        (
            "SCHEMA >\n    a UInt64,\n    b String\nENGINE_SORTING_KEY a\n",
            "the column `a` would change from UInt8 to UInt64",
        ),
        (
            "SCHEMA >\n    a UInt8,\n    b String\nENGINE_SORTING_KEY b\n",
            "the engine would change from `MergeTree ORDER BY (a)` to `MergeTree ORDER BY (b)`",
        ),
        (
            "SCHEMA >\n    a UInt8,\n    b String\nENGINE ReplacingMergeTree\nENGINE_SORTING_KEY a\n",
            "the engine would change",
        ),
    ] {
        let other = ("other.datasource", "SCHEMA >\n    a UInt8\n");
        let found = refused(&engine, &[("t.datasource", text), other]).await;
        assert!(
            found.len() == 1 && found[0].contains(reason) && found[0].contains("FORWARD_QUERY"),
            "{found:?}"
        );
        let tables = rows(
            &engine,
            "SELECT groupArray(name) FROM system.tables WHERE database = 'rookery'",
        )
        .await;
        assert_eq!(tables, "['t','t_quarantine']");
    }
    assert_eq!(rows(&engine, "SELECT * FROM rookery.t").await, "1\tone");
    assert_eq!(apply(&engine, &[before]).await, Applied::default());
}

#[tokio::test]
async fn an_empty_table_takes_any_definition() {
    let engine = TestEngine::open();
    apply(
        &engine,
        &[(
            "t.datasource",
            "SCHEMA >\n    a UInt8\nENGINE_SORTING_KEY a\n",
        )],
    )
    .await;
    let after = [("t.datasource", "SCHEMA >\n    b String\nENGINE Null\n")];
    assert_eq!(apply(&engine, &after).await.changed, ["t"]);
    assert_eq!(
        rows(&engine, "SELECT engine FROM system.tables WHERE name = 't'").await,
        "Null"
    );
}

#[tokio::test]
async fn a_forward_query_carries_rows_over_and_keeps_the_former_ones() {
    let engine = TestEngine::open();
    let view = (
        "v.pipe",
        "NODE n\nSQL >\n    SELECT id FROM t\nTYPE materialized\nDATASOURCE ids\n",
    );
    let ids = ("ids.datasource", "SCHEMA >\n    id String\n");
    apply(
        &engine,
        &[(
            "t.datasource",
            "SCHEMA >\n    id UInt32,\n    name String\nENGINE_SORTING_KEY id\n",
        )],
    )
    .await;
    engine
        .change("INSERT INTO rookery.t VALUES (1, 'one'), (2, 'two')")
        .await;
    let after = "SCHEMA >\n    id String,\n    upper String\nENGINE_SORTING_KEY id\n\
                 FORWARD_QUERY >\n    SELECT toString(id) AS id, upper(name) AS upper\n";
    let applied = apply(&engine, &[("t.datasource", after), ids, view]).await;
    assert_eq!(
        rows(&engine, "SELECT * FROM rookery.t ORDER BY id").await,
        "1\tONE\n2\tTWO"
    );
    assert_eq!(
        rows(&engine, "SELECT * FROM rookery.`former.t` ORDER BY id").await,
        "1\tone\n2\ttwo"
    );
    assert!(applied.notes[0].contains("former.t"), "{:?}", applied.notes);
    engine
        .change("INSERT INTO rookery.t VALUES ('3', 'THREE')")
        .await;
    assert_eq!(
        rows(&engine, "SELECT id FROM rookery.ids ORDER BY id").await,
        "1\n2\n3"
    );
    assert_eq!(
        apply(&engine, &[("t.datasource", after), ids, view]).await,
        Applied::default()
    );
}

#[tokio::test]
async fn a_view_survives_that_its_source_is_rebuilt() {
    let engine = TestEngine::open();
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
    let engine = TestEngine::open();
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
    let engine = TestEngine::open();
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
    let engine = TestEngine::open();
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
async fn tables_of_deleted_files_stay_and_are_named() {
    let engine = TestEngine::open();
    apply(&engine, &[EVENTS]).await;
    engine.change(INSERT).await;
    let applied = apply(&engine, &[DAILY]).await;
    assert_eq!(applied.notes.len(), 2, "{:?}", applied.notes);
    assert_eq!(
        rows(&engine, "SELECT count() FROM rookery.events").await,
        "4"
    );
}

#[tokio::test]
async fn tenants_rows_stay_theirs_through_views_and_copies() {
    let engine = TestEngine::open();
    let tagged = (EVENTS.0, &*format!("TAGS tenant=org\n{}", EVENTS.1));
    let tagged_daily = (DAILY.0, &*format!("TAGS tenant=org\n{}", DAILY.1));
    let found = refused(&engine, &[tagged, DAILY, DAILY_VIEW]).await;
    assert!(
        found[0].contains("writes rows of `events`") && found[0].contains("TAGS \"tenant=org\""),
        "{found:?}"
    );

    let other_tenant = (DAILY.0, &*format!("TAGS tenant=day\n{}", DAILY.1));
    assert_eq!(
        refused(&engine, &[tagged, other_tenant, DAILY_VIEW])
            .await
            .len(),
        1
    );

    let copy = (
        "copy.pipe",
        "NODE c\nSQL >\n    SELECT * FROM daily\nTYPE copy\nTARGET_DATASOURCE all\n",
    );
    let all = (
        "all.datasource",
        &*DAILY.1.replace("uniq, String", "uniq, String"),
    );
    assert_eq!(
        refused(&engine, &[tagged, tagged_daily, DAILY_VIEW, copy, all])
            .await
            .len(),
        1
    );

    let forgetful = (
        "forgetful.pipe",
        "NODE f\nSQL >\n    SELECT toDate(at) AS day, uniqState(user) AS users FROM events GROUP BY day\nTYPE materialized\nDATASOURCE daily\n",
    );
    let found = refused(&engine, &[tagged, tagged_daily, forgetful]).await;
    assert!(found[0].contains("does not make `org`"), "{found:?}");

    apply(&engine, &[tagged, tagged_daily, DAILY_VIEW]).await;
}

#[tokio::test]
async fn sql_that_reaches_out_of_the_project_is_refused() {
    let engine = TestEngine::open();
    for sql in [
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        "SELECT * FROM url('http://localhost/', LineAsString)",
        "SELECT * FROM merge('rookery', '.*')",
        "SELECT * FROM remote('127.0.0.1', rookery.events)",
        "SELECT * FROM events SETTINGS additional_table_filters = {}",
        "SELECT * FROM (SELECT * FROM events SETTINGS additional_table_filters = {})",
        "SELECT * FROM system.tables",
        "SELECT * FROM other.events",
        "SELECT * FROM `view.daily_view`",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT * FROM events; DROP TABLE events",
        "SELECT * FROM events INTO OUTFILE '/tmp/x'",
        "DROP TABLE events",
        "SELECT hostName()",
    ] {
        let pipe = format!("NODE n\nSQL >\n    {sql}\nTYPE endpoint\n");
        let found = refused(&engine, &[EVENTS, ("p.pipe", &pipe)]).await;
        assert!(found[0].starts_with("p.pipe:3:"), "{sql}: {found:?}");
    }
    let pipe =
        "NODE n\nSQL >\n    SELECT * FROM numbers(3) SETTINGS join_use_nulls = 1\nTYPE endpoint\n";
    apply(&engine, &[EVENTS, ("p.pipe", pipe)]).await;
}

#[tokio::test]
async fn expressions_of_data_sources_reach_no_further_than_their_row() {
    let engine = TestEngine::open();
    let text = "SCHEMA >\n    a String,\n    b String DEFAULT file('/etc/passwd'),\n    c String DEFAULT upper(a)\nENGINE_SORTING_KEY hostName()\n";
    let found = refused(&engine, &[("t.datasource", text)]).await;
    let places: Vec<&str> = found
        .iter()
        .map(|found| &found[..found.find(": ").unwrap()])
        .collect();
    assert_eq!(
        places,
        ["t.datasource:3:5", "t.datasource:5:20"],
        "{found:?}"
    );
    let forward = "SCHEMA >\n    a String\nFORWARD_QUERY >\n    SELECT * FROM url('http://localhost', LineAsString)\n";
    assert_eq!(
        refused(&engine, &[("t.datasource", forward)]).await.len(),
        1
    );
}

#[tokio::test]
async fn circles_are_refused() {
    let engine = TestEngine::open();
    let a = ("a.pipe", "NODE n\nSQL >\n    SELECT * FROM b\n");
    let b = ("b.pipe", "NODE m\nSQL >\n    SELECT * FROM a\n");
    let found = refused(&engine, &[a, b]).await;
    assert!(
        found[0].contains("a.n reads b.m reads a.n")
            || found[0].contains("b.m reads a.n reads b.m"),
        "{found:?}"
    );

    let back = (
        "back.pipe",
        "NODE k\nSQL >\n    SELECT org, now() AS at, 'x' AS user FROM daily\nTYPE materialized\nDATASOURCE events\n",
    );
    let found = refused(&engine, &[EVENTS, DAILY, DAILY_VIEW, back]).await;
    assert!(found[0].contains("in a circle"), "{found:?}");
}
