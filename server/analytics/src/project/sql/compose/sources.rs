//! Other sources in the place of the project's tables: tables by their full
//! names, or SELECTs of rebuilt columns.
//!
//! What is written here stands in a SQL text that runs in a database without
//! tables: a table whose place was not found is a table that is not there.

use std::collections::{BTreeMap, BTreeSet};

use super::reads::{Place, reads};
use crate::project::sql::ddl::qualified;
use engine::sql::identifier;

/// The database in which nothing is.
pub(crate) const NOWHERE: &str = "nowhere";

/// What is read in the place of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// The list of a SELECT, where the table itself must not be read.
    pub(crate) columns: Option<String>,
    /// Conditions on the rows of that SELECT, one expression each.
    pub(crate) conditions: Vec<String>,
}

/// What is read in the place of the tables of one database.
#[derive(Debug, Clone)]
pub(crate) struct Sources<'a> {
    pub(crate) database: &'a str,
    /// By the names of tables.
    pub(crate) tables: BTreeMap<String, Source>,
    /// The tables that conditions may read.
    pub(crate) open: BTreeSet<String>,
}

impl Sources<'_> {
    /// The text with every table of which `is_table` holds in its new place.
    pub(super) fn put_into(&self, sql: &str, is_table: &dyn Fn(&str) -> bool) -> String {
        let mut written = String::with_capacity(sql.len() * 2);
        let mut from = 0;
        for place in reads(sql).places {
            let is_here = place
                .database
                .as_deref()
                .is_none_or(|name| name == self.database);
            if !is_here || !is_table(&place.name) {
                continue;
            }
            let Some(source) = self.tables.get(&place.name) else {
                continue;
            };
            let modifiers = sql[place.modifiers.clone()].to_owned();
            written.push_str(&sql[from..place.range.start]);
            written.push_str(&self.read(source, &place, &modifiers));
            from = place.range.end;
            if source.columns.is_some() && !modifiers.is_empty() {
                written.push_str(&sql[from..place.modifiers.start]);
                from = place.modifiers.end;
            }
        }
        written.push_str(&sql[from..]);
        written
    }

    fn read(&self, source: &Source, place: &Place, modifiers: &str) -> String {
        let table = qualified(self.database, &place.name);
        let Some(columns) = &source.columns else {
            return table;
        };
        let mut select = format!("SELECT {columns} FROM {table} {modifiers}");
        if !source.conditions.is_empty() {
            let plain = Sources {
                tables: self
                    .tables
                    .iter()
                    .map(|(name, source)| (name.clone(), source.unfiltered()))
                    .collect(),
                database: self.database,
                open: BTreeSet::new(),
            };
            // The line breaks end comments that conditions may end with.
            let conditions: Vec<String> = source
                .conditions
                .iter()
                .map(|condition| {
                    format!(
                        "({}\n)",
                        plain.put_into(condition, &|name| self.open.contains(name))
                    )
                })
                .collect();
            select = format!(
                "SELECT * FROM ({select}) WHERE {}",
                conditions.join(" AND ")
            );
        }
        // A `view()` has a scope of its own: no name of the SQL around it, not
        // even a function's, means anything in there.
        match (place.is_set, place.has_alias) {
            (true, _) => format!("(SELECT * FROM view({select}))"),
            (false, true) => format!("view({select})"),
            (false, false) => format!("view({select}) AS {}", identifier(&place.name)),
        }
    }
}

impl Source {
    fn unfiltered(&self) -> Self {
        Self {
            columns: self.columns.clone(),
            conditions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_table_is_found_and_no_other() {
        let clean = Source {
            columns: Some("a".to_owned()),
            conditions: Vec::new(),
        };
        let filtered = Source {
            conditions: vec!["a = 1 -- one".to_owned(), "b IN t OR b IN p".to_owned()],
            ..clean.clone()
        };
        let sources = Sources {
            database: "r",
            tables: [
                ("t".to_owned(), clean),
                ("f".to_owned(), filtered),
                ("p".to_owned(), Source::default()),
            ]
            .into(),
            open: ["t".to_owned()].into(),
        };
        let view = "view(SELECT a FROM `r`.`t` )";
        for (sql, expected) in [
            ("SELECT t.a, t FROM t WHERE t.b", format!("SELECT t.a, t FROM {view} AS `t` WHERE t.b")),
            ("FROM t AS x SELECT 1", format!("FROM {view} AS x SELECT 1")),
            ("SELECT 1 FROM `t` x, p", format!("SELECT 1 FROM {view} x, `r`.`p`")),
            (
                "SELECT 1 FROM t AS x FINAL SAMPLE 1/10 OFFSET 1/2 JOIN p FINAL USING a",
                "SELECT 1 FROM view(SELECT a FROM `r`.`t` FINAL SAMPLE 1/10 OFFSET 1/2) AS x  JOIN `r`.`p` FINAL USING a".to_owned(),
            ),
            ("SELECT 1 FROM r.t", format!("SELECT 1 FROM {view} AS `t`")),
            ("SELECT 1 FROM s.t", "SELECT 1 FROM s.t".to_owned()),
            ("SELECT a IN t, b IN (p)", format!("SELECT a IN (SELECT * FROM {view}), b IN (`r`.`p`)")),
            (
                "WITH t AS (SELECT * FROM t), q AS (SELECT 1 FROM t) SELECT * FROM t, q",
                format!("WITH t AS (SELECT * FROM {view} AS `t`), q AS (SELECT 1 FROM t) SELECT * FROM t, q"),
            ),
            (
                "SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) AS x, t",
                format!("SELECT * FROM (WITH t AS (SELECT 1) SELECT * FROM t) AS x, {view} AS `t`"),
            ),
            (
                "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t",
                "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t".to_owned(),
            ),
            ("SELECT * FROM view(SELECT * FROM t)", format!("SELECT * FROM view(SELECT * FROM {view} AS `t`)")),
            ("SELECT 't' FROM u t -- FROM t", "SELECT 't' FROM u t -- FROM t".to_owned()),
            (
                "SELECT 1 FROM f",
                format!("SELECT 1 FROM view(SELECT * FROM (SELECT a FROM `r`.`f` ) WHERE (a = 1 -- one\n) AND (b IN (SELECT * FROM {view}) OR b IN p\n)) AS `f`"),
            ),
        ] {
            assert_eq!(sources.put_into(sql, &|_| true), expected, "{sql}");
        }
    }
}
