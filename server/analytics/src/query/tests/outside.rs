//! SQL that comes with a call: `q=` over a result, and the Query API's.

use super::*;

async fn fixture() -> Fixture {
    let pipe = "NODE hidden_node\nSQL >\n    SELECT id, name FROM events\nNODE endpoint\nSQL >\n    %\n    SELECT id, name FROM hidden_node WHERE id >= {{Int32(least, 0)}} ORDER BY id\nTYPE endpoint\n";
    Fixture::open(&[("listed", pipe), ("other", &endpoint("SELECT 1 AS one"))]).await
}

#[tokio::test]
async fn a_q_runs_over_the_result() {
    let fixture = fixture().await;
    for (sql, expected) in [
        ("SELECT count() FROM _", "2\n"),
        ("SELECT count() FROM `_`;", "2\n"),
        (
            "WITH big AS (SELECT * FROM _ WHERE id > 1) SELECT name FROM big",
            "two\n",
        ),
        (
            "SELECT name FROM _ WHERE id IN (SELECT max(id) FROM _) UNION ALL SELECT 'x' WHERE 0",
            "two\n",
        ),
        (
            "SELECT l.id, r.name FROM _ AS l JOIN _ AS r ON l.id = r.id WHERE l.id = 1",
            "1\tone\n",
        ),
    ] {
        assert_eq!(
            fixture.rows("listed", &[("q", sql)]).await,
            expected,
            "{sql}"
        );
    }
    assert_eq!(
        fixture
            .rows("listed", &[("q", "SELECT count() FROM _"), ("least", "2")])
            .await,
        "1\n"
    );
}

#[tokio::test]
async fn a_q_reads_nothing_else() {
    let fixture = fixture().await;
    for sql in [
        "SELECT * FROM events",
        "SELECT * FROM labels",
        "SELECT * FROM rookery.labels",
        "SELECT * FROM hidden_node",
        "SELECT * FROM other",
        "SELECT * FROM listed",
        "SELECT * FROM _ WHERE id IN (SELECT id FROM labels)",
        "SELECT * FROM _ WHERE id IN labels",
        "SELECT (SELECT count() FROM labels) FROM _",
        "SELECT * FROM _ JOIN labels USING (id)",
        "SELECT * FROM system.tables",
        "SELECT * FROM nothing",
        "SELECT * FROM merge('rookery', '.*')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd') FROM _",
        "SELECT * FROM _ SETTINGS max_threads = 1",
        "SELECT * FROM _ FORMAT CSV",
        "INSERT INTO labels SELECT * FROM _",
        "DROP TABLE labels",
    ] {
        let error = fixture.error("listed", &[("q", sql)]).await;
        assert!(matches!(error, QueryError::Refused(_)), "{sql}: {error:?}");
    }
    for sql in ["SELECT 1; SELECT 2", "SELECT", "SELECT * FROM _) --"] {
        let error = fixture.error("listed", &[("q", sql)]).await;
        assert!(
            matches!(
                error,
                QueryError::Engine(EngineError::Query { code: 62, .. })
            ),
            "{sql}: {error:?}"
        );
    }
}

/// A CTE may have any name: no table stands behind it.
#[tokio::test]
async fn a_ctes_name_may_be_that_of_anything_else() {
    let fixture = fixture().await;
    for name in ["labels", "events", "other", "hidden_node", "nothing"] {
        let sql = format!("WITH {name} AS (SELECT 1 AS x) SELECT * FROM {name}");
        let rows = fixture.rows("listed", &[("q", &sql)]).await;
        assert_eq!(rows, "1\n", "{name}");
    }
}

/// The engine's parser tells no CTE from a table of its name, and tables stay
/// when their data sources leave the project.
#[tokio::test]
async fn a_ctes_name_opens_no_table() {
    let fixture = fixture().await;
    fixture
        .engine
        .change("CREATE TABLE rookery.former (name String) ORDER BY name AS SELECT 'secret'")
        .await;
    fixture
        .engine
        .change("INSERT INTO rookery.labels_quarantine (label) VALUES ('secret')")
        .await;
    for table in ["former", "labels_quarantine"] {
        let sql = format!(
            "SELECT * FROM (WITH {table} AS (SELECT 1 AS one) SELECT one FROM {table}) AS a CROSS JOIN {table}"
        );
        for tenant in [Tenant::All, Tenant::Fixed(org("a"))] {
            let call = Call {
                tenant,
                ..fixture.call("listed", parameters(&[("q", &sql)]), org("a"))
            };
            match fixture.run(call).await {
                Ok(rows) => assert_eq!(rows, "", "{sql}"),
                Err(error) => assert!(
                    matches!(
                        error,
                        QueryError::Engine(EngineError::Query { code: 60, .. })
                    ),
                    "{sql}: {error}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_query_from_outside_gets_the_pipes_it_names() {
    let fixture = fixture().await;
    let run = async |sql: &str, given: Parameters, conditions: Conditions| {
        let query = OutsideQuery {
            project: &fixture.project,
            database: DATABASE,
            sql: sql.to_owned(),
            pipe: None,
            given,
            fixed: org("a"),
            tenant: Tenant::Fixed(org("a")),
            may_bring_sql: true,
            sees_inner_nodes: false,
            readable: ["events", "listed", "other"].map(str::to_owned).into(),
            closed: Vec::new(),
            conditions,
            secrets: Arc::default(),
            format: "TabSeparated",
            limits: QueryLimits::default(),
        };
        let prepared = prepare_outside(&*fixture.engine, &fixture.guard, query)
            .await
            .unwrap();
        let answer = fixture.engine.query(prepared.statement).await.unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let sql = "SELECT name FROM listed, other WHERE one = 1 ORDER BY id";
    assert_eq!(
        run(sql, Parameters::new(), Conditions::new()).await,
        "one\ntwo\n"
    );
    assert_eq!(
        run(sql, parameters(&[("least", "2")]), Conditions::new()).await,
        "two\n"
    );
    let filter = ("events".to_owned(), vec!["id = 1 OR id = 3".to_owned()]);
    assert_eq!(
        run(
            "SELECT org, id FROM events",
            Parameters::new(),
            [filter].into()
        )
        .await,
        "a\t1\n"
    );
}
