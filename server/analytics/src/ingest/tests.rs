//! Rows against the real engine: what is taken, what is quarantined and why,
//! and the demo's load.

use std::path::{Path, PathBuf};

use super::*;
use crate::project::{Project, SourceFile};
use datafile::Variables;
use engine::Statement;
use engine::testing::TestEngine;

const EVENTS: &str = "
SCHEMA >
    at DateTime64(3, 'UTC') `json:$.at`,
    org LowCardinality(String) `json:$.org`,
    count UInt8 `json:$.nested.count`,
    note Nullable(String) `json:$.note`,
    big UInt64 `json:$.big` DEFAULT 7,
    tags Array(String) `json:$.tags[:].name`,
    row String `json:$`
";

const PLAIN: &str = "
SCHEMA >
    day Date,
    org String,
    count UInt32,
    note Nullable(String)
";

pub(super) struct Shop {
    engine: TestEngine,
    project: Project,
}

/// A project of data sources, each a name and its file.
pub(super) async fn shop_of(files: &[(&str, &str)]) -> Shop {
    let file = |(name, text): &(&str, &str)| SourceFile {
        path: format!("datasources/{name}.datasource"),
        text: (*text).to_owned(),
    };
    let files: Vec<SourceFile> = files.iter().map(file).collect();
    Shop::of(Project::from_files(&files, &Variables::default()).unwrap()).await
}

impl Shop {
    async fn open() -> Self {
        shop_of(&[("events", EVENTS), ("plain", PLAIN)]).await
    }

    async fn of(project: Project) -> Self {
        let engine = TestEngine::open().await;
        project.apply(&*engine, "rookery").await.unwrap();
        Self { engine, project }
    }

    pub(super) fn engine(&self) -> &TestEngine {
        &self.engine
    }

    pub(super) fn target(&self, name: &str) -> Target<'_> {
        Target {
            engine: &*self.engine,
            database: "rookery",
            data_source: self.project.data_source(name).unwrap(),
        }
    }

    async fn append(&self, name: &str, format: Format, data: &str) -> (u64, u64) {
        let rows = Append::new(format, data.to_owned());
        let done = append(self.target(name), rows).await.unwrap();
        (done.successful_rows, done.quarantined_rows)
    }

    pub(super) async fn rows(&self, sql: &str) -> String {
        self.engine.rows(sql).await.unwrap()
    }
}

#[tokio::test]
async fn values_are_found_by_their_paths_and_kept_to_the_last_digit() {
    let shop = Shop::open().await;
    let row = r#"{"at":"2026-01-02T03:04:05.678Z","org":"u\"a","nested":{"count":3},"extra":1,"big":18446744073709551615,"tags":[{"name":"a"},{"name":"b"}]}"#;
    assert_eq!(
        shop.append("events", Format::Ndjson, &format!("\u{feff}{row}\r\n\n"))
            .await,
        (1, 0)
    );
    assert_eq!(
        shop.rows("SELECT at, org, count, note, big, tags FROM events")
            .await,
        "2026-01-02 03:04:05.678\tu\"a\t3\t\\N\t18446744073709551615\t['a','b']\n"
    );
    let whole = shop
        .engine
        .text(Statement::read("SELECT row FROM events", "TSVRaw"))
        .await;
    assert_eq!(whole.unwrap(), format!("{row}\n"));
}

