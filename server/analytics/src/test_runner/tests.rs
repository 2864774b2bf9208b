//! Whole runs, on the real engine.

use super::*;
use crate::EngineSettings;

fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

const PROJECT: &[(&str, &str)] = &[
    (
        "datasources/events.datasource",
        "SCHEMA >\n    `id` UInt32 `json:$.id`,\n    `name` String `json:$.user.name`\n",
    ),
    (
        "datasources/made.datasource",
        "SCHEMA >\n    `n` UInt64 `json:$.n`\n",
    ),
    (
        "datasources/listed.datasource",
        "SCHEMA >\n    `a` UInt8,\n    `b` String\n",
    ),
    (
        "fixtures/events.ndjson",
        "{\"id\":1,\"user\":{\"name\":\"a/b\"}}\n{\"id\":2,\"user\":{\"name\":\"c\"}}\n",
    ),
    (
        "fixtures/made.sql",
        "SELECT number AS n FROM numbers(3) FORMAT JSON",
    ),
    ("fixtures/listed.csv", "a,b\n1,x\n2,\"y,z\"\n"),
    (
        "endpoints/names.pipe",
        "NODE endpoint\nSQL >\n    %\n    {% if defined(fail) %}{{ error('it failed') }}{% end %}\n    SELECT id, name FROM events WHERE id >= {{Int32(least, 0)}} ORDER BY id\nTYPE endpoint\n",
    ),
    (
        "endpoints/plain.pipe",
        "NODE first_node\nSQL >\n    SELECT n + 1 AS m FROM made\nNODE last_node\nSQL >\n    SELECT sum(m), (SELECT count() FROM listed) FROM first_node\n",
    ),
    (
        "tests/names.yaml",
        "- name: all\n  parameters: ''\n  expected_result: |\n    {\"id\":1,\"name\":\"a\\/b\"}\n    {\"id\":2,\"name\":\"c\"}\n- name: some\n  parameters: least=2\n  expected_result: |\n    {\"id\":2,\"name\":\"c\"}\n- name: none\n  parameters: least=9\n  expected_result: ''\n- name: wrong\n  parameters: least=x\n  expected_result: \"Template Syntax Error: Error validating 'x' to type Int32\"\n  expected_http_status: 400\n- name: raised\n  parameters: fail=1\n  expected_result: |\n    it failed\n  expected_http_status: 400\n- name: status_of_no_error\n  parameters: least=9\n  expected_result: ''\n  expected_http_status: 400\n",
    ),
    (
        "tests/plain.yaml",
        "- name: as_text\n  parameters: ''\n  expected_result: \"6\\t2\\n\"\n",
    ),
    ("tests/unknown.yaml", "- name: a\n  expected_result: ''\n"),
];

async fn run_project(
    files: &[&[(&str, &str)]],
    filter: Option<&str>,
) -> (Result<Summary, TestRunError>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    for files in files {
        write(directory.path(), files);
    }
    let options = TestOptions {
        project: directory.path().to_owned(),
        settings: settings(),
        environment: BTreeMap::new(),
        filter: filter.map(str::to_owned),
    };
    let mut events = Vec::new();
    let summary = run(options, &mut |event| events.push(event.to_string())).await;
    (summary, events)
}

#[tokio::test]
async fn a_projects_tests_run_against_its_fixtures() {
    let (summary, events) = run_project(&[PROJECT], None).await;
    let expected = [
        "loaded 2 rows into events",
        "loaded 2 rows into listed",
        "loaded 3 rows into made",
        "test names::all ... ok",
        "test names::some ... ok",
        "test names::none ... ok",
        "test names::wrong ... ok",
        "test names::raised ... ok",
        "test names::status_of_no_error ... ok, but the status is 200, not 400",
        "test plain::as_text ... ok",
        "skipped tests/unknown.yaml: there is no pipe of this name",
    ];
    let summary = summary.unwrap();
    assert_eq!(events, expected, "{summary}");
    assert!(summary.is_success());
    assert_eq!(summary.passed, 7);
}

#[tokio::test]
async fn a_wrong_answer_is_a_failure_that_shows_the_difference() {
    let wrong: &[(&str, &str)] = &[(
        "tests/names.yaml",
        "- name: all\n  expected_result: |\n    {\"id\":1,\"name\":\"a/b\"}\n- name: status\n  parameters: fail=1\n  expected_result: it failed\n  expected_http_status: 404\n- name: surprise\n  parameters: fail=1\n  expected_result: it failed\n- name: left_out\n  expected_result: ''\n",
    )];
    let (summary, events) = run_project(&[PROJECT, wrong], Some("names::s")).await;
    let summary = summary.unwrap();
    assert_eq!(
        events.last().map(String::as_str),
        Some("skipped tests/unknown.yaml: there is no pipe of this name")
    );
    assert_eq!(
        (summary.passed, summary.filtered, summary.failures.len()),
        (0, 3, 2)
    );
    let messages: Vec<&str> = summary
        .failures
        .iter()
        .map(|failure| failure.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "expected the status 404, got 400: it failed",
            "expected rows, got the status 400: it failed\nif that is meant, add `expected_http_status: 400`"
        ]
    );
}

#[tokio::test]
async fn fixture_rows_that_do_not_fit_are_told_and_the_run_goes_on() {
    let wrong: &[(&str, &str)] = &[
        (
            "fixtures/events.ndjson",
            "{\"id\":\"x\",\"user\":{\"name\":\"a\"}}\n{\"id\":7,\"user\":{\"name\":\"b\"}}\n",
        ),
        (
            "tests/names.yaml",
            "- name: good\n  expected_result: |\n    {\"id\":7,\"name\":\"b\"}\n",
        ),
    ];
    let (summary, events) = run_project(&[PROJECT, wrong], None).await;
    let start = "loaded 1 rows into events, but 1 row does not fit the data source: ";
    assert!(events[0].starts_with(start), "{events:?}");
    let summary = summary.unwrap();
    assert!(summary.is_success(), "{summary}");
    assert_eq!(summary.passed, 2);
}

fn settings() -> Settings {
    let engine = EngineSettings {
        program: Some(engine::testing::program()),
        ..EngineSettings::default()
    };
    Settings {
        engine,
        ..Settings::default()
    }
}

#[tokio::test]
async fn the_demos_tests_pass() {
    let options = TestOptions {
        project: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo"),
        settings: settings(),
        environment: BTreeMap::new(),
        filter: None,
    };
    let summary = run(options, &mut |_| {}).await.unwrap();
    assert!(summary.is_success(), "{summary}");
    assert!(summary.passed >= 20, "only {} cases", summary.passed);
}
