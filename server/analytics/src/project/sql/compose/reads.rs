//! Which names a SQL text reads as tables, found from its tokens in a few
//! microseconds on every call.
//!
//! This decides which nodes and pipes are joined to a query, where a name too
//! many only costs time, and where another source takes a table's place
//! (`sources`), where a name too few finds no table. What a caller may read is
//! decided by the engine's own parser (`engine::guard`) and its filters.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

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
    /// Where tables stand that are no CTE of the text itself.
    pub(super) places: Vec<Place>,
}

/// A place where the text reads a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The database before the table's name, where one stands.
    pub(super) database: Option<String>,
    /// The table's name.
    pub(super) name: String,
    /// The bytes of both.
    pub(super) range: Range<usize>,
    /// The bytes of `FINAL` and `SAMPLE …` behind it; empty where there is
    /// neither.
    pub(super) modifiers: Range<usize>,
    /// Whether the text gives it a name of its own.
    pub(super) has_alias: bool,
    /// Whether it stands after IN.
    pub(super) is_set: bool,
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

/// Words that may follow a table and are no name for it.
const NO_ALIAS: &[&str] = &[
    "ALL", "AND", "ANTI", "ANY", "ARRAY", "ASOF", "AS", "CROSS", "FETCH", "FINAL", "FULL",
    "GLOBAL", "INNER", "INTO", "JOIN", "LEFT", "NATURAL", "ON", "OR", "PASTE", "RIGHT", "SAMPLE",
    "SEMI", "USING", "WITH",
];

