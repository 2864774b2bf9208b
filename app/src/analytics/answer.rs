//! An endpoint's answer as a small table of columns: compact where a page
//! carries it to the browser, and one type for every endpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The rows of an answer, column by column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// How many rows there are.
    pub rows: u32,
    /// The columns in the endpoint's order.
    pub columns: Vec<Column>,
    /// What the query cost.
    pub statistics: Statistics,
}

/// One column with its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// As the endpoint names it.
    pub name: String,
    /// One value for each row.
    pub values: Values,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Values {
    /// Every number type of the engine; `None` for null and for "not a
    /// number". Exact up to 2⁵³.
    #[serde(rename = "n")]
    Numbers(Vec<Option<f64>>),
    /// Everything else, as text.
    #[serde(rename = "t")]
    Texts(Vec<Option<String>>),
}

/// What a query cost, as the analytics server reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Seconds in the engine.
    pub elapsed: f64,
    /// Rows the engine read.
    pub rows_read: f64,
    /// Bytes the engine read.
    pub bytes_read: f64,
}

/// The body of `/v0/pipes/<name>.json`.
#[derive(Deserialize)]
struct Body {
    meta: Vec<Meta>,
    data: Vec<BTreeMap<String, Value>>,
    #[serde(default)]
    statistics: Statistics,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Table {
    /// Reads the body of an answer; `None` when it is not one.
    pub fn parse(body: &str) -> Option<Self> {
        let mut body: Body = serde_json::from_str(body).ok()?;
        let rows = u32::try_from(body.data.len()).ok()?;
        let mut columns = Vec::with_capacity(body.meta.len());
        for Meta { name, kind } in body.meta {
            let cells = body
                .data
                .iter_mut()
                .map(|row| row.remove(&name).unwrap_or(Value::Null));
            let values = if is_number(&kind) {
                Values::Numbers(cells.map(number).collect())
            } else {
                Values::Texts(cells.map(text).collect())
            };
            columns.push(Column { name, values });
        }
        Some(Self {
            rows,
            columns,
            statistics: body.statistics,
        })
    }

    /// The numbers of a column; `None` when there is no such column or it
    /// holds texts.
    pub fn numbers(&self, name: &str) -> Option<&[Option<f64>]> {
        match self.values(name)? {
            Values::Numbers(numbers) => Some(numbers),
            Values::Texts(_) => None,
        }
    }

    /// The texts of a column; `None` when there is no such column or it holds
    /// numbers.
    pub fn texts(&self, name: &str) -> Option<&[Option<String>]> {
        match self.values(name)? {
            Values::Texts(texts) => Some(texts),
            Values::Numbers(_) => None,
        }
    }

    fn values(&self, name: &str) -> Option<&Values> {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .map(|column| &column.values)
    }
}

/// Whether the engine's type is a number under its `Nullable` and
/// `LowCardinality`.
fn is_number(kind: &str) -> bool {
    let mut inner = kind;
    while let Some(rest) = inner
        .strip_prefix("Nullable(")
        .or_else(|| inner.strip_prefix("LowCardinality("))
    {
        inner = rest;
    }
    ["UInt", "Int", "Float", "Decimal"]
        .iter()
        .any(|family| inner.starts_with(family))
}

/// Numbers may be quoted: the engine does so for 64-bit integers and decimals
/// when asked to.
fn number(value: Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{
        "meta": [{"name":"day","type":"Date"},{"name":"flights","type":"UInt64"},{"name":"delay","type":"Nullable(Float64)"}],
        "data": [{"day":"2026-11-16","flights":160,"delay":12.5},{"day":"2026-11-17","flights":"1","delay":null}],
        "rows": 2,
        "statistics": {"elapsed":0.001,"rows_read":58665,"bytes_read":1000}
    }"#;

    #[test]
    fn columns_keep_their_order_and_their_type() {
        let table = Table::parse(BODY).unwrap();
        assert_eq!(table.rows, 2);
        assert_eq!(
            table
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .collect::<Vec<_>>(),
            ["day", "flights", "delay"]
        );
        assert_eq!(table.numbers("flights").unwrap(), [Some(160.0), Some(1.0)]);
        assert_eq!(table.numbers("delay").unwrap(), [Some(12.5), None]);
        assert_eq!(
            table.texts("day").unwrap()[1].as_deref(),
            Some("2026-11-17")
        );
        assert_eq!(table.numbers("day"), None);
        assert_eq!(table.texts("nothing"), None);
        assert_eq!(table.statistics.rows_read, 58_665.0);
    }

    #[test]
    fn a_table_survives_the_way_into_the_browser() {
        let nulls = r#"{"meta":[{"name":"n","type":"Nullable(String)"}],"data":[{"n":null}]}"#;
        let empty = r#"{"meta":[{"name":"flights","type":"UInt64"}],"data":[]}"#;
        for body in [BODY, nulls, empty] {
            let table = Table::parse(body).unwrap();
            let travelled: Table =
                serde_json::from_str(&serde_json::to_string(&table).unwrap()).unwrap();
            assert_eq!(travelled, table);
        }
    }

    #[test]
    fn bodies_that_are_no_answer_are_refused() {
        for body in ["", "{}", "[]", "<html>", r#"{"error":"no"}"#] {
            assert_eq!(Table::parse(body), None, "{body:?}");
        }
    }
}
