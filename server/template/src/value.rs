//! The values templates compute with: Python's, as far as templates need them.
//!
//! Collections are values: assigning one to a second name copies it (cheaply,
//! until one side changes), so no cycle can be built. Operators live in
//! `operators`, printing as Python text in `text`, printing as SQL in `print`.

mod collections;

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::expression::Lambda;
use super::fault::Outcome;
use super::functions::Function;

pub(super) use collections::{Dict, Key, List, Set};

#[derive(Debug, Clone)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(Int),
    /// A validated 128- or 256-bit number beyond what templates compute with.
    Wide {
        digits: Arc<str>,
        cast: &'static str,
    },
    Float(Float),
    Str(Arc<str>),
    /// SQL text made by a function of the template language, safe as it is.
    Sql(Arc<str>),
    List(Arc<List>),
    Tuple(Arc<List>),
    Set(Arc<Set>),
    Dict(Arc<Dict>),
    Function(Function),
    Lambda(Arc<Lambda>),
    /// Stands for a parameter while a template is validated without any.
    Placeholder,
}

/// An integer, and the ClickHouse type a type function gave it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Int {
    pub(super) value: i128,
    pub(super) cast: Option<&'static str>,
}

/// A floating-point number, and the ClickHouse type a type function gave it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Float {
    pub(super) value: f64,
    pub(super) cast: Option<&'static str>,
}

impl Value {
    pub(super) fn int(value: i128) -> Self {
        Self::Int(Int { value, cast: None })
    }

    /// A length or a position as an integer.
    pub(super) fn size(value: usize) -> Self {
        Self::int(value as i128)
    }

    pub(super) fn float(value: f64) -> Self {
        Self::Float(Float { value, cast: None })
    }

    pub(super) fn str(text: impl AsRef<str>) -> Self {
        Self::Str(Arc::from(text.as_ref()))
    }

    pub(super) fn list(items: Vec<Value>) -> Outcome<Self> {
        Ok(Self::List(Arc::new(List::new(items)?)))
    }

    pub(super) fn tuple(items: Vec<Value>) -> Outcome<Self> {
        Ok(Self::Tuple(Arc::new(List::new(items)?)))
    }

    pub(super) fn dict(items: IndexMap<Key, Value>) -> Outcome<Self> {
        Ok(Self::Dict(Arc::new(Dict::new(items)?)))
    }

    pub(super) fn set(items: impl IntoIterator<Item = Value>) -> Outcome<Self> {
        let items = items.into_iter().map(Key::new).collect::<Outcome<_>>()?;
        Ok(Self::Set(Arc::new(Set::new(items)?)))
    }

    /// Python's truth value.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(int) => int.value != 0,
            Self::Float(float) => float.value != 0.0,
            Self::Str(text) | Self::Sql(text) => !text.is_empty(),
            Self::List(list) | Self::Tuple(list) => !list.is_empty(),
            Self::Set(set) => !set.is_empty(),
            Self::Dict(dict) => !dict.is_empty(),
            Self::Wide { .. } | Self::Function(_) | Self::Lambda(_) | Self::Placeholder => true,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Python's name of the type, for error texts.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Wide { .. } => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Sql(_) => "Expression",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::Dict(_) => "dict",
            Self::Function(_) | Self::Lambda(_) => "function",
            Self::Placeholder => "Placeholder",
        }
    }

    /// The number this value is in arithmetic: booleans count as 0 and 1.
    pub(super) fn as_int(&self) -> Option<i128> {
        match self {
            Self::Bool(value) => Some(i128::from(*value)),
            Self::Int(int) => Some(int.value),
            _ => None,
        }
    }

    /// The number this value is in floating-point arithmetic.
    pub(super) fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(float.value),
            other => other.as_int().map(|value| value as f64),
        }
    }

    /// A number of elements, for what must not be negative or huge.
    pub(super) fn as_size(&self) -> Option<usize> {
        self.as_int().and_then(|value| usize::try_from(value).ok())
    }

    /// A request's JSON value. Deep nesting is a fault.
    pub(super) fn from_json(json: &Json) -> Outcome<Self> {
        Ok(match json {
            Json::Null => Self::None,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Self::int(value.into()),
                (_, Some(value)) => Self::int(value.into()),
                _ => Self::float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::str(text),
            Json::Array(items) => {
                Self::list(items.iter().map(Self::from_json).collect::<Outcome<_>>()?)?
            }
            Json::Object(entries) => {
                let items = entries
                    .iter()
                    .map(|(key, value)| Ok((Key(Self::str(key)), Self::from_json(value)?)))
                    .collect::<Outcome<_>>()?;
                Self::dict(items)?
            }
        })
    }

    /// JSON for the body of `custom_error()`; what JSON cannot say becomes text.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::None | Self::Placeholder => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(int) => match (i64::try_from(int.value), u64::try_from(int.value)) {
                (Ok(value), _) => value.into(),
                (_, Ok(value)) => value.into(),
                _ => Json::String(int.value.to_string()),
            },
            Self::Float(float) => float.value.into(),
            Self::Str(text) | Self::Sql(text) => Json::String(text.to_string()),
            Self::Wide { digits, .. } => Json::String(digits.to_string()),
            Self::List(list) | Self::Tuple(list) => list.iter().map(Self::to_json).collect(),
            Self::Set(set) => set.iter().map(|key| key.0.to_json()).collect(),
            Self::Dict(dict) => Json::Object(
                dict.iter()
                    .map(|(key, value)| (key.0.text(), value.to_json()))
                    .collect(),
            ),
            Self::Function(_) | Self::Lambda(_) => Json::String(self.text()),
        }
    }
}
