//! Nodes that read nodes, pipes that read pipes.

use super::*;

#[tokio::test]
async fn nodes_read_earlier_nodes_in_any_clause() {
    let pipe = "NODE first_node\nSQL >\n    SELECT id, name FROM events\n\nNODE second_node\nSQL >\n    SELECT id FROM first_node WHERE id = 1 -- a comment at the end\n\nNODE endpoint\nSQL >\n    %\n    SELECT f.name, l.label FROM first_node AS f\n    JOIN labels AS l ON l.id = f.id\n    WHERE f.id IN second_node AND f.id IN (SELECT id FROM first_node)\nTYPE endpoint\n";
    let fixture = Fixture::open(&[("nodes", pipe)]).await;
    assert_eq!(fixture.rows("nodes", &[]).await, "one\tfirst\n");
}

#[tokio::test]
async fn pipes_read_pipes_with_the_same_parameters() {
    let base = endpoint("%\n    SELECT id, name FROM events WHERE id >= {{Int32(least, 0)}}");
    let middle = "NODE endpoint\nSQL >\n    SELECT id, name, label FROM base LEFT JOIN labels USING (id)\nTYPE endpoint\n";
    let top = endpoint(
        "%\n    SELECT m.name, m.label, b.id FROM middle AS m JOIN base b ON b.id = m.id ORDER BY b.id LIMIT {{Int(limit, 5)}}",
    );
    let fixture = Fixture::open(&[("base", &base), ("middle", middle), ("top", &top)]).await;
    assert_eq!(
        fixture.rows("top", &[]).await,
        "one\tfirst\t1\ntwo\tsecond\t2\n"
    );
    assert_eq!(
        fixture.rows("top", &[("least", "2")]).await,
        "two\tsecond\t2\n"
    );
    assert_eq!(
        fixture.rows("top", &[("limit", "1")]).await,
        "one\tfirst\t1\n"
    );
}

#[tokio::test]
async fn each_pipe_is_rendered_once_whoever_reads_it() {
    let base = endpoint("SELECT id FROM labels");
    let left = endpoint("SELECT id FROM base");
    let right = endpoint("SELECT id FROM base, left_pipe");
    let top = endpoint("SELECT count() FROM left_pipe, right_pipe, base");
    let fixture = Fixture::open(&[
        ("base", &base),
        ("left_pipe", &left),
        ("right_pipe", &right),
        ("top", &top),
    ])
    .await;
    let call = fixture.call("top", Parameters::new(), org("a"));
    let prepared = prepare(&*fixture.engine, &fixture.guard, call)
        .await
        .unwrap();
    assert_eq!(
        prepared.statement.sql.matches("FROM labels").count(),
        1,
        "{}",
        prepared.statement.sql
    );
    assert_eq!(fixture.rows("top", &[]).await, "81\n");
}

#[tokio::test]
async fn nodes_of_one_name_in_two_pipes_stay_apart() {
    let inner = "NODE shared_name\nSQL >\n    SELECT 1 AS n\nNODE endpoint\nSQL >\n    SELECT n FROM shared_name\nTYPE endpoint\n";
    let outer = "NODE shared_name\nSQL >\n    SELECT 2 AS n\nNODE endpoint\nSQL >\n    SELECT s.n, i.n FROM shared_name AS s, inner_pipe AS i\nTYPE endpoint\n";
    let fixture = Fixture::open(&[("inner_pipe", inner), ("outer_pipe", outer)]).await;
    assert_eq!(fixture.rows("outer_pipe", &[]).await, "2\t1\n");
}

