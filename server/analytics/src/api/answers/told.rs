//! What a caller is told of a statement that ran or failed.
//!
//! Administrators read what the engine says. A person's token gets our words:
//! the engine's own tell of SQL, of tables and of values that are not theirs,
//! and its counts of rows that a filter took away. Nobody is told a secret.

use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use service::ApiError;

use crate::access::Access;
use crate::api::answers::endpoint::respond;
use crate::api::error::engine_error;
use crate::api::state::Served;
use crate::query::{Parameter, Parameters, QueryError};
use datafile::tokens::{TokenKind, tokenize};
use engine::{Answer, EngineError, Statement, Statistics};

/// How one caller is told.
#[derive(Debug)]
pub(crate) struct Told {
    is_jwt: bool,
    /// Whether rows may have been taken away by a filter.
    is_filtered: bool,
    /// Whether a secret is bound to what runs.
    has_secrets: bool,
    /// Names in the SQL that the caller sent.
    names: Vec<String>,
    /// The caller's parameters whose values may be names.
    parameters: Vec<(String, String)>,
}

impl Told {
    /// For a caller who sent parameters and maybe `sql`.
    pub(crate) fn new(
        access: &Access,
        served: &Served,
        sql: Option<&str>,
        parameters: &Parameters,
    ) -> Self {
        Self {
            is_jwt: access.is_jwt(),
            is_filtered: access.is_jwt() && served.project.has_tenants(),
            has_secrets: false,
            names: sql.map(names).unwrap_or_default(),
            parameters: parameters.iter().filter_map(text).collect(),
        }
    }

    /// The same, for what is about to run.
    pub(crate) fn of(mut self, statement: &Statement) -> Self {
        // Nothing but secrets is bound.
        self.has_secrets = !statement.parameters.is_empty();
        self
    }

    /// Why there is nothing to run.
    pub(crate) fn refused(&self, error: QueryError) -> ApiError {
        match error {
            QueryError::Engine(error) => self.failed(error),
            error => error.into(),
        }
    }

    /// What went wrong when it ran.
    pub(crate) fn failed(&self, error: EngineError) -> ApiError {
        if !self.is_jwt && !self.has_secrets {
            return engine_error(error);
        }
        let EngineError::Query {
            code,
            name,
            message,
        } = error
        else {
            return engine_error(error);
        };
        let words = self.words(code, &message);
        let told = engine_error(EngineError::Query {
            code,
            name,
            message: words,
        });
        match self.has_secrets {
            true => told,
            false => told.with_cause(message),
        }
    }

    fn words(&self, code: i32, message: &str) -> String {
        let what = match code {
            62 => return unreadable(message),
            46 => self.named("a function", message),
            47 => self.named("a column", message),
            60 | 81 => self.named("a table", message),
            42 | 43 | 44 | 48 | 53 | 70 | 386 => {
                "a function is given values of a type, or a number of values, that it does not \
                 take: check its arguments"
                    .to_owned()
            }
            184 | 215 => {
                "a column stands beside aggregates that is neither grouped by nor aggregated: add \
                 it to GROUP BY"
                    .to_owned()
            }
            141 | 181 => "FINAL or SAMPLE stands where it cannot: leave it out".to_owned(),
            158 | 241 | 396 => "it takes more than it may: ask for less".to_owned(),
            395 => "it refuses a value itself: check the parameters".to_owned(),
            6 | 26 | 27 | 32 | 36 | 38 | 41 | 69 | 72 | 117 | 131 | 153 | 190 | 321 | 349 | 407
            | 441 | 467 | 675 | 676 | 691 => {
                "a value cannot be made what the query makes of it: use a function that allows \
                 for other values, such as one whose name ends in OrNull"
                    .to_owned()
            }
            _ => "check the SQL and the parameters".to_owned(),
        };
        format!("The query failed: {what}")
    }

    /// What is not there, by its name if the caller wrote it.
    fn named(&self, what: &str, message: &str) -> String {
        let named = quoted(message);
        let parameter = self
            .parameters
            .iter()
            .find(|(_, value)| named.contains(&value.as_str()));
        let name = self
            .names
            .iter()
            .find(|name| named.contains(&name.as_str()));
        match (name, parameter) {
            (Some(name), _) => format!("{what} `{name}` is not there: check its name"),
            (None, Some((parameter, _))) => {
                format!("{what} that the parameter `{parameter}` names is not there")
            }
            (None, None) => format!("{what} that it names is not there"),
        }
    }

    /// The answer as it is sent.
    pub(crate) fn answered(&self, answer: Answer, format: &str) -> Response {
        if !self.is_filtered {
            return respond(answer, format);
        }
        let counted = answer.statistics;
        let told = Answer {
            body: without_counts(answer.body, format),
            statistics: Statistics {
                elapsed: counted.elapsed,
                ..Statistics::default()
            },
        };
        let mut response = respond(told, format);
        response.extensions_mut().insert(counted);
        response
    }
}

