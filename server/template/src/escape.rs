//! How a value becomes SQL text that cannot end where it should not: string
//! literals, identifiers, and which words are safe to leave unquoted.
//!
//! Deciding *where* in the SQL a value stands is `context`'s work.

/// Appends `text` as a string literal with its quotes.
pub(crate) fn push_string(out: &mut String, text: &str, is_pattern: bool) {
    out.reserve(text.len() + 2);
    out.push('\'');
    push_string_content(out, text, is_pattern);
    out.push('\'');
}

/// Appends `text` escaped for the inside of a `'…'` or `"…"` literal.
///
/// ClickHouse keeps the backslash of `\%`, which makes a literal `%` in a
/// pattern match itself, and makes any other text another one.
pub(crate) fn push_string_content(out: &mut String, text: &str, is_pattern: bool) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '%' if is_pattern => out.push_str("\\%"),
            other => push_shared(out, other),
        }
    }
}

/// Appends `name` as an identifier in backticks.
pub(crate) fn push_identifier(out: &mut String, name: &str) {
    out.push('`');
    push_identifier_content(out, name);
    out.push('`');
}

/// Appends `name` escaped for the inside of a `` `…` `` identifier.
pub(crate) fn push_identifier_content(out: &mut String, name: &str) {
    for character in name.chars() {
        push_shared(out, character);
    }
}

/// Appends `text` as an item of a bare list: quotes doubled, `%` untouched,
/// because items are compared and never matched as patterns.
pub(crate) fn push_list_item(out: &mut String, text: &str) {
    out.push('\'');
    for character in text.chars() {
        match character {
            '\'' => out.push_str("''"),
            '`' => out.push('`'),
            other => push_shared(out, other),
        }
    }
    out.push('\'');
}

fn push_shared(out: &mut String, character: char) {
    match character {
        '\0' => out.push_str("\\0"),
        '\r' => out.push_str("\\r"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\u{1a}' => out.push_str("\\x1A"),
        '\n' => out.push_str("\\n"),
        '\'' => out.push_str("\\'"),
        '`' => out.push_str("\\`"),
        '\\' => out.push_str("\\\\"),
        other => out.push(other),
    }
}

/// Whether `name` can stand in SQL without quotes: letters, digits and
/// underscores, no leading digit, and none of SQL's own words.
pub(crate) fn is_plain_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    let starts_well = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts_well
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !is_sql_word(name)
}

/// Whether `name` can stand before an opening parenthesis as a function.
pub(crate) fn is_function_name(name: &str) -> bool {
    is_plain_identifier(name)
        || WORDS_THAT_ARE_FUNCTIONS.contains(&name.to_ascii_lowercase().as_str())
}

fn is_sql_word(name: &str) -> bool {
    name.len() <= 11
        && SQL_WORDS
            .binary_search(&name.to_ascii_uppercase().as_str())
            .is_ok()
}

/// Words that could open a clause or an operator where a name is expected.
/// Sorted, for the binary search.
#[rustfmt::skip]
const SQL_WORDS: &[&str] = &[
    "ALL", "AND", "ANTI", "ANY", "APPLY", "ARRAY", "AS", "ASC", "ASOF", "BETWEEN", "BY", "CASE",
    "CAST", "COLLATE", "COLUMNS", "CROSS", "CUBE", "DATE", "DESC", "DISTINCT", "DIV", "ELSE",
    "EMPTY", "END", "EXCEPT", "EXISTS", "EXTRACT", "FALSE", "FETCH", "FILL", "FILTER", "FINAL",
    "FORMAT", "FROM", "FULL", "GLOBAL", "GROUP", "GROUPING", "HAVING", "ILIKE", "IN", "INF",
    "INNER", "INTERPOLATE", "INTERSECT", "INTERVAL", "INTO", "IS", "ISNULL", "JOIN", "LATERAL",
    "LEFT", "LIKE", "LIMIT", "LOCAL", "MOD", "NAN", "NATURAL", "NOT", "NOTNULL", "NULL", "NULLS",
    "OFFSET", "ON", "OR", "ORDER", "OUTER", "OUTFILE", "OVER", "PARALLEL", "PASTE", "PREWHERE",
    "QUALIFY", "RECURSIVE", "REGEXP", "REPLACE", "RIGHT", "ROLLUP", "SAMPLE", "SELECT", "SEMI",
    "SETTINGS", "SUBSTRING", "THEN", "TIES", "TIMESTAMP", "TO", "TOP", "TOTALS", "TRIM", "TRUE",
    "UNION", "USING", "VALUES", "VIEW", "WATERMARK", "WHEN", "WHERE", "WINDOW", "WITH",
];

const WORDS_THAT_ARE_FUNCTIONS: &[&str] = &[
    "any",
    "date",
    "empty",
    "format",
    "left",
    "mod",
    "replace",
    "right",
    "substring",
    "timestamp",
    "trim",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_words_are_sorted_and_fit_the_length_test() {
        assert!(SQL_WORDS.is_sorted());
        assert!(SQL_WORDS.iter().all(|word| word.len() <= 11));
    }

    #[test]
    fn words_of_sql_are_not_plain_names_in_any_case() {
        assert!(is_plain_identifier("events_2024"));
        for name in ["", "1a", "a-b", "a.b", "select", "Final", "é", "a b", "a`"] {
            assert!(!is_plain_identifier(name), "{name}");
        }
    }

    #[test]
    fn nothing_ends_a_literal_early() {
        let hostile = "'\\\0\r\u{8}\t\u{1a}\n\"%`";
        let mut out = String::new();
        push_string(&mut out, hostile, true);
        assert_eq!(out, r#"'\'\\\0\r\b\t\x1A\n\"\%\`'"#);
        out.clear();
        push_identifier(&mut out, hostile);
        assert_eq!(out, r#"`\'\\\0\r\b\t\x1A\n"%\``"#);
        out.clear();
        push_list_item(&mut out, "it's \\ 5% `x`");
        assert_eq!(out, r"'it''s \\ 5% `x`'");
    }
}
