//! Which names a SQL text reads as tables, found from its tokens in a few
//! microseconds on every call.
//!
//! This decides which nodes and pipes are joined to a query, where a name too
//! many only costs time. What a caller may read is decided by the engine's own
//! parser (`engine::guard`) and its filters.

use std::collections::BTreeSet;

use datafile::tokens::{Token, TokenKind, tokenize};

/// What a SQL text reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Names in the place of a table, without a database.
    pub(super) tables: BTreeSet<String>,
    /// Names the text gives to CTEs of its own.
    pub(crate) own: BTreeSet<String>,
    /// All names that its WITHs give, to CTEs and to values.
    pub(super) given: BTreeSet<String>,
    /// Whether the text should be looked at more closely: a table function, a
    /// name with a database, SETTINGS, or quotes that do not close.
    pub(super) is_unusual: bool,
}

impl Reads {
    /// The tables that are not CTEs of the text itself.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = &String> {
        self.tables.difference(&self.own)
    }
}

/// Words after which the tables of a FROM are over.
const ENDS_FROM: &[&str] = &[
    "EXCEPT",
    "FORMAT",
    "GROUP",
    "HAVING",
    "INTERSECT",
    "LIMIT",
    "OFFSET",
    "ORDER",
    "PREWHERE",
    "QUALIFY",
    "SELECT",
    "SETTINGS",
    "UNION",
    "WHERE",
    "WINDOW",
];

/// Finds what `sql` reads.
pub(crate) fn reads(sql: &str) -> Reads {
    let (tokens, unclosed) = tokenize(sql);
    let mut finder = Finder {
        sql,
        tokens: &tokens,
        levels: vec![Level::default()],
        found: Reads::default(),
    };
    for index in 0..tokens.len() {
        finder.step(index);
    }
    let mut found = finder.found;
    found.is_unusual |= unclosed.is_some();
    found
}

/// A pair of parentheses, or the text outside all of them.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Between FROM and the clause that follows it.
    in_from: bool,
    /// The next name is a table.
    expects_table: bool,
    /// Between WITH and the clause that follows it.
    in_with: bool,
}

impl Level {
    /// After FROM or JOIN.
    const FROM: Self = Self {
        in_from: true,
        expects_table: true,
        in_with: false,
    };
    /// After WITH.
    const WITH: Self = Self {
        in_from: false,
        expects_table: false,
        in_with: true,
    };
}

struct Finder<'s> {
    sql: &'s str,
    tokens: &'s [Token],
    levels: Vec<Level>,
    found: Reads,
}

