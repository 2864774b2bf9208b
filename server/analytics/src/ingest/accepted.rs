//! Which written values a column takes: one table for every way in, told to
//! users in docs/compatibility.md and tried in `accepted/cases.tsv`.
//!
//! A value is JSON here, whatever it came in (`csv` and `parquet` make it so).
//! The engine reads some values as others without a word: 300 becomes 44 in a
//! UInt8, an empty text becomes 0, the year 2299 becomes 2106. Those are
//! refused; what the engine itself refuses is left to it.

mod numbers;
mod times;

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::{Row, RowError, SHOWN, is_optional, json, no_value};
use datafile::{Column, DataSource, DataType, TypeArgument};

/// A value that its type does not take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    value: String,
    data_type: String,
    /// More than that it is none, where more is known.
    why: Option<&'static str>,
}

impl Refused {
    fn new(data_type: &DataType, value: &str) -> Self {
        Self {
            value: value.chars().take(SHOWN).collect(),
            data_type: data_type.to_string(),
            why: None,
        }
    }

    fn because(data_type: &DataType, value: &str, why: &'static str) -> Self {
        Self {
            why: Some(why),
            ..Self::new(data_type, value)
        }
    }

    fn into_error(self, column: &Column) -> RowError {
        let Self {
            value, data_type, ..
        } = self;
        let why = self.why.map(|why| format!(": {why}")).unwrap_or_default();
        RowError::new(
            &column.name,
            format!("`{value}` is not a value of the type {data_type}{why}"),
        )
    }
}

/// What must hold of the values of a data source's columns.
#[derive(Debug)]
pub(super) struct Rules<'data> {
    /// The column that names the tenant.
    tenant: Option<&'data str>,
}

impl<'data> Rules<'data> {
    pub(super) fn of(data_source: &'data DataSource) -> Self {
        Self {
            tenant: data_source.tenant_column(),
        }
    }

    /// Adds a column's value to a row; `None` where the row has none.
    pub(super) fn add(&self, row: &mut Row, column: &Column, value: Option<&str>) {
        let is_tenant = self.tenant == Some(column.name.as_str());
        let Some(value) = value else {
            let is_left_out = match is_tenant {
                true => column.default.as_deref().is_some_and(|sql| sql != "''"),
                false => is_optional(column),
            };
            if !is_left_out {
                row.errors.push(no_value(column));
            }
            return;
        };
        match accept(&column.data_type, value) {
            Ok(accepted) => row.append(&column.name, &accepted),
            Err(refused) => {
                row.errors.push(refused.into_error(column));
                row.append(&column.name, value);
            }
        }
        if is_tenant && value == "\"\"" {
            let message = format!("`{}` names the tenant and is empty", column.name);
            row.errors.push(RowError::new(&column.name, message));
        }
    }
}

/// What the engine is given for a value, or why it is given none.
pub(super) fn accept<'v>(data_type: &DataType, value: &'v str) -> Result<Cow<'v, str>, Refused> {
    if value == "null" {
        return match data_type.is_nullable() || data_type.name == "Variant" || is_any(data_type) {
            true => Ok(value.into()),
            false => Err(Refused::new(data_type, "null")),
        };
    }
    let bare = data_type.bare();
    let text = match value.starts_with('"') {
        true => Some(text(bare, value)?),
        false => None,
    };
    let text = text.as_deref();
    let written = text.unwrap_or(value);
    match bare.name.as_str() {
        "SimpleAggregateFunction" => match bare.arguments.get(1) {
            Some(TypeArgument::Type(inner)) => accept(inner, value),
            _ => Ok(value.into()),
        },
        "Array" => elements(bare, value),
        "Map" => members(bare, value),
        "Tuple" => parts(bare, value),
        "Bool" | "Boolean" | "bool" => boolean(bare, value, text),
        "Date" | "Date32" => times::date(bare, written).map(|()| value.into()),
        "DateTime" | "DateTime32" | "DateTime64" => times::moment(bare, value, text),
        "UUID" | "IPv4" | "IPv6" => named(bare, text).map(|()| value.into()),
        "Float32" | "Float64" => numbers::float(bare, written).map(|()| value.into()),
        name if name.starts_with("Decimal") => {
            numbers::decimal(bare, written).map(|()| value.into())
        }
        _ => {
            numbers::whole(bare, written)?;
            well_formed(bare, value)
        }
    }
}

/// Types that hold values of any type.
fn is_any(data_type: &DataType) -> bool {
    matches!(data_type.name.as_str(), "Dynamic" | "JSON")
}

/// The text of a JSON string.
fn text<'v>(data_type: &DataType, value: &'v str) -> Result<Cow<'v, str>, Refused> {
    let inner = &value[1..value.len().saturating_sub(1).max(1)];
    if !inner.contains('\\') {
        return Ok(inner.into());
    }
    match serde_json::from_str::<String>(value) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(broken_text(data_type, value)),
    }
}

