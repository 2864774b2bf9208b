//! Tables and views in a real engine.

mod refusing;
mod tables;
mod views;

use super::project;
use crate::project::{Applied, ApplyError};
use engine::testing::TestEngine;

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
