//! Tokens of the SQL that stands in datafiles: columns, types, indexes, keys.
//!
//! Comments (`--`, `/* */`, and `#` at the beginning of a line) and white
//! space are left out. A token knows its bytes in the fragment it comes from.

use std::ops::Range;

use super::position::{Fragment, Position};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A name or keyword without quotes.
    Word,
    /// A name in backticks or double quotes, unescaped.
    Quoted(String),
    /// What follows `json:` in `` `json:$.a` ``.
    JsonPath(String),
    /// A string in single quotes.
    Text,
    /// A number.
    Number,
    /// Any other character.
    Symbol(char),
}

/// A token and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its bytes in the text.
    pub range: Range<usize>,
}

/// A quote or comment that is not closed.
#[derive(Debug, PartialEq, Eq)]
pub struct Unclosed {
    /// Where it opens.
    pub offset: usize,
    /// What it is, as in "the string".
    pub what: &'static str,
}

/// Splits text into tokens; after something unclosed there are none.
pub fn tokenize(text: &str) -> (Vec<Token>, Option<Unclosed>) {
    first_tokens(text, usize::MAX)
}

/// The first tokens of a text, without looking at the rest.
pub fn first_tokens(text: &str, count: usize) -> (Vec<Token>, Option<Unclosed>) {
    let mut lexer = Lexer {
        text,
        offset: 0,
        tokens: Vec::new(),
    };
    let unclosed = lexer.run(count).err();
    (lexer.tokens, unclosed)
}

struct Lexer<'text> {
    text: &'text str,
    offset: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    /// Reads until there are `count` tokens, or to the end.
    fn run(&mut self, count: usize) -> Result<(), Unclosed> {
        while self.tokens.len() < count
            && let Some(character) = self.rest().chars().next()
        {
            match character {
                _ if character.is_whitespace() => self.offset += character.len_utf8(),
                '-' if self.rest().starts_with("--") => self.skip_line(),
                '#' if self.at_line_start() => self.skip_line(),
                '/' if self.rest().starts_with("/*") => self.block_comment()?,
                '`' if self.rest().starts_with("`json:") => self.json_path()?,
                '`' | '"' => self.quoted_name(character)?,
                '\'' => {
                    let length =
                        quoted_length(self.rest(), '\'').ok_or(self.unclosed("the string"))?;
                    self.push(TokenKind::Text, length);
                }
                '0'..='9' => {
                    let length =
                        self.run_length(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
                    self.push(TokenKind::Number, length);
                }
                _ if character.is_alphanumeric() || character == '_' => {
                    let length = self.run_length(|c| c.is_alphanumeric() || c == '_');
                    self.push(TokenKind::Word, length);
                }
                _ => self.push(TokenKind::Symbol(character), character.len_utf8()),
            }
        }
        Ok(())
    }

    fn rest(&self) -> &str {
        &self.text[self.offset..]
    }

    fn unclosed(&self, what: &'static str) -> Unclosed {
        Unclosed {
            offset: self.offset,
            what,
        }
    }

    fn at_line_start(&self) -> bool {
        let line = self.text[..self.offset]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        self.text[line..self.offset].trim().is_empty()
    }

    fn skip_line(&mut self) {
        self.offset += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    fn run_length(&self, belongs: impl Fn(char) -> bool) -> usize {
        self.rest()
            .find(|character| !belongs(character))
            .unwrap_or(self.rest().len())
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        self.tokens.push(Token {
            kind,
            range: self.offset..self.offset + length,
        });
        self.offset += length;
    }

    fn block_comment(&mut self) -> Result<(), Unclosed> {
        let end = self.rest().find("*/").ok_or(self.unclosed("the comment"))?;
        self.offset += end + 2;
        Ok(())
    }

    fn quoted_name(&mut self, quote: char) -> Result<(), Unclosed> {
        let length = quoted_length(self.rest(), quote).ok_or(self.unclosed("the quoted name"))?;
        let name = unescape(&self.rest()[1..length - 1], quote);
        self.push(TokenKind::Quoted(name), length);
        Ok(())
    }

    /// A JSONPath may hold names in backticks of its own, after a dot.
    fn json_path(&mut self) -> Result<(), Unclosed> {
        let start = "`json:".len();
        let mut in_name = false;
        let mut previous = ':';
        for (index, character) in self.rest()[start..].char_indices() {
            match character {
                '\n' => break,
                '`' if in_name => in_name = false,
                '`' if previous == '.' => in_name = true,
                '`' => {
                    let path = self.rest()[start..start + index].to_owned();
                    self.push(TokenKind::JsonPath(path), start + index + 1);
                    return Ok(());
                }
                _ => {}
            }
            previous = character;
        }
        Err(self.unclosed("the JSONPath"))
    }
}

/// The length of a quoted run at the beginning of `text`, quotes included. A
/// quote within is doubled or follows a backslash.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => characters.next(),
                _ => return Some(index + quote.len_utf8()),
            };
        }
    }
    None
}

/// The text within quotes, without backslashes and doubled quotes.
fn unescape(text: &str, quote: char) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' || character == quote {
            plain.extend(characters.next());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Walks over the tokens of a fragment.
#[derive(Debug)]
pub(crate) struct Cursor<'text> {
    source: &'text Fragment,
    tokens: Vec<Token>,
    next: usize,
}

