//! An endpoint's answer as a small table of columns: compact where a page
//! carries it to the browser, and one type for every endpoint.

use serde::Serialize;

use crate::{json::Json, numbers};

/// The rows of an answer, column by column.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// How many rows there are.
    pub rows: u32,
    /// The columns in the endpoint's order.
    pub columns: Vec<Column>,
    /// What the query cost.
    pub statistics: Statistics,
}

/// One column with its name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// As the endpoint names it.
    pub name: String,
    /// One value for each row.
    pub values: Values,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Seconds in the engine.
    pub elapsed: f64,
    /// Rows the engine read.
    pub rows_read: f64,
    /// Bytes the engine read.
    pub bytes_read: f64,
}

impl Table {
    /// Reads the body of `/v0/pipes/<name>.json`; `None` when it is not one.
    pub fn parse(body: &str) -> Option<Self> {
        let body = Json::parse(body)?;
        let rows = body.field("data").items()?;
        let column = |meta: &Json| {
            let (name, kind) = (meta.field("name").text()?, meta.field("type").text()?);
            let cells = rows.iter().map(|row| row.field(&name));
            let values = if is_number(&kind) {
                Values::Numbers(cells.map(|cell| number(&cell)).collect())
            } else {
                Values::Texts(cells.map(|cell| text(&cell)).collect())
            };
            Some(Column { name, values })
        };
        Some(Self {
            rows: u32::try_from(rows.len()).ok()?,
            columns: body
                .field("meta")
                .items()?
                .iter()
                .map(column)
                .collect::<Option<_>>()?,
            statistics: Statistics::read(&body.field("statistics")),
        })
    }

    /// Reads a table that travelled with the page.
    pub(super) fn read(json: &Json) -> Option<Self> {
        let column = |column: &Json| {
            let values = column.field("values");
            let values = match (values.field("n").items(), values.field("t").items()) {
                (Some(numbers), _) => Values::Numbers(numbers.iter().map(Json::number).collect()),
                (_, Some(texts)) => Values::Texts(texts.iter().map(Json::text).collect()),
                _ => return None,
            };
            Some(Column {
                name: column.field("name").text()?,
                values,
            })
        };
        Some(Self {
            rows: json.field("rows").number()? as u32,
            columns: json
                .field("columns")
                .items()?
                .iter()
                .map(column)
                .collect::<Option<_>>()?,
            statistics: Statistics::read(&json.field("statistics")),
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

impl Statistics {
    fn read(json: &Json) -> Self {
        let figure = |name: &str| json.field(name).number().unwrap_or_default();
        Self {
            elapsed: figure("elapsed"),
            rows_read: figure("rows_read"),
            bytes_read: figure("bytes_read"),
        }
    }
}

/// Numbers may be quoted: the engine does so for 64-bit integers and decimals
/// when asked to. What is quoted and no number, such as `nan`, is none.
fn number(value: &Json) -> Option<f64> {
    value
        .number()
        .or_else(|| Json::parse(&value.text()?)?.number())
}

/// A cell to read; lists and objects are written out.
fn text(value: &Json) -> Option<String> {
    if value.is_null() {
        return None;
    }
    if let Some(items) = value.items() {
        let items: Vec<_> = items.iter().filter_map(text).collect();
        return Some(format!("[{}]", items.join(", ")));
    }
    let number = || value.number().map(|number| numbers::decimal(number, 3));
    let truth = || {
        value
            .truth()
            .map(|is_true| if is_true { "true" } else { "false" }.to_owned())
    };
    let fields = || {
        let field = |(name, value): (String, Json)| Some(format!("{name}: {}", text(&value)?));
        let fields: Vec<_> = value.fields().into_iter().filter_map(field).collect();
        format!("{{{}}}", fields.join(", "))
    };
    value
        .text()
        .or_else(number)
        .or_else(truth)
        .or_else(|| Some(fields()))
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
            let json = Json::parse(&serde_json::to_string(&table).unwrap()).unwrap();
            assert_eq!(Table::read(&json), Some(table));
        }
    }

    #[test]
    fn nested_values_are_written_out() {
        let body = r#"{"meta":[{"name":"tags","type":"Array(String)"},{"name":"ok","type":"Bool"}],
                       "data":[{"tags":["a","b"],"ok":true}]}"#;
        let table = Table::parse(body).unwrap();
        assert_eq!(table.texts("tags").unwrap()[0].as_deref(), Some("[a, b]"));
        assert_eq!(table.texts("ok").unwrap()[0].as_deref(), Some("true"));
    }

    #[test]
    fn quoted_numbers_count_and_quoted_nonsense_does_not() {
        let cells = [
            ("\"42\"", Some(42.0)),
            ("\"nan\"", None),
            ("\"\"", None),
            ("true", None),
        ];
        for (cell, expected) in cells {
            let body =
                format!(r#"{{"meta":[{{"name":"n","type":"UInt64"}}],"data":[{{"n":{cell}}}]}}"#);
            assert_eq!(
                Table::parse(&body).unwrap().numbers("n").unwrap(),
                [expected],
                "{cell}"
            );
        }
    }

    #[test]
    fn bodies_that_are_no_answer_are_refused() {
        for body in ["", "{}", "[]", "<html>", r#"{"error":"no"}"#] {
            assert_eq!(Table::parse(body), None, "{body:?}");
        }
    }
}