impl Finder<'_> {
    fn step(&mut self, index: usize) {
        let token = &self.tokens[index];
        let level = self.levels.last().copied().unwrap_or_default();
        match &token.kind {
            TokenKind::Symbol('(') => {
                // A table may stand in parentheses, alone or in a join.
                self.levels.push(Level {
                    in_from: level.expects_table,
                    expects_table: level.expects_table,
                    in_with: false,
                });
                self.expect(index, false);
            }
            TokenKind::Symbol(')') => {
                self.levels.pop();
                if self.levels.is_empty() {
                    self.levels.push(Level::default());
                }
            }
            TokenKind::Symbol(',') => self.set(|level| level.expects_table = level.in_from),
            TokenKind::Word if self.keyword(index) => {}
            TokenKind::Word | TokenKind::Quoted(_) | TokenKind::JsonPath(_) => {
                self.name(index, level)
            }
            TokenKind::Text | TokenKind::Number | TokenKind::Symbol(_) => {
                // A FROM of something that is no name at all, such as a file.
                self.found.is_unusual |= level.expects_table && token.kind == TokenKind::Text;
                self.set(|level| level.expects_table = false);
            }
        }
    }

    /// Handles the words that open and close the place of tables.
    fn keyword(&mut self, index: usize) -> bool {
        let word = self.word(index).to_ascii_uppercase();
        let previous = index
            .checked_sub(1)
            .map(|index| self.word(index).to_ascii_uppercase());
        let previous = previous.unwrap_or_default();
        match word.as_str() {
            "FROM" if previous != "DISTINCT" => self.set(|level| *level = Level::FROM),
            "JOIN" if previous == "ARRAY" => self.set(|level| *level = Level::default()),
            "JOIN" => self.set(|level| *level = Level::FROM),
            "WITH" => self.set(|level| *level = Level::WITH),
            "IN" => self.set(|level| level.expects_table = true),
            "SETTINGS" => {
                self.found.is_unusual = true;
                self.set(|level| *level = Level::default());
            }
            "FINAL" | "AS" | "ON" | "USING" => self.set(|level| level.expects_table = false),
            word if ENDS_FROM.contains(&word) => self.set(|level| *level = Level::default()),
            _ => return false,
        }
        true
    }

    fn name(&mut self, index: usize, level: Level) {
        let name = match &self.tokens[index].kind {
            TokenKind::Quoted(name) => name.clone(),
            _ => self.word(index).to_owned(),
        };
        if level.in_with {
            let is_hint = self.is(index, "NOT") || self.is(index, "MATERIALIZED");
            let is_value = index > 0 && self.is(index - 1, "AS") && !is_hint;
            if self.is_cte(index) {
                self.found.own.insert(name.clone());
                self.found.given.insert(name.clone());
            } else if is_value {
                self.found.given.insert(name.clone());
            }
        }
        if !level.expects_table {
            return;
        }
        match self.kind(index + 1) {
            Some(TokenKind::Symbol('(' | '.')) => self.found.is_unusual = true,
            _ => {
                // The server's own tables have a dot in their names.
                self.found.is_unusual |= name.contains('.');
                self.found.tables.insert(name);
            }
        }
        self.expect(index, false);
    }

    /// Whether the name at `index` is that of a CTE: `x AS (SELECT …)`, also
    /// with `(columns)` before AS and `MATERIALIZED` after it.
    fn is_cte(&self, index: usize) -> bool {
        let mut next = index + 1;
        if self.kind(next) == Some(&TokenKind::Symbol('(')) {
            next += 2;
            while !matches!(self.kind(next - 1), None | Some(TokenKind::Symbol(')'))) {
                next += 1;
            }
        }
        if !self.is(next, "AS") {
            return false;
        }
        next += 1;
        while self.is(next, "NOT") || self.is(next, "MATERIALIZED") {
            next += 1;
        }
        self.kind(next) == Some(&TokenKind::Symbol('(')) && self.is_query(next + 1)
    }

    fn is_query(&self, index: usize) -> bool {
        self.kind(index) == Some(&TokenKind::Symbol('('))
            || ["SELECT", "WITH", "FROM"]
                .iter()
                .any(|word| self.is(index, word))
    }

    fn kind(&self, index: usize) -> Option<&TokenKind> {
        self.tokens.get(index).map(|token| &token.kind)
    }

    fn is(&self, index: usize, word: &str) -> bool {
        self.word(index).eq_ignore_ascii_case(word)
    }

    /// Whether the level of the token at `index`, before any it opened,
    /// expects a table next.
    fn expect(&mut self, index: usize, expects: bool) {
        let opened = usize::from(self.tokens[index].kind == TokenKind::Symbol('('));
        if let Some(level) = self.levels.iter_mut().rev().nth(opened) {
            level.expects_table = expects;
        }
    }

    fn set(&mut self, change: impl FnOnce(&mut Level)) {
        if let Some(level) = self.levels.last_mut() {
            change(level);
        }
    }

    /// The word at `index`; empty for any other token.
    fn word(&self, index: usize) -> &str {
        match self.tokens.get(index) {
            Some(token) if token.kind == TokenKind::Word => &self.sql[token.range.clone()],
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(sql: &str) -> Vec<String> {
        reads(sql).foreign().cloned().collect()
    }

    #[test]
    fn tables_are_found_where_they_stand() {
        let cases: &[(&str, &[&str])] = &[
            ("SELECT a, b FROM t", &["t"]),
            ("SELECT a FROM t AS x, `u v` y WHERE c = d", &["t", "u v"]),
            (
                "SELECT a FROM t FINAL PREWHERE x JOIN u USING (a, b), v",
                &["t", "u", "v"],
            ),
            (
                "SELECT a FROM t LEFT ANY JOIN (SELECT b FROM u) AS s ON s.b = t.b",
                &["t", "u"],
            ),
            ("SELECT a FROM (t JOIN u ON t.a = u.a)", &["t", "u"]),
            (
                "SELECT (SELECT max(a) FROM t), b FROM (SELECT 1) UNION ALL SELECT c FROM u",
                &["t", "u"],
            ),
            (
                "SELECT a FROM t WHERE b IN u AND c NOT IN (v) AND d IN (1, 2)",
                &["t", "u", "v"],
            ),
            ("SELECT a FROM t ARRAY JOIN arr AS e, other", &["t"]),
            ("SELECT count() AS t FROM u ORDER BY t, w", &["u"]),
            ("FROM t SELECT a, u", &["t"]),
            ("SELECT a IS DISTINCT FROM b FROM t", &["t"]),
            ("SELECT 'FROM x' AS a -- FROM y\nFROM t /* , z */", &["t"]),
            (
                "SELECT a, t FROM u GROUP BY a, v HAVING x LIMIT 1 BY y, z",
                &["u"],
            ),
            (
                "SELECT f(a, t), [b, u] FROM v WHERE g(x, w) IN (SELECT y FROM z)",
                &["v", "z"],
            ),
        ];
        for (sql, expected) in cases {
            assert_eq!(tables(sql), *expected, "{sql}");
        }
    }

    #[test]
    fn a_texts_own_ctes_are_not_tables() {
        type List = &'static [&'static str];
        let cases: &[(&str, List, List, List)] = &[
            (
                "WITH x AS (SELECT 1 FROM t), 5 AS y, `z` AS (SELECT 2) SELECT * FROM x, z, u",
                &["t", "u"],
                &["x", "z"],
                &["x", "y", "z"],
            ),
            (
                "WITH x (a, b) AS (SELECT 1, 2) SELECT max(a) AS t FROM x",
                &[],
                &["x"],
                &["x"],
            ),
            (
                "WITH x AS NOT MATERIALIZED (SELECT 1), f(a) AS y SELECT * FROM x",
                &[],
                &["x"],
                &["x", "y"],
            ),
            (
                "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 2 FROM x) SELECT * FROM x",
                &[],
                &["x"],
                &["x"],
            ),
            (
                "SELECT * FROM (WITH (SELECT 1 FROM t) AS x SELECT x)",
                &["t"],
                &[],
                &["x"],
            ),
            ("SELECT 'x AS (' FROM t AS x", &["t"], &[], &[]),
        ];
        for (sql, tables, own, given) in cases {
            let found = reads(sql);
            let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>();
            assert_eq!(found.foreign().collect::<Vec<_>>(), *tables, "{sql}");
            assert_eq!(list(&found.own), *own, "{sql}");
            assert_eq!(list(&found.given), *given, "{sql}");
        }
    }

    #[test]
    fn what_reaches_further_is_unusual() {
        for sql in [
            "SELECT * FROM merge('x')",
            "SELECT * FROM a, system.one",
            "SELECT 1 SETTINGS max_threads = 1",
            "SELECT * FROM t WHERE a IN numbers(10)",
            "SELECT 'open",
            "SELECT * FROM '/etc/passwd'",
        ] {
            assert!(reads(sql).is_unusual, "{sql}");
        }
        assert!(!reads("SELECT f(a.b) FROM t WHERE t.c IN (1, 2) AND d IN t").is_unusual);
    }
}