#[tokio::test]
async fn unions_parentheses_and_withs_of_their_own_work() {
    let cases = [
        (
            "union_all",
            "SELECT id FROM base WHERE id = 1 UNION ALL SELECT id FROM base WHERE id = 3 ORDER BY id",
            "1\n3\n",
        ),
        (
            "parenthesis",
            "(SELECT id FROM base WHERE id = 1) UNION DISTINCT (SELECT min(id) FROM base)",
            "1\n",
        ),
        (
            "own_with",
            "WITH 2 AS n, own AS (SELECT id FROM base WHERE id > n) SELECT * FROM own, (SELECT count() FROM base) AS c",
            "3\t3\n",
        ),
        (
            "recursive",
            "WITH RECURSIVE steps AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM steps WHERE n < 3) SELECT max(n) + (SELECT max(id) FROM base) FROM steps",
            "6\n",
        ),
        ("from_first", "FROM base SELECT max(id)", "3\n"),
        (
            "intersect",
            "SELECT id FROM base INTERSECT SELECT toUInt32(2)",
            "2\n",
        ),
        (
            "nested",
            "SELECT * FROM (SELECT * FROM (SELECT id FROM base) WHERE id IN (SELECT max(id) FROM base))",
            "3\n",
        ),
        (
            "shadowed",
            "WITH base AS (SELECT 7 AS id) SELECT id FROM base",
            "7\n",
        ),
        ("quoted", "SELECT count() FROM `base` AS `b c`", "3\n"),
    ];
    let base = endpoint("SELECT id FROM labels ORDER BY id");
    let pipes: Vec<(&str, String)> = cases
        .iter()
        .map(|(name, sql, _)| (*name, endpoint(sql)))
        .collect();
    let mut all: Vec<(&str, &str)> = pipes
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    all.push(("base", &base));
    let fixture = Fixture::open(&all).await;
    for (name, _, expected) in cases {
        let rows = fixture.rows(name, &[]).await;
        // The parts of a union come in any order.
        let mut rows: Vec<&str> = rows.split_inclusive('\n').collect();
        rows.sort_unstable();
        assert_eq!(rows.concat(), expected, "{name}");
    }
}

#[tokio::test]
async fn a_column_with_the_name_of_a_pipe_does_not_read_it() {
    let needy = endpoint("%\n    SELECT {{Int32(needed)}} AS id");
    let pipe = endpoint(
        "SELECT id AS needy, max(needy) OVER () FROM labels WHERE labels.id = needy AND needy > 2 ORDER BY id, needy",
    );
    let fixture = Fixture::open(&[("needy", &needy), ("innocent", &pipe)]).await;
    assert_eq!(fixture.rows("innocent", &[]).await, "3\t3\n");
}

#[tokio::test]
async fn what_a_template_reads_depends_on_its_parameters() {
    let needy = endpoint("%\n    SELECT toUInt32({{Int32(needed)}}) AS id");
    let pipe = endpoint(
        "%\n    SELECT id FROM {% if defined(needed) %}needy{% else %}{{table('labels')}}{% end %} ORDER BY id LIMIT 1",
    );
    let fixture = Fixture::open(&[("needy", &needy), ("either", &pipe)]).await;
    assert_eq!(fixture.rows("either", &[]).await, "1\n");
    assert_eq!(fixture.rows("either", &[("needed", "8")]).await, "8\n");
}

#[tokio::test]
async fn pipes_that_come_to_read_each_other_are_an_error() {
    let one =
        endpoint("%\n    SELECT 1 AS id {% if defined(deep) and deep == 'yes' %}FROM two{% end %}");
    let two = endpoint(
        "%\n    SELECT id FROM {% if defined(deep) and deep == 'yes' %}one{% else %}labels{% end %}",
    );
    let fixture = Fixture::open(&[("one", &one), ("two", &two)]).await;
    assert_eq!(fixture.rows("one", &[]).await, "1\n");
    assert_eq!(
        fixture.error("one", &[("deep", "yes")]).await,
        QueryError::Cycle("one".to_owned())
    );
}

