//! Files of Tinybird Classic.

use super::{files, project};
use crate::project::{Variables, check_files};
use engine::testing::TestEngine;

const EVENTS: (&str, &str) = (
    "events.datasource",
    "VERSION 3\nSCHEMA >\n    org String,\n    n UInt32\nENGINE_SORTING_KEY org\n",
);
const UNTYPED: (&str, &str) = (
    "untyped.pipe",
    "NODE a\nSQL >\n    SELECT org FROM events\nNODE b\nSQL >\n    SELECT count() AS n FROM a\n",
);
const TYPED: (&str, &str) = ("typed.pipe", "NODE c\nSQL >\n    SELECT 1\nTYPE endpoint\n");
const READER: (&str, &str) = (
    "reader.pipe",
    "NODE d\nSQL >\n    SELECT n FROM untyped\nTYPE endpoint\n",
);

/// The endpoints of a project, and its warnings.
fn served(pairs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let project = project(pairs);
    let endpoints = project.endpoints();
    let endpoints = endpoints.map(|(pipe, node)| format!("{}.{}", pipe.name, node.name));
    let warnings = project.warnings().iter();
    (
        endpoints.collect(),
        warnings.map(|found| found.message.clone()).collect(),
    )
}

#[test]
fn where_no_pipe_names_its_endpoint_the_last_node_of_each_is_it() {
    let (endpoints, warnings) = served(&[EVENTS, UNTYPED]);
    assert_eq!(endpoints, ["untyped.b"]);
    assert_eq!(
        warnings,
        ["no node has a TYPE, so the last, `b`, is the endpoint"]
    );
}

#[test]
fn where_endpoints_are_named_a_pipe_without_one_is_told_of_unless_it_is_read() {
    let (endpoints, warnings) = served(&[EVENTS, UNTYPED, TYPED]);
    assert_eq!(endpoints, ["typed.c"]);
    assert_eq!(
        warnings,
        ["no node of `untyped` has a TYPE and no pipe reads it, so nobody can"]
    );
    let (endpoints, warnings) = served(&[EVENTS, UNTYPED, READER]);
    assert_eq!((endpoints.len(), warnings.len()), (1, 0), "{warnings:?}");
}

#[tokio::test]
async fn names_with_a_version_mean_what_has_it() {
    let engine = TestEngine::open().await;
    let pipe = |text: &str| format!("VERSION 1\nNODE node\nSQL >\n    {text}\nTYPE endpoint\n");
    let check = async |text: &str| {
        let pipe = pipe(text);
        let pairs = [EVENTS, READER, UNTYPED, ("p.pipe", &pipe)];
        let engine: Option<&dyn engine::Engine> = Some(&*engine);
        let (report, _) = check_files(&files(&pairs), &Variables::default(), engine).await;
        report
    };
    for good in [
        "SELECT sum(n) FROM events__v3",
        "SELECT `events__v3`.org FROM `events__v3` AS events__v3",
        "SELECT org FROM untyped AS u JOIN events__v3 AS e ON e.n = u.n",
    ] {
        let report = check(good).await;
        assert!(report.is_good(), "{report}");
    }
    for wrong in ["SELECT 1 FROM events__v2", "SELECT 1 FROM untyped__v1"] {
        assert!(!check(wrong).await.is_good(), "{wrong}");
    }
}

#[tokio::test]
async fn columns_that_the_kafka_connector_adds_are_there() {
    let engine = TestEngine::open().await;
    let topic = "SCHEMA >\n    `id` String `json:$.id`\nKAFKA_CONNECTION_NAME k\nKAFKA_TOPIC t\n";
    let latest = "NODE node\nSQL >\n    SELECT id, argMax(__value, __offset), max(__timestamp) FROM topic\n      WHERE __topic = 't' AND __partition = 0 GROUP BY id, __key\nTYPE endpoint\n";
    let pairs = [("topic.datasource", topic), ("latest.pipe", latest)];
    let engine: Option<&dyn engine::Engine> = Some(&*engine);
    let (report, _) = check_files(&files(&pairs), &Variables::default(), engine).await;
    assert!(report.is_good(), "{report}");
}
