//! A field of CSV as JSON: texts in quotes, lists and maps as such, whether
//! they are written as JSON or as ClickHouse writes them.

use std::iter::Peekable;
use std::str::CharIndices;

use serde_json::value::RawValue;

use super::super::{is_optional, json};
use super::unquote;
use datafile::Column;

/// The value of a field as it stands in its record; `None` where it has none.
/// An empty field is none, unless its column is text that must have one, or a
/// list.
pub(super) fn json_of(column: &Column, field: &str) -> Option<String> {
    let field = field.trim();
    let text = unquote(field);
    let bare = column.data_type.bare();
    let is_text = matches!(bare.name.as_str(), "String" | "FixedString") || is_enum(&bare.name);
    match bare.name.as_str() {
        _ if field == "\\N" => None,
        _ if field.is_empty() && is_optional(column) => None,
        "Array" if text.is_empty() => Some("[]".to_owned()),
        "Map" if text.is_empty() => Some("{}".to_owned()),
        _ if text.is_empty() && !is_text => None,
        "Array" | "Map" | "Tuple" | "Nested" | "JSON" | "Object" | "Point" | "Ring" | "Polygon"
        | "MultiPolygon" | "LineString" | "MultiLineString" => Some(document(&text)),
        _ => Some(json(&text)),
    }
}

fn is_enum(name: &str) -> bool {
    name.starts_with("Enum")
}

/// What is written as JSON, or as ClickHouse writes it; other texts as such.
fn document(text: &str) -> String {
    let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
    if is_json(text) {
        // A line break in JSON stands between tokens, never inside a string.
        return text.replace(['\n', '\r'], " ");
    }
    let translated = translate(text);
    match is_json(&translated) {
        true => translated,
        false => json(text),
    }
}

/// `['a',NULL]` → `["a",null]`, `{'a':1}` → `{"a":1}`, `(1,'b')` → `[1,"b"]`.
fn translate(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' | '"' => written.push_str(&json(&quoted(character, &mut characters))),
            '(' => written.push('['),
            ')' => written.push(']'),
            _ if is_of_word(character) => {
                let mut end = at + character.len_utf8();
                while let Some((at, next)) = characters.next_if(|(_, next)| is_of_word(*next)) {
                    end = at + next.len_utf8();
                }
                let is_key = matches!(characters.peek(), Some((_, ':')));
                written.push_str(&word(&text[at..end], is_key));
            }
            _ if character.is_whitespace() => {}
            _ => written.push(character),
        }
    }
    written
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '+' | '-')
}

fn word(word: &str, is_key: bool) -> String {
    match word {
        "NULL" => "null".to_owned(),
        "true" | "false" => word.to_owned(),
        _ if !is_key && serde_json::from_str::<serde_json::Number>(word).is_ok() => word.to_owned(),
        _ => json(word),
    }
}

/// The text up to the closing quote, its escapes undone.
fn quoted(quote: char, characters: &mut Peekable<CharIndices<'_>>) -> String {
    let mut text = String::new();
    while let Some((_, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match (character, next) {
            ('\\', Some(escaped)) => {
                characters.next();
                text.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    '0' => '\0',
                    other => other,
                });
            }
            (_, Some(next)) if character == quote && next == quote => {
                characters.next();
                text.push(quote);
            }
            _ if character == quote => break,
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_maps_and_tuples_are_read_as_clickhouse_and_as_json_write_them() {
        for (text, expected) in [
            (r"['a','b''c','\'d']", r#"["a","b'c","'d"]"#),
            (r#"["a", null]"#, r#"["a", null]"#),
            ("[NULL, 1,-2.5]", "[null,1,-2.5]"),
            ("{'a':1,2:nan}", r#"{"a":1,"2":"nan"}"#),
            ("(1,'x',[true])", r#"[1,"x",[true]]"#),
            ("[]", "[]"),
            ("no list", "\"no list\""),
        ] {
            assert_eq!(document(text), expected, "{text}");
        }
    }
}