/// JSON's syntax lets `\ud800` alone pass, which is no character.
fn well_formed<'v>(data_type: &DataType, value: &'v str) -> Result<Cow<'v, str>, Refused> {
    let is_suspect = !value.starts_with('"') && value.contains("\\u");
    if is_suspect && serde_json::from_str::<serde_json::Value>(value).is_err() {
        return Err(broken_text(data_type, value));
    }
    Ok(value.into())
}

fn broken_text(data_type: &DataType, value: &str) -> Refused {
    let why = "it has an escape that is no character, such as half of a surrogate pair";
    Refused::because(data_type, value, why)
}

fn boolean<'v>(
    data_type: &DataType,
    value: &'v str,
    text: Option<&str>,
) -> Result<Cow<'v, str>, Refused> {
    let word = text.unwrap_or(value);
    let is = |words: [&str; 6]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
    if is(["true", "1", "t", "yes", "y", "on"]) {
        Ok("true".into())
    } else if is(["false", "0", "f", "no", "n", "off"]) {
        Ok("false".into())
    } else {
        Err(Refused::new(data_type, word))
    }
}

/// Ids and addresses. The engine takes what follows a short id for a part of
/// it, the next rows included.
fn named(data_type: &DataType, text: Option<&str>) -> Result<(), Refused> {
    let text = text.unwrap_or_default();
    let is_one = match data_type.name.as_str() {
        "UUID" => uuid::Uuid::try_parse(text).is_ok() && matches!(text.len(), 32 | 36),
        "IPv4" => text.parse::<Ipv4Addr>().is_ok(),
        _ => text.parse::<Ipv6Addr>().is_ok() || text.parse::<Ipv4Addr>().is_ok(),
    };
    match is_one {
        true => Ok(()),
        false => Err(Refused::new(data_type, text)),
    }
}

/// An array, each of its elements.
fn elements<'v>(data_type: &DataType, value: &'v str) -> Result<Cow<'v, str>, Refused> {
    let (Some(inner), Ok(given)) = (data_type.inner(), serde_json::from_str(value)) else {
        return well_formed(data_type, value);
    };
    let given: Vec<&RawValue> = given;
    let accepted = each(given.iter().map(|element| (inner, *element)))?;
    Ok(match accepted {
        None => value.into(),
        Some(accepted) => format!("[{}]", accepted.join(",")).into(),
    })
}

/// A map, each of its values.
fn members<'v>(data_type: &DataType, value: &'v str) -> Result<Cow<'v, str>, Refused> {
    let inner = match data_type.arguments.get(1) {
        Some(TypeArgument::Type(inner)) => inner,
        _ => return well_formed(data_type, value),
    };
    let Ok(given) = serde_json::from_str::<IndexMap<String, &RawValue>>(value) else {
        return well_formed(data_type, value);
    };
    let accepted = each(given.values().map(|member| (inner, *member)))?;
    Ok(match accepted {
        None => value.into(),
        Some(accepted) => object(given.keys().map(String::as_str).zip(accepted)).into(),
    })
}

/// A tuple: an array of its parts, or an object of those that have names.
fn parts<'v>(data_type: &DataType, value: &'v str) -> Result<Cow<'v, str>, Refused> {
    let types = data_type.arguments.iter().filter_map(|part| match part {
        TypeArgument::Type(inner) | TypeArgument::Named(_, inner) => Some(inner),
        TypeArgument::Literal(_) => None,
    });
    if let Ok(given) = serde_json::from_str::<Vec<&RawValue>>(value) {
        let accepted = each(types.zip(given))?;
        return Ok(match accepted {
            None => value.into(),
            Some(accepted) => format!("[{}]", accepted.join(",")).into(),
        });
    }
    let Ok(given) = serde_json::from_str::<IndexMap<String, &RawValue>>(value) else {
        return well_formed(data_type, value);
    };
    let mut named = Vec::new();
    for part in &data_type.arguments {
        let TypeArgument::Named(name, inner) = part else {
            return well_formed(data_type, value);
        };
        match given.get(name) {
            Some(part) => named.push((name.as_str(), accept(inner, part.get())?)),
            None if inner.is_nullable() => {}
            None => {
                return Err(Refused::because(
                    data_type,
                    value,
                    "a part of it is missing",
                ));
            }
        }
    }
    Ok(object(named).into())
}

/// Values that belong together, each of its own type; `None` if all of them
/// stay as they are written.
fn each<'v, 't>(
    given: impl Iterator<Item = (&'t DataType, &'v RawValue)>,
) -> Result<Option<Vec<Cow<'v, str>>>, Refused> {
    let mut is_as_written = true;
    let mut all = Vec::new();
    for (data_type, value) in given {
        let accepted = accept(data_type, value.get())?;
        is_as_written &= accepted == value.get();
        all.push(accepted);
    }
    Ok((!is_as_written).then_some(all))
}

fn object<'v>(members: impl IntoIterator<Item = (&'v str, Cow<'v, str>)>) -> String {
    let members = members.into_iter();
    let members: Vec<String> = members
        .map(|(name, value)| format!("{}:{value}", json(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests;
