//! Copy pipes in a real engine, and their schedules.

use std::sync::Arc;

use time::OffsetDateTime;
use time::macros::datetime;

use super::{files, project};
use crate::datafile::CopyMode;
use crate::engine::testing::TestEngine;
use crate::project::{ApplyError, CopyError, Project, RunContext, Variables, check_files};
use crate::template::Parameters;

const FILES: [(&str, &str); 3] = [
    (
        "events.datasource",
        "SCHEMA >\n    org String,\n    n UInt32\nENGINE_SORTING_KEY org\n",
    ),
    (
        "totals.datasource",
        "SCHEMA >\n    org String,\n    total UInt64,\n    made DateTime DEFAULT '2000-01-01 00:00:00'\nENGINE_SORTING_KEY org\n",
    ),
    (
        "count.pipe",
        "NODE big\nSQL >\n    %\n    SELECT * FROM events WHERE n > {{ Int32(more_than, 0) }}\n\
         NODE totals_of_orgs\nSQL >\n    %\n    SELECT sum(n) AS total, org, {{ DateTime(job_timestamp) }} AS made FROM big GROUP BY org\n\
         TYPE copy\nTARGET_DATASOURCE totals\nCOPY_SCHEDULE 30 */6 * * *\n",
    ),
];

fn context(parameters: Parameters) -> RunContext {
    RunContext {
        parameters,
        secrets: Arc::default(),
        now: datetime!(2026-11-21 12:30 UTC),
    }
}

async fn prepared(engine: &TestEngine) -> Project {
    let project = project(&FILES);
    project.apply(&**engine, "rookery").await.unwrap();
    engine
        .change("INSERT INTO rookery.events VALUES ('ua', 1), ('ua', 2), ('b6', 4)")
        .await;
    project
}

const TOTALS: &str = "SELECT org, total, made FROM rookery.totals ORDER BY ALL";

#[tokio::test]
async fn a_copy_appends_by_column_name() {
    let engine = TestEngine::open();
    let project = prepared(&engine).await;
    let context = context(Parameters::new());
    let run = || project.run_copy(&*engine, "rookery", "count", None, &context);
    run().await.unwrap();
    let once = "b6\t4\t2026-11-21 12:30:00\nua\t3\t2026-11-21 12:30:00\n";
    assert_eq!(engine.rows(TOTALS).await.unwrap(), once);
    run().await.unwrap();
    assert_eq!(
        engine
            .rows("SELECT count() FROM rookery.totals")
            .await
            .unwrap(),
        "4\n"
    );
}

#[tokio::test]
async fn a_copy_replaces_all_rows_at_once_and_takes_parameters() {
    let engine = TestEngine::open();
    let project = prepared(&engine).await;
    engine
        .change("INSERT INTO rookery.totals (org, total) VALUES ('old', 1)")
        .await;
    let parameters = Parameters::from_iter([("more_than", "1")]);
    let copied = project
        .run_copy(
            &*engine,
            "rookery",
            "count",
            Some(CopyMode::Replace),
            &context(parameters),
        )
        .await;
    copied.unwrap();
    assert_eq!(
        engine.rows(TOTALS).await.unwrap(),
        "b6\t4\t2026-11-21 12:30:00\nua\t2\t2026-11-21 12:30:00\n"
    );
    let leftovers =
        "SELECT count() FROM system.tables WHERE database = 'rookery' AND name LIKE '%.%'";
    assert_eq!(engine.rows(leftovers).await.unwrap(), "0\n");
    let applied = project.apply(&*engine, "rookery").await.unwrap();
    assert!(
        applied.changed.is_empty(),
        "the replaced table is still the one that was applied"
    );
}

#[tokio::test]
async fn a_copy_that_fails_leaves_the_target_as_it_was() {
    let engine = TestEngine::open();
    let project = prepared(&engine).await;
    engine
        .change("INSERT INTO rookery.totals (org, total) VALUES ('old', 1)")
        .await;
    let parameters = Parameters::from_iter([("more_than", "many")]);
    let result = project
        .run_copy(
            &*engine,
            "rookery",
            "count",
            Some(CopyMode::Replace),
            &context(parameters),
        )
        .await;
    assert!(matches!(result, Err(CopyError::Run(_))), "{result:?}");
    assert_eq!(
        engine.rows("SELECT org FROM rookery.totals").await.unwrap(),
        "old\n"
    );
}

