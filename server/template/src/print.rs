//! Values as SQL. Whatever a value holds, it ends as literals, or as text that
//! the language's own functions made; where it stands decides how it is escaped.

use super::context::{LexicalContext, SqlScanner};
use super::escape;
use super::fault::{Class, Fault, Outcome};
use super::limits::Budget;
use super::text::float_text;
use super::value::Value;

/// The SQL rendered so far.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) sql: String,
    scanner: SqlScanner,
}

impl Output {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            sql: String::with_capacity(capacity),
            scanner: SqlScanner::new(),
        }
    }

    /// Appends text of the template itself.
    pub(super) fn push_text(&mut self, text: &str, budget: &Budget) -> Outcome<()> {
        self.sql.push_str(text);
        budget.check_output(self.sql.len())
    }

    /// Appends a value as SQL.
    pub(super) fn push_value(&mut self, value: &Value, budget: &mut Budget) -> Outcome<()> {
        budget.charge(value.weight())?;
        let context = self.scanner.advance(&self.sql);
        let is_pattern = self.scanner.operands().is_pattern();
        match context {
            LexicalContext::Code => {
                self.push_code(value, is_pattern)?;
                self.check_limit(value)?;
            }
            LexicalContext::SingleQuoted | LexicalContext::DoubleQuoted => {
                escape::push_string_content(&mut self.sql, &plain_text(value)?, is_pattern);
            }
            LexicalContext::Backticked => {
                escape::push_identifier_content(&mut self.sql, &plain_text(value)?)
            }
            LexicalContext::LineComment => {
                let mut text = String::new();
                push_sql(&mut text, value, is_pattern)?;
                self.sql.push_str(&text);
            }
            LexicalContext::BlockComment => {
                let mut text = String::new();
                push_sql(&mut text, value, is_pattern)?;
                self.sql.push_str(&text.replace('*', "\u{2217}"));
            }
            LexicalContext::Sealed => {
                return Err(Fault::template(
                    "A value cannot be placed inside a heredoc, a hexadecimal literal, typographic quotes or after a backslash",
                ));
            }
        }
        // Only the language's own comment lines end a line comment; they hold
        // no value, so reading them as text is safe.
        if !matches!(value, Value::Sql(text) if text.ends_with('\n')) {
            self.scanner.skip_to(self.sql.len());
        }
        budget.check_output(self.sql.len())
    }

    /// Below zero the engine counts from the last row.
    fn check_limit(&self, value: &Value) -> Outcome<()> {
        if !self.scanner.operands().is_limit() || !is_negative(value) {
            return Ok(());
        }
        Err(Fault::new(
            Class::Validation,
            format!("LIMIT and OFFSET count rows and cannot be {}", value.text()),
        ))
    }

    /// Between tokens a value must not merge with what stands before it into
    /// another token: `-` and `-5` would open a comment, `x` and `'…'` a
    /// hexadecimal literal.
    fn push_code(&mut self, value: &Value, is_pattern: bool) -> Outcome<()> {
        let before = self.sql.len();
        push_sql(&mut self.sql, value, is_pattern)?;
        let (head, tail) = self.sql.as_bytes().split_at(before);
        let (Some(last), Some(first)) = (head.last(), tail.first()) else {
            return Ok(());
        };
        let merges = match first {
            b'-' if tail.get(1) == Some(&b'-') => *last == b'-',
            b'-' if last.is_ascii_alphanumeric() || matches!(last, b'_' | b'$') => {
                return Err(Fault::template(format!(
                    "A negative number cannot follow '{}' directly, leave a space before it",
                    char::from(*last)
                )));
            }
            b'-' => *last == b'-',
            b'\'' => matches!(last, b'x' | b'X' | b'b' | b'B'),
            _ => false,
        };
        if merges {
            self.sql.insert(before, ' ');
        }
        Ok(())
    }
}

/// What a value is between quotes: its text, without quotes of its own.
fn plain_text(value: &Value) -> Outcome<String> {
    match value {
        Value::Str(text) | Value::Sql(text) => Ok(text.to_string()),
        Value::Int(int) => Ok(int.value.to_string()),
        Value::Float(float) => Ok(float_text(float.value)),
        Value::Wide { digits, .. } => Ok(digits.to_string()),
        other => {
            let mut text = String::new();
            push_sql(&mut text, other, false)?;
            Ok(text)
        }
    }
}

fn is_negative(value: &Value) -> bool {
    match value {
        Value::Int(int) => int.value < 0,
        Value::Float(float) => float.value < 0.0,
        Value::Wide { digits, .. } => digits.starts_with('-'),
        _ => false,
    }
}

/// Appends `value` as an SQL expression; the texts of a pattern match
/// themselves.
pub(super) fn push_sql(out: &mut String, value: &Value, is_pattern: bool) -> Outcome<()> {
    let push_all =
        |out: &mut String, open, items: &mut dyn Iterator<Item = &Value>, close, typed| {
            push_all(out, (open, close), items, typed, is_pattern)
        };
    match value {
        Value::None => out.push_str("NULL"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(int) => push_cast(out, int.cast, &int.value.to_string()),
        Value::Float(float) => push_cast(out, float.cast, &float_text(float.value)),
        Value::Wide { digits, cast } => push_cast(out, Some(cast), digits),
        Value::Str(text) => escape::push_string(out, text, is_pattern),
        Value::Sql(text) => out.push_str(text),
        Value::List(list) => push_all(out, "[", &mut list.iter(), "]", list.is_typed())?,
        Value::Tuple(items) if items.len() == 1 => {
            push_all(out, "(", &mut items.iter(), ",)", false)?
        }
        Value::Tuple(items) => push_all(out, "(", &mut items.iter(), ")", false)?,
        Value::Set(set) => push_all(out, "[", &mut set.iter().map(|key| &key.0), "]", false)?,
        Value::Dict(dict) => {
            let mut parts = dict.iter().flat_map(|(key, value)| [&key.0, value]);
            push_all(out, "map(", &mut parts, ")", false)?;
        }
        Value::Placeholder => out.push_str("'__no_value__'"),
        Value::Function(_) | Value::Lambda(_) => {
            return Err(Fault::type_error(
                "a function cannot be printed as SQL, call it",
            ));
        }
    }
    Ok(())
}

fn push_cast(out: &mut String, cast: Option<&str>, digits: &str) {
    match cast {
        Some(cast) => {
            out.push_str("to");
            out.push_str(cast);
            out.push_str("('");
            out.push_str(digits);
            out.push_str("')");
        }
        None => out.push_str(digits),
    }
}

fn push_all<'v>(
    out: &mut String,
    (open, close): (&str, &str),
    items: impl Iterator<Item = &'v Value>,
    typed: bool,
    is_pattern: bool,
) -> Outcome<()> {
    out.push_str(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        match item {
            Value::Str(text) if !typed => escape::push_list_item(out, text),
            // Items of a list are bare: the list's own type decides.
            Value::Int(int) => out.push_str(&int.value.to_string()),
            Value::Float(float) => out.push_str(&float_text(float.value)),
            Value::Wide { digits, .. } => out.push_str(digits),
            item => push_sql(out, item, is_pattern)?,
        }
    }
    out.push_str(close);
    Ok(())
}
