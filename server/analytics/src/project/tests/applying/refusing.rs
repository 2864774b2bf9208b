//! What no project may do.

use super::{DAILY, DAILY_VIEW, EVENTS, apply, refused};
use engine::testing::TestEngine;

#[tokio::test]
async fn tenants_rows_stay_theirs_through_views_and_copies() {
    let engine = TestEngine::open().await;
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
    let all = ("all.datasource", DAILY.1);
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

    for (org, group) in [
        ("any(org)", "day"),
        ("'ua'", "org, day"),
        ("lower(org)", "org, day"),
    ] {
        let mixing = format!(
            "NODE f\nSQL >\n    SELECT {org} AS org, toDate(at) AS day, uniqState(user) AS users FROM events GROUP BY {group}\nTYPE materialized\nDATASOURCE daily\n"
        );
        let found = refused(&engine, &[tagged, tagged_daily, ("mixing.pipe", &mixing)]).await;
        assert!(
            found[0]
                .starts_with("mixing.pipe:3:5: error: the SELECT does not pass `org` on as it is"),
            "{found:?}"
        );
    }

    apply(&engine, &[tagged, tagged_daily, DAILY_VIEW]).await;

    let joined = "NODE f\nSQL >\n    SELECT a.org AS org, toDate(a.at) AS day, uniqState(b.user) AS users FROM events AS a JOIN events AS b ON a.at = b.at GROUP BY org, day\nTYPE materialized\nDATASOURCE daily\n";
    let found = refused(&engine, &[tagged, tagged_daily, ("joined.pipe", joined)]).await;
    assert!(
        found[0].contains("a JOIN puts rows of several tenants together")
            && found[0].contains("mixes_tenants=true"),
        "{found:?}"
    );
    let meant = format!("TAGS \"mixes_tenants=true\"\n\n{joined}");
    apply(&engine, &[tagged, tagged_daily, ("joined.pipe", &meant)]).await;
}

#[tokio::test]
async fn sql_that_reaches_out_of_the_project_is_refused() {
    let engine = TestEngine::open().await;
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
    let engine = TestEngine::open().await;
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
    let engine = TestEngine::open().await;
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
