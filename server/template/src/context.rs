//! Where in the SQL the next value stands: in code, inside a literal, in a
//! comment. A value is written differently in each, so that a template which
//! puts `{{…}}` between quotes is as safe as one that does not.
//!
//! This follows ClickHouse's lexer, and of its grammar only what `operand` needs.

use super::operand::Operands;

/// The lexical place at the end of some SQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LexicalContext {
    /// Between tokens or inside a bare word or number.
    Code,
    /// Inside `'…'`.
    SingleQuoted,
    /// Inside `"…"`.
    DoubleQuoted,
    /// Inside `` `…` ``.
    Backticked,
    /// After `--` or `#`, before the end of the line.
    LineComment,
    /// Inside `/* … */`.
    BlockComment,
    /// Inside text that has no way to escape a value: a heredoc, a hexadecimal
    /// or binary literal, typographic quotes, or right after a backslash.
    Sealed,
}

/// Follows SQL text as it grows.
#[derive(Debug)]
pub(crate) struct SqlScanner {
    context: LexicalContext,
    scanned: usize,
    operands: Operands,
}

impl SqlScanner {
    /// Starts before the first byte, in code.
    pub(crate) fn new() -> Self {
        Self {
            context: LexicalContext::Code,
            scanned: 0,
            operands: Operands::default(),
        }
    }

    /// What the next value is an operand of.
    pub(crate) fn operands(&self) -> &Operands {
        &self.operands
    }

    /// The place at the end of `sql`, of which everything up to the last call
    /// of [`Self::skip_to`] or this function is unchanged.
    pub(crate) fn advance(&mut self, sql: &str) -> LexicalContext {
        let bytes = sql.as_bytes();
        let mut at = self.scanned;
        while at < bytes.len() {
            at = match self.context {
                LexicalContext::Code => self.code(bytes, at),
                LexicalContext::SingleQuoted => self.quoted(bytes, at, b'\''),
                LexicalContext::DoubleQuoted => self.quoted(bytes, at, b'"'),
                LexicalContext::Backticked => self.quoted(bytes, at, b'`'),
                LexicalContext::LineComment => self.until(bytes, at, b"\n"),
                LexicalContext::BlockComment => self.until(bytes, at, b"*/"),
                LexicalContext::Sealed => bytes.len(),
            };
        }
        self.scanned = bytes.len();
        self.context
    }

    /// Notes that the text up to `length` holds a value, which never moves the
    /// place.
    pub(crate) fn skip_to(&mut self, length: usize) {
        self.scanned = length;
    }

    fn code(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = &bytes[at..];
        match rest {
            [b'\'', ..] => self.enter(LexicalContext::SingleQuoted, at + 1),
            [b'"', ..] => self.enter(LexicalContext::DoubleQuoted, at + 1),
            [b'`', ..] => self.enter(LexicalContext::Backticked, at + 1),
            [b'-', b'-', ..] => self.enter(LexicalContext::LineComment, at + 2),
            [b'#', b' ' | b'!', ..] => self.enter(LexicalContext::LineComment, at + 2),
            [b'/', b'*', ..] => self.enter(LexicalContext::BlockComment, at + 2),
            [b'x' | b'X' | b'b' | b'B', b'\'', ..] => self.bits(bytes, at),
            [b'$', ..] => self.heredoc(bytes, at),
            [0xe2, 0x80, 0x98 | 0x99, ..] => self.typographic(bytes, at, b"\xe2\x80\x99"),
            [0xe2, 0x80, 0x9c | 0x9d, ..] => self.typographic(bytes, at, b"\xe2\x80\x9d"),
            // A `$` inside a word belongs to it and opens nothing.
            [byte, ..] if is_word(*byte) => {
                let word = |byte: &&u8| is_word(**byte) || **byte == b'$';
                let length = rest.iter().take_while(word).count();
                self.operands.word(&rest[..length]);
                at + length
            }
            [mark, ..] => {
                self.operands.mark(*mark);
                at + 1
            }
            [] => at + 1,
        }
    }

    fn enter(&mut self, context: LexicalContext, at: usize) -> usize {
        self.context = context;
        at
    }

