//! What a value in the SQL is an operand of, as far as it changes how the value
//! is written: a pattern of LIKE, where `%` matches anything unless it is
//! escaped, and a LIMIT or OFFSET, which counts from the end below zero.
//!
//! Fed word by word and mark by mark by `context`.

/// The operators that hold at the end of some SQL, by parenthesis.
#[derive(Debug, Default)]
pub(crate) struct Operands {
    now: Level,
    outer: Vec<Level>,
    /// The last word was a function whose arguments are patterns.
    calls_like: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Level {
    is_pattern: bool,
    /// What a comma returns to: the parenthesis itself stands in a pattern.
    is_within_pattern: bool,
    is_limit: bool,
}

impl Operands {
    /// Whether the next value is matched as a pattern.
    pub(crate) fn is_pattern(&self) -> bool {
        self.now.is_pattern
    }

    /// Whether the next value says how many rows there are.
    pub(crate) fn is_limit(&self) -> bool {
        self.now.is_limit
    }

    pub(crate) fn word(&mut self, word: &[u8]) {
        let is = |words: &[&str]| {
            words
                .iter()
                .any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
        };
        self.calls_like = is(&["like", "ilike", "notlike", "notilike"]);
        if is(&["like", "ilike"]) {
            self.now.is_pattern = true;
        } else if is(&["limit", "offset"]) {
            self.now.is_limit = true;
            self.now.is_pattern = false;
        } else if is(BOUNDARIES) {
            self.now.is_limit = false;
            self.now.is_pattern = self.now.is_within_pattern;
        }
    }

    pub(crate) fn mark(&mut self, mark: u8) {
        match mark {
            b'(' => {
                let is_pattern = self.now.is_pattern || self.calls_like;
                self.outer.push(self.now);
                self.now = Level {
                    is_pattern,
                    is_within_pattern: is_pattern,
                    is_limit: self.now.is_limit,
                };
            }
            b')' => self.now = self.outer.pop().unwrap_or_default(),
            b',' => self.now.is_pattern = self.now.is_within_pattern,
            b'=' | b'<' | b'>' => self.now.is_pattern = false,
            b';' => self.now = Level::default(),
            _ => {}
        }
        self.calls_like &= mark.is_ascii_whitespace();
    }
}

/// Words that end an operand.
const BOUNDARIES: &[&str] = &[
    "and", "or", "as", "in", "between", "case", "when", "then", "else", "end", "select", "from",
    "where", "prewhere", "having", "qualify", "on", "using", "join", "group", "order", "by",
    "union", "settings", "format", "with", "asc", "desc",
];

#[cfg(test)]
mod tests {
    use crate::context::SqlScanner;

    #[test]
    fn patterns_are_what_stands_after_like_and_nothing_else() {
        for (sql, expected) in [
            ("WHERE a LIKE ", true),
            ("WHERE a NOT ILIKE concat('%', ", true),
            ("WHERE a LIKE '%' || ", true),
            ("WHERE a LIKE lower(concat(b, ", true),
            ("WHERE notLike(a, ", true),
            ("WHERE a LIKE '%", true),
            ("WHERE a = ", false),
            ("WHERE a LIKE 'x%' AND a = ", false),
            ("WHERE (a LIKE 'x%') OR b IN (", false),
            ("WHERE like(a, 'x%') AND b = ", false),
            ("WHERE a LIKE if(b = ", false),
            ("SELECT a LIKE 'x' AS b, ", false),
            ("SELECT like, ", false),
        ] {
            let mut scanner = SqlScanner::new();
            scanner.advance(sql);
            assert_eq!(scanner.operands().is_pattern(), expected, "{sql}");
        }
    }

    #[test]
    fn limits_and_offsets_hold_until_another_clause() {
        for (sql, expected) in [
            ("LIMIT ", true),
            ("LIMIT 10, ", true),
            ("LIMIT 10 OFFSET (", true),
            ("LIMIT 1 BY ", false),
            ("(SELECT 1 LIMIT 1) UNION ALL SELECT ", false),
            ("WHERE a > ", false),
        ] {
            let mut scanner = SqlScanner::new();
            scanner.advance(sql);
            assert_eq!(scanner.operands().is_limit(), expected, "{sql}");
        }
    }
}