impl<'text> Cursor<'text> {
    /// A cursor before the first token, and what is unclosed.
    pub(crate) fn new(source: &'text Fragment) -> (Self, Option<Unclosed>) {
        let (tokens, unclosed) = tokenize(source);
        (
            Self {
                source,
                tokens,
                next: 0,
            },
            unclosed,
        )
    }

    /// The kind of the next token.
    pub(crate) fn peek(&self) -> Option<&TokenKind> {
        self.peek_at(0)
    }

    /// The kind of the token `ahead` tokens after the next.
    pub(crate) fn peek_at(&self, ahead: usize) -> Option<&TokenKind> {
        self.tokens.get(self.next + ahead).map(|token| &token.kind)
    }

    /// Steps over the next token and returns it.
    pub(crate) fn advance(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += usize::from(token.is_some());
        token
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.next >= self.tokens.len()
    }

    pub(crate) fn at_symbol(&self, symbol: char) -> bool {
        self.peek() == Some(&TokenKind::Symbol(symbol))
    }

    /// Steps over a symbol if it is next.
    pub(crate) fn take_symbol(&mut self, symbol: char) -> bool {
        let there = self.at_symbol(symbol);
        self.next += usize::from(there);
        there
    }

    /// Whether the token `ahead` after the next is this word, in any case.
    pub(crate) fn at_word(&self, ahead: usize, word: &str) -> bool {
        self.peek_at(ahead) == Some(&TokenKind::Word)
            && self.text_at(ahead).eq_ignore_ascii_case(word)
    }

    /// The next token's text; empty at the end.
    pub(crate) fn text(&self) -> &'text str {
        self.text_at(0)
    }

    /// The text of the token `ahead` tokens after the next.
    pub(crate) fn text_at(&self, ahead: usize) -> &'text str {
        let token = self.tokens.get(self.next + ahead);
        token.map_or("", |token| &self.source.as_str()[token.range.clone()])
    }

    /// Where the next token stands; at the end, where the text ends.
    pub(crate) fn position(&self) -> Position {
        let offset = match self.tokens.get(self.next) {
            Some(token) => token.range.start,
            None => self.tokens.last().map_or(0, |token| token.range.end),
        };
        self.source.position(offset)
    }

    /// Whether the next token touches the one before it.
    pub(crate) fn is_adjacent(&self) -> bool {
        let previous = self
            .next
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index));
        let next = self.tokens.get(self.next);
        matches!((previous, next), (Some(previous), Some(next)) if previous.range.end == next.range.start)
    }

    /// Whether the next token is the first of its line.
    pub(crate) fn begins_line(&self) -> bool {
        let Some(next) = self.tokens.get(self.next) else {
            return false;
        };
        let previous = self
            .next
            .checked_sub(1)
            .map_or(0, |index| self.tokens[index].range.end);
        self.source.as_str()[previous..next.range.start].contains('\n')
    }

    /// The token before the next.
    pub(crate) fn previous(&self) -> Option<&TokenKind> {
        self.next
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index))
            .map(|token| &token.kind)
    }

    /// Steps over tokens, whole parentheses at a time, until `stop` says so
    /// outside of any, or the end, or a closing one that opens before here.
    /// Returns the text stepped over, as written.
    pub(crate) fn skip_until(&mut self, mut stop: impl FnMut(&Self) -> bool) -> Fragment {
        let first = self.next;
        let mut depth = 0_usize;
        while let Some(kind) = self.peek() {
            match kind {
                TokenKind::Symbol(')' | ']' | '}') if depth == 0 => break,
                _ if depth == 0 && stop(self) => break,
                TokenKind::Symbol('(' | '[' | '{') => depth += 1,
                TokenKind::Symbol(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            self.next += 1;
        }
        if first == self.next {
            return Fragment::empty(self.position());
        }
        self.source
            .slice(self.tokens[first].range.start..self.tokens[self.next - 1].range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        tokenize(text)
            .0
            .into_iter()
            .map(|token| token.kind)
            .collect()
    }

    #[test]
    fn comments_and_white_space_are_left_out() {
        let text = "a -- b\n /* c */ 'd -- e' # f\n  # g\n1.5e3";
        use TokenKind::{Number, Symbol, Text, Word};
        assert_eq!(kinds(text), [Word, Text, Symbol('#'), Word, Number]);
    }

    #[test]
    fn quoted_names_are_unescaped() {
        assert_eq!(kinds("`a``b\\`c`"), [TokenKind::Quoted("a`b`c".to_owned())]);
        assert_eq!(kinds("\"a b\""), [TokenKind::Quoted("a b".to_owned())]);
    }

    #[test]
    fn json_paths_may_hold_quoted_names() {
        let path = |text: &str| kinds(text) == [TokenKind::JsonPath("$.`a.b`[:].c".to_owned())];
        assert!(path("`json:$.`a.b`[:].c`"));
        assert_eq!(
            kinds("`json:$.`a``"),
            [TokenKind::JsonPath("$.`a`".to_owned())]
        );
    }

    #[test]
    fn what_is_unclosed_is_named() {
        for (text, what) in [
            ("a 'b\\'", "the string"),
            ("a `b", "the quoted name"),
            ("a /* b", "the comment"),
            ("a `json:$.x\n`", "the JSONPath"),
        ] {
            assert_eq!(
                tokenize(text).1,
                Some(Unclosed { offset: 2, what }),
                "{text}"
            );
        }
    }
}
