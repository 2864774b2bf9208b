//! Reading the end of a statement: its output format, its settings, and where
//! a place to write to or to read from can be put before them. Everything else
//! about SQL is the engine's own parser's business.

/// A statement in front of its `FORMAT` and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'text> {
    /// The text up to there, without semicolons at its end.
    pub(super) head: &'text str,
    /// The name after `FORMAT`.
    pub(super) format: Option<&'text str>,
    /// What stands behind that: `SETTINGS …` or nothing.
    pub(super) tail: &'text str,
}

/// Splits a statement. A text that only looks as if it ended with a format is
/// cut wrongly, which the engine's parser then refuses.
pub(super) fn split(sql: &str) -> Parts<'_> {
    let words = words(sql);
    let end = words.last().map_or(0, |word| word.end);
    let whole = Parts {
        head: &sql[..end],
        format: None,
        tail: "",
    };
    let is = |word: &Word, text: &str| sql[word.start..word.end].eq_ignore_ascii_case(text);
    let keyword = words
        .iter()
        .rposition(|word| word.depth == 0 && word.is_name && is(word, "FORMAT"));
    let Some(keyword) = keyword else {
        return whole;
    };
    let (Some(before), Some(name)) = (
        keyword.checked_sub(1).map(|index| &words[index]),
        words.get(keyword + 1),
    ) else {
        return whole;
    };
    let rest = words.get(keyword + 2);
    if !name.is_name || rest.is_some_and(|rest| !is(rest, "SETTINGS")) {
        return whole;
    }
    Parts {
        head: &sql[..before.end],
        format: Some(&sql[name.start..name.end]),
        tail: rest.map_or("", |rest| &sql[rest.start..end]),
    }
}

/// Whether a statement begins with a word, comments aside.
pub(super) fn begins_with(sql: &[u8], keyword: &str) -> bool {
    /// Bytes of comments that are read past: a statement has rows behind it.
    const LOOKED_AT: usize = 16 * 1024;

    let begin = &sql[..sql.len().min(LOOKED_AT)];
    let begin = match std::str::from_utf8(begin) {
        Ok(begin) => begin,
        Err(error) => std::str::from_utf8(&begin[..error.valid_up_to()]).unwrap_or_default(),
    };
    let first = words(begin).into_iter().next();
    first.is_some_and(|word| begin[word.start..word.end].eq_ignore_ascii_case(keyword))
}

/// A name, or any other piece of SQL that is no space, comment or semicolon.
#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    /// Brackets that are open around it.
    depth: usize,
    is_name: bool,
}

fn words(sql: &str) -> Vec<Word> {
    let bytes = sql.as_bytes();
    let mut words = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            byte if byte.is_ascii_whitespace() || byte == b';' => {
                at += 1;
                continue;
            }
            b'-' if sql[at..].starts_with("--") => {
                at = find(sql, at, "\n");
                continue;
            }
            b'/' if sql[at..].starts_with("/*") => {
                at = find(sql, at + 2, "*/");
                continue;
            }
            quote @ (b'\'' | b'"' | b'`') => at = quoted(bytes, at, quote),
            byte if is_name(byte) => {
                while at < bytes.len() && is_name(bytes[at]) {
                    at += 1;
                }
                words.push(Word {
                    start,
                    end: at,
                    depth,
                    is_name: true,
                });
                continue;
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
        words.push(Word {
            start,
            end: at,
            depth,
            is_name: false,
        });
    }
    words
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Behind the next `end`, or at the end of the text.
fn find(sql: &str, from: usize, end: &str) -> usize {
    let rest = sql.get(from..).unwrap_or_default();
    rest.find(end)
        .map_or(sql.len(), |found| from + found + end.len())
}

/// Behind the closing quote, or at the end of the text.
fn quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sql: &str) -> (&str, Option<&str>, &str) {
        let Parts { head, format, tail } = split(sql);
        (head, format, tail)
    }

    #[test]
    fn the_first_word_is_found_behind_comments() {
        assert!(begins_with(b"insert INTO t", "INSERT"));
        assert!(begins_with(
            b" -- x\n/* y */ EXPLAIN AST SELECT 1",
            "EXPLAIN"
        ));
        assert!(!begins_with(b"SELECT 1", "EXPLAIN"));
        assert!(begins_with(
            b"INSERT INTO t FORMAT Native\n\xff\xfe",
            "INSERT"
        ));
    }

    #[test]
    fn a_format_is_found_only_at_the_end_of_the_statement() {
        for (sql, expected) in [
            ("SELECT 1", ("SELECT 1", None, "")),
            ("SELECT 1 ;; ", ("SELECT 1", None, "")),
            ("SELECT 1 -- FORMAT x", ("SELECT 1", None, "")),
            ("SELECT 1 FORMAT JSON", ("SELECT 1", Some("JSON"), "")),
            (
                "SELECT 1\nformat /* here */ JSON;",
                ("SELECT 1", Some("JSON"), ""),
            ),
            (
                "SELECT 1 FORMAT CSV SETTINGS a = 'x', b = 2",
                ("SELECT 1", Some("CSV"), "SETTINGS a = 'x', b = 2"),
            ),
            (
                "SELECT 1 SETTINGS a = 1 FORMAT CSV",
                ("SELECT 1 SETTINGS a = 1", Some("CSV"), ""),
            ),
            ("SELECT 'a FORMAT b'", ("SELECT 'a FORMAT b'", None, "")),
            (
                r"SELECT 'it\'s' FORMAT TSV",
                (r"SELECT 'it\'s'", Some("TSV"), ""),
            ),
            ("SELECT format FROM t", ("SELECT format FROM t", None, "")),
            (
                "SELECT * FROM (SELECT 1 FORMAT JSON)",
                ("SELECT * FROM (SELECT 1 FORMAT JSON)", None, ""),
            ),
            (
                "SELECT * FROM format(JSONEachRow, 'x')",
                ("SELECT * FROM format(JSONEachRow, 'x')", None, ""),
            ),
            (
                "INSERT INTO t (a) FORMAT JSONEachRow",
                ("INSERT INTO t (a)", Some("JSONEachRow"), ""),
            ),
            ("SELECT 'é' FORMAT XML", ("SELECT 'é'", Some("XML"), "")),
            ("", ("", None, "")),
            ("FORMAT", ("FORMAT", None, "")),
        ] {
            assert_eq!(parts(sql), expected, "{sql}");
        }
    }
}