/// Where the caller's own SQL cannot be read.
fn unreadable(message: &str) -> String {
    let place = message
        .split_once("failed at position ")
        .map(|(_, rest)| rest);
    let digits: String = place
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    match digits.is_empty() {
        true => "Syntax error: the SQL is not one whole statement".to_owned(),
        false => format!("Syntax error: the SQL cannot be read from its character {digits} on"),
    }
}

/// What a message puts into quotes.
fn quoted(message: &str) -> Vec<&str> {
    let mut quoted = Vec::new();
    for quote in ['`', '\''] {
        quoted.extend(message.split(quote).skip(1).step_by(2));
    }
    quoted
}

fn names(sql: &str) -> Vec<String> {
    let (tokens, _) = tokenize(sql);
    let name = |token: &datafile::tokens::Token| match &token.kind {
        TokenKind::Word => Some(sql[token.range.clone()].to_owned()),
        TokenKind::Quoted(name) => Some(name.clone()),
        _ => None,
    };
    tokens.iter().filter_map(name).collect()
}

fn text((name, value): (&str, &Parameter)) -> Option<(String, String)> {
    let text = match value {
        Parameter::Text(text) | Parameter::Json(Value::String(text)) => text,
        Parameter::List(_) | Parameter::Json(_) => return None,
    };
    Some((name.to_owned(), text.clone()))
}

/// An answer without the counts that some formats carry: of rows read, and of
/// rows before a LIMIT, which are those of the blocks that were read.
fn without_counts(body: Bytes, format: &str) -> Bytes {
    match format {
        "JSON" | "JSONCompact" | "JSONStrings" => without_counts_at_end(body),
        "JSONStringsEachRowWithProgress" => {
            let lines = body.split_inclusive(|byte| *byte == b'\n');
            let rows = lines.filter(|line| !line.starts_with(b"{\"progress\""));
            rows.collect::<Vec<_>>().concat().into()
        }
        _ => body,
    }
}

fn without_counts_at_end(body: Bytes) -> Bytes {
    /// What follows the rows begins like this; in a row there is no line break.
    const ROWS: &[u8] = b"\n\t\"rows\": ";
    /// The counts stand within so many bytes of the end.
    const END: usize = 512;

    let from = body.len().saturating_sub(END);
    let found = body[from..]
        .windows(ROWS.len())
        .rposition(|bytes| bytes == ROWS);
    let Some(at) = found.map(|found| from + found) else {
        return body;
    };
    let end = String::from_utf8_lossy(&body[at..]);
    let mut told = String::with_capacity(end.len());
    let mut lines = end.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let name = line.trim_start();
        if name.starts_with("\"rows_before") {
            // The empty line that follows it.
            lines.next();
            continue;
        }
        match name.split_once(": ") {
            Some((count @ ("\"rows_read\"" | "\"bytes_read\""), rest)) => {
                let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
                told.push_str(&format!("\t\t{count}: 0{after}"));
            }
            _ => told.push_str(line),
        }
    }
    [&body[..at], told.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_format_tells_how_many_rows_were_read() {
        let body = "{\n\t\"data\":\n\t[\n\t\t[\"x\\n\\t\\\"rows\\\": 5\"]\n\t],\n\n\t\"rows\": 1,\n\n\t\"rows_before_limit_at_least\": 12,\n\n\t\"statistics\":\n\t{\n\t\t\"elapsed\": 0.5,\n\t\t\"rows_read\": 312,\n\t\t\"bytes_read\": 2836\n\t}\n}\n";
        let told = without_counts(Bytes::from(body), "JSONCompact");
        let expected = body
            .replace("\t\"rows_before_limit_at_least\": 12,\n\n", "")
            .replace("312", "0")
            .replace("2836", "0");
        assert_eq!(told, expected.as_bytes());
        let lines =
            "{\"progress\":{\"read_rows\":\"312\"}}\n{\"row\":{\"a\":\"1\"}}\n{\"progress\":{}}\n";
        let told = without_counts(Bytes::from(lines), "JSONStringsEachRowWithProgress");
        assert_eq!(told, "{\"row\":{\"a\":\"1\"}}\n".as_bytes());
        let csv = without_counts(Bytes::from(body), "CSV");
        assert_eq!(csv, body.as_bytes());
    }

    #[test]
    fn a_syntax_error_is_told_by_its_place() {
        let message = "Syntax error: failed at position 8 (nosuch) (line 1, col 8): secret.";
        assert_eq!(
            unreadable(message),
            "Syntax error: the SQL cannot be read from its character 8 on"
        );
    }
}
