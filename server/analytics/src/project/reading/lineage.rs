//! Whether a SELECT passes a tenant's column on as it is, read from the
//! engine's own query tree (`EXPLAIN QUERY TREE`).
//!
//! What is written into a data source under one tenant's name must not be made
//! of another's rows. A column that no function or aggregate has touched is its
//! row's own, and rows are grouped by it if they are grouped at all.

use std::collections::BTreeMap;

/// Functions that keep different tenants different.
const FAITHFUL: [&str; 5] = [
    "assumeNotNull",
    "identity",
    "materialize",
    "toLowCardinality",
    "toString",
];

/// The column by which a table is kept apart by tenant, if it is.
pub(in crate::project) type TenantOf<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// A query tree, line by line.
#[derive(Debug)]
pub(in crate::project) struct QueryTree<'t> {
    lines: Vec<Line<'t>>,
    by_id: BTreeMap<&'t str, usize>,
}

#[derive(Debug)]
struct Line<'t> {
    depth: usize,
    /// What it is, such as `COLUMN`, or the heading of what stands below it.
    kind: &'t str,
    /// Its attributes, such as `column_name: org, source_id: 3`.
    rest: &'t str,
}

impl<'t> QueryTree<'t> {
    /// Reads the answer to `EXPLAIN QUERY TREE`, as raw text.
    pub(in crate::project) fn read(text: &'t str) -> Self {
        let mut tree = Self {
            lines: Vec::new(),
            by_id: BTreeMap::new(),
        };
        for line in text.lines() {
            let content = line.trim_start();
            let depth = line.len() - content.len();
            let (kind, rest) = content.split_once(" id: ").unwrap_or((content, ""));
            let (id, rest) = rest.split_once(", ").unwrap_or((rest, ""));
            // A node that stands twice has its children the first time.
            tree.by_id.entry(id).or_insert(tree.lines.len());
            tree.lines.push(Line { depth, kind, rest });
        }
        tree
    }

    /// The tables it reads, with their databases.
    pub(in crate::project) fn tables(&self) -> impl Iterator<Item = &'t str> {
        let tables = self.lines.iter().filter(|line| line.kind == "TABLE");
        tables.filter_map(Line::table)
    }

    /// Whether every row has in the column of this name what its row has in the
    /// column of a table that names the tenant.
    pub(in crate::project) fn passes_on(&self, name: &str, tenant_of: &TenantOf<'_>) -> bool {
        let lineage = Lineage {
            tree: self,
            tenant_of,
        };
        !self.lines.is_empty() && lineage.column(0, name, 0)
    }

    /// The names of a query's columns; a union's are those of its first query.
    pub(super) fn columns(&self, query: usize) -> Option<Vec<&'t str>> {
        if self.lines[query].kind == "UNION" {
            return self.columns(*self.list(query, "QUERIES")?.first()?);
        }
        let heading = self.child(query, "PROJECTION COLUMNS")?;
        let name = |line: &usize| {
            let line = &self.lines[*line];
            // The type follows the name.
            line.kind.split_once(' ').map(|(name, _)| name)
        };
        self.children(heading).iter().map(name).collect()
    }

    /// What stands in the list under a heading.
    pub(super) fn list(&self, parent: usize, heading: &str) -> Option<Vec<usize>> {
        let list = *self.children(self.child(parent, heading)?).first()?;
        Some(self.children(list))
    }

    pub(super) fn child(&self, parent: usize, kind: &str) -> Option<usize> {
        let mut children = self.children(parent).into_iter();
        children.find(|child| self.lines[*child].kind == kind)
    }

    pub(super) fn children(&self, parent: usize) -> Vec<usize> {
        let depth = self.lines[parent].depth;
        self.below(parent)
            .filter(|line| self.lines[*line].depth == depth + 2)
            .collect()
    }

    /// All that stands below a line.
    pub(super) fn below(&self, parent: usize) -> impl Iterator<Item = usize> {
        let depth = self.lines[parent].depth;
        (parent + 1..self.lines.len()).take_while(move |line| self.lines[*line].depth > depth)
    }

    pub(super) fn parent(&self, child: usize) -> Option<usize> {
        let depth = self.lines[child].depth;
        (0..child)
            .rev()
            .find(|line| self.lines[*line].depth < depth)
    }

    /// What a line is, or the heading of what stands below it.
    pub(super) fn kind(&self, line: usize) -> &'t str {
        self.lines[line].kind
    }

    /// Whether a line has an attribute, such as `kind: LEFT`.
    pub(super) fn has(&self, line: usize, attribute: &str) -> bool {
        self.lines[line].rest.contains(attribute)
    }

    /// The table that a line is.
    pub(super) fn table(&self, line: usize) -> Option<&'t str> {
        self.lines[line].table()
    }

    /// The name of the function that a line is.
    pub(super) fn function(&self, line: usize) -> Option<&'t str> {
        self.lines[line].function()
    }

    /// Where the column that a line is comes from.
    pub(super) fn source(&self, line: usize) -> Option<&'t str> {
        self.lines[line].column().map(|(_, source)| source)
    }
}

/// Follows a column to where it comes from.
pub(super) struct Lineage<'a, 'p> {
    pub(super) tree: &'a QueryTree<'a>,
    pub(super) tenant_of: &'a TenantOf<'p>,
}

