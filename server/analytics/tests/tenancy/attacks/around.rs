//! Attacks around the filter: by whether a query fails, and by SQL over an
//! endpoint's result.

/// Conditions that fail when they meet a stranger's row: the failure itself
/// would tell that such a row is there.
pub(super) const ORACLES: &[(&str, &str)] = &[
    (
        "WHERE moved before the filter",
        "SELECT count() FROM events WHERE throwIf(org != 'amber') = 0",
    ),
    (
        "PREWHERE",
        "SELECT count() FROM events PREWHERE throwIf(org != 'amber') = 0",
    ),
    (
        "PREWHERE on a number",
        "SELECT count() FROM events PREWHERE throwIf(id > 700000) = 0",
    ),
    (
        "WHERE on the key",
        "SELECT count() FROM versions WHERE throwIf(id > 700000) = 0",
    ),
    (
        "FINAL and WHERE",
        "SELECT count() FROM versions FINAL WHERE throwIf(org != 'amber') = 0",
    ),
    (
        "FINAL and PREWHERE",
        "SELECT count() FROM versions FINAL PREWHERE throwIf(id > 700000) = 0",
    ),
    (
        "SAMPLE",
        "SELECT count() FROM events SAMPLE 1 WHERE throwIf(org != 'amber') = 0",
    ),
    (
        "a cheap and a dear condition",
        "SELECT count() FROM events WHERE id > 700000 AND throwIf(id > 700000) = 0",
    ),
    (
        "a numeric tenant",
        "SELECT count() FROM orders WHERE throwIf(customer != 7) = 0",
    ),
    ("SELECT", "SELECT sum(throwIf(org != 'amber')) FROM events"),
    (
        "a subquery's filter pushed down",
        "SELECT count() FROM (SELECT org, id FROM events) WHERE throwIf(org != 'amber') = 0",
    ),
    (
        "HAVING pushed down",
        "SELECT org, count() FROM events GROUP BY org HAVING throwIf(org != 'amber') = 0",
    ),
    (
        "a join's condition pushed down",
        "SELECT count() FROM events AS a JOIN versions AS b ON a.id = b.id WHERE throwIf(b.org != 'amber') = 0",
    ),
    (
        "a join's own condition",
        "SELECT count() FROM events AS a LEFT JOIN versions AS b ON a.id = b.id AND throwIf(b.org NOT IN ('amber', '')) = 0",
    ),
    (
        "over a pipe",
        "SELECT count() FROM everything WHERE throwIf(org != 'amber') = 0",
    ),
    (
        "ARRAY JOIN",
        "SELECT count() FROM events ARRAY JOIN words AS w WHERE throwIf(org != 'amber') = 0",
    ),
    (
        "ORDER BY and LIMIT",
        "SELECT id FROM events ORDER BY throwIf(org != 'amber'), id LIMIT 1",
    ),
    (
        "division by zero",
        "SELECT count() FROM events WHERE intDiv(1, org = 'amber') >= 0",
    ),
    (
        "papers through the token's filter",
        "SELECT count() FROM papers WHERE throwIf(owner != 'amber') = 0",
    ),
    (
        "papers early",
        "SELECT count() FROM papers PREWHERE throwIf(owner != 'amber') = 0",
    ),
    (
        "states",
        "SELECT count() FROM totals WHERE throwIf(org != 'amber') = 0",
    ),
];

/// `q=` over the result of an endpoint.
pub(super) const OVER: &[(&str, &str, &str)] = &[
    (
        "a function redefined",
        "papers_of_mine",
        "WITH ((a, b) -> 1) AS equals SELECT * FROM _",
    ),
    (
        "IN redefined",
        "papers_of_mine",
        "WITH ((a, b) -> 1) AS in SELECT * FROM _",
    ),
    (
        "a constant answers a lookup",
        "papers_by_set",
        "WITH [('birch', 'birch')] AS readers SELECT * FROM _",
    ),
    (
        "an error chosen by the row",
        "everything",
        "SELECT count() FROM _ ARRAY JOIN words AS w WHERE if(org = 'birch', toUInt64(secret), 0) = 0",
    ),
    ("a data source", "everything", "SELECT * FROM versions"),
    ("the view", "everything", "SELECT * FROM `view.feed_totals`"),
    (
        "a view behind a CTE of its name",
        "everything",
        "SELECT * FROM (WITH `view.feed_totals` AS (SELECT 1) SELECT 1) AS a, `view.feed_totals` AS b",
    ),
    (
        "quarantine behind a CTE of its name",
        "everything",
        "SELECT * FROM (WITH events_quarantine AS (SELECT 1) SELECT 1) AS a, events_quarantine AS b",
    ),
    (
        "a lookup answered by a CTE",
        "papers_of_mine",
        "WITH readers AS (SELECT 'birch' AS owner, 'amber' AS org) SELECT * FROM _",
    ),
    (
        "a node's name for a CTE",
        "counted",
        "WITH first AS (SELECT * FROM everything) SELECT * FROM _",
    ),
    (
        "closing the parenthesis",
        "everything",
        "SELECT * FROM _) SELECT * FROM events --",
    ),
    (
        "SETTINGS",
        "everything",
        "SELECT * FROM _ SETTINGS additional_table_filters = {}",
    ),
    (
        "throwing over the result",
        "everything",
        "SELECT count() FROM _ WHERE toUInt64(secret) = 0",
    ),
    (
        "an alias of the result",
        "everything",
        "SELECT 'amber' AS org, secret FROM _ AS events",
    ),
];
