//! From rendered parts to the text of one SELECT: which common table
//! expressions stand where, so that every name means what its author meant.

use std::collections::BTreeSet;

use super::Part;
use crate::project::Project;
use datafile::tokens::first_tokens;
use engine::sql::identifier;

/// A common table expression: its name and its SELECT.
type Expression = (String, String);

/// Writes the SELECTs of parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a, 'p> {
    project: &'p Project,
    parts: &'a [Part<'p>],
}

impl<'a, 'p> Layout<'a, 'p> {
    pub(super) fn new(project: &'p Project, parts: &'a [Part<'p>]) -> Self {
        Self { project, parts }
    }

    /// The SELECT of a part with everything it reads.
    pub(super) fn select(self, part: usize) -> String {
        let needed = self.needed(part);
        let pipes = needed
            .iter()
            .filter(|index| self.parts[**index].stands_for_pipe);
        let mut expressions: Vec<Expression> = pipes
            .map(|index| {
                let nodes = self.nodes(*index, &self.needed(*index));
                self.named(*index, with_expressions(&nodes, &self.body(*index)))
            })
            .collect();
        expressions.append(&mut self.nodes(part, &needed));
        with_expressions(&expressions, &self.body(part))
    }

    /// Parts as expressions that no names around them reach.
    pub(super) fn closed(self, parts: &[usize]) -> Vec<Expression> {
        parts
            .iter()
            .map(|part| self.named(*part, closed_off(&self.select(*part))))
            .collect()
    }

    fn named(self, part: usize, select: String) -> Expression {
        (self.parts[part].name().to_owned(), select)
    }

    /// Of the needed parts, the nodes that are expressions of a part's SELECT.
    fn nodes(self, part: usize, needed: &BTreeSet<usize>) -> Vec<Expression> {
        let scope = self.parts[part].scope;
        let is_local = |index: &&usize| {
            let part = &self.parts[**index];
            part.scope == scope && !part.stands_for_pipe
        };
        needed
            .iter()
            .filter(is_local)
            .map(|index| self.named(*index, self.body(*index)))
            .collect()
    }

    /// A part's own SELECT. What it reads stands around it, or, where its own
    /// names would reach that, within.
    fn body(self, part: usize) -> String {
        let Part {
            rendered, reads, ..
        } = &self.parts[part];
        match self.captured(part) {
            Some(_) => with_expressions(&self.closed(reads), &rendered.sql),
            None => rendered.sql.clone(),
        }
    }

    /// What has to stand around a part's SELECT: all it reads, but for what
    /// stands within a part.
    fn needed(self, part: usize) -> BTreeSet<usize> {
        self.reached(part, |index| self.captured(index).is_none())
    }

    /// A name to which a part's WITH gives a meaning that it does not have in
    /// what the part reads.
    pub(super) fn captured(self, part: usize) -> Option<&'a str> {
        let given = &self.parts[part].found.given;
        if given.is_empty() {
            return None;
        }
        let reached = self.reached(part, |_| true);
        let is_read = |name: &&String| reached.iter().any(|part| self.reads_by_name(*part, name));
        given.iter().find(is_read).map(String::as_str)
    }

    /// Whether a part may read something of the project by that name. `WITH x
    /// AS (SELECT * FROM x)` reads the data source.
    fn reads_by_name(self, part: usize, name: &str) -> bool {
        let found = &self.parts[part].found;
        found.tables.contains(name)
            && (!found.own.contains(name) || self.project.data_source(name).is_some())
    }

    /// The parts that a part reads, directly or through those that are `open`.
    fn reached(self, part: usize, open: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut next = vec![part];
        while let Some(index) = next.pop() {
            if open(index) {
                let read = self.parts[index].reads.iter().copied();
                next.extend(read.filter(|read| reached.insert(*read)));
            }
        }
        reached
    }
}

/// Puts common table expressions before a SELECT, which may have a WITH of its
/// own.
pub(super) fn with_expressions(expressions: &[Expression], sql: &str) -> String {
    let Some(((name, first), rest)) = expressions.split_first() else {
        return sql.to_owned();
    };
    // The newline ends a comment that an expression may end with.
    let mut list = format!("{} AS ({first}\n)", identifier(name));
    for (name, expression) in rest {
        list.push_str(&format!(", {} AS ({expression}\n)", identifier(name)));
    }
    let (tokens, _) = first_tokens(sql, 2);
    let is = |index: usize, word: &str| {
        tokens
            .get(index)
            .is_some_and(|token| sql[token.range.clone()].eq_ignore_ascii_case(word))
    };
    let after = |index: usize| &sql[tokens[index].range.end..];
    if is(0, "WITH") && is(1, "RECURSIVE") {
        return format!("WITH RECURSIVE {list},{}", after(1));
    }
    if is(0, "WITH") {
        return format!("WITH {list},{}", after(0));
    }
    if is(0, "SELECT") || is(0, "FROM") {
        return format!("WITH {list} {sql}");
    }
    // A query in parentheses takes no WITH before it.
    format!("WITH {list} SELECT * FROM ({sql}\n)")
}

/// The same rows, with names that mean what they mean alone. ClickHouse looks
/// for what a common table expression names (its tables, sets, even functions
/// such as `equals`) in the SQL around it, too, where it may mean something
/// else. `view()` has a scope of its own.
pub(super) fn closed_off(sql: &str) -> String {
    // The newline ends a comment that the SQL may end with.
    format!("SELECT * FROM view(SELECT * FROM ({sql}\n))")
}