impl Lineage<'_, '_> {
    /// A column of a query or union.
    fn column(&self, query: usize, name: &str, depth: usize) -> bool {
        /// Recursive expressions read themselves; no other goes as deep.
        const DEEPEST: usize = 64;

        let columns = self.tree.columns(query).unwrap_or_default();
        let position = columns.iter().position(|column| *column == name);
        depth < DEEPEST && position.is_some_and(|position| self.nth(query, position, depth))
    }

    pub(super) fn nth(&self, query: usize, position: usize, depth: usize) -> bool {
        let list = |heading| self.tree.list(query, heading).unwrap_or_default();
        match self.tree.lines[query].kind {
            "QUERY" => list("PROJECTION")
                .get(position)
                .is_some_and(|expression| self.expression(*expression, depth)),
            "UNION" => list("QUERIES")
                .into_iter()
                .all(|query| self.nth(query, position, depth)),
            _ => false,
        }
    }

    pub(super) fn expression(&self, expression: usize, depth: usize) -> bool {
        let line = &self.tree.lines[expression];
        if let Some(function) = line.function() {
            let arguments = self.tree.list(expression, "ARGUMENTS").unwrap_or_default();
            return FAITHFUL.contains(&function)
                && matches!(arguments[..], [argument] if self.expression(argument, depth));
        }
        let Some((name, source)) = line.column() else {
            return false;
        };
        let Some(source) = self.tree.by_id.get(source).copied() else {
            return false;
        };
        match self.tree.lines[source].table() {
            Some(table) => (self.tenant_of)(table) == Some(name),
            None => self.column(source, name, depth + 1),
        }
    }
}

impl<'t> Line<'t> {
    fn table(&self) -> Option<&'t str> {
        let is_table = self.kind == "TABLE";
        let (_, name) = self.rest.rsplit_once("table_name: ").filter(|_| is_table)?;
        Some(name.split(", ").next().unwrap_or(name))
    }

    fn function(&self) -> Option<&'t str> {
        let is_function = self.kind == "FUNCTION";
        let (_, rest) = self
            .rest
            .split_once("function_name: ")
            .filter(|_| is_function)?;
        rest.split(", ").next()
    }

    /// A column's name and the id of where it comes from.
    fn column(&self) -> Option<(&'t str, &'t str)> {
        let is_column = self.kind == "COLUMN";
        let (rest, source) = self
            .rest
            .rsplit_once(", source_id: ")
            .filter(|_| is_column)?;
        let (_, rest) = rest.split_once("column_name: ")?;
        let (name, _) = rest.split_once(", result_type: ")?;
        Some((name, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::TestEngine;

    #[tokio::test]
    async fn a_tenants_column_is_followed_to_its_table() {
        let engine = TestEngine::open().await;
        for table in ["events", "other"] {
            let columns = "(org String, id UInt32, words Array(String)) ENGINE ReplacingMergeTree ORDER BY org";
            engine
                .change(&format!("CREATE TABLE rookery.{table} {columns}"))
                .await;
        }
        let cases = [
            ("SELECT org FROM events", true),
            (
                "SELECT id, toString(org) AS org FROM events FINAL WHERE id > 1",
                true,
            ),
            ("SELECT org, count() FROM events GROUP BY org, id", true),
            (
                "SELECT any(e.org) AS org FROM events AS e GROUP BY e.org",
                true,
            ),
            (
                "WITH e AS (SELECT org AS o FROM events) SELECT o AS org FROM (SELECT * FROM e)",
                true,
            ),
            ("SELECT org FROM events JOIN other USING (org)", true),
            (
                "SELECT events.org AS org FROM other JOIN events ON other.id = events.id",
                true,
            ),
            ("SELECT org FROM events ARRAY JOIN words", true),
            (
                "SELECT org FROM events UNION ALL SELECT toLowCardinality(org) FROM events",
                true,
            ),
            ("SELECT any(org) AS org FROM events", false),
            ("SELECT max(org) AS org, id FROM events GROUP BY id", false),
            ("SELECT 'all' AS org, id FROM events", false),
            ("SELECT lower(org) AS org FROM events", false),
            ("SELECT substring(org, 1, id) AS org FROM events", false),
            ("SELECT if(id = 1, org, 'x') AS org FROM events", false),
            (
                "SELECT other.org AS org FROM events JOIN other ON other.id = events.id",
                false,
            ),
            (
                "SELECT org FROM events UNION ALL SELECT any(org) FROM events",
                false,
            ),
            (
                "SELECT org FROM (SELECT min(org) AS org FROM events GROUP BY id)",
                false,
            ),
            ("SELECT w AS org FROM events ARRAY JOIN words AS w", false),
            (
                "SELECT first_value(org) OVER (ORDER BY id) AS org FROM events",
                false,
            ),
            (
                "SELECT (SELECT max(org) FROM events) AS org FROM events",
                false,
            ),
            (
                "WITH RECURSIVE r AS (SELECT org, id FROM events UNION ALL SELECT org, id + 1 FROM r WHERE id < 3) SELECT org FROM r",
                false,
            ),
        ];
        for (sql, expected) in cases {
            let text = engine.rows(&format!("EXPLAIN QUERY TREE {sql}")).await;
            let text = text.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let tree = QueryTree::read(&text);
            assert!(
                tree.tables().any(|table| table == "rookery.events"),
                "{text}"
            );
            let found =
                tree.passes_on("org", &|table| (table == "rookery.events").then_some("org"));
            assert_eq!(found, expected, "{sql}\n{text}");
        }
    }
}
