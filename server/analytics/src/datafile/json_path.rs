//! JSONPaths of columns: where in a row of JSON a column's value stands.
//!
//! The dialect is small: `$` (the whole row), `$.a.b`, `` $.`odd name` ``,
//! `$.list[:]` (all elements), `$.list[:].field` (that field of each).

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
