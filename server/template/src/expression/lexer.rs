//! Tokens of Python expressions.

use std::sync::Arc;

use super::parser::SyntaxFault;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(Arc<str>),
    Int(i128),
    Float(f64),
    Str(String),
    /// The inside of an f-string as written, and whether it is a raw one.
    Format(String, bool),
    Operator(&'static str),
    End,
}

/// Longest first, so that the first match is the right one.
const OPERATORS: &[&str] = &[
    "**=", "//=", ">>=", "<<=", "**", "//", ">>", "<<", "<=", ">=", "==", "!=", "+=", "-=", "*=",
    "/=", "%=", "&=", "|=", "^=", ":=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "<", ">", "(",
    ")", "[", "]", "{", "}", ",", ":", ".", ";", "=",
];

/// More tokens than any sensible tag; keeps later recursion bounded.
const MAX_TOKENS: usize = 4_000;

pub(super) fn tokens(source: &str) -> Result<Vec<Token>, SyntaxFault> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = token == Token::End;
        tokens.push(token);
        if end {
            return Ok(tokens);
        }
        if tokens.len() > MAX_TOKENS {
            return Err(SyntaxFault::new(format!(
                "a tag may hold at most {MAX_TOKENS} tokens"
            )));
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn next(&mut self) -> Result<Token, SyntaxFault> {
        let skipped = self.rest().len()
            - self
                .rest()
                .trim_start_matches([' ', '\t', '\n', '\r', '\u{c}'])
                .len();
        self.at += skipped;
        let Some(first) = self.rest().chars().next() else {
            return Ok(Token::End);
        };
        if first == '\'' || first == '"' {
            return self.string("");
        }
        if first.is_alphabetic() || first == '_' {
            return self.name();
        }
        let second = self.rest().as_bytes().get(1);
        if first.is_ascii_digit() || (first == '.' && second.is_some_and(u8::is_ascii_digit)) {
            return self.number();
        }
        let operator = OPERATORS
            .iter()
            .find(|operator| self.rest().starts_with(**operator));
        match operator {
            Some(operator) => {
                self.at += operator.len();
                Ok(Token::Operator(operator))
            }
            None => Err(SyntaxFault::new(format!("unexpected character '{first}'"))),
        }
    }

    fn name(&mut self) -> Result<Token, SyntaxFault> {
        let rest = self.rest();
        let length = rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        let name = &rest[..length];
        if rest[length..].starts_with(['\'', '"']) && name.len() <= 2 {
            let prefix = name.to_ascii_lowercase();
            if matches!(prefix.as_str(), "r" | "u" | "f" | "rf" | "fr") {
                self.at += length;
                return self.string(&prefix);
            }
            if prefix.contains('b') {
                return Err(SyntaxFault::new("bytes literals are not supported"));
            }
        }
        let token = Token::Name(Arc::from(name));
        self.at += length;
        Ok(token)
    }

    fn string(&mut self, prefix: &str) -> Result<Token, SyntaxFault> {
        let rest = self.rest();
        let quote = &rest[..1];
        let triple = quote.repeat(3);
        let quote = if rest.starts_with(&triple) {
            triple.as_str()
        } else {
            quote
        };
        let body = &rest[quote.len()..];
        let length = closing(body, quote).ok_or_else(|| {
            SyntaxFault::new(format!("unterminated string literal {}", shorten(rest)))
        })?;
        let text = &body[..length];
        let raw = prefix.contains('r');
        let token = match prefix.contains('f') {
            true => Token::Format(text.to_owned(), raw),
            false if raw => Token::Str(text.to_owned()),
            false => Token::Str(unescape(text)?),
        };
        self.at += length + 2 * quote.len();
        Ok(token)
    }

    fn number(&mut self) -> Result<Token, SyntaxFault> {
        let rest = self.rest();
        let length = number_length(rest);
        let text = &rest[..length];
        let bad = || SyntaxFault::new(format!("invalid number '{text}'"));
        if rest[length..]
            .starts_with(|character: char| character.is_alphanumeric() || character == '_')
            || text.contains("__")
            || text.ends_with('_')
        {
            return Err(bad());
        }
        let digits = text.replace('_', "");
        let radix = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => 16,
            Some("0o") => 8,
            Some("0b") => 2,
            _ => 10,
        };
        let token = if radix != 10 {
            Token::Int(i128::from_str_radix(&digits[2..], radix).map_err(|_| bad())?)
        } else if digits.contains(['.', 'e', 'E']) {
            Token::Float(digits.parse().map_err(|_| bad())?)
        } else {
            Token::Int(digits.parse().map_err(|_| bad())?)
        };
        self.at += length;
        Ok(token)
    }
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.len() > 1
        && bytes[0] == b'0'
        && matches!(bytes[1].to_ascii_lowercase(), b'x' | b'o' | b'b')
    {
        let digits = bytes[2..]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'_');
        return 2 + digits.count();
    }
    let mut at = 0;
    while at < bytes.len() {
        let exponent_sign = matches!(bytes[at], b'+' | b'-')
            && at > 0
            && matches!(bytes[at - 1], b'e' | b'E')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let exponent = matches!(bytes[at], b'e' | b'E')
            && bytes
                .get(at + 1)
                .is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'));
        if !(bytes[at].is_ascii_digit()
            || matches!(bytes[at], b'.' | b'_')
            || exponent
            || exponent_sign)
        {
            break;
        }
        at += 1;
    }
    at
}