#[tokio::test]
async fn a_json_column_takes_the_whole_row_or_a_part_of_it_as_a_document() {
    let table = SourceFile {
        path: "hooks.datasource".to_owned(),
        text: "SCHEMA >\n    kind String `json:$.type` DEFAULT 'unknown',\n    \
               row JSON `json:$` DEFAULT '{}',\n    data JSON `json:$.['event-data']` DEFAULT '{}'\n"
            .to_owned(),
    };
    let shop = Shop::of(Project::from_files(&[table], &Variables::default()).unwrap()).await;
    let rows = r#"{"type":"a","event-data":{"id":7,"list":[{"x":"y"}],"none":[]}}
{"type":"b","other":{"deep":true}}
"#;
    assert_eq!(shop.append("hooks", Format::Ndjson, rows).await, (2, 0));
    let sql = "SELECT kind, row.type::String, row.other.deep, data FROM hooks ORDER BY kind";
    assert_eq!(
        shop.rows(sql).await,
        "a\ta\t\\N\t{\"id\":7,\"list\":[{\"x\":\"y\"}],\"none\":[]}\nb\tb\ttrue\t{}\n"
    );
}

#[tokio::test]
async fn bad_rows_go_to_the_quarantine_with_their_reasons_and_good_ones_do_not() {
    let shop = Shop::open().await;
    let data = r#"{"at":"2026-01-01","org":"ua","nested":{"count":1},"tags":[]}
{"at":"yesterday","org":"ua","nested":{"count":"many"},"tags":[],"note":5}
{"org":"ua","nested":{"count":null},"tags":[]}
no json
{"at":"2026-01-03","org":"b6","nested":{"count":300},"tags":[]}
[1]
{"at":"2026-01-02","org":"b6","nested":{"count":2},"tags":[{"name":"x"}],"big":null}
"#;
    assert_eq!(shop.append("events", Format::Ndjson, data).await, (2, 5));
    assert_eq!(
        shop.rows("SELECT org, count, big FROM events ORDER BY at")
            .await,
        "ua\t1\t7\nb6\t2\t7\n"
    );
    let quarantine = "SELECT c__error_column, c__error[1], at, count, note FROM events_quarantine
                      ORDER BY c__error_column, c__error";
    assert_eq!(
        shop.rows(quarantine).await,
        "['']\tthe row is not JSON: expected ident at line 1 column 2: no json\t\\N\t\\N\t\\N\n\
         ['']\tthe row is not a JSON object: [1]\t\\N\t\\N\t\\N\n\
         ['at','count']\t`yesterday` is not a value of the type DateTime64(3, \\'UTC\\')\tyesterday\tmany\t5\n\
         ['at','count']\tno value for `at`, which has no default and cannot be NULL\t\\N\t\\N\t\\N\n\
         ['count']\t`300` is not a value of the type UInt8\t2026-01-03\t300\t\\N\n"
    );
}

#[tokio::test]
async fn many_bad_rows_are_sorted_out_at_once() {
    let shop = Shop::open().await;
    let row = |number: usize| {
        let day = if number.is_multiple_of(3) {
            "soon"
        } else {
            "2026-01-01"
        };
        format!("{{\"day\":\"{day}\",\"org\":\"ua\",\"count\":{number}}}\n")
    };
    let data: String = (0..30_000).map(row).collect();
    assert_eq!(
        shop.append("plain", Format::Ndjson, &data).await,
        (20_000, 10_000)
    );
    assert_eq!(
        shop.rows("SELECT count(), sum(count % 3 = 0) FROM plain")
            .await,
        "20000\t0\n"
    );
    assert_eq!(
        shop.rows("SELECT count(), sum(toUInt32(count) % 3) FROM plain_quarantine")
            .await,
        "10000\t0\n"
    );
}

#[tokio::test]
async fn a_document_may_be_one_object_or_an_array_over_many_lines() {
    let shop = Shop::open().await;
    let one = "{\n  \"day\": \"2026-01-01\",\n  \"org\": \"a\\nb\",\n  \"count\": 1\n}";
    assert_eq!(shop.append("plain", Format::Json, one).await, (1, 0));
    let many = format!("[{one}, 3,\n{one}]");
    assert_eq!(shop.append("plain", Format::Json, &many).await, (2, 1));
    assert_eq!(shop.rows("SELECT DISTINCT org FROM plain").await, "a\\nb\n");
    let broken = append(shop.target("plain"), Append::new(Format::Json, "[1,")).await;
    assert!(matches!(broken, Err(IngestError::Unreadable(_))));
}

