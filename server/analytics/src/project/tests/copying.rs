//! Copy pipes in a real engine.

use std::sync::Arc;

use tempfile::TempDir;
use time::macros::datetime;

use super::{files, open_workspace};
use crate::project::{ApplyError, CopyError, RunContext, Variables, Workspace, check_files};
use datafile::CopyMode;
use engine::testing::TestEngine;
use template::Parameters;

const EVENTS: (&str, &str) = (
    "events.datasource",
    "SCHEMA >\n    org String,\n    n UInt32\nENGINE_SORTING_KEY org\n",
);
const TOTALS: (&str, &str) = (
    "totals.datasource",
    "SCHEMA >\n    org String,\n    total UInt64,\n    made DateTime DEFAULT '2000-01-01 00:00:00'\n\
     ENGINE_SORTING_KEY org\nENGINE_PARTITION_KEY org\n",
);
const COUNT: (&str, &str) = (
    "count.pipe",
    "NODE big\nSQL >\n    %\n    SELECT * FROM events WHERE n > {{ Int32(more_than, 0) }}\n\
     NODE totals_of_orgs\nSQL >\n    %\n    SELECT sum(n) AS total, org, {{ DateTime(job_timestamp) }} AS made FROM big GROUP BY org\n\
     TYPE copy\nTARGET_DATASOURCE totals\nCOPY_SCHEDULE 30 */6 * * *\n",
);

fn context(parameters: Parameters) -> RunContext {
    RunContext {
        parameters,
        secrets: Arc::default(),
        now: datetime!(2026-11-21 12:30 UTC),
    }
}

async fn prepared(files: &[(&str, &str)]) -> (Arc<TestEngine>, TempDir, Workspace) {
    let engine = Arc::new(TestEngine::open().await);
    let (directory, workspace) = open_workspace(&engine, files).await;
    engine
        .change("INSERT INTO rookery.events VALUES ('ua', 1), ('ua', 2), ('b6', 4)")
        .await;
    (engine, directory, workspace)
}

async fn run(
    workspace: &Workspace,
    pipe: &str,
    mode: Option<CopyMode>,
) -> Result<Option<u64>, CopyError> {
    workspace
        .run_copy(pipe, mode, &context(Parameters::new()))
        .await
}

const TOTAL_ROWS: &str = "SELECT org, total, made FROM rookery.totals ORDER BY ALL";
const LEFTOVERS: &str = "SELECT count() FROM system.databases WHERE startsWith(name, 'scratch')";

#[tokio::test]
async fn a_copy_appends_by_column_name() {
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, COUNT]).await;
    assert_eq!(run(&workspace, "count", None).await, Ok(Some(2)));
    let once = "b6\t4\t2026-11-21 12:30:00\nua\t3\t2026-11-21 12:30:00\n";
    assert_eq!(engine.rows(TOTAL_ROWS).await.unwrap(), once);
    run(&workspace, "count", None).await.unwrap();
    let count = "SELECT count() FROM rookery.totals";
    assert_eq!(engine.rows(count).await.unwrap(), "4\n");
    assert_eq!(engine.rows(LEFTOVERS).await.unwrap(), "0\n");
}

#[tokio::test]
async fn a_copy_replaces_all_rows_at_once_and_takes_parameters() {
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, COUNT]).await;
    engine
        .change("INSERT INTO rookery.totals (org, total) VALUES ('old', 1)")
        .await;
    let parameters = Parameters::from_iter([("more_than", "1")]);
    let replace = Some(CopyMode::Replace);
    let copied = workspace
        .run_copy("count", replace, &context(parameters))
        .await;
    copied.unwrap();
    assert_eq!(
        engine.rows(TOTAL_ROWS).await.unwrap(),
        "b6\t4\t2026-11-21 12:30:00\nua\t2\t2026-11-21 12:30:00\n"
    );
    assert_eq!(engine.rows(LEFTOVERS).await.unwrap(), "0\n");
    let applied = workspace.current().apply(&**engine, "rookery").await;
    assert!(
        applied.unwrap().changed.is_empty(),
        "the replaced table is still the one that was applied"
    );
}

#[tokio::test]
async fn readers_see_all_rows_of_before_or_all_of_now() {
    let many = (
        "many.pipe",
        "NODE m\nSQL >\n    SELECT toString(number) AS org, number AS total FROM numbers(1000)\n\
         TYPE copy\nTARGET_DATASOURCE totals\nCOPY_MODE replace\n",
    );
    let by_org = (
        TOTALS.0,
        &*TOTALS.1.replace(
            "ENGINE_PARTITION_KEY org",
            "ENGINE_PARTITION_KEY total % 10",
        ),
    );
    let (engine, _directory, workspace) = prepared(&[EVENTS, by_org, many]).await;
    run(&workspace, "many", None).await.unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let reading = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move {
            let mut seen = std::collections::BTreeSet::new();
            while !*stopped.borrow() {
                let count = "SELECT count(), uniqExact(org) FROM rookery.totals";
                seen.insert(engine.rows(count).await.unwrap());
            }
            seen
        }
    });
    for _ in 0..10 {
        run(&workspace, "many", None).await.unwrap();
    }
    stop.send(true).unwrap();
    let seen = reading.await.unwrap();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["1000\t1000\n"]);
}

