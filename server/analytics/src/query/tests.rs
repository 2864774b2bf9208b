//! Calls of endpoints on the real engine.

mod composition;
mod outside;
mod structure;
mod tenancy;

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::project::{SourceFile, Variables};
use engine::EngineError;
use engine::testing::TestEngine;
use template::RenderErrorKind;

const DATABASE: &str = "rookery";

/// A project on an engine, with rows of two tenants.
struct Fixture {
    engine: TestEngine,
    guard: Guard,
    project: Project,
}

const EVENTS: (&str, &str) = (
    "datasources/events.datasource",
    "TAGS \"tenant=org\"\nSCHEMA >\n    `org` String,\n    `id` UInt32,\n    `name` String,\n    `size` UInt64\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"org, id\"\n",
);

const LABELS: (&str, &str) = (
    "datasources/labels.datasource",
    "SCHEMA >\n    `id` UInt32,\n    `label` String\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"id\"\n",
);

impl Fixture {
    /// Loads the tables and the pipes given as names and texts.
    async fn open(pipes: &[(&str, &str)]) -> Self {
        let mut files: Vec<SourceFile> = [EVENTS, LABELS]
            .into_iter()
            .map(|(path, text)| file(path, text))
            .collect();
        files.extend(
            pipes
                .iter()
                .map(|(name, text)| file(&format!("endpoints/{name}.pipe"), text)),
        );
        let project = Project::from_files(&files, &Variables::default()).unwrap_or_else(|found| {
            panic!(
                "{}",
                found
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n")
            )
        });
        let engine = TestEngine::open().await;
        project.apply(&*engine, DATABASE).await.unwrap();
        engine
            .change("INSERT INTO rookery.events VALUES ('a', 1, 'one', 10), ('a', 2, 'two', 18446744073709551615), ('b', 1, 'uno', 30), ('b', 3, 'tres', 40), ('', 4, 'none', 50)")
            .await;
        engine
            .change("INSERT INTO rookery.labels VALUES (1, 'first'), (2, 'second'), (3, 'third')")
            .await;
        Self {
            engine,
            guard: Guard::default(),
            project,
        }
    }

    fn call<'a>(&'a self, pipe: &str, given: Parameters, fixed: Parameters) -> Call<'a> {
        Call {
            project: &self.project,
            database: DATABASE,
            pipe: self.project.pipe(pipe).unwrap(),
            tenant: Tenant::Fixed(fixed.clone()),
            given,
            fixed,
            may_bring_sql: true,
            secrets: Arc::default(),
            format: "TabSeparated",
            limits: QueryLimits::default(),
        }
    }

    async fn run(&self, call: Call<'_>) -> Result<String, QueryError> {
        let prepared = prepare(&*self.engine, &self.guard, call).await?;
        let answer = self.engine.query(prepared.statement).await?;
        Ok(String::from_utf8(answer.body.to_vec()).unwrap())
    }

    /// The rows tenant `a` gets, tab separated.
    async fn rows(&self, pipe: &str, given: &[(&str, &str)]) -> String {
        let call = self.call(pipe, parameters(given), org("a"));
        self.run(call)
            .await
            .unwrap_or_else(|error| panic!("{pipe}: {error}"))
    }

    /// The error tenant `a` gets.
    async fn error(&self, pipe: &str, given: &[(&str, &str)]) -> QueryError {
        let call = self.call(pipe, parameters(given), org("a"));
        match self.run(call).await {
            Ok(rows) => panic!("{pipe} answered {rows:?}"),
            Err(error) => error,
        }
    }
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().copied().collect()
}

fn org(value: &str) -> Parameters {
    parameters(&[("org", value)])
}

/// A pipe of one node.
fn endpoint(sql: &str) -> String {
    format!("NODE endpoint\nSQL >\n    {sql}\nTYPE endpoint\n")
}

#[tokio::test]
async fn fixed_parameters_beat_given_ones() {
    let pipe = endpoint(
        "%\n    SELECT id FROM events WHERE org = {{String(org)}} AND id >= {{Int32(least, 0)}} ORDER BY id",
    );
    let fixture = Fixture::open(&[("ids", &pipe)]).await;
    assert_eq!(
        fixture.rows("ids", &[("org", "b"), ("least", "2")]).await,
        "2\n"
    );
    assert_eq!(fixture.rows("ids", &[]).await, "1\n2\n");
}

#[tokio::test]
async fn parameters_come_as_text_lists_and_json() {
    let pipe =
        endpoint("%\n    SELECT id FROM labels WHERE id IN {{Array(ids, 'UInt32')}} ORDER BY id");
    let fixture = Fixture::open(&[("labelled", &pipe)]).await;
    assert_eq!(fixture.rows("labelled", &[("ids", "1,3")]).await, "1\n3\n");
    for value in [
        Parameter::List(vec!["1".into(), "3".into()]),
        Parameter::from(json!([1, 3])),
    ] {
        let mut given = Parameters::new();
        given.set("ids", value);
        let rows = fixture.run(fixture.call("labelled", given, org("a"))).await;
        assert_eq!(rows, Ok("1\n3\n".to_owned()));
    }
}

#[tokio::test]
async fn large_integers_are_numbers_in_json_unless_asked_otherwise() {
    let pipe = endpoint("SELECT size FROM events WHERE id = 2");
    let fixture = Fixture::open(&[("sizes", &pipe)]).await;
    for (given, expected) in [
        (parameters(&[]), "{\"size\":18446744073709551615}\n"),
        (
            parameters(&[("output_format_json_quote_64bit_integers", "1")]),
            "{\"size\":\"18446744073709551615\"}\n",
        ),
    ] {
        let call = Call {
            format: "JSONEachRow",
            ..fixture.call("sizes", given, org("a"))
        };
        assert_eq!(fixture.run(call).await, Ok(expected.to_owned()));
    }
}