#[tokio::test]
async fn csv_is_read_with_and_without_a_header_and_in_any_order() {
    let shop = Shop::open().await;
    let plain = "2026-01-01,ua,1,\n2026-01-02,\"b,\n6\",2,\"say \"\"hi\"\"\"\n";
    assert_eq!(shop.append("plain", Format::CSV, plain).await, (2, 0));
    let header = "count,unknown,org,day\r\n3,x,dl,2026-01-03\r\n4,x,dl\r\nnone,x,dl,2026-01-05\r\n";
    assert_eq!(shop.append("plain", Format::CSV, header).await, (1, 2));
    let semicolons = Format::Csv {
        delimiter: Some(';'),
    };
    assert_eq!(
        shop.append("plain", semicolons, "2026-01-09;ua;9;x,y\n")
            .await,
        (1, 0)
    );
    assert_eq!(
        shop.append("plain", Format::CSV, "org,day\nua,2026-01-01\n")
            .await,
        (0, 1)
    );
    assert_eq!(
        shop.rows("SELECT * FROM plain ORDER BY count").await,
        "2026-01-01\tua\t1\t\\N\n2026-01-02\tb,\\n6\t2\tsay \"hi\"\n2026-01-03\tdl\t3\t\\N\n2026-01-09\tua\t9\tx,y\n"
    );
    assert_eq!(
        shop.rows(
            "SELECT c__error_column, c__error, day, count FROM plain_quarantine ORDER BY c__error"
        )
        .await,
        "['count']\t['`none` is not a value of the type UInt32']\t2026-01-05\tnone\n\
         ['count']\t['no value for `count`, which has no default and cannot be NULL']\t2026-01-01\t\\N\n\
         ['']\t['the record has 3 fields in place of 4: 4,x,dl']\t\\N\t4\n"
    );
}

#[tokio::test]
async fn parquet_goes_the_way_of_json() {
    let shop = Shop::open().await;
    let file = "SELECT toDate('2026-01-01') + number AS day, 'ua' AS org, number * 200 AS count FROM numbers(2)
                UNION ALL SELECT NULL, 'ua', 1";
    let file = shop
        .engine
        .query(Statement::read(file, "Parquet"))
        .await
        .unwrap()
        .body;
    let done = append(shop.target("plain"), Append::new(Format::Parquet, file))
        .await
        .unwrap();
    assert_eq!((done.successful_rows, done.quarantined_rows), (2, 1));
    assert_eq!(
        shop.rows("SELECT day, count FROM plain ORDER BY day").await,
        "2026-01-01\t0\n2026-01-02\t200\n"
    );
    for broken in ["PAR1 and nothing else", "{}"] {
        let broken = append(shop.target("plain"), Append::new(Format::Parquet, broken)).await;
        assert!(
            matches!(broken, Err(IngestError::Unreadable(_))),
            "{broken:?}"
        );
    }
}

#[tokio::test]
async fn a_stamp_beats_what_the_row_says() {
    let shop = Shop::open().await;
    let stamped = |format, data: &str| Append {
        stamp: [("org".to_owned(), "u\"'a".to_owned())].into(),
        ..Append::new(format, data.to_owned())
    };
    for (format, data) in [
        (
            Format::Ndjson,
            "{\"day\":\"2026-01-01\",\"org\":\"b6\",\"count\":1}",
        ),
        (Format::Ndjson, "{\"day\":\"2026-01-01\",\"count\":1}"),
        (Format::CSV, "2026-01-01,b6,1,x"),
        (Format::CSV, "day,count\n2026-01-01,1"),
    ] {
        let done = append(shop.target("plain"), stamped(format, data))
            .await
            .unwrap();
        assert_eq!(
            (done.successful_rows, done.quarantined_rows),
            (1, 0),
            "{data}"
        );
    }
    assert_eq!(
        shop.rows("SELECT org, count() FROM plain GROUP BY org")
            .await,
        "u\"\\'a\t4\n"
    );
    let unknown = Append {
        stamp: [("tenant".to_owned(), "ua".to_owned())].into(),
        ..Append::new(Format::Ndjson, "{}")
    };
    assert_eq!(
        append(shop.target("plain"), unknown).await,
        Err(IngestError::NoColumn("tenant".into()))
    );
}