#[tokio::test]
async fn a_copy_that_fails_half_way_leaves_the_target_as_it_was() {
    let fails = (
        "fails.pipe",
        "NODE f\nSQL >\n    SELECT 'new' AS org, throwIf(number = 3000000, 'half-way') + number AS total FROM numbers(4000000)\n\
         TYPE copy\nTARGET_DATASOURCE totals\n",
    );
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, COUNT, fails]).await;
    engine
        .change("INSERT INTO rookery.totals (org, total) VALUES ('old', 1)")
        .await;
    for mode in [CopyMode::Append, CopyMode::Replace] {
        let result = run(&workspace, "fails", Some(mode)).await;
        assert!(matches!(result, Err(CopyError::Run(_))), "{result:?}");
        let rows = "SELECT DISTINCT org FROM rookery.totals";
        assert_eq!(engine.rows(rows).await.unwrap(), "old\n", "{mode:?}");
    }
}

#[tokio::test]
async fn appended_rows_reach_the_views_behind_the_target() {
    let sums = (
        "sums.datasource",
        "SCHEMA >\n    total UInt64\nENGINE_SORTING_KEY total\n",
    );
    let sums_view = (
        "sums_view.pipe",
        "NODE s\nSQL >\n    SELECT total FROM totals\nTYPE materialized\nDATASOURCE sums\n",
    );
    let files = [EVENTS, TOTALS, COUNT, sums, sums_view];
    let (engine, _directory, workspace) = prepared(&files).await;
    let sums = "SELECT sum(total) FROM rookery.sums";
    run(&workspace, "count", None).await.unwrap();
    assert_eq!(engine.rows(sums).await.unwrap(), "7\n");

    // A table that took the target's place is watched as the one before.
    run(&workspace, "count", Some(CopyMode::Replace))
        .await
        .unwrap();
    assert_eq!(engine.rows(sums).await.unwrap(), "7\n");
    run(&workspace, "count", None).await.unwrap();
    assert_eq!(engine.rows(sums).await.unwrap(), "14\n");
}

#[tokio::test]
async fn a_view_feeds_its_target_after_a_copy_replaced_it() {
    let fed = (
        "fed.pipe",
        "NODE f\nSQL >\n    SELECT org, n AS total FROM events\nTYPE materialized\nDATASOURCE totals\n",
    );
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, COUNT, fed]).await;
    run(&workspace, "count", Some(CopyMode::Replace))
        .await
        .unwrap();
    engine
        .change("INSERT INTO rookery.events VALUES ('dl', 9)")
        .await;
    let orgs = "SELECT org FROM rookery.totals ORDER BY org";
    assert_eq!(engine.rows(orgs).await.unwrap(), "b6\ndl\nua\n");
}

#[tokio::test]
async fn only_copy_pipes_are_copied() {
    let plain = ("p.pipe", "NODE n\nSQL >\n    SELECT 1\n");
    let (_engine, _directory, workspace) = prepared(&[EVENTS, plain]).await;
    assert_eq!(
        run(&workspace, "gone", None).await,
        Err(CopyError::UnknownPipe("gone".to_owned()))
    );
    assert_eq!(
        run(&workspace, "p", None).await,
        Err(CopyError::NoCopy("p".to_owned()))
    );
}

#[tokio::test]
async fn a_copy_from_another_system_is_noted_and_does_not_run() {
    let pipe = "NODE n\nSQL >\n    %\n    SELECT a AS org, 1 AS n FROM postgresql('{{ tb_secret(\"host\") }}', 'd', 't', 'u', 'p')\nTYPE copy\nTARGET_DATASOURCE events\n";
    let pairs = [EVENTS, ("pg.pipe", pipe)];
    let (engine, _directory, workspace) = prepared(&pairs).await;
    let (report, _) = check_files(&files(&pairs), &Variables::default(), Some(&**engine)).await;
    assert!(
        report
            .to_string()
            .contains("warning: `n` reads another system with postgresql"),
        "{report}"
    );
    let mut context = context(Parameters::new());
    context.secrets = Arc::new([("host".to_owned(), "localhost:1".to_owned())].into());
    let copied = workspace.run_copy("pg", None, &context).await;
    assert!(
        matches!(copied, Err(CopyError::Run(ApplyError::Refused(_)))),
        "{copied:?}"
    );
}

#[tokio::test]
async fn a_copys_secrets_reach_the_engine_as_they_are() {
    let pipe = "NODE n\nSQL >\n    %\n    SELECT {{ tb_secret('name') }} AS org, 0 AS total\nTYPE copy\nTARGET_DATASOURCE totals\n";
    let files = [EVENTS, TOTALS, ("secret.pipe", pipe)];
    let (engine, _directory, workspace) = prepared(&files).await;
    let secret = "it's \\N a\\tb\n`c`";
    let mut context = context(Parameters::new());
    context.secrets = Arc::new([("name".to_owned(), secret.to_owned())].into());
    let copied = workspace.run_copy("secret", None, &context);
    copied.await.unwrap();
    let rows = engine.rows("SELECT hex(org) FROM rookery.totals").await;
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(rows.unwrap(), format!("{hex}\n"));
}

#[tokio::test]
async fn a_copy_without_a_parameter_it_needs_says_which() {
    let needs = COUNT.1.replace("Int32(more_than, 0)", "Int32(more_than)");
    let (_engine, _directory, workspace) =
        prepared(&[EVENTS, TOTALS, ("count.pipe", &needs)]).await;
    let error = run(&workspace, "count", None)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("count.pipe:"), "{error}");
    assert!(
        error.contains("Required parameter is not defined. Check the parameters more_than"),
        "{error}"
    );
    assert!(!error.contains("project cannot be applied"), "{error}");
}
