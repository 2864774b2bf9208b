//! Whether a SELECT may make one row of several tenants' rows, read from the
//! engine's own query tree.
//!
//! A tenant's column that is passed on as it is (`lineage`) says whose a row
//! is, and nothing of what else is in it. Here every step of the SELECT has to
//! be one that is known to keep tenants apart; any other counts as mixing.

use super::lineage::{Lineage, QueryTree, TenantOf};
use engine::guard::tells_of_blocks;

/// Parts of a query that look at one row at a time.
const ROW_BY_ROW: [&str; 8] = [
    "PROJECTION COLUMNS",
    "PROJECTION",
    "PREWHERE",
    "WHERE",
    "HAVING",
    "WINDOW",
    "QUALIFY",
    "WITH",
];

/// Functions that look for a row's own values in another query's.
const IN: [&str; 4] = ["in", "notIn", "globalIn", "globalNotIn"];

/// What may mix tenants, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::project) struct Mixing {
    pub(in crate::project) what: &'static str,
    pub(in crate::project) help: &'static str,
}

const UNKNOWN: Mixing = Mixing {
    what: "it is made in a way that cannot be followed",
    help: "write it in a simpler way",
};

impl QueryTree<'_> {
    /// The first step that may make one row of several tenants' rows.
    pub(in crate::project) fn mixes(&self, tenant_of: &TenantOf<'_>) -> Option<Mixing> {
        let walk = Walk {
            tree: self,
            lineage: Lineage {
                tree: self,
                tenant_of,
            },
        };
        walk.relation(0).err()
    }
}

struct Walk<'a, 'p> {
    tree: &'a QueryTree<'a>,
    lineage: Lineage<'a, 'p>,
}

impl Walk<'_, '_> {
    /// Something that stands in the place of a table.
    fn relation(&self, line: usize) -> Result<(), Mixing> {
        if !self.has_tenants(line) {
            return Ok(());
        }
        match self.tree.kind(line) {
            "TABLE" => Ok(()),
            "QUERY" => self.query(line),
            "UNION" => self.union(line),
            "JOIN" => self.join(line),
            "CROSS JOIN" => self.cross_join(line),
            "ARRAY_JOIN" => {
                let inner = self.under(line, "TABLE EXPRESSION");
                self.relation(inner.ok_or(UNKNOWN)?)
            }
            _ => Err(UNKNOWN),
        }
    }

    fn query(&self, query: usize) -> Result<(), Mixing> {
        for part in self.tree.children(query) {
            match self.tree.kind(part) {
                "JOIN TREE" => {
                    let inner = self.tree.children(part);
                    self.relation(*inner.first().ok_or(UNKNOWN)?)?;
                }
                "GROUP BY" => {}
                "ORDER BY" => self.order(part)?,
                "LIMIT BY LIMIT" | "LIMIT BY OFFSET" => {}
                "LIMIT BY" => self.names_tenant(
                    query,
                    "LIMIT BY",
                    Mixing {
                        what: "LIMIT BY or DISTINCT ON chooses among the rows of all tenants",
                        help: "add the tenant's column to BY or ON",
                    },
                )?,
                "LIMIT" | "OFFSET" => {
                    return Err(Mixing {
                        what: "LIMIT chooses among the rows of all tenants",
                        help: "leave it out, or use LIMIT … BY the tenant's column",
                    });
                }
                kind if ROW_BY_ROW.contains(&kind) => self.expressions(part)?,
                _ => return Err(UNKNOWN),
            }
        }
        self.grouping(query)?;
        if self.tree.has(query, "is_distinct: 1") && !self.passes_any(query) {
            return Err(Mixing {
                what: "DISTINCT takes rows of several tenants for one",
                help: "select the tenant's column, too",
            });
        }
        Ok(())
    }