/// Finds what `sql` reads.
pub(crate) fn reads(sql: &str) -> Reads {
    let (tokens, unclosed) = tokenize(sql);
    let mut finder = Finder {
        sql,
        tokens: &tokens,
        levels: vec![Level::default()],
        scopes: vec![Scope::default()],
        bodies: BTreeMap::new(),
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
    /// The table that is expected is a set: after IN.
    is_set: bool,
}

/// What a pair of parentheses means to names.
#[derive(Debug, Clone, Default)]
struct Scope {
    /// The CTEs that the SELECT in it gives.
    gives: BTreeSet<String>,
    /// The CTE whose SELECT stands in it; that reads no CTE of its own name.
    body_of: Option<String>,
}

impl Level {
    /// After FROM or JOIN.
    const FROM: Self = Self {
        in_from: true,
        expects_table: true,
        in_with: false,
        is_set: false,
    };
    /// After WITH.
    const WITH: Self = Self {
        in_from: false,
        expects_table: false,
        in_with: true,
        is_set: false,
    };
}

struct Finder<'s> {
    sql: &'s str,
    tokens: &'s [Token],
    levels: Vec<Level>,
    /// One for each level.
    scopes: Vec<Scope>,
    /// The parentheses around the SELECTs of CTEs, by their tokens.
    bodies: BTreeMap<usize, String>,
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
                    is_set: level.is_set && level.expects_table,
                });
                self.scopes.push(Scope {
                    body_of: self.bodies.remove(&index),
                    ..Scope::default()
                });
                self.expect(index, false);
            }
            TokenKind::Symbol(')') => {
                if self.levels.len() > 1 {
                    self.levels.pop();
                    self.scopes.pop();
                } else {
                    self.levels = vec![Level::default()];
                }
            }
            TokenKind::Symbol(',') => self.set(|level| {
                level.expects_table = level.in_from;
                level.is_set = false;
            }),
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
            "IN" => self.set(|level| {
                level.expects_table = true;
                level.is_set = true;
            }),
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
            if let Some(body) = self.cte_body(index) {
                self.found.own.insert(name.clone());
                self.found.given.insert(name.clone());
                self.give(index, body, &name);
            } else if is_value {
                self.found.given.insert(name.clone());
            }
        }
        if !level.expects_table {
            return;
        }
        match self.kind(index + 1) {
            Some(TokenKind::Symbol('(')) => self.found.is_unusual = true,
            Some(TokenKind::Symbol('.')) => {
                self.found.is_unusual = true;
                if let Some(table) = self.any_name(index + 2) {
                    self.place(index..index + 3, Some(name), table);
                }
            }
            _ => {
                // The server's own tables have a dot in their names.
                self.found.is_unusual |= name.contains('.');
                if !self.is_own(&name) {
                    self.place(index..index + 1, None, name.clone());
                }
                self.found.tables.insert(name);
            }
        }
        self.set(|level| level.is_set = false);
        self.expect(index, false);
    }

    /// Notes a table that stands in some tokens.
    fn place(&mut self, tokens: Range<usize>, database: Option<String>, name: String) {
        let bytes = |tokens: Range<usize>| match tokens.is_empty() {
            true => 0..0,
            false => self.tokens[tokens.start].range.start..self.tokens[tokens.end - 1].range.end,
        };
        let mut next = tokens.end;
        let is_set = self.levels.last().is_some_and(|level| level.is_set);
        if !is_set && self.is(next, "AS") {
            next += 2;
        } else if !is_set && self.is_alias(next) {
            next += 1;
        }
        let has_alias = next > tokens.end;
        let modifiers = if is_set {
            next..next
        } else {
            next..self.modifiers_end(next)
        };
        let place = Place {
            database,
            name,
            range: bytes(tokens),
            modifiers: bytes(modifiers),
            has_alias,
            is_set,
        };
        self.found.places.push(place);
    }

    /// Whether the token after a table is its name in the text.
    fn is_alias(&self, index: usize) -> bool {
        let is_word = |words: &[&str]| words.iter().any(|word| self.is(index, word));
        match self.kind(index) {
            Some(TokenKind::Quoted(_)) => true,
            Some(TokenKind::Word) => !is_word(NO_ALIAS) && !is_word(ENDS_FROM),
            _ => false,
        }
    }

    /// Where `FINAL` and `SAMPLE 1/10 OFFSET 1/2` are over.
    fn modifiers_end(&self, begin: usize) -> usize {
        let mut end = begin;
        if self.is(end, "FINAL") {
            end += 1;
        }
        if !self.is(end, "SAMPLE") {
            return end;
        }
        end = self.share_end(end + 1);
        match self.is(end, "OFFSET") && self.share_end(end + 1) > end + 1 {
            true => self.share_end(end + 1),
            false => end,
        }
    }

    /// Where a share of all rows is over: `0.1` or `1/10`. A number of rows is
    /// none: what it comes to depends on how many there are.
    fn share_end(&self, begin: usize) -> usize {
        let is_number = |index| self.kind(index) == Some(&TokenKind::Number);
        let is_fraction = self.kind(begin + 1) == Some(&TokenKind::Symbol('/'));
        if is_number(begin) && is_fraction && is_number(begin + 2) {
            return begin + 3;
        }
        let text = self
            .tokens
            .get(begin)
            .map(|token| &self.sql[token.range.clone()]);
        let is_share = text
            .and_then(|text| text.parse::<f64>().ok())
            .is_some_and(|share| share <= 1.0);
        begin + usize::from(is_share)
    }

    /// Notes that the SELECT around the token gives a CTE.
    fn give(&mut self, index: usize, body: usize, name: &str) {
        // A recursive one reads itself.
        if !(index > 0 && self.is(index - 1, "RECURSIVE")) {
            self.bodies.insert(body, name.to_owned());
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.gives.insert(name.to_owned());
        }
    }

    /// Whether a name means a CTE of the text where it stands.
    fn is_own(&self, name: &str) -> bool {
        let mut is_its_body = false;
        self.scopes.iter().rev().any(|scope| {
            let is_given = scope.gives.contains(name) && !is_its_body;
            is_its_body = scope.body_of.as_deref() == Some(name);
            is_given
        })
    }

    /// The name at `index`, quoted or not.
    fn any_name(&self, index: usize) -> Option<String> {
        match self.kind(index)? {
            TokenKind::Quoted(name) => Some(name.clone()),
            TokenKind::Word => Some(self.word(index).to_owned()),
            _ => None,
        }
    }

    /// The parenthesis before the SELECT of the CTE whose name is at `index`, if
    /// it is one: `x AS (SELECT …)`, also with `(columns)` before AS and
    /// `MATERIALIZED` after it.
    fn cte_body(&self, index: usize) -> Option<usize> {
        let mut next = index + 1;
        if self.kind(next) == Some(&TokenKind::Symbol('(')) {
            next += 2;
            while !matches!(self.kind(next - 1), None | Some(TokenKind::Symbol(')'))) {
                next += 1;
            }
        }
        if !self.is(next, "AS") {
            return None;
        }
        next += 1;
        while self.is(next, "NOT") || self.is(next, "MATERIALIZED") {
            next += 1;
        }
        let is_body = self.kind(next) == Some(&TokenKind::Symbol('(')) && self.is_query(next + 1);
        is_body.then_some(next)
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
