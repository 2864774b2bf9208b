//! PREWHERE as WHERE, for queries with tenant filters.
//!
//! The engine runs PREWHERE before such filters, on every tenant's rows: its
//! errors would tell of rows that the filter takes away, values included.

use datafile::tokens::{Token, TokenKind, tokenize};

/// Words that end the condition of a PREWHERE or WHERE.
const NEXT_CLAUSES: [&str; 14] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "WINDOW",
    "QUALIFY",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "SETTINGS",
    "FORMAT",
];

/// The SQL with every `PREWHERE a WHERE b` written as `WHERE (a) AND (b)`.
pub(super) fn as_where(sql: String) -> String {
    let (tokens, _) = tokenize(&sql);
    let is = |at: usize, word: &str| {
        tokens.get(at).is_some_and(|token| {
            token.kind == TokenKind::Word && sql[token.range.clone()].eq_ignore_ascii_case(word)
        })
    };
    let mut edits: Vec<(usize, usize, &str)> = Vec::new();
    for at in (0..tokens.len()).filter(|at| is(*at, "PREWHERE")) {
        let keyword = &tokens[at].range;
        let next = clause_end(&sql, &tokens, at + 1);
        if !is(next, "WHERE") {
            edits.push((keyword.start, keyword.end, "WHERE"));
            continue;
        }
        let end = tokens[clause_end(&sql, &tokens, next + 1) - 1].range.end;
        let next = &tokens[next].range;
        edits.push((keyword.start, keyword.end, "WHERE ("));
        // The line breaks end comments that the conditions may end with.
        edits.push((next.start, next.end, "\n) AND ("));
        edits.push((end, end, ")"));
    }
    if edits.is_empty() {
        return sql;
    }
    edits.sort_unstable();
    let mut written = String::with_capacity(sql.len() + 16);
    let mut from = 0;
    for (start, end, edit) in edits {
        written.push_str(&sql[from..start]);
        written.push_str(edit);
        from = end;
    }
    written.push_str(&sql[from..]);
    written
}

/// Where the condition that begins at a token is over.
fn clause_end(sql: &str, tokens: &[Token], begin: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(begin) {
        match token.kind {
            TokenKind::Symbol('(' | '[' | '{') => depth += 1,
            TokenKind::Symbol(')' | ']' | '}' | ';') if depth == 0 => return at,
            TokenKind::Symbol(')' | ']' | '}') => depth -= 1,
            TokenKind::Word if depth == 0 => {
                let word = &sql[token.range.clone()];
                if NEXT_CLAUSES
                    .iter()
                    .any(|next| next.eq_ignore_ascii_case(word))
                {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::as_where;

    #[test]
    fn every_prewhere_becomes_a_where() {
        for (sql, expected) in [
            (
                "SELECT 1 FROM t WHERE a = 'PREWHERE' -- prewhere",
                "SELECT 1 FROM t WHERE a = 'PREWHERE' -- prewhere",
            ),
            (
                "SELECT 1 FROM t prewhere a OR b GROUP BY c",
                "SELECT 1 FROM t WHERE a OR b GROUP BY c",
            ),
            (
                "SELECT 1 FROM t PREWHERE a -- b\nWHERE e OR f -- g\nLIMIT 1",
                "SELECT 1 FROM t WHERE ( a -- b\n\n) AND ( e OR f) -- g\nLIMIT 1",
            ),
            (
                "SELECT 1 FROM t PREWHERE a IN (SELECT 1 FROM u PREWHERE c WHERE d) WHERE e",
                "SELECT 1 FROM t WHERE ( a IN (SELECT 1 FROM u WHERE ( c \n) AND ( d)) \n) AND ( e)",
            ),
        ] {
            assert_eq!(as_where(sql.to_owned()), expected, "{sql}");
        }
    }
}
