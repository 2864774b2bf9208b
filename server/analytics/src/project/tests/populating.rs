//! Populating materialized views on demand, in a real engine.

use std::sync::Arc;

use tempfile::TempDir;

use super::open_workspace;
use crate::project::{PopulateError, Population, Workspace};
use engine::testing::TestEngine;

const EVENTS: (&str, &str) = (
    "events.datasource",
    "SCHEMA >\n    org String,\n    n UInt64\nENGINE_SORTING_KEY org\nENGINE_PARTITION_KEY n % 4\n",
);
const TOTALS: (&str, &str) = (
    "totals.datasource",
    "SCHEMA >\n    org String,\n    events AggregateFunction(count),\n    total AggregateFunction(sum, UInt64)\n\
     ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY org\n",
);
const TOTALS_VIEW: (&str, &str) = (
    "totals_view.pipe",
    "NODE t\nSQL >\n    SELECT org, countState() AS events, sumState(n) AS total FROM events GROUP BY org\n\
     TYPE materialized\nDATASOURCE totals\n",
);
const FOUND: &str =
    "SELECT org, countMerge(events), sumMerge(total) FROM rookery.totals GROUP BY org ORDER BY org";
const EXPECTED: &str = "SELECT org, count(), sum(n) FROM rookery.events GROUP BY org ORDER BY org";
const LEFTOVERS: &str = "SELECT count() FROM system.databases WHERE startsWith(name, 'scratch')";

async fn prepared(files: &[(&str, &str)]) -> (Arc<TestEngine>, TempDir, Arc<Workspace>) {
    let engine = Arc::new(TestEngine::open().await);
    let (directory, workspace) = open_workspace(&engine, files).await;
    engine
        .change("INSERT INTO rookery.events SELECT if(number % 2 = 0, 'ua', 'b6'), number FROM numbers(1000)")
        .await;
    (engine, directory, Arc::new(workspace))
}

fn replacing() -> Population {
    Population {
        truncate: true,
        ..Population::default()
    }
}

#[tokio::test]
async fn truncating_makes_the_target_anew() {
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, TOTALS_VIEW]).await;
    engine
        .change("INSERT INTO rookery.totals SELECT 'old', countState(), sumState(toUInt64(1))")
        .await;
    workspace
        .populate("totals_view", &replacing())
        .await
        .unwrap();
    let expected = engine.rows(EXPECTED).await.unwrap();
    assert_eq!(engine.rows(FOUND).await.unwrap(), expected);
    assert_eq!(engine.rows(LEFTOVERS).await.unwrap(), "0\n");

    engine
        .change("INSERT INTO rookery.events VALUES ('dl', 5)")
        .await;
    let expected = engine.rows(EXPECTED).await.unwrap();
    assert_eq!(engine.rows(FOUND).await.unwrap(), expected, "it is fed on");
    let applied = workspace
        .current()
        .apply(&**engine, "rookery")
        .await
        .unwrap();
    assert!(applied.populated.is_empty() && applied.changed.is_empty());
}

#[tokio::test]
async fn without_truncating_rows_are_added() {
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, TOTALS_VIEW]).await;
    engine.change("TRUNCATE TABLE rookery.totals").await;
    workspace
        .populate("totals_view", &Population::default())
        .await
        .unwrap();
    let expected = engine.rows(EXPECTED).await.unwrap();
    assert_eq!(engine.rows(FOUND).await.unwrap(), expected);
}

#[tokio::test]
async fn rows_that_arrive_meanwhile_are_counted_once() {
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, TOTALS_VIEW]).await;
    engine.change("TRUNCATE TABLE rookery.totals").await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn({
        let (engine, workspace) = (Arc::clone(&engine), Arc::clone(&workspace));
        async move {
            let mut batches = 0;
            while !*stopped.borrow() {
                let _tables_stay = workspace.writing().await;
                engine
                    .change("INSERT INTO rookery.events SELECT 'dl', number FROM numbers(100)")
                    .await;
                batches += 1;
            }
            batches
        }
    });
    let first = Population::default();
    for population in [first, replacing(), replacing()] {
        workspace
            .populate("totals_view", &population)
            .await
            .unwrap();
    }
    stop.send(true).unwrap();
    assert!(writing.await.unwrap() > 0);
    let expected = engine.rows(EXPECTED).await.unwrap();
    assert_eq!(engine.rows(FOUND).await.unwrap(), expected);
}

#[tokio::test]
async fn what_others_write_to_the_target_meanwhile_stays() {
    let other = (
        "other.datasource",
        "SCHEMA >\n    org String\nENGINE_SORTING_KEY org\n",
    );
    let other_view = (
        "other_view.pipe",
        "NODE o\nSQL >\n    SELECT org, countState() AS events, sumState(toUInt64(1)) AS total FROM other GROUP BY org\n\
         TYPE materialized\nDATASOURCE totals\n",
    );
    let files = [EVENTS, TOTALS, TOTALS_VIEW, other, other_view];
    let (engine, _directory, workspace) = prepared(&files).await;
    let population = replacing();
    let populating = workspace.populate("totals_view", &population);
    let (populated, ()) = tokio::join!(populating, async {
        for _ in 0..20 {
            let _tables_stay = workspace.writing().await;
            engine
                .change("INSERT INTO rookery.other VALUES ('x')")
                .await;
        }
    });
    populated.unwrap();
    let events = engine.rows(EXPECTED).await.unwrap();
    let found = engine.rows(FOUND).await.unwrap();
    assert!(found.starts_with(&events), "{found}");
}

