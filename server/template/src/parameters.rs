//! A call's parameters, as the templates see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::fault::Outcome;
use super::value::Value;

/// One parameter's value, in the form it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Parameter {
    /// From a query string or a form.
    Text(String),
    /// A key that was given several times.
    List(Vec<String>),
    /// From a JSON body or a token's fixed parameters.
    Json(Json),
}

impl Parameter {
    pub(super) fn to_value(&self) -> Outcome<Value> {
        match self {
            Self::Text(text) => Ok(Value::str(text)),
            Self::List(texts) => Value::list(texts.iter().map(Value::str).collect()),
            Self::Json(json) => Value::from_json(json),
        }
    }
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Parameter {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Json> for Parameter {
    fn from(json: Json) -> Self {
        match json {
            Json::String(text) => Self::Text(text),
            other => Self::Json(other),
        }
    }
}

/// Parameters by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// The parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.0.get(name)
    }

    /// Sets one parameter; one of the same name gives way.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Parameter>) {
        self.0.insert(name.into(), value.into());
    }

    /// Adds text to a parameter: a second value makes it a list.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) {
        let name = name.into();
        let text = text.into();
        let value = match self.0.remove(&name) {
            Some(Parameter::Text(first)) => Parameter::List(vec![first, text]),
            Some(Parameter::List(mut texts)) => {
                texts.push(text);
                Parameter::List(texts)
            }
            Some(Parameter::Json(_)) | None => Parameter::Text(text),
        };
        self.0.insert(name, value);
    }

    /// Lays other parameters over these: on the same name the other wins.
    pub fn lay_over(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Takes one parameter out.
    pub fn remove(&mut self, name: &str) -> Option<Parameter> {
        self.0.remove(name)
    }

    /// All of them, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<String>, V: Into<Parameter>> FromIterator<(N, V)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}
