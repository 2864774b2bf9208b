//! `rookery check` with a real engine.

use super::files;
use crate::project::{Report, Variables, check, check_files};
use engine::testing::TestEngine;

async fn report(engine: &TestEngine, pairs: &[(&str, &str)]) -> Report {
    check_files(&files(pairs), &Variables::default(), Some(&**engine))
        .await
        .0
}

/// What keeps the project from being served.
fn errors(report: &Report) -> impl Iterator<Item = &datafile::Diagnostic> {
    report.found.iter().filter(|found| found.is_error())
}

const EVENTS: (&str, &str) = (
    "events.datasource",
    "SCHEMA >\n    org String,\n    at DateTime,\n    id UUID\nENGINE_SORTING_KEY org\n",
);

#[tokio::test]
async fn the_demo_is_good_down_to_its_last_node() {
    let engine = TestEngine::open().await;
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    let report = check(&directory, &Variables::default(), Some(&*engine)).await;
    assert!(report.is_good(), "{report}");
    assert_eq!(
        report.to_string(),
        "4 data sources, 5 pipes, 6 nodes planned by the engine: 0 errors, 0 warnings"
    );
    let databases = engine
        .rows("SELECT count() FROM system.databases WHERE name LIKE 'check%'")
        .await;
    assert_eq!(databases.unwrap(), "0\n");
}

#[tokio::test]
async fn every_wrong_node_is_found_where_it_is_wrong() {
    let engine = TestEngine::open().await;
    let report = report(
        &engine,
        &[
            EVENTS,
            (
                "column.pipe",
                "NODE n\nSQL >\n    SELECT org,\n      nope\n    FROM events\n",
            ),
            (
                "function.pipe",
                "NODE f\nSQL >\n    SELECT countt(org) FROM events\n",
            ),
            ("missing.pipe", "NODE t\nSQL >\n    SELECT * FROM evnts\n"),
            (
                "syntax.pipe",
                "NODE s\nSQL >\n    SELECT org\n    FROM events\n    WHERE AND org\n",
            ),
            (
                "template.pipe",
                "NODE p\nSQL >\n    %\n    SELECT {{ String(x) }} AS y, missing FROM events\n",
            ),
            ("types.datasource", "SCHEMA >\n    a UInt8,\n    b Strng\n"),
            (
                "reads_types.pipe",
                "NODE r\nSQL >\n    SELECT * FROM types\n",
            ),
            (
                "reads_column.pipe",
                "NODE c\nSQL >\n    SELECT * FROM column\n",
            ),
        ],
    )
    .await;
    let places: Vec<String> = errors(&report)
        .map(|found| format!("{}:{}:{}", found.file, found.line, found.column))
        .collect();
    let expected = [
        "column.pipe:4:7",
        "function.pipe:3:12",
        "missing.pipe:3:19",
        "syntax.pipe:5:15",
        "template.pipe:4:34",
        "types.datasource:3:5",
    ];
    assert_eq!(places, expected, "{report}");
    assert!(!report.is_good());
}

#[tokio::test]
async fn what_is_wrong_in_a_template_is_found_where_it_stands() {
    let engine = TestEngine::open().await;
    let places = |report: &Report| -> Vec<String> {
        let place = |found: &datafile::Diagnostic| {
            format!(
                "{}:{}:{} {}",
                found.file, found.line, found.column, found.message
            )
        };
        report.found.iter().map(place).collect()
    };
    let faults = report(
        &engine,
        &[
            (
                "call.pipe",
                "NODE n\nSQL >\n    %\n    SELECT 1, {{ nope(x) }}\nTYPE endpoint\n",
            ),
            (
                "open.pipe",
                "NODE n\nSQL >\n    %\n    SELECT 1\n    WHERE {% if defined(x) %} 1 {% end\nTYPE endpoint\n",
            ),
            (
                "tag.pipe",
                "NODE n\nSQL >\n    %\n    SELECT 1 {% include a %}\nTYPE endpoint\n",
            ),
        ],
    )
    .await;
    assert_eq!(
        places(&faults),
        [
            "call.pipe:4:18 Template Syntax Error: Invalid function name: nope",
            "open.pipe:5:33 Missing end block %}",
            "tag.pipe:4:14 include is forbidden",
        ]
    );
    let summary = "3 pipes: 3 errors, 0 warnings; the SQL is checked once these are mended";
    assert!(faults.to_string().ends_with(summary), "{faults}");
    let syntax = report(
        &engine,
        &[
            ("unique.pipe", "NODE n\nSQL >\n    %\n    SELECT {{ Int8(x, 1) }} || 'a'\n      || || {{ Int8(x, 2) }} AND 3\nTYPE endpoint\n"),
            ("line.pipe", "NODE n\nSQL >\n    %\n    SELECT 1 || || 2\nTYPE endpoint\n"),
            ("default.pipe", "NODE n\nSQL >\n    %\n    SELECT 1 WHERE now() > {{ DateTime(since, '2024-01-01') }}\nTYPE endpoint\n"),
            ("list.pipe", "NODE n\nSQL >\n    %\n    SELECT {{ Array(x, \"'a'\") }} AS y\nTYPE endpoint\n"),
        ],
    )
    .await;
    assert_eq!(
        places(&syntax),
        [
            "default.pipe:4:31 the default '2024-01-01' of DateTime(since, …) is of another type, and requests without `since` fail: write YYYY-MM-DD hh:mm:ss",
            "line.pipe:4:17 ClickHouse cannot read the SQL of `n`: syntax error at `||`",
            "list.pipe:4:15 the second argument of Array(x, …) is no type, so its items are taken as text: write Array(x, 'String', …)",
            "unique.pipe:5:7 ClickHouse cannot read the SQL of `n`: syntax error at `||`",
        ]
    );
}

