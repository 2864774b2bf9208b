//! Whole projects, without and with the engine.

mod applying;
mod checking;
mod classic;
mod copying;
mod populating;
mod remembering;
mod serving;

use super::*;
use datafile::Severity;
use engine::testing::TestEngine;

/// Files from pairs of path and text.
pub(super) fn files(pairs: &[(&str, &str)]) -> Vec<SourceFile> {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    };
    pairs.iter().map(file).collect()
}

pub(super) fn project(pairs: &[(&str, &str)]) -> Project {
    Project::from_files(&files(pairs), &Variables::default()).unwrap()
}

/// A workspace that serves these files from a directory of its own.
async fn open_workspace(
    engine: &Arc<TestEngine>,
    pairs: &[(&str, &str)],
) -> (tempfile::TempDir, Workspace) {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in pairs {
        std::fs::write(directory.path().join(path), text).unwrap();
    }
    let shared = engine.shared();
    let opened = Workspace::open(directory.path(), Variables::default(), shared, "rookery").await;
    (directory, opened.unwrap().0)
}

/// What is found in files that must not make a project.
fn errors(pairs: &[(&str, &str)]) -> Vec<String> {
    let found = Project::from_files(&files(pairs), &Variables::default()).unwrap_err();
    found
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(ToString::to_string)
        .collect()
}

const EVENTS: (&str, &str) = (
    "datasources/events.datasource",
    "TAGS tenant=org\nSCHEMA >\n    org String\n",
);

#[test]
fn the_demo_loads_without_a_warning() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    let demo = Project::load(&directory, &Variables::default()).unwrap();
    assert_eq!(demo.warnings(), []);
    let endpoints: Vec<&str> = demo
        .endpoints()
        .map(|(pipe, _)| pipe.name.as_str())
        .collect();
    let expected = [
        "delay_by_hour",
        "flights_per_day",
        "flights_period",
        "flights_summary",
        "top_destinations",
    ];
    assert_eq!(endpoints, expected);
    assert_eq!(
        demo.tenancy("flights").map(|column| column.name.as_str()),
        Some("org")
    );
    assert_eq!(demo.tenancy("flights_quarantine"), demo.tenancy("flights"));
    assert_eq!(demo.tenancy("airports"), None);
    assert!(demo.template("top_destinations", "busiest").is_some());
}

#[test]
fn files_are_found_two_folders_deep_and_not_in_vendor() {
    let directory = tempfile::tempdir().unwrap();
    let write = |path: &str| {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "SCHEMA >\n    a String\n").unwrap();
    };
    for path in [
        "top.datasource",
        "any/inner.datasource",
        "any/deep/deep.datasource",
        "any/deep/deeper/x.datasource",
        "vendor/v.datasource",
        ".git/g.datasource",
        "a.txt",
    ] {
        write(path);
    }
    let project = Project::load(directory.path(), &Variables::default()).unwrap();
    let names: Vec<&str> = project
        .data_sources()
        .map(|data_source| data_source.name.as_str())
        .collect();
    assert_eq!(names, ["deep", "inner", "top"]);
}

#[test]
fn a_missing_directory_is_one_clear_finding() {
    let found = Project::load(Path::new("/nowhere/at/all"), &Variables::default()).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].help.as_deref(),
        Some("name a directory that exists")
    );
}

#[test]
fn errors_of_all_files_are_reported_at_once() {
    let found = errors(&[
        ("a.datasource", "SCHEMA >\n    x Int\n"),
        ("b.pipe", "NODE n\nSQL >\n    %\n    SELECT {{ Int32( }}\n"),
        ("c.pipe", "NODE n\nSQL >\n    SELECT 1\nTYPE nothing\n"),
    ]);
    let files: Vec<&str> = found
        .iter()
        .map(|found| &found[..found.find(':').unwrap()])
        .collect();
    assert_eq!(files, ["a.datasource", "b.pipe", "c.pipe"]);
    assert!(found[1].starts_with("b.pipe:4:15: error:"), "{}", found[1]);
}

#[test]
fn every_name_means_one_thing() {
    let node = "NODE n\nSQL >\n    SELECT 1\n";
    let clashes: &[(&[(&str, &str)], &str)] = &[
        (
            &[EVENTS, ("x/events.datasource", EVENTS.1)],
            "x/events.datasource:1:1: error: `events` is also what datasources/events.datasource describes",
        ),
        (
            &[EVENTS, ("events.pipe", node)],
            "events.pipe:1:1: error: the pipe `events` has the name of a data source (datasources/events.datasource)",
        ),
        (
            &[EVENTS, ("p.pipe", "NODE events\nSQL >\n    SELECT 1\n")],
            "p.pipe:1:1: error: the node `events` has the name of a data source (datasources/events.datasource)",
        ),
        (
            &[
                ("p.pipe", node),
                ("n.pipe", "NODE m\nSQL >\n    SELECT 1\n"),
            ],
            "p.pipe:1:1: error: the node `n` has the name of a pipe (n.pipe)",
        ),
        (
            &[EVENTS, ("events_quarantine.datasource", EVENTS.1)],
            "events_quarantine.datasource:1:1: error: `events_quarantine` is the name of the quarantine of datasources/events.datasource",
        ),
    ];
    for (pairs, expected) in clashes {
        let found = errors(pairs);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{}", found[0]);
    }
}

#[test]
fn targets_must_exist() {
    for kind in [
        "TYPE materialized\nDATASOURCE gone",
        "TYPE copy\nTARGET_DATASOURCE gone",
    ] {
        let text = format!("NODE n\nSQL >\n    SELECT 1\n{kind}\n");
        let found = errors(&[("p.pipe", &text)]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("there is no such data source"),
            "{}",
            found[0]
        );
    }
}

#[test]
fn an_unknown_connection_is_a_warning() {
    let text = "SCHEMA >\n    a String\nKAFKA_CONNECTION_NAME k\nKAFKA_TOPIC t\n";
    let warnings = |pairs: &[(&str, &str)]| {
        let project = project(pairs);
        project
            .warnings()
            .iter()
            .map(|found| found.message.clone())
            .collect::<Vec<_>>()
    };
    let unknown = warnings(&[("a.datasource", text)]);
    assert!(unknown[1].contains("no such connection"), "{unknown:?}");
    let known = warnings(&[("a.datasource", text), ("k.connection", "TYPE kafka\n")]);
    assert!(
        !known
            .iter()
            .any(|warning| warning.contains("no such connection"))
    );
}
