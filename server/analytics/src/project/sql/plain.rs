//! Whether a SQL text asks so little of a table's columns that those need not
//! be rebuilt (`clean`): then most endpoints cost what they always did.
//!
//! Only what is known to be harmless counts: a text that uses anything else is
//! not plain, whatever that would do.

use datafile::tokens::{Token, TokenKind, tokenize};

/// Functions that fail on no value, and whose results tell of nothing but it:
/// over a dictionary they do no harm. In lower case.
const TOTAL: &[&str] = &[
    "and",
    "any",
    "anyif",
    "anylast",
    "argmax",
    "argmaxif",
    "argmin",
    "argminif",
    "array",
    "as",
    "assumenotnull",
    "avg",
    "avgif",
    "between",
    "by",
    "coalesce",
    "concat",
    "count",
    "countif",
    "distinct",
    "empty",
    "endswith",
    "equals",
    "except",
    "from",
    "grouparray",
    "grouparrayif",
    "groupuniqarray",
    "having",
    "if",
    "ifnull",
    "in",
    "isnotnull",
    "isnull",
    "join",
    "length",
    "lower",
    "max",
    "maxif",
    "min",
    "minif",
    "multiif",
    "not",
    "notempty",
    "nullif",
    "on",
    "or",
    "over",
    "partition",
    "row_number",
    "select",
    "startswith",
    "sum",
    "sumif",
    "then",
    "topk",
    "tostring",
    "tuple",
    "union",
    "uniq",
    "uniqexact",
    "uniqexactif",
    "uniqif",
    "upper",
    "using",
    "values",
    "when",
    "where",
    "with",
];

/// Words of SQL that name nothing.
const WORDS: &[&str] = &[
    "and", "as", "false", "interval", "not", "null", "or", "true",
];

/// Operators that may fail, and words by which columns are not named.
const PARTIAL: &[&str] = &["apply", "columns", "div", "ilike", "like", "mod", "regexp"];

/// Whether a text is plain. Of the columns in `safe` any function may be made:
/// nothing else stands in what they share.
pub(crate) fn is_plain(sql: &str, safe: &dyn Fn(&str) -> bool) -> bool {
    let (tokens, unclosed) = tokenize(sql);
    let text = Text {
        sql,
        tokens: &tokens,
        safe,
    };
    unclosed.is_none() && (0..tokens.len()).all(|index| text.is_plain_at(index))
}

/// Whether a text may name a column that every table has beside its own, such
/// as `_part`: their names begin alike.
pub(crate) fn names_hidden_columns(sql: &str) -> bool {
    let (tokens, _) = tokenize(sql);
    tokens.iter().any(|token| match &token.kind {
        TokenKind::Word => sql[token.range.clone()].starts_with('_'),
        TokenKind::Quoted(name) => name.starts_with('_'),
        _ => false,
    })
}

