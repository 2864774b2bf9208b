//! The table of accepted values against the real engine, for every way in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::tests::{Shop, shop_of};
use super::super::{Append, Format, append, csv};
use engine::{Engine, Statement};

struct Case {
    data_type: &'static str,
    value: &'static str,
    /// `None` where the row is quarantined.
    kept: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("cases.tsv").lines();
    let case = |line: &'static str| {
        let mut fields = line.split('\t');
        let case = Case {
            data_type: fields.next().unwrap(),
            value: fields.next().unwrap(),
            kept: fields.next().filter(|kept| *kept != "!"),
        };
        assert!(line.split('\t').count() == 3, "{line}");
        case
    };
    lines
        .filter(|line| !line.starts_with('#'))
        .map(case)
        .collect()
}

fn by_type(cases: &[Case]) -> Vec<(&str, Vec<&Case>)> {
    let mut types: Vec<(&str, Vec<&Case>)> = Vec::new();
    for case in cases {
        match types.iter_mut().find(|(name, _)| *name == case.data_type) {
            Some((_, some)) => some.push(case),
            None => types.push((case.data_type, vec![case])),
        }
    }
    types
}

/// Data sources `t0`, `t1`, … with one column of each type.
async fn shop(types: &[(&str, Vec<&Case>)]) -> Shop {
    let files: Vec<(String, String)> = types
        .iter()
        .enumerate()
        .map(|(at, (data_type, _))| {
            let schema = format!("SCHEMA >\n    id UInt32,\n    x {data_type}\n");
            (format!("t{at}"), schema)
        })
        .collect();
    let files = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    shop_of(&files.collect::<Vec<_>>()).await
}

/// A JSON value as a field of CSV.
fn field(value: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    match value.chars().next() {
        Some('"') => quoted(&serde_json::from_str::<String>(value).unwrap()),
        Some('[' | '{') => quoted(value),
        _ if value == "null" => "\\N".to_owned(),
        _ => value.to_owned(),
    }
}

async fn check(format: Format, rows: impl Fn(&[&Case]) -> String) {
    let cases = cases();
    let types = by_type(&cases);
    let shop = shop(&types).await;
    let mut wrong = String::new();
    for (at, (data_type, cases)) in types.iter().enumerate() {
        let name = format!("t{at}");
        let rows = Append::new(format, rows(cases));
        let done = append(shop.target(&name), rows).await;
        let done = done.unwrap_or_else(|error| panic!("{data_type}: {error}"));
        let kept = shop.rows(&format!("SELECT id, x FROM {name}")).await;
        let kept: BTreeMap<usize, &str> = kept
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(id, value)| (id.parse().unwrap(), value))
            .collect();
        let quarantined = cases.len() - kept.len();
        assert_eq!(done.quarantined_rows, quarantined as u64, "{data_type}");
        for (id, case) in cases.iter().enumerate() {
            let found = kept.get(&id).copied();
            if found != case.kept {
                let _ = writeln!(wrong, "{data_type} {}: {found:?}", case.value);
            }
        }
    }
    assert!(wrong.is_empty(), "not as the table says:\n{wrong}");
}

#[tokio::test]
async fn ndjson_is_read_as_the_table_of_values_says() {
    check(Format::Ndjson, |cases| {
        let row = |(id, case): (usize, &&Case)| format!("{{\"id\":{id},\"x\":{}}}\n", case.value);
        cases.iter().enumerate().map(row).collect()
    })
    .await;
}

#[tokio::test]
async fn a_json_document_is_read_as_the_table_of_values_says() {
    check(Format::Json, |cases| {
        let row = |(id, case): (usize, &&Case)| format!("{{\"id\":{id},\n\"x\":{}}}", case.value);
        let rows: Vec<String> = cases.iter().enumerate().map(row).collect();
        format!("[{}]", rows.join(",\n"))
    })
    .await;
}

#[tokio::test]
async fn csv_is_read_as_the_table_of_values_says() {
    check(Format::CSV, |cases| {
        let row = |(id, case): (usize, &&Case)| format!("{id},{}\n", field(case.value));
        let rows: String = cases.iter().enumerate().map(row).collect();
        format!("id,x\n{rows}")
    })
    .await;
}

#[tokio::test]
async fn parquet_keeps_moments_and_numbers_as_they_are() {
    let shop = shop_of(&[(
        "t",
        "SCHEMA >\n    at DateTime('Europe/Berlin'),\n    fine DateTime64(3),\n    day Date,\n    \
         n Nullable(Float64),\n    d Decimal(9, 2),\n    b Bool,\n    small UInt8\n",
    )])
    .await;
    let file = "SELECT toDateTime64('2025-07-01 10:00:00.125', 3, 'UTC') AS at, at AS fine,
                toDate('2025-07-01') AS day, nan AS n, toDecimal64(1.25, 4) AS d, true AS b,
                toUInt16(arrayJoin([7, 300])) AS small";
    let file = shop.engine().query(Statement::read(file, "Parquet")).await;
    let rows = Append::new(Format::Parquet, file.unwrap().body);
    let done = append(shop.target("t"), rows).await.unwrap();
    assert_eq!((done.successful_rows, done.quarantined_rows), (1, 1));
    assert_eq!(
        shop.rows("SELECT * FROM t").await,
        "2025-07-01 12:00:00\t2025-07-01 10:00:00.125\t2025-07-01\tnan\t1.25\ttrue\t7\n"
    );
}

#[test]
fn fields_of_the_table_are_written_as_csv_has_them() {
    assert_eq!(field("\"a\\\"b\""), "\"a\"\"b\"");
    assert_eq!(csv::unquote(&field("\"a\\\"b\"")), "a\"b");
}