#[tokio::test]
async fn only_copy_pipes_are_copied() {
    let engine = TestEngine::open();
    let project = project(&[FILES[0], ("p.pipe", "NODE n\nSQL >\n    SELECT 1\n")]);
    let run = async |pipe| {
        project
            .run_copy(&*engine, "rookery", pipe, None, &context(Parameters::new()))
            .await
            .unwrap_err()
    };
    assert_eq!(run("gone").await, CopyError::UnknownPipe("gone".to_owned()));
    assert_eq!(run("p").await, CopyError::NoCopy("p".to_owned()));
}

#[tokio::test]
async fn a_copy_from_another_system_is_noted_and_does_not_run() {
    let engine = TestEngine::open();
    let pipe = "NODE n\nSQL >\n    %\n    SELECT a AS org, 1 AS n FROM postgresql('{{ tb_secret(\"host\") }}', 'd', 't', 'u', 'p')\nTYPE copy\nTARGET_DATASOURCE events\n";
    let pairs = [FILES[0], ("pg.pipe", pipe)];
    let (report, project) =
        check_files(&files(&pairs), &Variables::default(), Some(&*engine)).await;
    assert!(
        report
            .to_string()
            .contains("warning: `n` reads another system with postgresql"),
        "{report}"
    );
    let project = project.unwrap();
    project.apply(&*engine, "rookery").await.unwrap();
    let mut context = context(Parameters::new());
    context.secrets = Arc::new([("host".to_owned(), "localhost:1".to_owned())].into());
    let copied = project
        .run_copy(&*engine, "rookery", "pg", None, &context)
        .await;
    assert!(
        matches!(copied, Err(CopyError::Run(ApplyError::Refused(_)))),
        "{copied:?}"
    );
}

#[tokio::test]
async fn a_copys_secrets_reach_the_engine_as_they_are() {
    let engine = TestEngine::open();
    let pipe = "NODE n\nSQL >\n    %\n    SELECT {{ tb_secret('name') }} AS org, 1 AS n\nTYPE copy\nTARGET_DATASOURCE events\n";
    let project = project(&[FILES[0], ("secret.pipe", pipe)]);
    project.apply(&*engine, "rookery").await.unwrap();
    let secret = "it's \\N a\\tb\n`c`";
    let mut context = context(Parameters::new());
    context.secrets = Arc::new([("name".to_owned(), secret.to_owned())].into());
    let copied = project.run_copy(&*engine, "rookery", "secret", None, &context);
    copied.await.unwrap();
    let rows = engine.rows("SELECT hex(org) FROM rookery.events").await;
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(rows.unwrap(), format!("{hex}\n"));
}

#[test]
fn the_next_copies_are_those_due_first() {
    let copy = |schedule: &str| {
        format!(
            "NODE n_{}\nSQL >\n    SELECT 1 AS n\nTYPE copy\nTARGET_DATASOURCE t\nCOPY_SCHEDULE {schedule}\n",
            schedule.len()
        )
    };
    let target = ("t.datasource", "SCHEMA >\n    n UInt8\n");
    let (hourly, daily, never) = (copy("0 * * * *"), copy("0 13 * * *"), copy("@on-demand"));
    let project = project(&[
        target,
        ("hourly.pipe", &hourly),
        ("daily.pipe", &daily),
        ("never.pipe", &never),
    ]);
    let next = |after: OffsetDateTime| project.next_copies(after).unwrap();
    assert_eq!(
        next(datetime!(2026-11-21 12:00 UTC)),
        (datetime!(2026-11-21 13:00 UTC), vec!["daily", "hourly"])
    );
    assert_eq!(
        next(datetime!(2026-11-21 13:00 UTC)),
        (datetime!(2026-11-21 14:00 UTC), vec!["hourly"])
    );
    assert_eq!(
        Project::default().next_copies(datetime!(2026-11-21 13:00 UTC)),
        None
    );
}