/// The functions that a text may call, in lower case.
pub(crate) fn calls(sql: &str) -> Vec<String> {
    let (tokens, _) = tokenize(sql);
    let called = tokens
        .windows(2)
        .filter(|pair| pair[1].kind == TokenKind::Symbol('('));
    let name = |pair: &[Token]| match &pair[0].kind {
        TokenKind::Word => Some(sql[pair[0].range.clone()].to_ascii_lowercase()),
        TokenKind::Quoted(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    called.filter_map(name).collect()
}

struct Text<'t> {
    sql: &'t str,
    tokens: &'t [Token],
    safe: &'t dyn Fn(&str) -> bool,
}

impl Text<'_> {
    fn is_plain_at(&self, index: usize) -> bool {
        let opens = self.is_symbol(index + 1, '(');
        match &self.tokens[index].kind {
            TokenKind::Word => {
                let word = self.word(index);
                let is_partial = PARTIAL.contains(&word.as_str());
                // A name for something else would be safe by its looks alone.
                let renames =
                    index > 0 && self.word(index - 1) == "as" && (self.safe)(self.raw(index));
                !is_partial && !renames && (!opens || self.is_plain_call(index, &word))
            }
            TokenKind::Quoted(name) => !opens && !(self.safe)(name),
            // `x::T`, `x % y`, `x[y]`, `x -> y`.
            TokenKind::Symbol(':') => !self.is_symbol(index + 1, ':'),
            TokenKind::Symbol('%' | '[') => false,
            TokenKind::Symbol('>') => index == 0 || !self.is_symbol(index - 1, '-'),
            _ => true,
        }
    }

    /// Whether a call is of a total function, or of any on what is safe.
    fn is_plain_call(&self, index: usize, function: &str) -> bool {
        if TOTAL.contains(&function) {
            return true;
        }
        let end = self.call_end(index + 1);
        if function == "cast"
            && self
                .tokens
                .get(end - 1)
                .is_some_and(|last| &self.sql[last.range.clone()] == "'String'")
        {
            return true;
        }
        (index + 2..end).all(|inner| match &self.tokens[inner].kind {
            TokenKind::Word => {
                // `{name:Type}` is a value.
                let is_bound = self.is_symbol(inner - 1, '{') || self.is_symbol(inner - 1, ':');
                is_bound
                    || self.is_symbol(inner + 1, '(')
                    || WORDS.contains(&self.word(inner).as_str())
                    || (self.safe)(self.raw(inner))
            }
            TokenKind::Quoted(name) => (self.safe)(name),
            TokenKind::Symbol('*') | TokenKind::JsonPath(_) => false,
            _ => true,
        })
    }

    /// The parenthesis that closes the one at `open`, or the text's end.
    fn call_end(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for index in open..self.tokens.len() {
            match self.tokens[index].kind {
                TokenKind::Symbol('(') => depth += 1,
                TokenKind::Symbol(')') if depth == 1 => return index,
                TokenKind::Symbol(')') => depth -= 1,
                _ => {}
            }
        }
        self.tokens.len()
    }

    fn is_symbol(&self, index: usize, symbol: char) -> bool {
        self.tokens
            .get(index)
            .is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    }

    fn raw(&self, index: usize) -> &str {
        &self.sql[self.tokens[index].range.clone()]
    }

    /// The word at `index` in lower case; empty for any other token.
    fn word(&self, index: usize) -> String {
        match self.tokens[index].kind {
            TokenKind::Word => self.raw(index).to_ascii_lowercase(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_harmless_is_plain() {
        let safe = |name: &str| ["ts", "n"].contains(&name);
        for sql in [
            "SELECT city, count() AS c, avg(n) FROM t WHERE org = 'ua' AND city != 'x' GROUP BY city ORDER BY c LIMIT 3",
            "SELECT toHour(ts, 'UTC') AS h, toDateTime(toDate('2020-01-01')) + 1, intDiv(n, 3) FROM t",
            "SELECT CAST(b.city, 'String') AS s, if(a.name = '', b.city, a.name) FROM b LEFT JOIN a ON a.city = b.city",
            "SELECT toDate({day:Date}) FROM t",
            "SELECT ifNull((SELECT argMax(x, y) FROM u WHERE z = 'w'), 0) FROM t WHERE city IN ('a', 'b')",
        ] {
            assert!(is_plain(sql, &safe), "{sql}");
        }
        for sql in [
            "SELECT base64Decode(city) FROM t",
            "SELECT base64Decode(c) FROM (SELECT city AS c FROM t)",
            "SELECT toDate(ts) FROM (SELECT city AS ts FROM t)",
            "SELECT toDate(`ts`) FROM (SELECT city AS `ts` FROM t)",
            "SELECT CAST(city, 'Date') FROM t",
            "SELECT CAST(city AS Date) FROM t",
            "SELECT city::Date FROM t",
            "SELECT 'x' LIKE city FROM t",
            "SELECT n % city FROM t",
            "SELECT arrayMap(x -> base64Decode(x), tags) FROM t",
            "SELECT max(base64Decode(city)) FROM t",
            "SELECT toDate(COLUMNS('c')) FROM t",
            "SELECT * APPLY (base64Decode) FROM t",
            "SELECT * APPLY base64Decode FROM t",
            "SELECT `base64Decode`(city) FROM t",
            "SELECT toDate(*) FROM t",
            "SELECT 'open",
        ] {
            assert!(!is_plain(sql, &safe), "{sql}");
        }
    }

    #[test]
    fn hidden_columns_and_calls_are_seen() {
        assert!(names_hidden_columns("SELECT _part FROM t"));
        assert!(names_hidden_columns("SELECT t.`_part` FROM t"));
        assert!(!names_hidden_columns("SELECT '_part', a_b FROM t -- _part"));
        assert_eq!(calls("SELECT F(a), `g` (b), 'h'(c) FROM t"), ["f", "g"]);
    }
}
