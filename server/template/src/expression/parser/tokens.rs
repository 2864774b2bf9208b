//! The steps over the tokens: looking at the next one, taking it, or saying
//! what stands in its place. What the tokens mean is the parser's.

use std::sync::Arc;

use super::{Name, Parsed, Parser, SyntaxFault};
use crate::expression::lexer::Token;

/// Words of the grammar, which cannot be variables. Python reserves more, such
/// as `from`; here those are names like any other.
const KEYWORDS: &[&str] = &[
    "and", "else", "for", "if", "in", "is", "lambda", "not", "or",
];

impl Parser<'_> {
    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    pub(super) fn peek_second(&self) -> &Token {
        self.tokens.get(self.at + 1).unwrap_or(&Token::End)
    }

    pub(super) fn take(&mut self, operator: &str) -> bool {
        let found = matches!(self.peek(), Token::Operator(found) if *found == operator);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, operator: &str) -> Parsed<()> {
        match self.take(operator) {
            true => Ok(()),
            false => Err(SyntaxFault::new(format!(
                "expected '{operator}', found {}",
                self.found()
            ))),
        }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if &**found == word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        match self.take_word(word) {
            true => Ok(()),
            false => Err(SyntaxFault::new(format!(
                "expected '{word}', found {}",
                self.found()
            ))),
        }
    }

    pub(super) fn word(&mut self) -> Parsed<Arc<str>> {
        match self.peek().clone() {
            Token::Name(name) if !KEYWORDS.contains(&&*name) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(SyntaxFault::new(format!(
                "expected a name, found {}",
                self.found()
            ))),
        }
    }

    pub(super) fn name(&mut self) -> Parsed<Name> {
        let word = self.word()?;
        Ok(self.names.intern(&word))
    }

    pub(super) fn finish(&self) -> Parsed<()> {
        match self.peek() {
            Token::End => Ok(()),
            _ => Err(SyntaxFault::new(format!("unexpected {}", self.found()))),
        }
    }

    pub(super) fn found(&self) -> String {
        match self.peek() {
            Token::Name(name) => format!("'{name}'"),
            Token::Int(value) => format!("'{value}'"),
            Token::Float(value) => format!("'{value}'"),
            Token::Str(text) | Token::Format(text, _) => format!("the string '{text}'"),
            Token::Operator(operator) => format!("'{operator}'"),
            Token::End => "the end of the tag".to_owned(),
        }
    }
}