/// What a node calls its own CTEs means nothing in the nodes and pipes it
/// reads, nor in those that read it.
#[tokio::test]
async fn a_nodes_own_ctes_mean_nothing_in_what_it_reads() {
    let cases = [
        (
            "a data source of a pipe",
            "WITH labels AS (SELECT 7 AS id) SELECT base.id, labels.id FROM base, labels ORDER BY ALL LIMIT 1",
            "1\t7\n",
        ),
        (
            "a data source, out of the pipe that reads it",
            "WITH labels AS (SELECT id FROM base WHERE id > 1) SELECT * FROM labels ORDER BY id",
            "2\n3\n",
        ),
        (
            "a data source, out of itself",
            "WITH labels AS (SELECT id FROM labels WHERE id > 1) SELECT count() FROM labels, base",
            "6\n",
        ),
        (
            "a pipe that a pipe reads",
            "WITH base AS (SELECT 7 AS id) SELECT deep.id, base.id FROM deep, base ORDER BY ALL LIMIT 1",
            "1\t7\n",
        ),
        (
            "a data source of a pipe of a pipe",
            "WITH labels AS (SELECT 7 AS id) SELECT max(deep.id), max(labels.id) FROM deep, labels",
            "3\t7\n",
        ),
        (
            "in a subquery",
            "SELECT * FROM (WITH labels AS (SELECT toUInt32(7) AS id) SELECT max(base.id) + max(labels.id) FROM base, labels)",
            "10\n",
        ),
        (
            "with columns, materialized",
            "WITH labels (id) AS MATERIALIZED (SELECT 7) SELECT max(base.id), max(labels.id) FROM base, labels",
            "3\t7\n",
        ),
        (
            "a set",
            "WITH [7] AS labels SELECT *, labels FROM looked_up",
            "2\t[7]\n",
        ),
        (
            "recursive",
            "WITH RECURSIVE labels AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM labels WHERE id < 5) SELECT max(labels.id), max(base.id) FROM labels, base",
            "5\t3\n",
        ),
    ];
    let base = endpoint("SELECT id FROM labels");
    let deep = endpoint("SELECT id FROM base");
    let looked_up = endpoint("SELECT 2 AS id WHERE (2, 'second') IN labels");
    let names: Vec<String> = (0..cases.len())
        .map(|number| format!("case_{number}"))
        .collect();
    let read_by_another = "NODE reader\nSQL >\n    WITH labels AS (SELECT 7 AS id) SELECT base.id AS id, labels.id AS own FROM base, labels\nNODE endpoint\nSQL >\n    SELECT max(reader.id), max(own), max(labels.id), max(deep.id) FROM reader, labels, deep\nTYPE endpoint\n";
    let pipes: Vec<String> = cases.iter().map(|(_, sql, _)| endpoint(sql)).collect();
    let mut all: Vec<(&str, &str)> = names
        .iter()
        .zip(&pipes)
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    all.extend([
        ("base", base.as_str()),
        ("deep", &deep),
        ("looked_up", &looked_up),
        ("read_by_another", read_by_another),
    ]);
    let fixture = Fixture::open(&all).await;
    for (name, (case, _, expected)) in names.iter().zip(&cases) {
        assert_eq!(fixture.rows(name, &[]).await, *expected, "{case}");
    }
    assert_eq!(fixture.rows("read_by_another", &[]).await, "3\t7\t3\t3\n");
}

#[tokio::test]
async fn tenants_stay_apart_behind_a_nodes_own_ctes() {
    let base = endpoint("SELECT id, name FROM events");
    let pipe = endpoint(
        "WITH events AS (SELECT id, name FROM base) SELECT name FROM events JOIN base USING (id) ORDER BY id",
    );
    let fixture = Fixture::open(&[("base", &base), ("own", &pipe)]).await;
    assert_eq!(fixture.rows("own", &[]).await, "one\ntwo\n");
}

#[tokio::test]
async fn the_error_of_the_nearest_node_is_told() {
    let fixture = Fixture::open(&[
        ("far", "NODE far_node\nSQL >\n    %\n    SELECT {{ Int32(a) }} AS x\nTYPE endpoint\n"),
        (
            "levels",
            "NODE deep\nSQL >\n    %\n    SELECT {{ error('deep') }} AS x\n\
             NODE left\nSQL >\n    SELECT x FROM deep\n\
             NODE right\nSQL >\n    %\n    SELECT {{ error('right') }} AS x\n\
             NODE last\nSQL >\n    %\n    SELECT l.x, r.x {% if defined(fail) %} {{ error('last') }} {% end %} FROM left AS l, right AS r, far AS f\nTYPE endpoint\n",
        ),
    ])
    .await;
    let message = async |given: &[(&str, &str)]| fixture.error("levels", given).await.to_string();
    assert_eq!(message(&[("fail", "1"), ("a", "no")]).await, "last");
    assert!(message(&[("a", "no")]).await.contains("'no' to type Int32"));
    assert_eq!(message(&[("a", "1")]).await, "right");
}
