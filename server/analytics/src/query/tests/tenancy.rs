//! One tenant never sees another's rows, whatever the SQL says.

use super::*;

/// Each counts rows by tenant in its own way, and none has a WHERE.
const LEAKY: &[(&str, &str)] = &[
    ("plain", "SELECT org, count() FROM events GROUP BY org"),
    (
        "aliased",
        "SELECT e.org, count() FROM events AS e GROUP BY e.org",
    ),
    (
        "final_prewhere",
        "SELECT org, count() FROM events PREWHERE id > 0 GROUP BY org",
    ),
    (
        "subquery",
        "SELECT org, count() FROM (SELECT * FROM (SELECT * FROM events)) GROUP BY org",
    ),
    (
        "cte",
        "WITH e AS (SELECT * FROM events) SELECT org, count() FROM e GROUP BY org",
    ),
    (
        "in_subquery",
        "SELECT 'a', count() FROM labels WHERE id IN (SELECT id FROM events)",
    ),
    ("scalar", "SELECT 'a', (SELECT count() FROM events)"),
    (
        "joined",
        "SELECT e.org, count() FROM labels AS l RIGHT JOIN events AS e ON l.id = e.id GROUP BY e.org",
    ),
    (
        "self_join",
        "SELECT l.org, count() FROM events l JOIN events r ON l.id = r.id AND l.org != '' GROUP BY l.org",
    ),
    (
        "full_join",
        "SELECT r.org, count() FROM events l FULL JOIN events r ON l.id = r.id AND l.org = r.org GROUP BY r.org",
    ),
    (
        "union_all",
        "SELECT org, count() FROM (SELECT org FROM events WHERE id = 1 UNION ALL SELECT org FROM events WHERE id = 2) GROUP BY org",
    ),
    (
        "window_function",
        "SELECT DISTINCT org, count() OVER () FROM events",
    ),
    ("piped", "SELECT org, count() FROM everything GROUP BY org"),
    (
        "piped_twice",
        "SELECT org, count() FROM (SELECT * FROM everything UNION DISTINCT SELECT * FROM everything) GROUP BY org",
    ),
    (
        "renamed",
        "SELECT org, count() FROM (SELECT 'a' AS org, id FROM events) GROUP BY org",
    ),
];

async fn leaky() -> Fixture {
    let mut pipes: Vec<(&str, String)> = LEAKY
        .iter()
        .map(|(name, sql)| (*name, endpoint(sql)))
        .collect();
    pipes.push(("everything", endpoint("SELECT * FROM events")));
    pipes.push(("shared", endpoint("SELECT count() FROM labels")));
    let pipes: Vec<(&str, &str)> = pipes
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    Fixture::open(&pipes).await
}

#[tokio::test]
async fn a_pipe_without_any_where_gives_the_tenants_rows() {
    let fixture = leaky().await;
    for (name, _) in LEAKY {
        assert_eq!(
            fixture.rows(name, &[("org", "b")]).await,
            "a\t2\n",
            "{name}"
        );
    }
    assert_eq!(fixture.rows("shared", &[]).await, "3\n");
}

#[tokio::test]
async fn a_static_token_reads_all_tenants() {
    let fixture = leaky().await;
    let call = Call {
        tenant: Tenant::All,
        ..fixture.call("scalar", Parameters::new(), Parameters::new())
    };
    assert_eq!(fixture.run(call).await, Ok("a\t5\n".to_owned()));
}

#[tokio::test]
async fn without_a_tenant_no_data_source_of_tenants_is_read() {
    let fixture = leaky().await;
    let mut listed = Parameters::new();
    listed.set("org", Parameter::from(json!(["a", "b"])));
    for fixed in [
        Parameters::new(),
        org(""),
        listed,
        parameters(&[("user", "a")]),
    ] {
        for (name, _) in LEAKY {
            let call = fixture.call(name, org("a"), fixed.clone());
            let expected = QueryError::NoTenant {
                data_source: "events".to_owned(),
                parameter: "org".to_owned(),
            };
            assert_eq!(
                fixture.run(call).await,
                Err(expected),
                "{name} with {fixed:?}"
            );
        }
        let call = fixture.call("shared", org("a"), fixed);
        assert_eq!(fixture.run(call).await, Ok("3\n".to_owned()));
    }
}