    /// Rows are grouped by the tenant's column, if they are grouped at all.
    fn grouping(&self, query: usize) -> Result<(), Mixing> {
        let mixing = Mixing {
            what: "it aggregates rows of several tenants",
            help: "group by the tenant's column, too",
        };
        if self.tree.child(query, "GROUP BY").is_some() {
            let has_totals = self.tree.has(query, "is_group_by_with_totals: 1");
            if has_totals || self.tree.has(query, "group_by_type: ") {
                return Err(Mixing {
                    what: "it groups by several sets of keys",
                    help: "group by plain keys, the tenant's column among them",
                });
            }
            return self.names_tenant(query, "GROUP BY", mixing);
        }
        let own = self.tree.children(query).into_iter();
        let mut own = own.filter(|part| ROW_BY_ROW.contains(&self.tree.kind(*part)));
        match own.any(|part| {
            let mut lines = self.tree.below(part);
            lines.any(|line| {
                self.tree.has(line, "function_type: aggregate") && !self.is_below_query(line, part)
            })
        }) {
            true => Err(mixing),
            false => Ok(()),
        }
    }

    fn names_tenant(&self, query: usize, heading: &str, mixing: Mixing) -> Result<(), Mixing> {
        let keys = self.tree.list(query, heading).unwrap_or_default();
        match keys.into_iter().any(|key| self.lineage.expression(key, 0)) {
            true => Ok(()),
            false => Err(mixing),
        }
    }

    fn order(&self, part: usize) -> Result<(), Mixing> {
        let is_filled =
            |line: usize| self.tree.kind(line) == "SORT" && !self.tree.has(line, "with_fill: 0");
        if self.tree.below(part).any(is_filled) {
            return Err(Mixing {
                what: "WITH FILL makes rows of the rows of all tenants",
                help: "leave WITH FILL out",
            });
        }
        self.expressions(part)
    }