#[tokio::test]
async fn a_failure_that_is_in_no_row_is_an_error() {
    let shop = Shop::open().await;
    shop.engine.change("DROP TABLE plain").await;
    let rows = Append::new(
        Format::Ndjson,
        "{\"day\":\"2026-01-01\",\"org\":\"a\",\"count\":1}",
    );
    let failed = append(shop.target("plain"), rows).await;
    assert!(
        matches!(
            failed,
            Err(IngestError::Engine(EngineError::Query { code: 60, .. }))
        ),
        "{failed:?}"
    );
    assert_eq!(
        shop.rows("SELECT count() FROM plain_quarantine").await,
        "0\n"
    );
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo")
}

#[tokio::test]
async fn the_demo_ends_this_week_and_keeps_its_hours() {
    const NOW: i64 = 1_795_219_200; // 2026-11-21 00:00 UTC
    let shop = Shop::of(Project::load(&demo(), &Variables::default()).unwrap()).await;
    let flights = shop.target("flights");
    assert!(!is_loaded(flights).await.unwrap());
    let file = demo().join("fixtures/flights.ndjson.gz");
    for _ in 0..2 {
        let mut seen = Vec::new();
        let mut progress = |progress: Progress| seen.push(progress);
        let year = Load {
            file: &file,
            shift: Some(Shift {
                column: "scheduled",
                time_zone: "America/New_York",
                now: NOW,
            }),
            record: true,
            progress: &mut progress,
        };
        let expected = Loaded {
            rows: 336_776,
            shift_weeks: 672,
        };
        assert_eq!(load(flights, year).await.unwrap(), expected);
        let last = seen.last().unwrap();
        assert_eq!((last.rows, last.bytes), (336_776, last.total_bytes));
        assert!(seen.is_sorted_by_key(|progress| progress.bytes));
    }
    assert!(is_loaded(flights).await.unwrap());
    assert_eq!(
        shop.rows("SELECT count() FROM flights WHERE org = 'ua'")
            .await,
        "58665\n"
    );
    let newest =
        format!("SELECT max(scheduled) <= {NOW}, max(scheduled) > {NOW} - 7 * 86400 FROM flights");
    assert_eq!(shop.rows(&newest).await, "1\t1\n");
    // In 2013, one flight in all left New York before five o'clock.
    let early = "SELECT countIf(toHour(scheduled, 'America/New_York') < 5) FROM flights";
    assert_eq!(shop.rows(early).await, "1\n");
    assert_eq!(
        shop.rows("SELECT shift_weeks FROM demo_loads LIMIT 1")
            .await,
        "672\n"
    );
    assert_eq!(
        shop.rows("SELECT count() FROM system.tables WHERE name LIKE 'load.%'")
            .await,
        "0\n"
    );
}

#[tokio::test]
async fn a_load_without_shift_takes_the_rows_as_they_are() {
    let shop = Shop::of(Project::load(&demo(), &Variables::default()).unwrap()).await;
    let airlines = Load {
        file: &demo().join("fixtures/airlines.ndjson"),
        shift: None,
        record: false,
        progress: &mut |_| {},
    };
    let done = load(shop.target("airlines"), airlines).await.unwrap();
    assert_eq!(
        done,
        Loaded {
            rows: 16,
            shift_weeks: 0
        }
    );
    assert!(!is_loaded(shop.target("airlines")).await.unwrap());
    let missing = Load {
        file: Path::new("/nowhere.ndjson"),
        shift: None,
        record: true,
        progress: &mut |_| {},
    };
    let failed = load(shop.target("airports"), missing).await;
    assert!(matches!(failed, Err(IngestError::Unreadable(_))));
}

