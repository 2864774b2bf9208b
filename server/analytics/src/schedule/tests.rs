//! Schedules over days and restarts, without waiting.

use sqlx::sqlite::SqlitePoolOptions;
use time::macros::datetime;

use super::*;
use crate::project::{SourceFile, Variables};

/// A project with a copy pipe for each name and schedule.
fn project(copies: &[(&str, &str)]) -> Project {
    let file = |path: String, text: String| SourceFile { path, text };
    let mut files = vec![file(
        "t.datasource".into(),
        "SCHEMA >\n    n UInt8\n".into(),
    )];
    for (pipe, schedule) in copies {
        let text = format!(
            "NODE node_of_{pipe}\nSQL >\n    SELECT 1 AS n\nTYPE copy\nTARGET_DATASOURCE t\nCOPY_SCHEDULE {schedule}\n"
        );
        files.push(file(format!("{pipe}.pipe"), text));
    }
    Project::from_files(&files, &Variables::default()).unwrap()
}

/// A database in memory, and schedules kept in it.
async fn fresh() -> (SqlitePool, Schedules) {
    let options = SqlitePoolOptions::new().max_connections(1);
    let pool = options.connect("sqlite::memory:").await.unwrap();
    sqlx::migrate!().run(&pool).await.unwrap();
    let schedules = Schedules::load(pool.clone()).await.unwrap();
    (pool, schedules)
}

fn due(pipe: &str, at: OffsetDateTime) -> Due {
    Due {
        pipe: pipe.to_owned(),
        at,
    }
}

const NOON: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
const ONE: OffsetDateTime = datetime!(2026-11-21 13:00 UTC);

#[tokio::test]
async fn a_copy_is_due_at_each_moment_of_its_schedule_once() {
    let (_pool, schedules) = fresh().await;
    let project = project(&[
        ("daily", "0 13 * * *"),
        ("hourly", "0 * * * *"),
        ("never", "@on-demand"),
    ]);
    assert_eq!(
        schedules.take_due(&project, NOON).await,
        [],
        "it begins now"
    );
    assert_eq!(schedules.next(&project, NOON), Some(ONE));
    assert_eq!(
        schedules
            .take_due(&project, datetime!(2026-11-21 12:59:59 UTC))
            .await,
        []
    );
    assert_eq!(
        schedules.take_due(&project, ONE).await,
        [due("daily", ONE), due("hourly", ONE)]
    );
    assert_eq!(schedules.take_due(&project, ONE).await, []);
    assert_eq!(
        schedules.next(&project, ONE),
        Some(datetime!(2026-11-21 14:00 UTC))
    );
    assert_eq!(schedules.next(&Project::default(), ONE), None);
}

#[tokio::test]
async fn of_the_moments_missed_while_the_server_was_down_the_last_is_made_up_for() {
    let (pool, schedules) = fresh().await;
    let project = project(&[("hourly", "0 * * * *")]);
    schedules.take_due(&project, NOON).await;
    drop(schedules);

    let schedules = Schedules::load(pool.clone()).await.unwrap();
    let evening = datetime!(2026-11-21 20:30 UTC);
    let missed = due("hourly", datetime!(2026-11-21 20:00 UTC));
    assert_eq!(schedules.take_due(&project, evening).await, [missed]);

    let schedules = Schedules::load(pool).await.unwrap();
    assert_eq!(schedules.take_due(&project, evening).await, [], "only once");
}

#[tokio::test]
async fn a_new_schedule_makes_up_for_nothing() {
    let (_pool, schedules) = fresh().await;
    schedules
        .take_due(&project(&[("p", "0 13 * * *")]), NOON)
        .await;
    let changed = project(&[("p", "0 11 * * *")]);
    let afternoon = datetime!(2026-11-21 15:00 UTC);
    assert_eq!(schedules.take_due(&changed, afternoon).await, []);
    let tomorrow = datetime!(2026-11-22 11:00 UTC);
    assert_eq!(
        schedules.take_due(&changed, tomorrow).await,
        [due("p", tomorrow)]
    );
}

#[tokio::test]
async fn what_passes_while_a_copy_is_paused_is_passed_over() {
    let (pool, schedules) = fresh().await;
    let project = project(&[("p", "0 * * * *"), ("other", "0 * * * *")]);
    schedules.take_due(&project, NOON).await;
    schedules.pause("p", NOON).await.unwrap();
    assert_eq!(schedules.take_due(&project, ONE).await, [due("other", ONE)]);

    let schedules = Schedules::load(pool).await.unwrap();
    assert!(schedules.is_paused("p") && !schedules.is_paused("other"));
    let half_past = datetime!(2026-11-21 13:30 UTC);
    schedules.resume("p", half_past).await.unwrap();
    assert_eq!(schedules.take_due(&project, half_past).await, []);
    let two = datetime!(2026-11-21 14:00 UTC);
    assert_eq!(
        schedules.take_due(&project, two).await,
        [due("other", two), due("p", two)]
    );
}

#[tokio::test]
async fn pausing_the_only_copy_leaves_nothing_to_wait_for() {
    let (_pool, schedules) = fresh().await;
    let project = project(&[("p", "0 * * * *")]);
    schedules.pause("p", NOON).await.unwrap();
    assert_eq!(schedules.next(&project, NOON), None);
    schedules.changed().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stop_the_schedule() {
    let (pool, schedules) = fresh().await;
    let project = project(&[("p", "*/30 * * * *")]);
    schedules.take_due(&project, NOON).await;
    assert_eq!(schedules.take_due(&project, ONE).await, [due("p", ONE)]);

    let corrected = datetime!(2026-11-21 12:59:59 UTC);
    assert_eq!(schedules.take_due(&project, corrected).await, []);
    assert_eq!(schedules.take_due(&project, ONE).await, [], "only once");

    let set_back = datetime!(2026-11-21 11:10 UTC);
    assert_eq!(schedules.take_due(&project, set_back).await, []);
    let schedules = Schedules::load(pool).await.unwrap();
    let half_past = datetime!(2026-11-21 11:30 UTC);
    assert_eq!(
        schedules.take_due(&project, half_past).await,
        [due("p", half_past)]
    );
}
