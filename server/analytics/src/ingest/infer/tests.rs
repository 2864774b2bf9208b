use proptest::prelude::*;
use serde_json::json;

use super::{Analysis, Format, infer, likely_delimiter};
use crate::ingest::IngestError;
use datafile::{Variables, parse_data_source};

fn ndjson(text: &str) -> Analysis {
    infer(text.as_bytes(), Format::Ndjson).unwrap()
}

fn types(analysis: &Analysis) -> Vec<(&str, &str)> {
    let columns = analysis.columns.iter();
    columns
        .map(|column| (column.path.as_str(), column.data_type.as_str()))
        .collect()
}

/// The type of one JSON value or of several rows with one each.
fn type_of(values: &str) -> String {
    let rows: Vec<String> = values
        .split('|')
        .map(|value| format!("{{\"a\":{value}}}"))
        .collect();
    ndjson(&rows.join("\n")).columns[0].data_type.clone()
}

#[test]
fn the_narrowest_type_that_holds_all_values_is_recommended() {
    for (values, expected) in [
        ("1|-5", "Int16"),
        ("1|32768", "Int32"),
        ("2147483648", "Int64"),
        ("9223372036854775808", "UInt64"),
        ("1.5|2", "Float32"),
        ("8388608.5", "Float64"),
        ("4503599627370497.5", "String"),
        ("true|false", "Bool"),
        ("\"2025-01-02\"", "Date"),
        ("\"2025/01/02\"", "String"),
        (
            "\"2025-01-02 03:04:05\"|\"2025/01/02T03:04:05Z\"",
            "DateTime",
        ),
        ("\"02.01.2025 03:04:05\"", "DateTime"),
        (
            "\"2025-01-02 03:04:05\"|\"2025-01-02 03:04:05.678\"",
            "DateTime64(3)",
        ),
        ("\"2025-01-02\"|\"soon\"", "String"),
        ("\"5\"", "String"),
        ("1|\"x\"", "String"),
        ("1|true", "String"),
        ("1|null", "Nullable(Int16)"),
        ("null", "Nullable(String)"),
        ("[1,2]|[3]", "Array(Int16)"),
        ("[\"a\"]|[]", "Array(String)"),
        ("[1,2.5]", "Array(Float32)"),
        ("{}", "String"),
    ] {
        assert_eq!(type_of(values), expected, "{values}");
    }
}

#[test]
fn what_is_nested_becomes_columns_of_its_own() {
    let analysis = ndjson(
        r#"{"id":1,"user":{"firstName":"a","tags":["x"]},"items":[{"sku":"s","n":1},{"n":2}],"odd key":1}"#,
    );
    assert_eq!(
        types(&analysis),
        [
            ("$.id", "Int16"),
            ("$.user.firstName", "String"),
            ("$.user.tags[:]", "Array(String)"),
            ("$.items[:].sku", "Array(String)"),
            ("$.items[:].n", "Array(Int16)"),
            ("$.`odd key`", "Int16"),
        ]
    );
    let names: Vec<&str> = analysis
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "id",
            "user_first_name",
            "user_tags",
            "items_sku",
            "items_n",
            "odd_key"
        ]
    );
}

#[test]
fn a_recommended_schema_is_one() {
    let analysis = ndjson("{\"a-b\":1,\"l\":[1]}\n{\"a b\":\"x\",\"1\":2.5}\n{}");
    assert_eq!(
        analysis.schema(),
        "`a_b` Nullable(Int16) `json:$.a-b`, `l` Array(Int16) `json:$.l[:]` DEFAULT [], \
         `a_b_2` Nullable(String) `json:$.`a b``, `c_1` Nullable(Float32) `json:$.1`"
    );
    let datafile = format!("SCHEMA >\n    {}\n", analysis.schema());
    let parsed = parse_data_source("t.datasource", &datafile, &Variables::default());
    assert!(parsed.is_ok(), "{datafile}{parsed:?}");
}

#[test]
fn presence_is_counted_in_percent() {
    let analysis = ndjson("{\"a\":1}\n{\"a\":null}\n{\"b\":1}\n{\"a\":2}");
    let present: Vec<f64> = analysis
        .columns
        .iter()
        .map(|column| column.present_pct)
        .collect();
    assert_eq!((present, analysis.rows), (vec![50.0, 25.0], 4));
}

#[test]
fn csv_is_read_with_and_without_a_header() {
    let with = infer(
        b"day,n,\"Full Name\",zip\n2025-01-01,5,\"a, b\",012\n,6,c,1\n",
        Format::CSV,
    );
    let with = with.unwrap();
    assert_eq!(
        with.schema(),
        "`day` Nullable(Date), `n` Int16, `full_name` String, `zip` String"
    );
    assert_eq!(
        with.preview,
        [
            vec![json!("2025-01-01"), json!("5"), json!("a, b"), json!("012")],
            vec![json!(null), json!("6"), json!("c"), json!("1")],
        ]
    );
    let without = infer(
        b"1;x\n2;y\n",
        Format::Csv {
            delimiter: Some(';'),
        },
    )
    .unwrap();
    assert_eq!(without.schema(), "`column_00` Int16, `column_01` String");
    assert_eq!(without.rows, 2);
}

#[test]
fn the_delimiter_is_the_one_that_is_there() {
    for (line, expected) in [("a,b", ','), ("a;b,c;d", ';'), ("a\tb", '\t'), ("a", ',')] {
        assert_eq!(likely_delimiter(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn what_is_no_rows_says_so() {
    for (text, format) in [
        ("", Format::Ndjson),
        ("[1]\n", Format::Ndjson),
        ("{\"a\":1}\nx", Format::Ndjson),
        ("[1]", Format::Json),
        ("", Format::CSV),
        ("PAR1", Format::Parquet),
    ] {
        assert!(
            matches!(
                infer(text.as_bytes(), format),
                Err(IngestError::Unreadable(_))
            ),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_the_rows_are_called_the_schema_is_one(
        keys in proptest::collection::btree_set("[ -~]{0,8}|\\PC{0,6}", 1..6),
        nested in any::<bool>(),
    ) {
        let members: serde_json::Map<String, serde_json::Value> =
            keys.iter().map(|key| (key.clone(), json!(1))).collect();
        let row = if nested { json!({ "in": members, "all": [members] }) } else { json!(members) };
        let analysis = ndjson(&row.to_string());
        if !analysis.columns.is_empty() {
            let datafile = format!("SCHEMA >\n    {}\n", analysis.schema());
            let parsed = parse_data_source("t.datasource", &datafile, &Variables::default());
            let parsed = parsed.map_err(|found| TestCaseError::fail(format!("{datafile}{found:?}")))?;
            let paths: Vec<String> = parsed
                .columns
                .iter()
                .map(|column| column.json_path.as_ref().map(ToString::to_string).unwrap_or_default())
                .collect();
            let expected: Vec<&str> =
                analysis.columns.iter().map(|column| column.path.as_str()).collect();
            prop_assert_eq!(paths, expected);
        }
    }
}