/// The length of a literal's inside, up to its closing quote.
fn closing(body: &str, quote: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at..].starts_with(quote.as_bytes()) {
            return Some(at);
        } else {
            at += 1;
        }
    }
    None
}

/// Resolves a literal's backslash escapes as Python does: unknown ones stay.
pub(super) fn unescape(text: &str) -> Result<String, SyntaxFault> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find('\\') {
        out.push_str(&rest[..found]);
        rest = &rest[found + 1..];
        let Some(escape) = rest.chars().next() else {
            break;
        };
        rest = &rest[escape.len_utf8()..];
        match escape {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escape),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            'x' => rest = code_point(&mut out, rest, 2, 16)?,
            'u' => rest = code_point(&mut out, rest, 4, 16)?,
            'U' => rest = code_point(&mut out, rest, 8, 16)?,
            'N' => {
                return Err(SyntaxFault::new(
                    "\\N{…} escapes are not supported, write the character",
                ));
            }
            '0'..='7' => {
                let digits = 1 + rest
                    .bytes()
                    .take(2)
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
                let start = text.len() - rest.len() - 1;
                code_point(&mut out, &text[start..], digits, 8)?;
                rest = &rest[digits - 1..];
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn code_point<'s>(
    out: &mut String,
    rest: &'s str,
    digits: usize,
    radix: u32,
) -> Result<&'s str, SyntaxFault> {
    let character = rest
        .get(..digits)
        .filter(|text| text.chars().all(|character| character.is_digit(radix)))
        .and_then(|text| u32::from_str_radix(text, radix).ok())
        .and_then(char::from_u32)
        .ok_or_else(|| SyntaxFault::new("invalid character escape in a string literal"))?;
    out.push(character);
    Ok(&rest[digits..])
}

fn shorten(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_strings_and_operators() {
        let all = tokens(r#"a1 >= 1_000 ** .5e-3 != 'it\'s' "x" r'\n' 0xff // b"#).unwrap();
        let name = |text: &str| Token::Name(Arc::from(text));
        assert_eq!(
            all,
            [
                name("a1"),
                Token::Operator(">="),
                Token::Int(1000),
                Token::Operator("**"),
                Token::Float(0.0005),
                Token::Operator("!="),
                Token::Str("it's".into()),
                Token::Str("x".into()),
                Token::Str("\\n".into()),
                Token::Int(255),
                Token::Operator("//"),
                name("b"),
                Token::End,
            ]
        );
    }

    #[test]
    fn escapes_are_pythons() {
        assert_eq!(unescape(r"\x41\u00e9\101\n\d\'").unwrap(), "Aé\u{41}\n\\d'");
        assert!(unescape(r"\xZZ").is_err());
        assert!(unescape(r"\ud800").is_err());
    }

    #[test]
    fn what_python_does_not_read_is_refused() {
        for source in [
            "'open",
            "1a",
            "a ? b",
            "1__0",
            "b'x'",
            "99999999999999999999999999999999999999999",
        ] {
            assert!(tokens(source).is_err(), "{source}");
        }
    }
}
