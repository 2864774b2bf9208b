//! JSONPaths of columns: where in a row of JSON a column's value stands.
//!
//! The dialect is small: `$` (the whole row), `$.a.b`, `` $.`odd name` `` and
//! `$.['odd name']`, `$.list[:]` (all elements), `$.list[:].field` (that field
//! of each).

use std::fmt;

/// The way from a row's root to a column's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonPath {
    /// The steps, from the root; none means the whole row.
    pub steps: Vec<JsonPathStep>,
}

/// One step of a [`JsonPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonPathStep {
    /// Into the member of an object with this name.
    Key(String),
    /// Over every element of an array; what follows is applied to each.
    EachElement,
}

impl JsonPath {
    /// Whether it names the row itself, which a String column takes as text.
    #[must_use]
    pub fn is_whole_row(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Why a text is no JSONPath of the dialect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonPathError {
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

impl JsonPath {
    /// Reads `$.a.b[:].c`.
    pub(crate) fn parse(text: &str) -> Result<Self, JsonPathError> {
        let error = |help| JsonPathError {
            message: format!("`{text}` is not a JSONPath"),
            help,
        };
        let mut rest = text
            .trim()
            .strip_prefix('$')
            .ok_or(error("begin it with `$`, as in `json:$.name`"))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = parse_step(rest).map_err(error)?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { steps })
    }

    /// How often it goes over the elements of an array.
    pub(crate) fn array_depth(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| **step == JsonPathStep::EachElement)
            .count()
    }
}

/// Reads one step; returns it and what follows, or how to mend it.
fn parse_step(text: &str) -> Result<(JsonPathStep, &str), &'static str> {
    if let Some(after) = text.strip_prefix("[:]") {
        return Ok((JsonPathStep::EachElement, after));
    }
    // A dot before the bracket is found in real projects.
    let bracket = text
        .strip_prefix('.')
        .filter(|rest| rest.starts_with('[') && !rest.starts_with("[:]"))
        .unwrap_or(text);
    if let Some(inner) = bracket.strip_prefix('[') {
        let quote = inner
            .chars()
            .next()
            .filter(|quote| matches!(quote, '\'' | '"'));
        let quote = quote
            .ok_or("write `[:]` for all elements of an array; single elements cannot be taken")?;
        let (key, after) = inner[1..]
            .split_once(quote)
            .ok_or("close the quoted name")?;
        let after = after
            .strip_prefix(']')
            .ok_or("close the bracket with `]`")?;
        return key_step(key, after);
    }
    let Some(text) = text.strip_prefix('.') else {
        return Err("separate names with dots, as in `json:$.a.b`");
    };
    if let Some(inner) = text.strip_prefix('`') {
        let (key, after) = inner
            .split_once('`')
            .ok_or("close the quoted name with a backtick")?;
        return key_step(key, after);
    }
    let end = text
        .find(|character| !is_plain(character))
        .unwrap_or(text.len());
    key_step(&text[..end], &text[end..])
}

fn key_step<'text>(
    key: &str,
    after: &'text str,
) -> Result<(JsonPathStep, &'text str), &'static str> {
    match key {
        "" => Err("write a name after the dot"),
        "*" => Err(
            "write `[:]` for all elements of an array; all members of an object cannot be taken",
        ),
        _ => Ok((JsonPathStep::Key(key.to_owned()), after)),
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("$")?;
        for step in &self.steps {
            match step {
                JsonPathStep::Key(key) if key.chars().all(is_plain) => write!(formatter, ".{key}")?,
                JsonPathStep::Key(key) => write!(formatter, ".`{key}`")?,
                JsonPathStep::EachElement => formatter.write_str("[:]")?,
            }
        }
        Ok(())
    }
}

/// Whether a character may stand in a name without backticks.
fn is_plain(character: char) -> bool {
    !matches!(character, '.' | '[' | ']' | '`' | '$') && !character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_and_print_alike() {
        for path in [
            "$",
            "$.a",
            "$.a.b",
            "$.a[:]",
            "$.a[:].b.c",
            "$.`odd name`.x",
            "$[:]",
            "$.user-agent",
        ] {
            assert_eq!(
                JsonPath::parse(path)
                    .map(|parsed| parsed.to_string())
                    .as_deref(),
                Ok(path)
            );
        }
        assert_eq!(
            JsonPath::parse("$['a.b'][\"c\"]").map(|path| path.to_string()),
            Ok("$.`a.b`.c".to_owned())
        );
        assert_eq!(
            JsonPath::parse("$.a.['$b'].c[:]").map(|path| path.to_string()),
            Ok("$.a.`$b`.c[:]".to_owned())
        );
    }

    #[test]
    fn what_the_dialect_lacks_is_refused() {
        for path in [
            "a", "", "$a", "$.", "$..a", "$.a[0]", "$.a[*]", "$.*", "$.`a", "$['a", "$.a b",
            "$.a]", "$.[:]", "$.['a",
        ] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }
}
