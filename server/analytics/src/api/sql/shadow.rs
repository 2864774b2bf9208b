//! Names that a query gives to its own CTEs.
//!
//! ClickHouse resolves a name inside a CTE where the CTE is used. A query that
//! reads a pipe and has a CTE named like a table the pipe reads would answer
//! the pipe's question with rows of its own, such as a lookup of what the
//! caller may see. So such names are refused.

use std::collections::BTreeSet;

use service::ApiError;

use crate::api::state::Api;
use crate::datafile::tokens::{Token, TokenKind, tokenize};
use crate::engine::{Statement, sql};

/// The names of all CTEs in a query, and perhaps a few that are none.
pub(super) async fn own_names(api: &Api, query: &str) -> Result<BTreeSet<String>, ApiError> {
    // The engine's own spelling has no comments and one way to quote.
    let statement = Statement {
        parameters: vec![("sql".to_owned(), sql::parameter(query))],
        ..Statement::read("SELECT formatQuerySingleLine({sql:String})", "TSVRaw")
    };
    let canonical = api.engine().query(statement).await?;
    Ok(names_before_as(&String::from_utf8_lossy(&canonical.body)))
}

/// Names in `name AS (`, `name (columns) AS (` and `name AS MATERIALIZED (`.
fn names_before_as(text: &str) -> BTreeSet<String> {
    let (tokens, _) = tokenize(text);
    let words = |index: usize| tokens.get(index).map_or("", |token| word(text, token));
    let is = |index: usize, symbol: char| {
        tokens
            .get(index)
            .is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    };
    let mut names = BTreeSet::new();
    for (index, token) in tokens.iter().enumerate() {
        let name = match &token.kind {
            TokenKind::Quoted(name) => name.clone(),
            TokenKind::Word => word(text, token).to_owned(),
            _ => continue,
        };
        let after_columns = if is(index + 1, '(') {
            let closing = (index + 2..tokens.len()).find(|&index| is(index, ')'));
            closing.map_or(tokens.len(), |index| index + 1)
        } else {
            index + 1
        };
        if !words(after_columns).eq_ignore_ascii_case("AS") {
            continue;
        }
        let mut next = after_columns + 1;
        while ["NOT", "MATERIALIZED"]
            .iter()
            .any(|hint| words(next).eq_ignore_ascii_case(hint))
        {
            next += 1;
        }
        if is(next, '(') {
            names.insert(name);
        }
    }
    names
}

fn word<'t>(text: &'t str, token: &Token) -> &'t str {
    if token.kind == TokenKind::Word {
        &text[token.range.clone()]
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::names_before_as;

    #[test]
    fn ctes_are_found_wherever_they_stand() {
        for (sql, expected) in [
            ("SELECT 1", vec![]),
            (
                "WITH a AS (SELECT 1), `b c` AS (SELECT 2) SELECT * FROM a",
                vec!["a", "b c"],
            ),
            (
                "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a)",
                vec!["a"],
            ),
            ("WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a", vec!["a"]),
            ("WITH a (x, y) AS (SELECT 1, 2) SELECT * FROM a", vec!["a"]),
            (
                "WITH a AS MATERIALIZED (SELECT 1) SELECT * FROM a",
                vec!["a"],
            ),
            ("SELECT 'a AS (' FROM t AS x", vec![]),
        ] {
            let names: Vec<String> = names_before_as(sql).into_iter().collect();
            assert_eq!(names, expected, "{sql}");
        }
    }
}