const TENANTS: &str = "
TAGS tenant=org
SCHEMA >
    org String,
    n UInt8
";

#[tokio::test]
async fn an_empty_tenant_is_none_whatever_the_rows_came_in() {
    let shop = shop_of(&[("t", TENANTS)]).await;
    for (format, data, expected) in [
        (Format::Ndjson, "{\"org\":\"\",\"n\":1}\n{\"n\":1}", (0, 2)),
        (Format::Ndjson, "{\"org\":\"a\",\"n\":1}", (1, 0)),
        (Format::CSV, "org,n\n,1\n\"\",2\nb,3\n", (1, 2)),
    ] {
        assert_eq!(shop.append("t", format, data).await, expected, "{data}");
    }
    assert_eq!(shop.rows("SELECT org FROM t ORDER BY org").await, "a\nb\n");
}

#[tokio::test]
async fn nothing_of_a_line_that_is_no_row_is_lost() {
    let shop = shop_of(&[("t", "SCHEMA >\n    n UInt8\n")]).await;
    let data = b"{\"n\":1}{\"n\":2}\n{\"n\":3} {\"n\n\xff{}\n\"n\"\n";
    let done = append(shop.target("t"), Append::new(Format::Ndjson, data.to_vec())).await;
    let done = done.unwrap();
    assert_eq!((done.successful_rows, done.quarantined_rows), (3, 3));
    let texts = shop
        .rows("SELECT c__error[1] FROM t_quarantine ORDER BY 1")
        .await;
    let ends = [": \u{fffd}{}", "a JSON object: \"n\"", ": {\"n"];
    for end in ends {
        assert!(
            texts.lines().any(|text| text.ends_with(end)),
            "{end}: {texts}"
        );
    }
}

#[tokio::test]
async fn a_column_alone_is_blamed_for_what_is_wrong_with_it() {
    let shop = shop_of(&[(
        "t",
        "SCHEMA >\n    a String,\n    b Array(String),\n    n Array(UInt8) `json:$.n[:].x`,\n    \
         m UInt8 `json:$.o.m`,\n    e Enum8('x' = 1)\n",
    )])
    .await;
    let row = |a: &str, b: &str, n: &str, o: &str, e: &str| {
        format!("{{\"a\":{a},\"b\":{b},\"n\":{n},\"o\":{o},\"e\":{e}}}\n")
    };
    let (a, b, n, o, e) = ("\"\"", "[]", "[{\"x\":1}]", "{\"m\":1}", "\"x\"");
    let data = [
        row("\"\\ud800\"", b, n, o, e),
        row(a, "[\"\\udc00\"]", n, o, e),
        row(a, b, "\"a\"", o, e),
        row(a, b, n, "\"a\"", e),
        row(a, b, n, o, "\"y\""),
        row(a, b, n, o, e),
    ];
    assert_eq!(
        shop.append("t", Format::Ndjson, &data.concat()).await,
        (1, 5)
    );
    assert_eq!(
        shop.rows("SELECT c__error_column, c__error[1], n FROM t_quarantine ORDER BY ALL")
            .await,
        "['a']\t`\"\\\\ud800\"` is not a value of the type String: it has an escape that is no \
         character, such as half of a surrogate pair\t[1]\n\
         ['b']\t`\"\\\\udc00\"` is not a value of the type String: it has an escape that is no \
         character, such as half of a surrogate pair\t[1]\n\
         ['e']\t`y` is not a value of the type Enum8(\\'x\\' = 1)\t[1]\n\
         ['m']\t`\"a\"` is no object, where the column\\'s path goes into one\t[1]\n\
         ['n']\t`\"a\"` is no list, where the column\\'s path goes into one\ta\n"
    );
}

mod repeating;
