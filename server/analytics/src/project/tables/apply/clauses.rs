//! Taking apart the definitions that the engine tells of its tables.

use datafile::tokens::{Token, TokenKind, tokenize};

/// Splits SQL before the first of some words that stands outside of
/// parentheses and quotes.
pub(super) fn split_before<'sql>(sql: &'sql str, words: &[&str]) -> (&'sql str, &'sql str) {
    let mut depth = 0_usize;
    for Token { kind, range } in tokenize(sql).0 {
        match kind {
            TokenKind::Symbol('(' | '[') => depth += 1,
            TokenKind::Symbol(')' | ']') => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 && words.contains(&&sql[range.clone()]) => {
                return sql.split_at(range.start);
            }
            _ => {}
        }
    }
    (sql, "")
}

/// Reads `name = value, …`.
pub(super) fn read_settings(list: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut start = 0;
    let commas = tokenize(list)
        .0
        .into_iter()
        .filter(|token| token.kind == TokenKind::Symbol(','));
    let ends = commas.map(|token| token.range.start).chain([list.len()]);
    for end in ends {
        if let Some((name, value)) = list[start..end].split_once('=') {
            settings.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        start = (end + 1).min(list.len());
    }
    settings
}

/// The type within `wrapper(…)`, or the type itself.
pub(super) fn unwrap<'sql>(wrapper: &str, data_type: &'sql str) -> &'sql str {
    data_type
        .strip_prefix(wrapper)
        .and_then(|rest| rest.strip_prefix('('))
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(data_type)
}