#[tokio::test]
async fn a_condition_and_a_subset_choose_rows_of_the_source() {
    let (engine, _directory, workspace) = prepared(&[EVENTS, TOTALS, TOTALS_VIEW]).await;
    let condition = Population {
        condition: Some("org = 'ua' -- only these\nOR n = 1".to_owned()),
        ..replacing()
    };
    workspace.populate("totals_view", &condition).await.unwrap();
    let found = "SELECT org, countMerge(events) FROM rookery.totals GROUP BY org ORDER BY org";
    assert_eq!(engine.rows(found).await.unwrap(), "b6\t1\nua\t500\n");

    let subset = Population {
        subset: Some(0.5),
        ..replacing()
    };
    workspace.populate("totals_view", &subset).await.unwrap();
    let found = "SELECT countMerge(events) BETWEEN 300 AND 700 FROM rookery.totals";
    assert_eq!(engine.rows(found).await.unwrap(), "1\n");
}

#[tokio::test]
async fn a_population_that_fails_changes_nothing() {
    let fails = TOTALS_VIEW
        .1
        .replace("FROM events", "FROM events WHERE throwIf(n = 4711) = 0");
    let files = [EVENTS, TOTALS, (TOTALS_VIEW.0, fails.as_str())];
    let (engine, _directory, workspace) = prepared(&files).await;
    let before = engine.rows(FOUND).await.unwrap();
    let failing = Population {
        condition: Some("throwIf(n = 500) = 0".to_owned()),
        ..replacing()
    };
    let result = workspace.populate("totals_view", &failing).await;
    assert!(matches!(result, Err(PopulateError::Run(_))), "{result:?}");
    assert_eq!(engine.rows(FOUND).await.unwrap(), before);
    engine
        .change("INSERT INTO rookery.events VALUES ('dl', 5)")
        .await;
    let expected = engine.rows(EXPECTED).await.unwrap();
    assert_eq!(engine.rows(FOUND).await.unwrap(), expected, "it is fed on");
}

#[tokio::test]
async fn added_rows_reach_the_views_behind_and_replaced_ones_do_not() {
    let log = (
        "log.datasource",
        "SCHEMA >\n    org String,\n    total UInt64\nENGINE_SORTING_KEY org\n",
    );
    let log_view = (
        "log_view.pipe",
        "NODE l\nSQL >\n    SELECT org, sumMerge(total) AS total FROM totals GROUP BY org\nTYPE materialized\nDATASOURCE log\n",
    );
    let files = [EVENTS, TOTALS, TOTALS_VIEW, log, log_view];
    let (engine, _directory, workspace) = prepared(&files).await;
    let logged = "SELECT sum(total) FROM rookery.log";
    assert_eq!(engine.rows(logged).await.unwrap(), "499500\n");
    workspace
        .populate("totals_view", &replacing())
        .await
        .unwrap();
    assert_eq!(engine.rows(logged).await.unwrap(), "499500\n");
    engine
        .change("INSERT INTO rookery.events VALUES ('dl', 500)")
        .await;
    assert_eq!(
        engine.rows(logged).await.unwrap(),
        "500000\n",
        "the view behind still sees what comes"
    );
    workspace
        .populate("totals_view", &Population::default())
        .await
        .unwrap();
    assert_eq!(engine.rows(logged).await.unwrap(), "1000000\n");
}

#[tokio::test]
async fn only_views_are_populated_and_nothing_replaces_what_is_not_kept() {
    let null = (
        "passing.datasource",
        "SCHEMA >\n    org String\nENGINE Null\n",
    );
    let null_view = (
        "null_view.pipe",
        "NODE p\nSQL >\n    SELECT org FROM events\nTYPE materialized\nDATASOURCE passing\n",
    );
    let kept = (
        "kept.datasource",
        "SCHEMA >\n    org String\nENGINE_SORTING_KEY org\n",
    );
    let kept_view = (
        "kept_view.pipe",
        "NODE k\nSQL >\n    SELECT org FROM passing\nTYPE materialized\nDATASOURCE kept\n",
    );
    let plain = ("plain.pipe", "NODE n\nSQL >\n    SELECT 1\n");
    let files = [EVENTS, null, null_view, kept, kept_view, plain];
    let (engine, _directory, workspace) = prepared(&files).await;
    for pipe in ["plain", "gone"] {
        let result = workspace.populate(pipe, &replacing()).await;
        assert_eq!(result, Err(PopulateError::NoView(pipe.to_owned())));
    }
    let result = workspace.populate("null_view", &replacing()).await;
    assert_eq!(
        result,
        Err(PopulateError::KeepsNothing("passing".to_owned()))
    );
    engine.change("TRUNCATE TABLE rookery.kept").await;
    workspace
        .populate("null_view", &Population::default())
        .await
        .unwrap();
    let kept = "SELECT count() FROM rookery.kept";
    assert_eq!(engine.rows(kept).await.unwrap(), "1000\n");
}
