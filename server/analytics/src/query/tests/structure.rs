//! ClickHouse's own parser on what templates make of hostile values: the tree
//! is that of a harmless value.

use super::*;
use template::{RenderContext, Template};

const TEMPLATES: &[&str] = &[
    "SELECT {{v}} AS a FROM t WHERE b = {{String(v)}} AND c = 'x'",
    "SELECT * FROM t WHERE a LIKE '%{{String(v)}}%' AND b IN {{Array(v, 'String', [v])}}",
    "SELECT `p{{v}}`, \"p{{v}}\", {{Symbol('p' + v)}}, {{column('p' + v.replace('.', ''))}} FROM {{table('p.' + v)}}",
    "SELECT 1 -- {{v}}\n, 2 /* {{v}} */, 3 # {{v}}\n, {{sql_unescape(v, '%')}}",
    "SELECT {{columns('p' + v.replace(',', '').replace('.', ''), 'a', fn='max')}} FROM t",
    "SELECT 10 -{{v}} FROM t WHERE {{sql_and(a=v, b__in=[v, v])}} AND c",
    "SELECT {{split_to_array(v.replace(',', ''))}}, {{(v, 1)}}, {{ {'k': v} }} FROM x WHERE a IN (1) LIMIT 1",
];

const VALUES: &[&str] = &[
    "'",
    "''",
    "\\",
    "\\'",
    "\"",
    "`",
    "``",
    "\\`",
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{1a}",
    "--",
    "-- \n",
    "/*",
    "*/",
    "#!",
    ";",
    "' OR 1=1 --",
    "` FROM x --",
    "\" FROM x --",
    "') UNION ALL SELECT 1 --",
    "\\' OR 1 --",
    "%",
    "\\%",
    "{{",
    "}}",
    "{%",
    "{a:String}",
    "$$",
    "$x$",
    "‘",
    "’",
    "“",
    "”",
    "é😀",
    "\u{2028}",
    "\u{feff}",
    "0x41",
    "1e5",
    "NULL",
    "a b",
    "\u{7f}",
];

/// The parser's tree without the values and names in it.
async fn shape(engine: &TestEngine, sql: &str) -> String {
    let statement = Statement::read(format!("EXPLAIN AST {sql}"), "JSONCompactEachRow");
    let tree = engine
        .text(statement)
        .await
        .unwrap_or_else(|error| panic!("{sql:?}: {error}"));
    let rows = tree
        .lines()
        .map(|line| serde_json::from_str::<Vec<String>>(line).unwrap().concat());
    let mut shape = String::new();
    for row in rows {
        let indent = row.len() - row.trim_start().len();
        let kind = row.trim_start().split(' ').next().unwrap_or_default();
        let children = row.rfind("(children ").map_or("", |at| &row[at..]);
        shape.push_str(&format!("{indent} {kind} {children}\n"));
    }
    shape
}

#[tokio::test]
async fn the_tree_does_not_depend_on_the_value() {
    let engine = TestEngine::open().await;
    let context = RenderContext::default();
    for source in TEMPLATES {
        let template = Template::parse(source).unwrap();
        let render = |value: &str| {
            template
                .render(&parameters(&[("v", value)]), &context)
                .unwrap()
                .sql
        };
        let expected = shape(&engine, &render("abc")).await;
        assert!(expected.lines().count() > 5, "{expected}");
        // The parser prints names as they are, a line break in one included.
        let names_values = source.contains("Symbol") || source.contains("columns");
        for value in VALUES {
            if names_values && value.contains('\n') {
                continue;
            }
            let sql = render(value);
            assert_eq!(
                shape(&engine, &sql).await,
                expected,
                "{source} with {value:?} gave {sql:?}"
            );
        }
    }
}
