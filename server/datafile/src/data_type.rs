//! ClickHouse's data types, as a tree.
//!
//! Only the shape is known here (a name and its arguments): whether a type of
//! that name exists is the engine's to say.

mod parser;

use std::fmt;

pub(super) use parser::parse_type;

/// A data type, such as `Nullable(String)` or `DateTime64(3, 'UTC')`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    /// Its name, as written.
    pub name: String,
    /// What stands in its parentheses.
    pub arguments: Vec<TypeArgument>,
}

/// One argument of a [`DataType`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeArgument {
    /// A type, or an aggregate function with its parameters.
    Type(DataType),
    /// A named element of a Tuple or Nested, as `name Type`.
    Named(String, DataType),
    /// A number, a string, an Enum's `'name' = 1`, a setting: kept as SQL.
    Literal(String),
}

impl DataType {
    /// A type without arguments.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            arguments: Vec::new(),
        }
    }

    /// A type around another one.
    #[must_use]
    pub fn wrap(name: &str, inner: DataType) -> Self {
        Self {
            name: name.to_owned(),
            arguments: vec![TypeArgument::Type(inner)],
        }
    }

    /// Whether its values bring a structure of their own along: JSON and
    /// Dynamic, also inside other types.
    #[must_use]
    pub fn holds_documents(&self) -> bool {
        let is_document = ["JSON", "Dynamic", "Object"]
            .iter()
            .any(|name| self.name.eq_ignore_ascii_case(name));
        is_document
            || self.arguments.iter().any(|argument| match argument {
                TypeArgument::Type(inner) | TypeArgument::Named(_, inner) => {
                    inner.holds_documents()
                }
                TypeArgument::Literal(_) => false,
            })
    }

    /// Whether the column may hold NULL.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match self.name.as_str() {
            "Nullable" => true,
            "LowCardinality" => self.inner().is_some_and(DataType::is_nullable),
            _ => false,
        }
    }

    /// Whether it holds the state of an aggregate function.
    #[must_use]
    pub fn is_aggregate_state(&self) -> bool {
        self.name == "AggregateFunction"
    }

    /// The first argument, if that is a type.
    #[must_use]
    pub fn inner(&self) -> Option<&DataType> {
        match self.arguments.first() {
            Some(TypeArgument::Type(inner)) => Some(inner),
            _ => None,
        }
    }

    /// The type under Nullable and LowCardinality.
    #[must_use]
    pub fn bare(&self) -> &DataType {
        match (self.name.as_str(), self.inner()) {
            ("Nullable" | "LowCardinality", Some(inner)) => inner.bare(),
            _ => self,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if self.arguments.is_empty() {
            return Ok(());
        }
        formatter.write_str("(")?;
        for (index, argument) in self.arguments.iter().enumerate() {
            if index > 0 {
                formatter.write_str(", ")?;
            }
            argument.fmt(formatter)?;
        }
        formatter.write_str(")")
    }
}

impl fmt::Display for TypeArgument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeArgument::Type(data_type) => data_type.fmt(formatter),
            TypeArgument::Named(name, data_type) => write!(formatter, "`{name}` {data_type}"),
            TypeArgument::Literal(text) => formatter.write_str(text),
        }
    }
}