#[tokio::test]
async fn the_tenants_name_is_only_a_value() {
    let fixture = leaky().await;
    for name in [
        "a' OR '1' = '1",
        "a') OR (1",
        "a\\",
        "a'--",
        "', org = '",
        "%",
        "a\0",
    ] {
        let call = fixture.call("scalar", Parameters::new(), org(name));
        assert_eq!(fixture.run(call).await, Ok("a\t0\n".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn sql_that_a_template_makes_cannot_leave_the_project() {
    let pipe = endpoint(
        "%\n    {% if kind == 'settings' %}SELECT org FROM events SETTINGS additional_table_filters = {'rookery.events': '1'}{% elif kind == 'function' %}SELECT * FROM merge('rookery', 'eve.*'){% elif kind == 'system' %}SELECT name FROM system.tables{% elif kind == 'file' %}SELECT * FROM file('/etc/passwd', 'LineAsString'){% elif kind == 'overlay' %}SELECT * FROM default.`/etc/passwd`{% elif kind == 'table' %}SELECT * FROM {{table(name)}}{% else %}SELECT 1{% end %}",
    );
    let fixture = Fixture::open(&[("sly", &pipe)]).await;
    for kind in ["settings", "function", "system", "file", "overlay"] {
        let error = fixture.error("sly", &[("kind", kind)]).await;
        assert!(matches!(error, QueryError::Refused(_)), "{kind}: {error:?}");
    }
    // A name with a dot is one name: no table of another database, none of the
    // server's own. Rows of data sources that have left the project stay.
    let engine = &fixture.engine;
    for table in ["`former.events`", "`wanted.events`", "left_over"] {
        let columns = "(org String) ORDER BY org AS SELECT 'b' AS org";
        engine
            .change(&format!("CREATE TABLE rookery.{table} {columns}"))
            .await;
    }
    for name in [
        "system.tables",
        "rookery.events",
        "view.x",
        "staging.x",
        "former.events",
        "wanted.events",
    ] {
        let unknown = fixture
            .error("sly", &[("kind", "table"), ("name", name)])
            .await;
        assert!(
            matches!(unknown, QueryError::Refused(_)),
            "{name}: {unknown:?}"
        );
    }
    let rows = async |name: &str, tenant: Tenant| {
        let given = parameters(&[("kind", "table"), ("name", name)]);
        let call = Call {
            tenant,
            ..fixture.call("sly", given, org("a"))
        };
        fixture.run(call).await.map(|rows| rows.lines().count())
    };
    for tenant in [Tenant::All, Tenant::Fixed(org("a"))] {
        assert_eq!(rows("left_over", tenant).await, Ok(0));
    }
    assert_eq!(rows("events", Tenant::Fixed(org("a"))).await, Ok(2));
}

/// Rebuilt columns cost time; only who could tell the difference pays for them.
#[tokio::test]
async fn the_demos_endpoints_read_their_tables_as_they_are() {
    let fixture = Fixture::open(&[]).await;
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    let demo = Project::load(&directory, &Variables::default()).unwrap();
    let days = parameters(&[("date_from", "2013-01-01"), ("date_to", "2013-02-01")]);
    for (pipe, _) in demo.endpoints() {
        for given in [Parameters::new(), days.clone()] {
            let call = Call {
                project: &demo,
                database: DATABASE,
                pipe,
                tenant: Tenant::Fixed(org("ua")),
                given,
                fixed: org("ua"),
                may_bring_sql: false,
                secrets: Arc::default(),
                format: "JSON",
                limits: QueryLimits::default(),
            };
            let prepared = prepare(&*fixture.engine, &fixture.guard, call).await;
            let database = prepared.unwrap().statement.database;
            assert_eq!(database.as_deref(), Some(DATABASE), "{}", pipe.name);
        }
    }
}
