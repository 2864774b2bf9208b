//! The guard against the real parser: nothing that a statement reads or calls
//! may be missing from what is found.

use proptest::prelude::*;

use super::*;
use crate::testing::TestEngine;

async fn inspect(engine: &TestEngine, sql: &str) -> Inspection {
    let found = Guard::default().inspect(&**engine, sql, &[]).await;
    let found = found.unwrap_or_else(|error| panic!("{sql}: {error}"));
    (*found).clone()
}

fn tables(inspection: &Inspection) -> Vec<String> {
    inspection.tables.iter().map(TableName::to_string).collect()
}

#[tokio::test]
async fn kinds_of_statements_are_told_apart() {
    let engine = TestEngine::open().await;
    for (sql, kind) in [
        ("SELECT 1", StatementKind::Select),
        ("FROM numbers(1) SELECT 1 -- x", StatementKind::Select),
        ("(SELECT 1) EXCEPT (SELECT 2);", StatementKind::Select),
        ("DESCRIBE TABLE f", StatementKind::Describe),
        ("SHOW TABLES", StatementKind::Show),
        ("EXPLAIN SELECT 1", StatementKind::Explain),
        ("DROP TABLE f", StatementKind::Other("DropQuery".into())),
        (
            "INSERT INTO f SELECT 1",
            StatementKind::Other("InsertQuery".into()),
        ),
        ("SET a = 1", StatementKind::Other("Set".into())),
    ] {
        assert_eq!(inspect(&engine, sql).await.kind, kind, "{sql}");
    }
    for sql in [
        "SELECT 1; SELECT 2",
        "",
        "-- nothing",
        "SELEC 1",
        "SELECT 'open",
    ] {
        let refused = Guard::default().inspect(&*engine, sql, &[]).await;
        assert!(
            matches!(refused, Err(EngineError::Query { code: 62, .. })),
            "{sql}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn tables_are_found_wherever_they_are_read() {
    let engine = TestEngine::open().await;
    for (sql, expected) in [
        ("SELECT 1", ""),
        (
            "SELECT f.x, `a b` FROM f AS q, r.g JOIN `odd name` AS h USING x",
            "f,odd name,r.g",
        ),
        ("WITH c AS (SELECT * FROM f) SELECT * FROM c", "c,f"),
        (
            "SELECT * FROM a WHERE x IN b AND y NOT IN (c) AND z GLOBAL IN r.d AND nullIn(v, e)",
            "a,b,c,e,r.d",
        ),
        (
            "SELECT x IN (SELECT y FROM a), (SELECT 1 FROM b), EXISTS(SELECT 1 FROM c)",
            "a,b,c",
        ),
        (
            "SELECT 1 FROM a UNION ALL SELECT 2 FROM b INTERSECT SELECT 3 FROM c",
            "a,b,c",
        ),
        (
            "SELECT sum(x) OVER (ORDER BY (SELECT 1 FROM a)) FROM b FINAL PREWHERE (SELECT 1 FROM c)",
            "a,b,c",
        ),
        (
            "SELECT * FROM numbers((SELECT 1 FROM a)) LIMIT (SELECT 1 FROM b)",
            "a,b",
        ),
        ("SELECT * FROM view(SELECT * FROM a)", "a"),
        (
            "SELECT * APPLY (x -> x + (SELECT count() FROM a)) FROM b",
            "a,b",
        ),
        ("DESCRIBE (SELECT * FROM a)", "a"),
        ("DESCRIBE a", "a"),
    ] {
        assert_eq!(
            tables(&inspect(&engine, sql).await).join(","),
            expected,
            "{sql}"
        );
    }
    let parameters = [("t".to_owned(), "r.secret".to_owned())];
    let guard = Guard::default();
    let found = guard.inspect(&*engine, "SELECT * FROM {t:Identifier}", &parameters);
    assert_eq!(tables(&found.await.unwrap()), ["r.secret"]);
}

#[tokio::test]
async fn settings_formats_and_files_are_found() {
    let engine = TestEngine::open().await;
    let found = inspect(
        &engine,
        "SELECT * FROM (SELECT 1 SETTINGS max_threads = 1) SETTINGS additional_table_filters = {'a': 'b'}
         FORMAT JSON SETTINGS max_block_size = 1;",
    )
    .await;
    let names: Vec<&str> = found.settings.iter().map(String::as_str).collect();
    assert_eq!(
        names,
        ["additional_table_filters", "max_block_size", "max_threads"]
    );
    assert_eq!(found.format.as_deref(), Some("JSON"));

    let found = inspect(
        &engine,
        "SELECT settings, 'SETTINGS a = 1' FROM t -- SETTINGS b = 1",
    )
    .await;
    assert!(found.settings.is_empty() && found.format.is_none());
    assert!(
        inspect(&engine, "SELECT 1 INTO OUTFILE 'x' FORMAT CSV")
            .await
            .writes_file
    );

    let found = inspect(
        &engine,
        "SELECT 1 AS format /* FORMAT */ FORMAT CSVWithNames ;",
    )
    .await;
    assert_eq!(found.format.as_deref(), Some("CSVWithNames"));
    assert_eq!(engine.rows(&found.body).await.unwrap(), "1\n");
}

struct Shop;

impl Catalog for Shop {
    fn database(&self) -> &str {
        "rookery"
    }
    fn may_read(&self, name: &str) -> bool {
        name == "open"
    }
    fn exists(&self, name: &str) -> bool {
        ["open", "secret", "open_quarantine"].contains(&name)
    }
}

#[tokio::test]
async fn outside_sql_reads_what_it_may_and_nothing_else() {
    let engine = TestEngine::open().await;
    for sql in [
        "SELECT count() FROM open",
        "SELECT * FROM rookery.open FINAL PREWHERE a = 1 FORMAT JSON",
        "WITH mine AS (SELECT 1) SELECT * FROM mine JOIN open AS o ON 1",
        "SELECT * FROM numbers(3), (VALUES (1, 2)), generateRandom('a Int8') LIMIT 1",
        "SELECT name FROM system.functions WHERE 1 IN (open.x) AND dummy IN system.one",
        "SELECT * APPLY(toString) FROM open",
        "SELECT JSONExtractString(a, 'b'), toStartOfHour(now()) FROM open",
        "DESCRIBE TABLE open",
    ] {
        assert_eq!(
            inspect(&engine, sql).await.check_outside(&Shop),
            Ok(()),
            "{sql}"
        );
    }
    for (sql, refusal) in [
        ("SELECT * FROM secret", "Resource 'secret' not found"),
        (
            "SELECT * FROM open_quarantine",
            "Resource 'open_quarantine' not found",
        ),
        (
            "SELECT * FROM (WITH secret AS (SELECT 1) SELECT * FROM secret), secret",
            "Resource 'secret' not found",
        ),
        ("SELECT 1 WHERE 1 IN secret", "Resource 'secret' not found"),
        (
            "SELECT * FROM rookery.secret",
            "Resource 'rookery.secret' not found",
        ),
        (
            "SELECT * FROM system.tables",
            "Resource 'system.tables' not found",
        ),
        (
            "SELECT 1 WHERE 'a' IN system.parts",
            "Resource 'system.parts' not found",
        ),
        (
            "SELECT * FROM default.`/etc/passwd`",
            "Resource 'default./etc/passwd' not found",
        ),
        (
            "SELECT * FROM elsewhere.t",
            "Resource 'elsewhere.t' not found",
        ),
        (
            "DESCRIBE system.tables",
            "Resource 'system.tables' not found",
        ),
        (
            "SELECT * FROM file('/etc/passwd', LineAsString)",
            "The table function file is not allowed",
        ),
        (
            "DESCRIBE url('http://localhost/')",
            "The table function url is not allowed",
        ),
        (
            "SELECT * FROM merge('rookery', '.*')",
            "The table function merge is not allowed",
        ),
        (
            "SELECT * FROM remote('127.0.0.1', rookery, secret)",
            "The table function remote is not allowed",
        ),
        (
            "SELECT * FROM (EXPLAIN SELECT 1)",
            "The table function viewExplain is not allowed",
        ),
        (
            "SELECT file('/etc/passwd')",
            "The function file is not allowed",
        ),
        (
            "SELECT FILE('/etc/passwd') FROM open",
            "The function FILE is not allowed",
        ),
        (
            "SELECT * APPLY(file) FROM open",
            "The function file is not allowed",
        ),
        (
            "SELECT * APPLY(x -> file(x)) FROM open",
            "The function file is not allowed",
        ),
        (
            "SELECT arrayMap(x -> dictGet('d', 'a', x), [1])",
            "The function dictGet is not allowed",
        ),
        (
            "SELECT joinGet('j', 'v', 1)",
            "The function joinGet is not allowed",
        ),
        (
            "SELECT hasColumnInTable('rookery', 'secret', 'a')",
            "The function hasColumnInTable is not allowed",
        ),
        (
            "SELECT getSetting('additional_table_filters')",
            "The function getSetting is not allowed",
        ),
        (
            "SELECT @@version",
            "The function globalVariable is not allowed",
        ),
        (
            "SELECT 1 SETTINGS max_threads = 1",
            "The setting max_threads cannot be given here: remove it from SETTINGS",
        ),
        (
            "SELECT * FROM (SELECT * FROM open SETTINGS additional_table_filters = {})",
            "The setting additional_table_filters cannot be given here: remove it from SETTINGS",
        ),
        (
            "SELECT * FROM open WHERE a IN tinybird.pipe_stats_rt",
            "Resource 'tinybird.pipe_stats_rt' not found",
        ),
        ("SELECT 1 INTO OUTFILE 'x'", "INTO OUTFILE is not allowed"),
        (
            "INSERT INTO open SELECT 1",
            "Only SELECT or DESCRIBE queries are supported. Got: InsertQuery",
        ),
        (
            "SHOW TABLES",
            "Only SELECT or DESCRIBE queries are supported. Got: ShowQuery",
        ),
    ] {
        let refused = inspect(&engine, sql).await.check_outside(&Shop);
        assert_eq!(
            refused.map_err(|r| r.to_string()),
            Err(refusal.to_owned()),
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_projects_sql_keeps_to_harmless_settings_and_functions() {
    let engine = TestEngine::open().await;
    let check = async |sql: &str| inspect(&engine, sql).await.check_project();
    assert_eq!(
        check("SELECT * FROM anything SETTINGS join_use_nulls = 1").await,
        Ok(())
    );
    let service_data = "SELECT * FROM tinybird.pipe_stats_rt";
    assert_eq!(check(service_data).await, Ok(()));
    for sql in [
        "SELECT * FROM (SELECT * FROM f SETTINGS additional_table_filters = {})",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT * FROM merge('.*')",
        "SELECT * FROM system.query_log",
        "SELECT 1 FORMAT JSON",
        "DESCRIBE f",
    ] {
        assert!(check(sql).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn tenant_filters_survive_every_settings_clause() {
    let engine = TestEngine::open().await;
    engine
        .change("CREATE TABLE f (org String) ENGINE = MergeTree ORDER BY org")
        .await;
    engine.change("INSERT INTO f VALUES ('ua'), ('b6')").await;
    let count = async |sql: &str| {
        let statement = Statement {
            tenant_filters: vec![crate::TableFilter {
                table: "rookery.f".into(),
                expression: sql::equals("org", "ua"),
            }],
            ..Statement::read(sql, "TabSeparated")
        };
        engine.text(statement).await
    };
    let harmless = "SELECT count() FROM f Settings max_threads = 1";
    assert_eq!(count(harmless).await.unwrap(), "1\n");
    assert_eq!(
        count("SELECT count() AS settings FROM f").await.unwrap(),
        "1\n"
    );
    for sql in [
        "SELECT count() FROM f SETTINGS additional_table_filters = {}",
        "SELECT count() FROM (SELECT * FROM f SeTtInGs additional_table_filters = {})",
        "WITH c AS (SELECT * FROM f SETTINGS additional_table_filters = {'rookery.f': '1'}) SELECT count() FROM c",
        "SELECT * FROM f WHERE 1 IN (SELECT 1 FROM f SETTINGS additional_table_filters = {})",
        "SELECT * APPLY (x -> (SELECT count() FROM f SETTINGS additional_table_filters = {})) FROM f",
    ] {
        let refused = count(sql).await;
        assert!(
            matches!(refused, Err(EngineError::Query { code: 164, .. })),
            "{sql}: {refused:?}"
        );
    }
}

/// A random query that reads `secret` and calls `file` somewhere inside.
fn hiding() -> impl Strategy<Value = String> {
    let expression = prop::sample::select(vec![
        "file('x')",
        "(SELECT file('x') FROM secret)",
        "1 + file('x')",
        "[file('x')][1]",
        "arrayMap(x -> file(x), ['a'])[1]",
        "if(1, file('x'), 'b')",
        "CAST(file('x'), 'String')",
        "sum(1) OVER (PARTITION BY file('x'))",
        "file('x') IN secret",
        "x -> file(x)",
        "CASE file('x') WHEN 1 THEN 2 END",
        "file('x')::String",
        "`file`('x')",
        "\"file\"('x')",
        "/* c */ file /* d */ ('x')",
        "FiLe('x')",
        "'FROM t' || file('x')",
    ]);
    let expression = (expression, prop::bool::ANY).prop_map(|(inner, secret)| {
        let table = if secret {
            "(SELECT max(y) FROM secret)"
        } else {
            "(SELECT max(y) FROM `secret`)"
        };
        format!("{inner}, {table}")
    });
    expression.prop_recursive(5, 20, 2, |inner| {
        (inner, 0..13_usize).prop_map(|(inner, shape)| match shape {
            0 => format!("(SELECT {inner})"),
            1 => format!("(SELECT tuple({inner}) FROM a)"),
            2 => format!("(WITH c AS (SELECT {inner}) SELECT * FROM c)"),
            3 => format!("(SELECT 1 FROM a WHERE tuple({inner}) = 1)"),
            4 => format!("(SELECT 1 UNION ALL SELECT tuple({inner}))"),
            5 => format!("(SELECT 1 FROM a JOIN (SELECT {inner}) AS b ON 1)"),
            6 => format!("(SELECT * REPLACE (tuple({inner}) AS b) FROM a)"),
            7 => format!("(SELECT * APPLY (x -> tuple(x, {inner})) FROM a)"),
            8 => format!("EXISTS(SELECT 1 FROM a ORDER BY tuple({inner}) WITH FILL LIMIT 1 BY tuple({inner}))"),
            9 => format!("1 IN (SELECT 1 EXCEPT SELECT tuple({inner}))"),
            10 => format!("(SELECT 1 FROM numbers(1, {inner}))"),
            11 => format!("(SELECT 1 GROUP BY ROLLUP(tuple({inner})) HAVING tuple({inner}))"),
            _ => format!("(SELECT 1 FROM a ARRAY JOIN [tuple({inner})] AS q)"),
        })
    })
}

#[test]
fn nothing_hides_from_the_guard() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = runtime.block_on(TestEngine::open());
    let seen = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(300), |(query in hiding())| {
        let sql = format!("SELECT {query}");
        let found = runtime.block_on(Guard::default().inspect(&*engine, &sql, &[]));
        match found {
            Ok(found) => {
                seen.set(seen.get() + 1);
                prop_assert!(found.tables.iter().any(|table| table.table == "secret"), "{}", sql);
                prop_assert!(
                    found.functions.iter().any(|name| name.eq_ignore_ascii_case("file")),
                    "{}", sql
                );
                prop_assert!(found.check_outside(&Shop).is_err());
            }
            // Refusing is safe; most shapes must parse all the same.
            Err(EngineError::Query { .. }) => {}
            Err(error) => prop_assert!(false, "{}: {error}", sql),
        }
    });
    assert!(
        seen.get() > 150,
        "only {} of 300 queries parsed",
        seen.get()
    );
}
