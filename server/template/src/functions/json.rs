//! `JSON()`: a reader that fails with Python's texts.

use indexmap::IndexMap;

use super::{Arguments, Evaluator};
use crate::fault::{Fault, Outcome};
use crate::value::{Key, Value};

/// How deep JSON may nest.
const MAX_DEPTH: usize = 48;

impl Evaluator<'_> {
    /// `JSON(x, default)`: text is read, other values pass; missing is `{}`.
    pub(super) fn json(&mut self, arguments: &Arguments) -> Outcome<Value> {
        let value = match arguments.require(0, "x", "JSON")? {
            Value::Placeholder => match arguments.default_in_place(1) {
                Some(default) => default,
                None => return Ok(Value::Placeholder),
            },
            Value::None => match arguments.default(1) {
                Some(default) => default,
                None => return Value::dict(IndexMap::new()),
            },
            given => given,
        };
        let Value::Str(text) = value else {
            return Ok(value.clone());
        };
        // Each byte of text may become a value of its own.
        self.budget.steps(text.len() / 4)?;
        read(text).map_err(|failure| match failure {
            Failure::Syntax(message, at) => {
                let start: String = text.chars().take(16).collect();
                Fault::template(format!(
                    "Error parsing JSON: '{start}...' - {}",
                    position(message, text, at)
                ))
            }
            Failure::Limit(fault) => fault,
        })
    }
}

enum Failure {
    /// A message and the byte it is about.
    Syntax(&'static str, usize),
    Limit(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Limit(fault)
    }
}

/// Python's way to say where JSON is wrong.
fn position(message: &str, text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |found| found + 1);
    let column = before[line_start..].chars().count() + 1;
    format!(
        "{message}: line {line} column {column} (char {})",
        before.chars().count()
    )
}

fn read(text: &str) -> Result<Value, Failure> {
    let mut reader = Reader {
        text,
        at: 0,
        depth: 0,
    };
    reader.skip();
    let value = reader.value()?;
    reader.skip();
    match reader.at == text.len() {
        true => Ok(value),
        false => Err(Failure::Syntax("Extra data", reader.at)),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        let trimmed = self
            .rest()
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .len();
        self.at = self.text.len() - trimmed;
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self) -> Result<Value, Failure> {
        let words = [
            ("null", Value::None),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::float(f64::NAN)),
            ("Infinity", Value::float(f64::INFINITY)),
            ("-Infinity", Value::float(f64::NEG_INFINITY)),
        ];
        match self.peek() {
            Some(b'"') => Ok(Value::str(self.string()?)),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            _ => {
                for (word, value) in words {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.number()
            }
        }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(
                Fault::limit(format!("JSON is nested deeper than {MAX_DEPTH} levels")).into(),
            );
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, Failure> {
        let mut entries = IndexMap::new();
        self.at += 1;
        self.skip();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::dict(entries)?);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Failure::Syntax(
                    "Expecting property name enclosed in double quotes",
                    self.at,
                ));
            }
            let key = Key::new(Value::str(self.string()?))?;
            self.skip();
            if self.peek() != Some(b':') {
                return Err(Failure::Syntax("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.skip();
            let value = self.value()?;
            entries.insert(key, value);
            self.skip();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::dict(entries)?);
                }
                _ => return Err(Failure::Syntax("Expecting ',' delimiter", self.at)),
            }
            self.skip();
        }
    }

    fn array(&mut self) -> Result<Value, Failure> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items)?);
        }
        loop {
            items.push(self.value()?);
            self.skip();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::list(items)?);
                }
                _ => return Err(Failure::Syntax("Expecting ',' delimiter", self.at)),
            }
            self.skip();
        }
    }

    fn string(&mut self) -> Result<String, Failure> {
        let start = self.at;
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = self.rest();
            let Some(stop) = rest.find(|found: char| matches!(found, '"' | '\\') || found < ' ')
            else {
                return Err(Failure::Syntax("Unterminated string starting at", start));
            };
            out.push_str(&rest[..stop]);
            self.at += stop;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape(start)?),
                _ => return Err(Failure::Syntax("Invalid control character at", self.at)),
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<char, Failure> {
        let backslash = self.at;
        let Some(escape) = self.text[backslash + 1..].chars().next() else {
            return Err(Failure::Syntax("Unterminated string starting at", start));
        };
        self.at += 1 + escape.len_utf8();
        Ok(match escape {
            '"' | '\\' | '/' => escape,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hexadecimal(backslash)?;
                let second =
                    match (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
                        true => {
                            self.at += 2;
                            self.hexadecimal(backslash)?
                        }
                        false => 0,
                    };
                let code = match (0xdc00..0xe000).contains(&second) {
                    true => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    false => first,
                };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(Failure::Syntax("Invalid \\escape", backslash)),
        })
    }

    fn hexadecimal(&mut self, backslash: usize) -> Result<u32, Failure> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or(Failure::Syntax("Invalid \\uXXXX escape", backslash + 1))
    }

    fn number(&mut self) -> Result<Value, Failure> {
        let bytes = &self.text.as_bytes()[self.at..];
        let digits = |from: usize| {
            bytes[from.min(bytes.len())..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        };
        let sign = usize::from(bytes.first() == Some(&b'-'));
        let whole = if bytes.get(sign) == Some(&b'0') {
            1
        } else {
            digits(sign)
        };
        if whole == 0 {
            return Err(Failure::Syntax("Expecting value", self.at));
        }
        let mut end = sign + whole;
        let mut float = false;
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
            float = true;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent > 0 {
                end += 1 + sign + exponent;
                float = true;
            }
        }
        let text = &self.rest()[..end];
        let value = match (float, text.parse::<i128>()) {
            (false, Ok(value)) => Value::int(value),
            _ => Value::float(text.parse().unwrap_or(f64::NAN)),
        };
        self.at += end;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> String {
        match read(text) {
            Ok(value) => value.repr(),
            Err(Failure::Syntax(message, at)) => position(message, text, at),
            Err(Failure::Limit(fault)) => fault.message().to_owned(),
        }
    }

    #[test]
    fn values_and_errors_are_pythons() {
        let cases = [
            (
                r#" {"a": [1, -2.5, 1e3, true, null, "x\u00e9\n"]} "#,
                "{'a': [1, -2.5, 1000.0, True, None, 'xé\\n']}",
            ),
            (r#""\ud83d\ude00""#, "'😀'"),
            ("", "Expecting value: line 1 column 1 (char 0)"),
            (
                "{a}",
                "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            (
                "{\"a\"}",
                "Expecting ':' delimiter: line 1 column 5 (char 4)",
            ),
            (
                "[1\n2]",
                "Expecting ',' delimiter: line 2 column 1 (char 3)",
            ),
            (
                "\"abc",
                "Unterminated string starting at: line 1 column 1 (char 0)",
            ),
            ("1 2", "Extra data: line 1 column 3 (char 2)"),
            ("\"\\q\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            (
                "\"\n\"",
                "Invalid control character at: line 1 column 2 (char 1)",
            ),
            ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
        ];
        for (text, expected) in cases {
            assert_eq!(outcome(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(
            outcome(&"[".repeat(10_000)),
            "JSON is nested deeper than 48 levels"
        );
    }
}
