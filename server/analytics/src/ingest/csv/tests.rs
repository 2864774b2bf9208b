//! Files of CSV against the real engine.

use serde::Deserialize;

use super::super::tests::shop_of;
use super::super::{Append, Format, append};
use super::*;

#[test]
fn escaped_quotes_are_doubled_inside_of_quotes_only() {
    for (given, expected) in [
        (r#""a\"b\\",c\d"#, r#""a""b\",c\d"#),
        (r#""a""b","\n""#, r#""a""b","\n""#),
        (r#"a\"#, r#"a\"#),
    ] {
        let written = with_doubled_quotes(given.as_bytes(), b'\\');
        assert_eq!(String::from_utf8(written).unwrap(), expected, "{given}");
    }
}

#[test]
fn quotes_hold_line_breaks_and_delimiters_together() {
    let text = "a,\"b\n,\"\"c\"\"\"\r\n\n\"d\",\n";
    let found: Vec<Vec<String>> = records(text)
        .map(|record| {
            fields(record, ',')
                .iter()
                .map(|field| unquote(field))
                .collect()
        })
        .collect();
    assert_eq!(found, [vec!["a", "b\n,\"c\""], vec!["d", ""]]);
}

#[test]
fn carriage_returns_alone_end_records_where_there_are_no_line_feeds() {
    for (text, expected) in [
        ("a,b\r1,2\r", vec!["a,b", "1,2"]),
        ("a,\"x\ny\"\r1,2", vec!["a,\"x\ny\"", "1,2"]),
        ("a,b\r\n1,\"\r\"\r\n", vec!["a,b", "1,\"\r\""]),
    ] {
        let found: Vec<&str> = records(text).collect();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[derive(Deserialize)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    csv: String,
    delimiter: Option<char>,
    #[serde(default)]
    kept: String,
    #[serde(default)]
    quarantined: u64,
    error: Option<String>,
    refused: Option<String>,
}

#[tokio::test]
async fn files_are_read_as_the_cases_say() {
    let schema = "SCHEMA >\n    id UInt32,\n    name String,\n    on Bool,\n    \
                  note Nullable(String),\n    d UInt8 DEFAULT 7\n";
    let shop = shop_of(&[("t", schema)]).await;
    let file: File = toml::from_str(include_str!("cases.toml")).unwrap();
    for case in file.case {
        let name = &case.name;
        let format = Format::Csv {
            delimiter: case.delimiter,
        };
        let done = append(shop.target("t"), Append::new(format, case.csv)).await;
        if let Some(refused) = case.refused {
            let error = done.expect_err(name).to_string();
            assert!(error.contains(&refused), "{name}: {error}");
            continue;
        }
        let done = done.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            shop.rows("SELECT * FROM t ORDER BY id").await,
            case.kept,
            "{name}"
        );
        assert_eq!(
            done.successful_rows,
            case.kept.lines().count() as u64,
            "{name}"
        );
        assert_eq!(done.quarantined_rows, case.quarantined, "{name}");
        let errors = shop.rows("SELECT c__error FROM t_quarantine").await;
        let expected = case.error.unwrap_or_default();
        assert!(errors.contains(&expected), "{name}: {errors}");
        shop.engine().change("TRUNCATE TABLE t").await;
        shop.engine().change("TRUNCATE TABLE t_quarantine").await;
    }
}