    /// Functions, windows and subqueries in a part of a query.
    fn expressions(&self, part: usize) -> Result<(), Mixing> {
        for line in self.tree.below(part) {
            match self.tree.kind(line) {
                "FUNCTION" => self.function(line)?,
                "QUERY" | "UNION" | "TABLE" if self.has_tenants(line) && !self.is_of_set(line) => {
                    return Err(Mixing {
                        what: "a subquery reads the rows of all tenants",
                        help: "join it by the tenant's column, or use (tenant, …) IN (SELECT tenant, …)",
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn function(&self, line: usize) -> Result<(), Mixing> {
        if self.tree.function(line).is_some_and(tells_of_blocks) {
            return Err(Mixing {
                what: "a function looks at rows beside its own",
                help: "use a window function, PARTITION BY the tenant's column",
            });
        }
        if !self.tree.has(line, "function_type: window") {
            return Ok(());
        }
        let mixing = Mixing {
            what: "a window function looks at the rows of all tenants",
            help: "add PARTITION BY the tenant's column",
        };
        let window = self.under(line, "WINDOW").ok_or(mixing)?;
        self.names_tenant(window, "PARTITION BY", mixing)
    }

    /// Whether a line below a part belongs to a query of its own in there, which
    /// aggregates for itself.
    fn is_below_query(&self, line: usize, part: usize) -> bool {
        std::iter::successors(self.tree.parent(line), |line| self.tree.parent(*line))
            .take_while(|line| *line != part)
            .any(|line| matches!(self.tree.kind(line), "QUERY" | "UNION"))
    }

    /// Whether a line is such a set or stands in one, which was looked at whole.
    fn is_of_set(&self, line: usize) -> bool {
        std::iter::successors(Some(line), |line| self.tree.parent(*line))
            .any(|line| self.is_set(line))
    }

    /// Whether a subquery is the set of an IN that looks for a tenant's values
    /// among the tenant's own.
    fn is_set(&self, set: usize) -> bool {
        let Some(list) = self.tree.parent(set) else {
            return false;
        };
        let function = self
            .tree
            .parent(list)
            .and_then(|heading| self.tree.parent(heading));
        let is_in = function
            .and_then(|function| self.tree.function(function))
            .is_some_and(|name| IN.contains(&name));
        let [left, right] = self.tree.children(list)[..] else {
            return false;
        };
        if !is_in || right != set || self.relation(set).is_err() {
            return false;
        }
        let items = match self.tree.function(left) {
            Some("tuple") => self.tree.list(left, "ARGUMENTS").unwrap_or_default(),
            _ => vec![left],
        };
        let mut items = items.into_iter().enumerate();
        items.any(|(position, item)| {
            self.lineage.expression(item, 0) && self.lineage.nth(set, position, 0)
        })
    }

    fn union(&self, union: usize) -> Result<(), Mixing> {
        for query in self.tree.list(union, "QUERIES").ok_or(UNKNOWN)? {
            self.relation(query)?;
        }
        if self.tree.has(union, "union_mode: UNION_ALL") || self.passes_any(union) {
            return Ok(());
        }
        Err(Mixing {
            what: "UNION DISTINCT, EXCEPT or INTERSECT compares rows of several tenants",
            help: "select the tenant's column in each of its queries, at the same place",
        })
    }

    fn cross_join(&self, join: usize) -> Result<(), Mixing> {
        let mut shared = 0;
        for part in self.tree.children(join) {
            if self.tree.kind(part) != "TABLE EXPRESSION" {
                return Err(UNKNOWN);
            }
            let inner = *self.tree.children(part).first().ok_or(UNKNOWN)?;
            self.relation(inner)?;
            shared += usize::from(self.has_tenants(inner));
        }
        if shared > 1 {
            return Err(JOINED);
        }
        Ok(())
    }

    fn join(&self, join: usize) -> Result<(), Mixing> {
        let left = self.under(join, "LEFT TABLE EXPRESSION").ok_or(UNKNOWN)?;
        let right = self.under(join, "RIGHT TABLE EXPRESSION").ok_or(UNKNOWN)?;
        self.relation(left)?;
        self.relation(right)?;
        let condition = self.tree.child(join, "JOIN EXPRESSION");
        if let Some(condition) = condition {
            self.expressions(condition)?;
        }
        let is = |attribute: &str| self.tree.has(join, attribute);
        let is_all = is("strictness: ALL");
        let keeps_apart = match (self.has_tenants(left), self.has_tenants(right)) {
            // Rows of one side go together with rows of the same tenant only.
            (true, true) => {
                (is("kind: INNER") || is("kind: LEFT"))
                    && condition.is_some_and(|condition| self.pairs_tenants(condition))
            }
            // Every row of the tenants' side stays or goes by itself.
            (true, false) => (is("kind: INNER") && is_all) || is("kind: LEFT"),
            (false, true) => is_all && (is("kind: INNER") || is("kind: RIGHT") || is("kind: LEFT")),
            (false, false) => true,
        };
        match keeps_apart {
            true => Ok(()),
            false => Err(JOINED),
        }
    }

    /// Whether rows are joined by the tenant's column, whatever else by.
    fn pairs_tenants(&self, condition: usize) -> bool {
        let children = self.tree.children(condition);
        let [expression] = children[..] else {
            return false;
        };
        match self.tree.kind(expression) {
            // USING.
            "LIST" => self.tree.children(expression).into_iter().any(|column| {
                let sides = self.tree.list(column, "EXPRESSION").unwrap_or_default();
                self.are_tenants(&sides)
            }),
            _ => self.equates_tenants(expression),
        }
    }

    fn equates_tenants(&self, expression: usize) -> bool {
        let arguments = self.tree.list(expression, "ARGUMENTS").unwrap_or_default();
        match self.tree.function(expression) {
            Some("and") => arguments
                .into_iter()
                .any(|argument| self.equates_tenants(argument)),
            Some("equals") => self.are_tenants(&arguments),
            _ => false,
        }
    }

    /// Whether both sides name tenants, of two tables.
    fn are_tenants(&self, sides: &[usize]) -> bool {
        let [left, right] = sides else {
            return false;
        };
        let is_tenant = |side: usize| self.lineage.expression(side, 0);
        is_tenant(*left) && is_tenant(*right) && self.tree.source(*left) != self.tree.source(*right)
    }

    /// Whether any column of a query is a tenant's.
    fn passes_any(&self, query: usize) -> bool {
        let columns = self.tree.columns(query).unwrap_or_default();
        (0..columns.len()).any(|position| self.lineage.nth(query, position, 0))
    }

    fn has_tenants(&self, line: usize) -> bool {
        let mut lines = std::iter::once(line).chain(self.tree.below(line));
        lines.any(|line| {
            self.tree
                .table(line)
                .is_some_and(|table| (self.lineage.tenant_of)(table).is_some())
        })
    }

    fn under(&self, line: usize, heading: &str) -> Option<usize> {
        let heading = self.tree.child(line, heading)?;
        self.tree.children(heading).first().copied()
    }
}

const JOINED: Mixing = Mixing {
    what: "a JOIN puts rows of several tenants together",
    help: "join by the tenant's column, with INNER or LEFT JOIN … ON",
};

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::TestEngine;

    #[tokio::test]
    async fn what_is_not_known_to_keep_tenants_apart_mixes_them() {
        let engine = TestEngine::open().await;
        for table in ["visits", "visits2", "pages"] {
            let columns = "(org String, id UInt32, url String, ts DateTime, words Array(String)) ENGINE ReplacingMergeTree ORDER BY (org, id)";
            engine
                .change(&format!("CREATE TABLE rookery.{table} {columns}"))
                .await;
        }
        // Of pages nobody says whose they are.
        for sql in [
            "SELECT org, url FROM visits FINAL WHERE id > 1",
            "SELECT org, count() AS c FROM visits GROUP BY org, url HAVING c > 1 ORDER BY c",
            "SELECT org, arrayMap(x -> x.2, groupArray((ts, id))) FROM visits GROUP BY org",
            "SELECT a.org, b.id FROM visits a JOIN visits2 b ON a.url = b.url AND a.org = b.org",
            "SELECT org, b.id FROM visits LEFT JOIN visits2 b USING (url, org)",
            "SELECT a.org, b.id FROM visits a ASOF JOIN visits2 b ON a.org = b.org AND a.ts >= b.ts",
            "SELECT v.org, p.url FROM visits v JOIN pages p ON v.url = p.url",
            "SELECT v.org, p.url FROM visits v LEFT ANY JOIN pages p ON v.url = p.url",
            "SELECT v.org, p.url FROM pages p RIGHT JOIN visits v ON v.url = p.url",
            "SELECT v.org, p.url FROM visits v, pages p",
            "SELECT org, w FROM visits ARRAY JOIN words AS w",
            "SELECT DISTINCT org, url FROM visits",
            "SELECT org, url FROM visits LIMIT 1 BY org, url",
            "SELECT DISTINCT ON (org, url) org, id FROM visits",
            "SELECT org, sum(id) OVER (PARTITION BY org ORDER BY ts) AS s FROM visits",
            "SELECT org FROM visits WHERE (org, url) IN (SELECT org, url FROM visits2)",
            "SELECT org, url FROM visits WHERE url IN (SELECT url FROM pages)",
            // The engine makes a join of it.
            "SELECT a.org AS org, b.id FROM visits a, visits2 b WHERE a.org = b.org",
            "SELECT org, (SELECT max(id) FROM pages) AS m FROM visits",
            "SELECT org, url FROM visits UNION DISTINCT SELECT org, url FROM visits2",
            "SELECT org, url FROM visits EXCEPT SELECT org, url FROM visits2",
            "WITH v AS (SELECT org, count() AS c FROM visits GROUP BY org) SELECT a.org, a.c, b.c FROM v a JOIN v b ON a.org = b.org",
            "SELECT url, count() FROM pages GROUP BY url LIMIT 3",
        ] {
            let text = engine
                .rows(&format!("EXPLAIN QUERY TREE {sql}"))
                .await
                .unwrap();
            assert_eq!(mixes(&text), None, "{sql}\n{text}");
        }
        for sql in [
            "SELECT a.org AS org, b.id FROM visits a JOIN visits2 b ON a.url = b.url",
            "SELECT a.org AS org, b.id FROM visits a JOIN visits2 b ON a.org = a.org AND a.url = b.url",
            "SELECT a.org AS org, b.id FROM visits a JOIN visits2 b ON a.org = b.org OR a.url = b.url",
            "SELECT a.org AS org, b.id FROM visits a RIGHT JOIN visits2 b ON a.org = b.org",
            "SELECT a.org AS org, b.id FROM visits a FULL JOIN visits2 b ON a.org = b.org",
            "SELECT a.org AS org, b.id FROM visits a ASOF JOIN visits2 b ON a.url = b.url AND a.ts >= b.ts",
            "SELECT v.org, p.url FROM visits v ANY JOIN pages p ON v.url = p.url",
            "SELECT v.org, p.url FROM visits v RIGHT ANY JOIN pages p ON v.url = p.url",
            "SELECT org, (SELECT max(id) FROM visits) AS m FROM visits",
            "SELECT org FROM visits WHERE id = (SELECT max(id) FROM visits2)",
            "SELECT org FROM visits WHERE EXISTS (SELECT 1 FROM visits2)",
            "SELECT org FROM visits WHERE url IN (SELECT url FROM visits2)",
            "SELECT org FROM visits WHERE url NOT IN visits2",
            "SELECT org FROM visits WHERE (org, url) IN (SELECT url, org FROM visits2)",
            "SELECT org, sum(id) OVER (ORDER BY ts) AS s FROM visits",
            "SELECT org, sum(id) OVER (PARTITION BY url) AS s FROM visits",
            "SELECT org, url FROM visits QUALIFY row_number() OVER (ORDER BY id) = 1",
            "SELECT org, url FROM visits LIMIT 3",
            "SELECT org, url FROM visits OFFSET 3",
            "SELECT org, url FROM visits LIMIT 1 BY url",
            "SELECT DISTINCT ON (url) org, id FROM visits",
            "SELECT DISTINCT url FROM visits",
            "SELECT url FROM visits UNION DISTINCT SELECT url FROM visits2",
            "SELECT url FROM visits EXCEPT SELECT url FROM visits2",
            "SELECT any(org) AS org, url FROM visits GROUP BY url",
            "SELECT max(org) AS org FROM visits",
            "SELECT org, count() FROM visits GROUP BY org, url WITH ROLLUP",
            "SELECT org, count() FROM visits GROUP BY GROUPING SETS ((org), (url))",
            "SELECT org, count() FROM visits GROUP BY org, url WITH TOTALS",
            "SELECT org, id FROM visits ORDER BY id WITH FILL",
            "SELECT org, id FROM visits ORDER BY id WITH FILL INTERPOLATE (org)",
            "SELECT org, rowNumberInAllBlocks() AS n FROM visits",
            "SELECT a.org, b.m FROM visits a CROSS JOIN (SELECT max(id) AS m FROM visits2) b",
        ] {
            let text = engine.rows(&format!("EXPLAIN QUERY TREE {sql}")).await;
            let text = text.unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert!(mixes(&text).is_some(), "{sql}\n{text}");
        }
    }

    fn mixes(text: &str) -> Option<Mixing> {
        let tenant_of = |table: &str| table.starts_with("rookery.visits").then_some("org");
        QueryTree::read(text).mixes(&tenant_of)
    }
}