    /// `x'…'` and `b'…'` know no escapes at all.
    fn bits(&mut self, bytes: &[u8], at: usize) -> usize {
        match find(bytes, at + 2, b"'") {
            Some(end) => end + 1,
            None => self.enter(LexicalContext::Sealed, bytes.len()),
        }
    }

    fn heredoc(&mut self, bytes: &[u8], at: usize) -> usize {
        let word = bytes[at + 1..]
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
        let tag_end = at + 1 + word;
        match bytes.get(tag_end) {
            Some(b'$') => match find(bytes, tag_end + 1, &bytes[at..=tag_end]) {
                Some(end) => end + word + 2,
                None => self.enter(LexicalContext::Sealed, bytes.len()),
            },
            // The tag may still grow: what follows cannot be told yet.
            None => self.enter(LexicalContext::Sealed, bytes.len()),
            Some(_) => at + 1,
        }
    }

    fn typographic(&mut self, bytes: &[u8], at: usize, end: &[u8]) -> usize {
        match find(bytes, at + 3, end) {
            Some(found) => found + end.len(),
            None => self.enter(LexicalContext::Sealed, bytes.len()),
        }
    }

    fn quoted(&mut self, bytes: &[u8], at: usize, quote: u8) -> usize {
        let Some(offset) = bytes[at..]
            .iter()
            .position(|byte| *byte == quote || *byte == b'\\')
        else {
            return bytes.len();
        };
        let found = at + offset;
        if bytes[found] == quote {
            // A doubled quote re-enters at once, which comes to the same.
            return self.enter(LexicalContext::Code, found + 1);
        }
        if found + 1 == bytes.len() {
            return self.enter(LexicalContext::Sealed, bytes.len());
        }
        found + 2
    }

    fn until(&mut self, bytes: &[u8], at: usize, end: &[u8]) -> usize {
        match find(bytes, at, end) {
            Some(found) => self.enter(LexicalContext::Code, found + end.len()),
            None => bytes.len(),
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn find(bytes: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    bytes
        .get(from..)?
        .windows(needle.len())
        .position(|window| window == needle)
        .map(|offset| from + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context_after(sql: &str) -> LexicalContext {
        SqlScanner::new().advance(sql)
    }

    #[test]
    fn literals_comments_and_code_are_told_apart() {
        let cases = [
            ("SELECT a - b", LexicalContext::Code),
            ("SELECT 'it''s \\' ", LexicalContext::SingleQuoted),
            ("SELECT 'a' ", LexicalContext::Code),
            ("SELECT \"a", LexicalContext::DoubleQuoted),
            ("SELECT `a", LexicalContext::Backticked),
            ("SELECT 1 -- it's", LexicalContext::LineComment),
            ("SELECT 1 -- it's\n", LexicalContext::Code),
            ("SELECT 1 # it's", LexicalContext::LineComment),
            ("SELECT 1 /* ' ", LexicalContext::BlockComment),
            ("SELECT 1 /* ' */ ", LexicalContext::Code),
            ("SELECT $tag$ ' ", LexicalContext::Sealed),
            ("SELECT $tag$ ' $tag$ ", LexicalContext::Code),
            ("SELECT $ta", LexicalContext::Sealed),
            ("SELECT a$b$ ' ", LexicalContext::SingleQuoted),
            ("SELECT x'41", LexicalContext::Sealed),
            ("SELECT x'41' ", LexicalContext::Code),
            ("SELECT hex'41", LexicalContext::SingleQuoted),
            ("SELECT ‘a", LexicalContext::Sealed),
            ("SELECT ‘a’ ", LexicalContext::Code),
            ("SELECT 'a\\", LexicalContext::Sealed),
        ];
        for (sql, expected) in cases {
            assert_eq!(context_after(sql), expected, "{sql}");
        }
    }

    #[test]
    fn text_in_pieces_reads_like_text_at_once() {
        let mut scanner = SqlScanner::new();
        assert_eq!(scanner.advance("SELECT 'a"), LexicalContext::SingleQuoted);
        scanner.skip_to("SELECT 'a\\'".len());
        assert_eq!(scanner.advance("SELECT 'a\\'b' "), LexicalContext::Code);
    }
}
