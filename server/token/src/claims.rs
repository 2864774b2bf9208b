//! What a token says: the claims and scopes, as Tinybird's JWTs carry them.
//!
//! Only the shapes and their JSON live here. Whether claims may be trusted is
//! [`crate::Verifier`]'s business; what a scope allows is the analytics
//! server's.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The claims of a token. Times are unix seconds, UTC.
///
/// It cannot be deserialized on purpose: claims come out of a
/// [`crate::Verifier`] or are made by the code that signs them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Claims {
    /// The workspace the token belongs to; another workspace's token is refused.
    pub workspace_id: String,
    /// The token's name. Not unique: tokens of one name share one rate limit.
    pub name: String,
    /// The token is valid before this second and no longer at it.
    pub exp: i64,
    /// When the token was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// The token is not valid before this second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The token's own id, by which it can be revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The user the token was made for, by which all of theirs can be revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// For whom the token is meant; when present it must name the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// What the token allows. Never empty in a verified token.
    pub scopes: Vec<Scope>,
    /// The token's own rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// The `aud` claim: one name or a list (RFC 7519, section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One audience.
    One(String),
    /// Several audiences, of which one has to fit.
    Several(Vec<String>),
}

impl Audience {
    /// Whether `name` is among the audiences.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|each| each == name),
        }
    }
}

/// One thing a token allows, on one or more resources.
///
/// Unknown members are refused: a misspelt restriction would be none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// What may be done.
    #[serde(rename = "type")]
    pub kind: ScopeKind,
    /// The pipes or data sources, by name or id.
    pub resource: Resources,
    /// Parameters that beat whatever the caller sends. On appended rows they
    /// are stamped into the columns of the same name. Values are strings,
    /// numbers, booleans, or lists of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed_params: BTreeMap<String, Value>,
    /// A condition that every read row has to fulfil, in SQL; only with
    /// [`ScopeKind::DataSourcesRead`].
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "filter_unless_blank"
    )]
    pub filter: Option<String>,
    /// Whether the token's bearer may bring SQL of their own (`q=`, `pipeline=`
    /// and `/v0/sql`) where rows are kept apart by tenant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sql: bool,
}

impl Scope {
    /// A scope of `kind` on one resource, without parameters or filter.
    #[must_use]
    pub fn new(kind: ScopeKind, resource: impl Into<Resources>) -> Self {
        Self {
            kind,
            resource: resource.into(),
            fixed_params: BTreeMap::new(),
            filter: None,
            sql: false,
        }
    }

    /// `PIPES:READ` on one endpoint.
    #[must_use]
    pub fn read_pipe(pipe: &str) -> Self {
        Self::new(ScopeKind::PipesRead, pipe)
    }

    /// The same scope with one more fixed parameter.
    #[must_use]
    pub fn fixed(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fixed_params.insert(name.to_owned(), value.into());
        self
    }
}

/// What a scope allows to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScopeKind {
    /// Call endpoints.
    #[serde(rename = "PIPES:READ")]
    PipesRead,
    /// Query data sources.
    #[serde(rename = "DATASOURCES:READ")]
    DataSourcesRead,
    /// Append rows to data sources.
    #[serde(rename = "DATASOURCES:APPEND")]
    DataSourcesAppend,
}

impl ScopeKind {
    /// The name the scope has in tokens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PipesRead => "PIPES:READ",
            Self::DataSourcesRead => "DATASOURCES:READ",
            Self::DataSourcesAppend => "DATASOURCES:APPEND",
        }
    }
}

/// The resources of a scope: in JSON one string, or a list of several.
/// Deserialized resources are never empty and hold no empty name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resources(Vec<String>);

impl Resources {
    /// Whether `name` is among the resources. Names are compared byte by byte.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|each| each == name)
    }

    /// The resources in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<&str> for Resources {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl From<Vec<String>> for Resources {
    fn from(names: Vec<String>) -> Self {
        Self(names)
    }
}

impl Serialize for Resources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ResourcesVisitor)
    }
}

struct ResourcesVisitor;

impl<'de> Visitor<'de> for ResourcesVisitor {
    type Value = Resources;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a resource or a list of names")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Resources, E> {
        if name.is_empty() {
            return Err(E::invalid_length(0, &self));
        }
        Ok(name.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Resources, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = items.next_element::<String>()? {
            names.push(name);
        }
        if names.is_empty() || names.iter().any(String::is_empty) {
            return Err(de::Error::invalid_length(0, &self));
        }
        Ok(Resources(names))
    }
}

/// A token's own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests per second over all tokens of the same name, 1 or more: a
    /// token with less is refused, for who writes 0 means none at all.
    pub rps: i64,
}

/// Tokens in the wild carry `"filter":""` for none.
fn filter_unless_blank<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let filter = Option::<String>::deserialize(deserializer)?;
    Ok(filter.filter(|text| !text.trim().is_empty()))
}

/// Why a fixed parameter's value cannot hold anybody to anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FixedValueProblem {
    /// Null, or text or a list without content.
    Empty,
    /// Neither a scalar nor a list of scalars.
    Nested,
}

/// Checks one fixed parameter. `null` is never a value: a query that filters
/// only when the parameter is defined would answer with everybody's rows.
pub(crate) fn fixed_value_problem(value: &Value) -> Option<FixedValueProblem> {
    match value {
        Value::Null => Some(FixedValueProblem::Empty),
        Value::String(text) if text.trim().is_empty() => Some(FixedValueProblem::Empty),
        Value::String(_) | Value::Number(_) | Value::Bool(_) => None,
        Value::Array(items) if items.is_empty() => Some(FixedValueProblem::Empty),
        Value::Array(items) => items.iter().find_map(|item| match item {
            Value::Array(_) => Some(FixedValueProblem::Nested),
            scalar => fixed_value_problem(scalar),
        }),
        Value::Object(_) => Some(FixedValueProblem::Nested),
    }
}

/// Reads a NumericDate (RFC 7519, section 2), an integer or a fraction, which
/// is rounded down. Dates after the year 9999 are refused: they are
/// milliseconds taken for seconds.
pub(crate) fn numeric_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    const END_OF_YEAR_9999: i64 = 253_402_300_799;
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let seconds = number.as_i64().or_else(|| {
        let fraction = number.as_f64()?;
        // Beyond 2^53 a fraction has no seconds any more; the range check
        // below would refuse it anyway.
        (fraction.abs() < 9e15).then_some(fraction.floor() as i64)
    });
    match seconds {
        Some(seconds) if (0..=END_OF_YEAR_9999).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(de::Error::custom("a time must be given in unix seconds")),
    }
}
