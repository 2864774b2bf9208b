//! `SHOW TABLES`, answered from what the caller may read: the engine would
//! show every table there is.

use http::StatusCode;
use service::ApiError;

use crate::access::Readable;
use datafile::tokens::{Token, TokenKind, tokenize};
use engine::guard::Catalog;
use engine::{Statement, sql};

/// What a SHOW TABLES asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShowTables {
    /// The database it names.
    database: Option<String>,
    /// `LIKE 'pattern'`, with NOT or without regard to case.
    pattern: Option<String>,
    /// `LIMIT` a number.
    limit: Option<String>,
    /// The name after FORMAT.
    pub(super) format: Option<String>,
}

impl ShowTables {
    /// Reads a statement in the engine's own spelling; `None` when it is
    /// another one, or asks for more.
    pub(super) fn read(canonical: &str) -> Option<Self> {
        let (tokens, unclosed) = tokenize(canonical);
        let mut words = Words {
            text: canonical,
            tokens: &tokens,
        };
        if unclosed.is_some() || !words.take("SHOW") || !words.take("TABLES") {
            return None;
        }
        let mut show = Self {
            database: None,
            pattern: None,
            limit: None,
            format: None,
        };
        if words.take("FROM") || words.take("IN") {
            show.database = Some(words.name()?);
        }
        let not = if words.take("NOT") { "NOT " } else { "" };
        for like in ["LIKE", "ILIKE"] {
            if words.take(like) {
                show.pattern = Some(format!("{not}{like} {}", words.pattern()?));
            }
        }
        if words.take("LIMIT") {
            show.limit = Some(words.number()?);
        }
        if words.take("FORMAT") {
            show.format = Some(words.name()?);
        }
        (words.tokens.is_empty() && (not.is_empty() || show.pattern.is_some())).then_some(show)
    }

    /// The names, without the engine's own list of them.
    pub(super) fn statement(
        &self,
        readable: &Readable<'_>,
        format: &str,
    ) -> Result<Statement, ApiError> {
        if let Some(database) = self.database.as_ref()
            && database != readable.database()
        {
            let message = format!("Resource '{database}' not found");
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "resource_not_found",
                message,
            ));
        }
        let names: Vec<String> = readable.names().into_iter().map(sql::literal).collect();
        let mut text = format!(
            "SELECT name FROM (SELECT arrayJoin(CAST([{}], 'Array(String)')) AS name)",
            names.join(", ")
        );
        for (word, rest) in [("WHERE name", &self.pattern), ("LIMIT", &self.limit)] {
            if let Some(rest) = rest {
                text.push_str(&format!(" {word} {rest}"));
            }
        }
        Ok(Statement::read(text, format))
    }
}

/// What is left to read.
struct Words<'text> {
    text: &'text str,
    tokens: &'text [Token],
}

impl Words<'_> {
    fn next(&mut self) -> Option<(&TokenKind, &str)> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some((&first.kind, &self.text[first.range.clone()]))
    }

    /// Takes a keyword if it is next.
    fn take(&mut self, keyword: &str) -> bool {
        let is_next = self.tokens.first().is_some_and(|token| {
            token.kind == TokenKind::Word
                && self.text[token.range.clone()].eq_ignore_ascii_case(keyword)
        });
        if is_next {
            self.tokens = &self.tokens[1..];
        }
        is_next
    }

    fn name(&mut self) -> Option<String> {
        match self.next()? {
            (TokenKind::Word, word) => Some(word.to_owned()),
            (TokenKind::Quoted(name), _) => Some(name.clone()),
            _ => None,
        }
    }

    /// A pattern without escapes, as a literal.
    fn pattern(&mut self) -> Option<String> {
        let (TokenKind::Text, text) = self.next()? else {
            return None;
        };
        let inside = text.strip_prefix('\'')?.strip_suffix('\'')?;
        (!inside.contains(['\'', '\\'])).then(|| sql::literal(inside))
    }

    fn number(&mut self) -> Option<String> {
        match self.next()? {
            (TokenKind::Number, digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clause_is_read() {
        let show =
            ShowTables::read("SHOW TABLES FROM `rookery` NOT ILIKE 'a%' LIMIT 3 FORMAT JSON");
        assert_eq!(
            show,
            Some(ShowTables {
                database: Some("rookery".into()),
                pattern: Some("NOT ILIKE 'a%'".into()),
                limit: Some("3".into()),
                format: Some("JSON".into()),
            })
        );
        assert!(ShowTables::read("SHOW TABLES").is_some());
    }

    #[test]
    fn what_asks_for_more_is_something_else() {
        for sql in [
            "SHOW CREATE TABLE a",
            "SHOW FULL TABLES",
            "SHOW TABLES WHERE 1",
            "SHOW TABLES NOT",
            "SHOW TABLES LIKE 'a' OR 1",
            "SHOW TABLES LIKE 'a\\'b'",
            "SHOW TABLES LIMIT 1 + 1",
            "SHOW TABLES FORMAT JSON SETTINGS a = 1",
            "SELECT 1",
        ] {
            assert_eq!(ShowTables::read(sql), None, "{sql}");
        }
    }
}
