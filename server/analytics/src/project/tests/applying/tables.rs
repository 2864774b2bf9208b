//! Tables of data sources: made, altered, rebuilt, kept.

use super::{DAILY, DATABASE, EVENTS, INSERT, apply, refused, rows};
use crate::project::{Applied, Project, Variables};
use engine::testing::TestEngine;

#[tokio::test]
async fn the_demo_is_applied_once() {
    let engine = TestEngine::open().await;
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
async fn columns_defaults_codecs_ttl_and_indexes_change_in_place() {
    let engine = TestEngine::open().await;
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
    let engine = TestEngine::open().await;
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
    let engine = TestEngine::open().await;
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
    let engine = TestEngine::open().await;
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
    let note = &applied.notes[0];
    assert!(
        note.table == "t" && note.message.contains("former.t"),
        "{note:?}"
    );
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
async fn a_forward_query_of_an_earlier_change_is_not_used_again() {
    let engine = TestEngine::open().await;
    let file = |schema: &str, query: &str| {
        let query = match query {
            "" => String::new(),
            query => format!("FORWARD_QUERY >\n    {query}\n"),
        };
        format!("SCHEMA >\n    {schema}\n{query}")
    };
    let query = "SELECT toUInt16(toUInt8(n)) AS n";
    apply(&engine, &[("t.datasource", &file("n String", ""))]).await;
    engine.change("INSERT INTO rookery.t VALUES ('7')").await;
    apply(&engine, &[("t.datasource", &file("n UInt16", query))]).await;
    engine.change("INSERT INTO rookery.t VALUES (500)").await;
    let changed = file("n UInt16\nENGINE_SORTING_KEY n", query);
    let found = refused(&engine, &[("t.datasource", &changed)]).await;
    assert!(found[0].contains("of an earlier change"), "{found:?}");
    assert_eq!(
        rows(&engine, "SELECT n FROM rookery.t ORDER BY n").await,
        "7\n500"
    );
    let mended = file("n UInt16\nENGINE_SORTING_KEY n", "SELECT n");
    apply(&engine, &[("t.datasource", &mended)]).await;
    assert_eq!(
        rows(&engine, "SELECT n FROM rookery.t ORDER BY n").await,
        "7\n500"
    );
}

#[tokio::test]
async fn tables_of_deleted_files_stay_and_are_named() {
    let engine = TestEngine::open().await;
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
async fn moments_without_a_date_are_1970() {
    let engine = TestEngine::open().await;
    let table = "SCHEMA >\n    a UInt8,\n    b DateTime64(3) DEFAULT '',\n    c DateTime DEFAULT '0000-00-00 00:00:00',\n    \
                 d DateTime64(3, 'Europe/Berlin') DEFAULT '0000-00-00 00:00:00.000',\n    e DateTime DEFAULT '2024-05-06 07:08:09',\n    \
                 f Nullable(DateTime64(3)) DEFAULT ''\n";
    apply(&engine, &[("t.datasource", table)]).await;
    engine.change("INSERT INTO rookery.t (a) VALUES (1)").await;
    assert_eq!(
        rows(
            &engine,
            "SELECT b, c, toUnixTimestamp64Milli(d), e, f FROM rookery.t"
        )
        .await,
        "1970-01-01 00:00:00.000\t1970-01-01 00:00:00\t0\t2024-05-06 07:08:09\t\\N"
    );
    let again = apply(&engine, &[("t.datasource", table)]).await;
    assert_eq!(again, Applied::default());
}