#[tokio::test]
async fn values_reach_the_engine_as_they_are() {
    let pipe = endpoint(
        "%\n    SELECT {{String(x)}} = {secret: String}, length({{String(x)}}) {% if False %}{{tb_secret('secret')}}{% end %}",
    );
    let bound = pipe.replace("{secret: String}", "{{tb_secret('secret')}}");
    let fixture = Fixture::open(&[("same", &bound)]).await;
    for value in [
        "plain",
        "it's \"quoted\" `so`",
        "back\\slash\\n",
        "new\nline\ttab\r\0\u{8}\u{1a}",
        "é😀\u{2028}",
        "--/*#;{}{{}}",
    ] {
        let call = Call {
            secrets: Arc::new([("secret".to_owned(), value.to_owned())].into()),
            ..fixture.call("same", parameters(&[("x", value)]), org("a"))
        };
        assert_eq!(
            fixture.run(call).await,
            Ok(format!("1\t{}\n", value.len())),
            "{value:?}"
        );
    }
}

#[tokio::test]
async fn templates_never_see_the_calls_token() {
    let pipe = endpoint("%\n    SELECT {{String(token, 'hidden')}}");
    let fixture = Fixture::open(&[("echo", &pipe)]).await;
    assert_eq!(
        fixture.rows("echo", &[("token", "p.secret")]).await,
        "hidden\n"
    );
}

#[tokio::test]
async fn errors_of_templates_and_of_the_engine_come_through() {
    let wrong = endpoint(
        "%\n    SELECT {{Int32(n)}}, {% if defined(c) %}{{column(c)}}{% else %}1{% end %} FROM labels",
    );
    let none = "NODE only\nSQL >\n    SELECT 1\n";
    let fixture = Fixture::open(&[("wrong", &wrong), ("no_endpoint", none)]).await;
    let error = fixture.error("wrong", &[("n", "x")]).await;
    assert_eq!(
        error.to_string(),
        "Template Syntax Error: Error validating 'x' to type Int32"
    );
    let error = fixture
        .error("wrong", &[("n", "1"), ("c", "nothing")])
        .await;
    assert!(
        matches!(
            &error,
            QueryError::Engine(EngineError::Query { code: 47, .. })
        ),
        "{error:?}"
    );
    let error = fixture.error("no_endpoint", &[]).await;
    assert_eq!(error, QueryError::NoEndpoint("no_endpoint".to_owned()));
}

#[tokio::test]
async fn a_template_lowers_the_threads_and_never_raises_them() {
    let pipe = endpoint(
        "%\n    {{max_threads(2)}} SELECT 1 {{activate('optimize_aggregation_in_order')}} {{cache_ttl('1m')}}",
    );
    let fixture = Fixture::open(&[("threads", &pipe)]).await;
    for (limit, expected) in [(None, Some(2)), (Some(1), Some(1)), (Some(8), Some(2))] {
        let limits = QueryLimits {
            max_threads: limit,
            ..QueryLimits::default()
        };
        let call = Call {
            limits,
            ..fixture.call("threads", Parameters::new(), org("a"))
        };
        let prepared = prepare(&*fixture.engine, &fixture.guard, call)
            .await
            .unwrap();
        assert_eq!(prepared.statement.limits.max_threads, expected);
        assert_eq!(prepared.cache_ttl, Some("1m"));
        let in_order = ("optimize_aggregation_in_order".to_owned(), "1".to_owned());
        assert!(prepared.statement.settings.contains(&in_order));
    }
    assert_eq!(fixture.rows("threads", &[]).await, "1\n");
}

#[tokio::test]
async fn an_endpoints_parameters_are_those_of_all_it_reads() {
    let base = "NODE base_node\nSQL >\n    %\n    SELECT id FROM labels WHERE id > {{Int32(least)}}\nNODE end\nSQL >\n    %\n    SELECT * FROM base_node LIMIT {{Int(limit, 10)}}\nTYPE endpoint\n";
    let top = endpoint(
        "%\n    SELECT * FROM base WHERE label = {{String(label, 'x')}} AND id < {{Int32(limit)}}",
    );
    let fixture = Fixture::open(&[("base", base), ("top", &top)]).await;
    let found = endpoint_parameters(&fixture.project, fixture.project.pipe("top").unwrap());
    let found: Vec<_> = found
        .iter()
        .map(|found| (found.name.as_str(), found.required))
        .collect();
    assert_eq!(found, [("label", false), ("limit", true), ("least", true)]);
}

#[tokio::test]
async fn a_list_may_be_long() {
    let pipe = endpoint("%\n    SELECT count() FROM labels WHERE id IN {{Array(ids, 'UInt32')}}");
    let fixture = Fixture::open(&[("long", &pipe)]).await;
    let ids: Vec<String> = (2..100_000).map(|id: u32| id.to_string()).collect();
    let ids = ids.join(",");
    assert_eq!(fixture.rows("long", &[("ids", &ids)]).await, "2\n");
    let endless = "1,".repeat(2_000_000);
    let error = fixture.error("long", &[("ids", &endless)]).await;
    assert!(
        matches!(&error, QueryError::Template(error) if error.kind == RenderErrorKind::Limit),
        "{error}"
    );
}
