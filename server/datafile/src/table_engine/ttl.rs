//! TTL: what becomes of old rows, where they are many tenants'.

use crate::data_source::TableEngine;
use crate::diagnostic::Findings;
use crate::tokens::{Token, TokenKind, tokenize};

/// Refuses a TTL that makes one row of several tenants' old rows.
pub(crate) fn check_tenant_ttl(engine: &TableEngine, tenant: &str, findings: &mut Findings<'_>) {
    let Some(ttl) = &engine.ttl else {
        return;
    };
    let text = ttl.to_string();
    if !groups_without(&text, tenant) {
        return;
    }
    findings.error(
        ttl.start(),
        format!("the TTL makes one row of all old rows with the same keys after GROUP BY, and `{tenant}` is not among them: rows of different tenants would become one"),
        &format!("group by `{tenant}`, too, and put it into the primary key before what is not grouped by"),
    );
}

/// Whether any GROUP BY in a TTL has keys without a column as it is.
fn groups_without(ttl: &str, column: &str) -> bool {
    let (tokens, _) = tokenize(ttl);
    let is = |index: usize, word: &str| {
        tokens.get(index).is_some_and(|token: &Token| {
            token.kind == TokenKind::Word && ttl[token.range.clone()].eq_ignore_ascii_case(word)
        })
    };
    let names = |token: &Token| match &token.kind {
        TokenKind::Word => ttl[token.range.clone()] == *column,
        TokenKind::Quoted(name) => name == column,
        _ => false,
    };
    let begins = (0..tokens.len()).filter(|index| is(*index, "GROUP") && is(*index + 1, "BY"));
    let mut keys = begins.map(|begin| {
        let end = (begin + 2..tokens.len()).find(|index| is(*index, "SET"));
        &tokens[begin + 2..end.unwrap_or(tokens.len())]
    });
    // A key is a column as it is where nothing stands around its name.
    let is_separator =
        |token: Option<&Token>| token.is_none_or(|token| token.kind == TokenKind::Symbol(','));
    keys.any(|keys| {
        !keys.iter().enumerate().any(|(index, token)| {
            let before = index.checked_sub(1).and_then(|before| keys.get(before));
            let depth = keys[..index]
                .iter()
                .fold(0_i32, |depth, token| match token.kind {
                    TokenKind::Symbol('(') => depth + 1,
                    TokenKind::Symbol(')') => depth - 1,
                    _ => depth,
                });
            depth == 0 && names(token) && is_separator(before) && is_separator(keys.get(index + 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::groups_without;

    #[test]
    fn a_ttl_groups_by_the_tenant_as_it_is() {
        for ttl in [
            "ts + INTERVAL 1 DAY",
            "ts + INTERVAL 1 DAY DELETE WHERE org = 'x'",
            "ts + INTERVAL 1 DAY GROUP BY org SET n = sum(n)",
            "ts + INTERVAL 1 DAY GROUP BY toDate(ts), `org` SET n = sum(n), m = max(m)",
        ] {
            assert!(!groups_without(ttl, "org"), "{ttl}");
        }
        for ttl in [
            "ts + INTERVAL 1 DAY GROUP BY ts SET n = sum(n)",
            "ts + INTERVAL 1 DAY group by ts set org = any(org)",
            "ts + INTERVAL 1 DAY GROUP BY lower(org)",
            "ts + INTERVAL 1 DAY GROUP BY f(a, org, b)",
            "ts + INTERVAL 1 DAY GROUP BY org, ts SET n = 1, ts + INTERVAL 2 DAY GROUP BY ts SET n = 1",
        ] {
            assert!(groups_without(ttl, "org"), "{ttl}");
        }
    }
}
