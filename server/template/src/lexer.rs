//! Splits a template's text into literal text, outputs and tags.
//!
//! The end of an output or a tag is found with quotes and braces in mind, so
//! `{{ {'a': {'b': 1}} }}` and `{% if x == '%}' %}` read as they look.

use super::fault::TemplateError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment<'t> {
    Text(&'t str),
    /// The inside of `{{ … }}`, trimmed.
    Output(&'t str),
    /// The inside of `{% … %}`, trimmed.
    Tag(&'t str),
}

/// Reads one segment after the other.
#[derive(Debug)]
pub(super) struct Segments<'t> {
    name: &'t str,
    source: &'t str,
    at: usize,
    line: usize,
}

impl<'t> Segments<'t> {
    pub(super) fn new(name: &'t str, source: &'t str) -> Self {
        Self {
            name,
            source,
            at: 0,
            line: 1,
        }
    }

    /// The next segment and the line it starts on; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Segment<'t>, usize)>, TemplateError> {
        loop {
            let rest = &self.source[self.at..];
            if rest.is_empty() {
                return Ok(None);
            }
            let line = self.line;
            let start = directive(rest);
            if start > 0 {
                self.consume(start);
                return Ok(Some((Segment::Text(&rest[..start]), line)));
            }
            let inside = &rest[2..];
            // `{{!`, `{%!` and `{#!` print the braces themselves.
            if inside.starts_with('!') {
                self.consume(3);
                return Ok(Some((Segment::Text(&rest[..2]), line)));
            }
            if rest.starts_with("{#") {
                let end = inside
                    .find("#}")
                    .ok_or_else(|| self.error("Missing end comment #}"))?;
                self.consume(end + 4);
                continue;
            }
            let output = rest.starts_with("{{");
            let close = if output { "}}" } else { "%}" };
            let end = match inside.trim_start().starts_with("comment") {
                true if !output => inside.find(close),
                _ => end_of(inside, close).or_else(|| inside.find(close)),
            };
            let missing = if output {
                "Missing end expression }}"
            } else {
                "Missing end block %}"
            };
            let end = end.ok_or_else(|| self.error(missing))?;
            let contents = inside[..end].trim();
            if contents.is_empty() {
                let empty = if output {
                    "Empty expression"
                } else {
                    "Empty block tag ({% %})"
                };
                return Err(self.error(empty));
            }
            self.consume(end + 4);
            let segment = if output {
                Segment::Output(contents)
            } else {
                Segment::Tag(contents)
            };
            return Ok(Some((segment, line)));
        }
    }

    /// An error at the current line.
    pub(super) fn error(&self, message: impl AsRef<str>) -> TemplateError {
        error_at(self.name, message, self.line)
    }

    fn consume(&mut self, length: usize) {
        let consumed = &self.source[self.at..self.at + length];
        self.line += consumed.bytes().filter(|byte| *byte == b'\n').count();
        self.at += length;
    }
}

/// A syntax error of the template named `name`.
pub(super) fn error_at(name: &str, message: impl AsRef<str>, line: usize) -> TemplateError {
    TemplateError {
        message: format!("{} at {name}:{line}", message.as_ref()),
        line,
    }
}

/// Where the next directive starts: the innermost of several braces in a row.
/// The length of `text` when there is none.
fn directive(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        let opens = bytes[at] == b'{' && matches!(bytes[at + 1], b'{' | b'%' | b'#');
        let innermost = !(bytes[at + 1] == b'{' && bytes.get(at + 2) == Some(&b'{'));
        if opens && innermost {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// The position of `close` outside quotes and brackets.
fn end_of(text: &str, close: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        if depth == 0 && bytes[at..].starts_with(close.as_bytes()) {
            return Some(at);
        }
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = end_of_string(bytes, at, quote)?,
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The position of the quote that closes the string opened at `at`.
fn end_of_string(bytes: &[u8], at: usize, quote: u8) -> Option<usize> {
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let mut at = at + if triple { 3 } else { 1 };
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            found if found == quote && !triple => return Some(at),
            _ if triple && bytes[at..].starts_with(&[quote; 3]) => return Some(at + 2),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(source: &str) -> Result<Vec<Segment<'_>>, String> {
        let mut reader = Segments::new("node", source);
        let mut all = Vec::new();
        while let Some((segment, _)) = reader.next().map_err(|error| error.message)? {
            all.push(segment);
        }
        Ok(all)
    }

    #[test]
    fn text_outputs_tags_and_comments() {
        use Segment::{Output, Tag, Text};
        let all = segments("a {{ x }}{# no #}{% if y %}{{! {%! {#!b{{{z}}}").unwrap();
        let expected = [
            Text("a "),
            Output("x"),
            Tag("if y"),
            Text("{{"),
            Text(" "),
            Text("{%"),
            Text(" "),
            Text("{#"),
            Text("b{"),
            Output("z"),
            Text("}"),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn quotes_and_braces_hide_an_end() {
        use Segment::{Output, Tag};
        assert_eq!(
            segments("{{ {'a': {'b': 1}} }}").unwrap(),
            [Output("{'a': {'b': 1}}")]
        );
        assert_eq!(
            segments("{% if x == '%}' %}").unwrap(),
            [Tag("if x == '%}'")]
        );
        assert_eq!(
            segments("{% comment it's %}").unwrap(),
            [Tag("comment it's")]
        );
        assert_eq!(segments("{{ a ')' }}").unwrap(), [Output("a ')'")]);
    }

    #[test]
    fn errors_name_the_node_and_the_line() {
        let cases = [
            ("\n{{ x", "Missing end expression }} at node:2"),
            ("{% x", "Missing end block %} at node:1"),
            ("{# x", "Missing end comment #} at node:1"),
            ("{{ }}", "Empty expression at node:1"),
            ("a\n\n{%%}", "Empty block tag ({% %}) at node:3"),
        ];
        for (source, expected) in cases {
            assert_eq!(segments(source).unwrap_err(), expected);
        }
    }
}