#[tokio::test]
async fn an_aggregating_table_may_have_columns_outside_its_sorting_key() {
    let engine = TestEngine::open().await;
    let table = "SCHEMA >\n    day Date,\n    client String,\n    hits AggregateFunction(count)\n\
                 ENGINE AggregatingMergeTree\nENGINE_SORTING_KEY day\n";
    let report = report(&engine, &[("days.datasource", table)]).await;
    assert!(report.is_good(), "{report}");
    let warned: Vec<u32> = report.found.iter().map(|found| found.line).collect();
    assert_eq!(warned, [3], "{report}");
}

#[tokio::test]
async fn stand_ins_for_parameters_are_not_blamed_on_the_sql() {
    let engine = TestEngine::open().await;
    let report = report(
        &engine,
        &[
            EVENTS,
            ("ids.pipe", "NODE n\nSQL >\n    %\n    SELECT count() FROM events WHERE id = toUUID({{ String(id) }}) AND at > {{ DateTime(since) }}\n"),
            ("cols.pipe", "NODE m\nSQL >\n    %\n    SELECT {{ column(by) }} FROM events\n"),
            ("nums.pipe", "NODE k\nSQL >\n    %\n    SELECT org FROM events LIMIT {{ Int32(page) }} * 10, 10\n"),
        ],
    )
    .await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn targets_take_the_columns_that_are_made_for_them() {
    let engine = TestEngine::open().await;
    let report = report(
        &engine,
        &[
            EVENTS,
            ("days.datasource", "SCHEMA >\n    org String,\n    day Date\n"),
            ("view.pipe", "NODE v\nSQL >\n    SELECT org, toDate(at) FROM events\nTYPE materialized\nDATASOURCE days\n"),
            ("copy.pipe", "NODE c\nSQL >\n    SELECT org, at AS dday FROM events\nTYPE copy\nTARGET_DATASOURCE days\n"),
            ("good.pipe", "NODE g\nSQL >\n    SELECT toDate(at) AS day FROM events\nTYPE copy\nTARGET_DATASOURCE days\n"),
        ],
    )
    .await;
    let files: Vec<&str> = errors(&report).map(|found| found.file.as_str()).collect();
    assert_eq!(files, ["copy.pipe", "view.pipe"], "{report}");
}

#[tokio::test]
async fn without_an_engine_files_are_read_all_the_same() {
    let pairs = [
        EVENTS,
        ("p.pipe", "NODE n\nSQL >\n    SELECT nope\nTYPE api\n"),
    ];
    let (report, project) = check_files(&files(&pairs), &Variables::default(), None).await;
    assert!(project.is_none());
    assert_eq!(
        report.to_string(),
        "error: TYPE cannot be `api`\n --> p.pipe:4:1\n  |\n4 | TYPE api\n  | ^^^^\n  = help: choose from endpoint, materialized, copy, sink and standard\n\n\
         1 data source, 1 pipe: 1 error, 0 warnings"
    );
}

#[tokio::test]
async fn a_circle_of_nodes_is_one_finding() {
    let engine = TestEngine::open().await;
    let report = report(
        &engine,
        &[
            ("one.pipe", "NODE a\nSQL >\n    SELECT 1 AS x FROM two\n"),
            ("two.pipe", "NODE b\nSQL >\n    SELECT x FROM one\n"),
            ("three.pipe", "NODE c\nSQL >\n    SELECT x FROM one\n"),
        ],
    )
    .await;
    let found: Vec<&str> = errors(&report)
        .map(|found| found.message.as_str())
        .collect();
    assert_eq!(found.len(), 1, "{report}");
    assert!(found[0].contains("read each other in a circle"), "{report}");
}

#[tokio::test]
async fn what_only_given_parameters_bring_is_not_run_and_the_other_way_is() {
    let engine = TestEngine::open().await;
    let optional = "NODE n\nSQL >\n    %\n    SELECT count() FROM events WHERE 1 {% if defined(p) %} AND nope = {{ String(p) }} {% end %}\n";
    let choice = "NODE b\nSQL >\n    %\n    SELECT count() FROM events {% if Boolean(p, false) %} WHERE nope {% end %}\n";
    let accepted = report(
        &engine,
        &[EVENTS, ("optional.pipe", optional), ("choice.pipe", choice)],
    )
    .await;
    assert!(accepted.is_good(), "{accepted}");
    let otherwise = "NODE o\nSQL >\n    %\n    SELECT count() FROM events WHERE {% if defined(d) %} 1 {% else %} nope {% end %}\n";
    let without = "NODE w\nSQL >\n    %\n    SELECT count() FROM events WHERE 1 {% if not defined(d) %} AND nope2 {% end %}\n";
    let refused = report(
        &engine,
        &[
            EVENTS,
            ("otherwise.pipe", otherwise),
            ("without.pipe", without),
        ],
    )
    .await;
    let files: Vec<&str> = errors(&refused).map(|found| found.file.as_str()).collect();
    assert_eq!(files, ["otherwise.pipe", "without.pipe"], "{refused}");
}

#[tokio::test]
async fn what_only_given_parameters_reach_is_held_against_the_rules_all_the_same() {
    let engine = TestEngine::open().await;
    let reaches = "NODE n\nSQL >\n    %\n    SELECT 1 {% if defined(p) %} FROM file('/etc/passwd', 'LineAsString') {% end %}\n";
    let circle = "NODE a\nSQL >\n    %\n    SELECT 1 AS x {% if defined(p) %} FROM c2 {% end %}\n";
    let back = "NODE b\nSQL >\n    SELECT x FROM c1\n";
    let tenants = (
        "tenants.datasource",
        "TAGS tenant=org\nSCHEMA >\n    org String\n",
    );
    let shared = ("shared.datasource", "SCHEMA >\n    org String\n");
    let leak = "NODE l\nSQL >\n    %\n    SELECT '' AS org {% if defined(p) %} FROM tenants {% end %}\nTYPE copy\nTARGET_DATASOURCE shared\n";
    let report = report(
        &engine,
        &[
            ("c1.pipe", circle),
            ("c2.pipe", back),
            ("leak.pipe", leak),
            ("reaches.pipe", reaches),
            tenants,
            shared,
        ],
    )
    .await;
    let files: Vec<&str> = errors(&report).map(|found| found.file.as_str()).collect();
    assert_eq!(files, ["c1.pipe", "leak.pipe", "reaches.pipe"], "{report}");
}

#[tokio::test]
async fn where_nothing_stands_in_every_error_is_the_sqls() {
    let engine = TestEngine::open().await;
    let wrong = [
        (
            "cast.pipe",
            "NODE c\nSQL >\n    SELECT toUUID(number) FROM numbers(3)\n",
        ),
        (
            "asked.pipe",
            "NODE a\nSQL >\n    %\n    SELECT toDate('nope') AS d {% if defined(x) %} WHERE org = {{ String(x) }} {% end %}\n",
        ),
        (
            "default.pipe",
            "NODE d\nSQL >\n    %\n    SELECT toDate({{ String(x, 'nope') }}) AS d\n",
        ),
        (
            "reads.pipe",
            "NODE r\nSQL >\n    SELECT org FROM events LIMIT -1.5\n",
        ),
    ];
    for (file, text) in wrong {
        let report = report(&engine, &[EVENTS, (file, text)]).await;
        assert!(!report.is_good(), "{file}: {report}");
        assert_eq!(report.extent.parsed_nodes, 0, "{file}: {report}");
    }
    let stands_in = "NODE i\nSQL >\n    %\n    SELECT toDate({{ String(x) }}) AS d\n";
    let report = report(&engine, &[("s.pipe", stands_in)]).await;
    assert_eq!(
        (report.is_good(), report.extent.parsed_nodes),
        (true, 1),
        "{report}"
    );
}

#[tokio::test]
async fn what_is_joined_needs_no_alias() {
    let engine = TestEngine::open().await;
    let function = "NODE f\nSQL >\n    SELECT org, number FROM events CROSS JOIN numbers(3)\n";
    let subquery = "NODE s\nSQL >\n    SELECT org, n FROM events LEFT JOIN (SELECT org, count() AS n FROM events GROUP BY org) USING (org)\n";
    let report = report(
        &engine,
        &[
            EVENTS,
            ("function.pipe", function),
            ("subquery.pipe", subquery),
        ],
    )
    .await;
    assert_eq!(
        (report.is_good(), report.extent.planned_nodes),
        (true, 2),
        "{report}"
    );
}

#[tokio::test]
async fn what_the_help_on_nullable_sorting_keys_says_is_accepted() {
    let engine = TestEngine::open().await;
    for data_type in [
        "String",
        "Int32",
        "UInt64",
        "Float64",
        "DateTime",
        "Decimal(18, 4)",
        "Enum8('a' = 1)",
        "UUID",
    ] {
        let table = |key: &str| {
            format!(
                "SCHEMA >\n    a Nullable({data_type}),\n    b Int32\nENGINE_SORTING_KEY {key}\n"
            )
        };
        let refused = report(&engine, &[("t.datasource", &table("a, b"))]).await;
        let help = refused.found[0].help.clone().unwrap();
        let advice = help
            .strip_prefix("sort by ")
            .and_then(|rest| rest.split_once(", or make"));
        let (expression, _) = advice.unwrap_or_else(|| panic!("{help}"));
        let mended = report(
            &engine,
            &[("t.datasource", &table(&format!("{expression}, b")))],
        )
        .await;
        assert!(mended.is_good(), "{mended}");
    }
    let still_null = "SCHEMA >\n    a Nullable(DateTime)\nENGINE_SORTING_KEY toDate(a)\n";
    let refused = report(&engine, &[("t.datasource", still_null)]).await;
    assert!(!refused.is_good(), "{refused}");
}

#[tokio::test]
async fn service_data_is_read_by_all_but_materialized_views() {
    let engine = TestEngine::open().await;
    let copied = (
        "kept.datasource",
        "SCHEMA >\n    pipe_name String,\n    calls UInt64\n",
    );
    let sql = "SELECT pipe_name, count() AS calls FROM tinybird.pipe_stats_rt GROUP BY pipe_name";
    let copy = format!("NODE c\nSQL >\n    {sql}\nTYPE copy\nTARGET_DATASOURCE kept\n");
    let jobs = "NODE j\nSQL >\n    SELECT status, b.rows FROM tinybird.jobs_log AS j LEFT JOIN tinybird.block_log AS b USING (job_id)\nTYPE endpoint\n";
    let days = "NODE d\nSQL >\n    %\n    SELECT date, avgMerge(avg_duration_state) AS a, quantilesTimingMerge(0.9, 0.95, 0.99)(quantile_timing_state) AS q,\n      sum(view_count) AS n FROM tinybird.pipe_stats WHERE pipe_name = {{ String(pipe) }} GROUP BY date\nTYPE endpoint\n";
    let good = report(
        &engine,
        &[
            copied,
            ("copy.pipe", &copy),
            ("jobs.pipe", jobs),
            ("days.pipe", days),
        ],
    )
    .await;
    assert_eq!(
        (good.is_good(), good.extent.planned_nodes),
        (true, 3),
        "{good}"
    );
    let view = format!(
        "NODE r\nSQL >\n    {sql}\nNODE v\nSQL >\n    SELECT * FROM r\nTYPE materialized\nDATASOURCE kept\n"
    );
    let unknown = "NODE u\nSQL >\n    SELECT * FROM tinybird.sinks_ops_log\n";
    let refused = report(
        &engine,
        &[copied, ("view.pipe", &view), ("unknown.pipe", unknown)],
    )
    .await;
    let messages: Vec<&str> = errors(&refused)
        .map(|found| found.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "`u` reads `tinybird.sinks_ops_log`, which is not in the project",
            "the materialized view `v` reads service data, whose rows no view sees"
        ],
        "{refused}"
    );
}

#[tokio::test]
async fn one_cause_is_told_once() {
    let engine = TestEngine::open().await;
    let other = "NODE o\nSQL >\n    %\n    SELECT * FROM elsewhere.events {% if defined(x) %} WHERE 1 {% end %}\nTYPE endpoint\n";
    let own = "NODE v\nSQL >\n    SELECT * FROM `view.daily`\nTYPE endpoint\n";
    let system = "NODE s\nSQL >\n    SELECT * FROM system.query_log\nTYPE endpoint\n";
    let report = report(
        &engine,
        &[
            ("other.pipe", other),
            ("own.pipe", own),
            ("system.pipe", system),
        ],
    )
    .await;
    let files: Vec<&str> = report
        .found
        .iter()
        .map(|found| found.file.as_str())
        .collect();
    assert_eq!(files, ["other.pipe", "own.pipe", "system.pipe"], "{report}");
}
