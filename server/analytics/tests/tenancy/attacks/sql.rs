//! SQL that reads data sources and pipes by their names, or tries others.

/// SQL to `/v0/sql` by a token that may read all data sources of tenants and
/// the pipes, and of the papers its own.
pub(super) const SQL: &[(&str, &str)] = &[
    (
        "an error chosen by the row, beside a join that filters at run time",
        "SELECT count() FROM (SELECT org, id FROM versions FINAL ARRAY JOIN [1, 2] AS twice WHERE if(org = 'birch', toUInt64(secret), 0) = 0) AS l FULL JOIN (SELECT count() AS id FROM events AS a RIGHT JOIN events AS b ON a.id = b.id GROUP BY a.org) AS r ON l.id = r.id",
    ),
    (
        "a function redefined for a pipe",
        "WITH ((a, b) -> 1) AS equals SELECT * FROM papers_of_mine",
    ),
    (
        "IN redefined for a pipe",
        "WITH ((a, b) -> 1) AS in SELECT * FROM papers_of_mine",
    ),
    (
        "a function redefined for the filter",
        "WITH ((a, b) -> 1) AS equals, ((a, b) -> 1) AS and SELECT * FROM events",
    ),
    (
        "a function redefined for the token's filter",
        "WITH ((a, b) -> 1) AS equals SELECT * FROM papers",
    ),
    (
        "a CTE with columns answers a lookup",
        "WITH readers(owner, org) AS (SELECT 'birch', 'amber') SELECT * FROM papers_of_mine",
    ),
    (
        "a materialized CTE answers a lookup",
        "WITH readers AS MATERIALIZED (SELECT 'birch' AS owner, 'amber' AS org) SELECT * FROM papers_of_mine",
    ),
    (
        "an alias answers a lookup",
        "SELECT *, [('birch', 'birch')] AS readers FROM papers_by_set",
    ),
    (
        "a constant answers a lookup",
        "WITH [('birch', 'birch')] AS readers SELECT * FROM papers_by_set",
    ),
    (
        "a view's rows by IN",
        "SELECT 1, 'secret-' || 'of-birch' WHERE ('birch', 'secret-' || 'of-birch') IN `view.feed_seen`",
    ),
    (
        "an error chosen by the row",
        "SELECT count() FROM events PREWHERE if(org = 'birch', toUInt64(secret), 0) = 0",
    ),
    (
        "the same beside ARRAY JOIN",
        "SELECT count() FROM events ARRAY JOIN words AS w WHERE if(org = 'birch', toUInt64(secret), 0) = 0",
    ),
    (
        "the same over a pipe and ARRAY JOIN",
        "SELECT count() FROM everything ARRAY JOIN words AS w WHERE if(org = 'birch', toUInt64(secret), 0) = 0",
    ),
    (
        "the same in a column beside PREWHERE",
        "SELECT sum(if(org = 'birch', toUInt64(secret), 0)) FROM events PREWHERE id > 0",
    ),
    (
        "the same in both",
        "SELECT count() FROM versions FINAL PREWHERE if(org = 'birch', toUInt64(secret), 0) = 0 WHERE if(org = 'birch', toUInt64(secret), 0) = 0",
    ),
    (
        "the same in a subquery",
        "SELECT * FROM (SELECT count() FROM versions PREWHERE if(org = 'birch', toUInt64(secret), 0) = 0 WHERE id > 0 GROUP BY org)",
    ),
    ("no condition at all", "SELECT * FROM events"),
    (
        "the other's name as a condition",
        "SELECT * FROM events WHERE org = 'birch'",
    ),
    (
        "OR widens a WHERE, not a filter",
        "SELECT * FROM events WHERE 1 OR org != ''",
    ),
    (
        "an alias that hides the column",
        "SELECT 'amber' AS org, secret FROM events",
    ),
    (
        "a constant in WITH hides the column",
        "WITH 'amber' AS org SELECT org, secret FROM events",
    ),
    (
        "a lambda hides the column",
        "WITH x -> 1 AS org SELECT secret FROM events",
    ),
    (
        "a table alias with the column's name",
        "SELECT org.secret FROM events AS org",
    ),
    (
        "an alias named like another table",
        "SELECT versions.secret FROM events AS versions",
    ),
    (
        "FINAL merges before filters",
        "SELECT * FROM versions FINAL",
    ),
    (
        "FINAL in a join",
        "SELECT * FROM versions AS a FINAL JOIN versions AS b FINAL ON 1 = 1",
    ),
    (
        "PREWHERE runs early",
        "SELECT * FROM events PREWHERE org != 'amber'",
    ),
    (
        "SAMPLE reads ranges of the key",
        "SELECT * FROM events SAMPLE 1/2",
    ),
    (
        "SAMPLE with OFFSET",
        "SELECT * FROM events SAMPLE 1/2 OFFSET 1/2",
    ),
    (
        "FINAL, SAMPLE and PREWHERE at once",
        "SELECT * FROM versions FINAL PREWHERE id > 0 WHERE amount > 0",
    ),
    (
        "the database before the name",
        "SELECT * FROM rookery.events",
    ),
    (
        "the database before the name after IN",
        "SELECT 1 WHERE ('secret-' || 'of-birch') IN (SELECT secret FROM rookery.events)",
    ),
    (
        "IN a whole table",
        "SELECT customer FROM orders WHERE (customer, id, amount, secret) IN orders",
    ),
    (
        "GLOBAL IN makes a temporary table",
        "SELECT * FROM events WHERE id GLOBAL IN (SELECT id FROM events)",
    ),
    (
        "NOT IN of a filtered set",
        "SELECT * FROM events WHERE id NOT IN (SELECT id FROM events WHERE org = 'amber')",
    ),
    (
        "EXISTS",
        "SELECT * FROM events WHERE EXISTS (SELECT 1 FROM events WHERE org != 'amber')",
    ),
    (
        "a correlated subquery",
        "SELECT (SELECT max(e.secret) FROM events AS e WHERE e.id != events.id) FROM events",
    ),
    (
        "a scalar in a table function",
        "SELECT number FROM numbers((SELECT max(id) FROM events), 3)",
    ),
    (
        "a scalar in WITH",
        "WITH (SELECT max(secret) FROM events) AS s SELECT s",
    ),
    (
        "a scalar in LIMIT",
        "SELECT number FROM numbers(10) LIMIT (SELECT count() FROM events WHERE org != 'amber')",
    ),
    (
        "RIGHT JOIN reads the unfiltered side",
        "SELECT e.* FROM (SELECT 1 AS id) AS one RIGHT JOIN events AS e USING (id)",
    ),
    (
        "FULL JOIN fills with defaults",
        "SELECT * FROM events AS a FULL JOIN versions AS b ON a.id = b.id",
    ),
    (
        "ANTI JOIN gives what is missing",
        "SELECT a.secret FROM events AS a LEFT ANTI JOIN (SELECT id FROM events WHERE org = 'amber') AS b USING (id)",
    ),
    (
        "CROSS JOIN",
        "SELECT a.secret, b.secret FROM events AS a, versions AS b",
    ),
    (
        "ASOF JOIN",
        "SELECT a.secret, b.secret FROM events AS a ASOF JOIN versions AS b ON a.org = b.org AND a.id >= b.id",
    ),
    (
        "PASTE JOIN pairs by position",
        "SELECT * FROM (SELECT secret FROM events) AS a PASTE JOIN (SELECT secret AS b FROM versions) AS b",
    ),
    (
        "UNION ALL",
        "SELECT secret FROM events UNION ALL SELECT secret FROM versions",
    ),
    (
        "EXCEPT",
        "SELECT secret FROM versions EXCEPT SELECT secret FROM events WHERE org = 'amber'",
    ),
    (
        "a recursive CTE",
        "WITH RECURSIVE r AS (SELECT 1 AS n, '' AS s UNION ALL SELECT n + 1, (SELECT max(secret) FROM events WHERE org != 'amber') FROM r WHERE n < 3) SELECT * FROM r",
    ),
    (
        "a CTE with a data source's name",
        "WITH events AS (SELECT * FROM versions FINAL) SELECT * FROM events",
    ),
    (
        "a CTE that reads the data source it is named after",
        "WITH events AS (SELECT * FROM events) SELECT * FROM events",
    ),
    (
        "ARRAY JOIN",
        "SELECT org, word FROM events ARRAY JOIN words AS word",
    ),
    (
        "a subcolumn of an array",
        "SELECT words.size0, org FROM events",
    ),
    (
        "virtual columns",
        "SELECT _part, _part_offset, _table, _database FROM events",
    ),
    (
        "the rows of a part by its name",
        "SELECT secret, _part_offset FROM events WHERE _part_offset < 100",
    ),
    (
        "GROUP BY WITH TOTALS",
        "SELECT org, count() FROM events GROUP BY org WITH TOTALS",
    ),
    (
        "ROLLUP",
        "SELECT org, max(secret) FROM events GROUP BY org WITH ROLLUP",
    ),
    (
        "count() out of the parts' metadata",
        "SELECT count() FROM events HAVING count() > 16",
    ),
    (
        "min and max out of the index",
        "SELECT min(id), max(id) FROM versions",
    ),
    (
        "states of strangers",
        "SELECT org, maxMerge(secret) FROM totals GROUP BY org",
    ),
    (
        "states as text",
        "SELECT hex(secret) FROM totals WHERE org != 'amber'",
    ),
    (
        "window frames reach other rows",
        "SELECT org, max(secret) OVER (ROWS BETWEEN 100 PRECEDING AND 100 FOLLOWING) FROM events",
    ),
    (
        "lag over everything",
        "SELECT lagInFrame(secret) OVER (ORDER BY id) FROM events",
    ),
    (
        "ORDER BY … WITH FILL",
        "SELECT id FROM events ORDER BY id WITH FILL LIMIT 20",
    ),
    (
        "COLUMNS and APPLY",
        "SELECT COLUMNS('.*') APPLY(x -> toString(x)) FROM events",
    ),
    (
        "APPLY with a SELECT inside",
        "SELECT * APPLY(x -> (SELECT max(secret) FROM `view.feed_totals`)) FROM events",
    ),
    ("the view's own name", "SELECT * FROM `view.feed_totals`"),
    (
        "the view's own name with its database",
        "SELECT * FROM rookery.`view.feed_totals`",
    ),
    (
        "the view after IN",
        "SELECT 1 WHERE 1 IN `view.feed_totals`",
    ),
    (
        "the view's inner table",
        "SELECT * FROM `.inner.feed_totals`",
    ),
    (
        "a CTE named like the view, used outside its reach",
        "SELECT * FROM (WITH `view.feed_totals` AS (SELECT 1) SELECT 1) AS a, `view.feed_totals` AS b",
    ),
    ("quarantined rows", "SELECT * FROM events_quarantine"),
    (
        "quarantine behind a CTE of its name",
        "SELECT * FROM (WITH events_quarantine AS (SELECT 1) SELECT 1) AS a, events_quarantine AS b",
    ),
    (
        "a data source out of scope behind a CTE of its name",
        "SELECT * FROM (WITH readers AS (SELECT 1) SELECT 1) AS a, readers AS b WHERE b.org != 'amber'",
    ),
    (
        "papers through the filter",
        "SELECT * FROM papers WHERE 1 OR owner != ''",
    ),
    (
        "a filter's column renamed",
        "SELECT 'amber' AS owner, paper FROM papers",
    ),
    (
        "a pipe's lookup answered by a CTE",
        "WITH readers AS (SELECT 'birch' AS owner, 'amber' AS org) SELECT * FROM papers_of_mine",
    ),
    (
        "the same one level deeper",
        "SELECT * FROM (WITH readers AS (SELECT 'birch' AS owner, 'amber' AS org) SELECT * FROM papers_of_mine)",
    ),
    (
        "an alias in WITH that a pipe's SQL might pick up",
        "WITH 'birch' AS owner SELECT * FROM papers_of_mine",
    ),
    (
        "a pipe's name for a CTE",
        "WITH papers_of_mine AS (SELECT * FROM papers) SELECT * FROM papers_of_mine",
    ),
    (
        "merge() over all tables",
        "SELECT * FROM merge('rookery', '.*')",
    ),
    (
        "merge() by regular expression",
        "SELECT * FROM merge(REGEXP('rook.*'), 'events')",
    ),
    (
        "remote() to itself",
        "SELECT * FROM remote('127.0.0.1', rookery.events)",
    ),
    (
        "cluster()",
        "SELECT * FROM cluster('default', rookery.events)",
    ),
    ("loop()", "SELECT * FROM loop(rookery.events) LIMIT 100"),
    ("view()", "SELECT * FROM view(SELECT * FROM events)"),
    (
        "view() of the view",
        "SELECT * FROM view(SELECT * FROM `view.feed_totals`)",
    ),
    (
        "viewIfPermitted()",
        "SELECT * FROM viewIfPermitted(SELECT 1 AS a ELSE null('a Int8'))",
    ),
    (
        "mergeTreeIndex()",
        "SELECT * FROM mergeTreeIndex(rookery, events)",
    ),
    (
        "mergeTreeProjection()",
        "SELECT * FROM mergeTreeProjection(rookery, events, p)",
    ),
    ("dictionary()", "SELECT * FROM dictionary('rookery.events')"),
    (
        "file()",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    ),
    (
        "url()",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    ),
    ("s3()", "SELECT * FROM s3('http://127.0.0.1:1/a')"),
    (
        "executable()",
        "SELECT * FROM executable('cat', 'TSV', 'a String')",
    ),
    (
        "a table function after IN",
        "SELECT 1 WHERE 1 IN (SELECT * FROM merge('rookery', '.*'))",
    ),
    ("the file overlay", "SELECT * FROM default.`/etc/passwd`"),
    ("a file as a table", "SELECT * FROM '/etc/passwd'"),
    ("other tables' sizes", "SELECT * FROM system.parts"),
    ("columns' ranges", "SELECT * FROM system.parts_columns"),
    ("queries of others", "SELECT * FROM system.query_log"),
    ("running queries", "SELECT * FROM system.processes"),
    (
        "settings hold the filters",
        "SELECT * FROM system.settings WHERE name = 'additional_table_filters'",
    ),
    (
        "getSetting()",
        "SELECT getSetting('additional_table_filters')",
    ),
    ("names of tables", "SELECT * FROM information_schema.tables"),
    (
        "system tables behind an alias database",
        "SELECT * FROM INFORMATION_SCHEMA.COLUMNS",
    ),
    (
        "SETTINGS lifts the filter",
        "SELECT * FROM events SETTINGS additional_table_filters = {}",
    ),
    (
        "SETTINGS in a subquery",
        "SELECT * FROM (SELECT * FROM events SETTINGS additional_table_filters = {})",
    ),
    (
        "SETTINGS in EXISTS in a lambda",
        "SELECT arrayMap(x -> (SELECT count() FROM events SETTINGS additional_table_filters = {}), [1])",
    ),
    (
        "SETTINGS of a result filter",
        "SELECT * FROM events SETTINGS additional_result_filter = '1'",
    ),
    (
        "a harmless looking setting",
        "SELECT * FROM events SETTINGS max_threads = 1",
    ),
    (
        "SET first",
        "SET additional_table_filters = {}; SELECT * FROM events",
    ),
    ("a second statement", "SELECT 1; SELECT * FROM events"),
    ("USE", "USE system"),
    (
        "EXPLAIN ESTIMATE counts rows",
        "EXPLAIN ESTIMATE SELECT * FROM events",
    ),
    (
        "EXPLAIN shows filters",
        "EXPLAIN indexes = 1 SELECT * FROM events",
    ),
    (
        "EXPLAIN as a subquery",
        "SELECT * FROM (EXPLAIN ESTIMATE SELECT * FROM events)",
    ),
    (
        "EXPLAIN with settings",
        "SELECT * FROM viewExplain('EXPLAIN ESTIMATE', '', (SELECT * FROM events))",
    ),
    (
        "DESCRIBE of a table function",
        "DESCRIBE merge('rookery', '.*')",
    ),
    (
        "DESCRIBE runs scalars",
        "DESCRIBE (SELECT CAST(1, concat('Enum8(\\'', (SELECT max(secret) FROM events WHERE org != 'amber'), '\\' = 1)')))",
    ),
    ("SHOW TABLES", "SHOW TABLES"),
    ("SHOW CREATE TABLE", "SHOW CREATE TABLE events"),
    ("EXISTS TABLE", "EXISTS TABLE `view.feed_totals`"),
    (
        "INSERT SELECT",
        "INSERT INTO orders_alone SELECT * FROM orders",
    ),
    (
        "CREATE TABLE AS",
        "CREATE TABLE stolen ENGINE = Memory AS SELECT * FROM events",
    ),
    (
        "INTO OUTFILE",
        "SELECT * FROM events INTO OUTFILE '/tmp/stolen'",
    ),
    ("dictGet()", "SELECT dictGet('rookery.events', 'secret', 1)"),
    ("joinGet()", "SELECT joinGet('rookery.events', 'secret', 1)"),
    (
        "hasColumnInTable()",
        "SELECT hasColumnInTable('rookery', 'view.feed_totals', 'secret')",
    ),
    (
        "a conversion's error names the value",
        "SELECT count() FROM events WHERE toUInt64(secret) = 0",
    ),
    (
        "the same before the filter",
        "SELECT count() FROM events PREWHERE toUInt64(secret) = 0",
    ),
    (
        "the same after FINAL",
        "SELECT count() FROM versions FINAL WHERE toUInt64(secret) = 0",
    ),
    (
        "the same over the key",
        "SELECT count() FROM events WHERE toDate(toString(id)) = today()",
    ),
    (
        "the same in a join's condition",
        "SELECT count() FROM events AS a JOIN versions AS b ON a.id = b.id AND toUInt64(b.secret) = 0",
    ),
    (
        "the same in a subquery that could be merged",
        "SELECT count() FROM (SELECT toUInt64(secret) AS n FROM events) WHERE n = 0",
    ),
    (
        "the same in an enum",
        "SELECT CAST(secret, 'Enum8(\\'a\\' = 1)') FROM events WHERE org = 'birch'",
    ),
    ("a template reads secrets", "% SELECT {{tb_secret('key')}}"),
    (
        "a template names a table",
        "% SELECT * FROM {{table('view.feed_totals')}}",
    ),
    (
        "a template of table names",
        "%{% set t = 'view.feed_totals' %} SELECT * FROM {{columns(t, t, fns='count')}}",
    ),
];
