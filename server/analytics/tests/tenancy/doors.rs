//! Side doors: what an answer may tell of rows that are not in it.
//!
//! The same is asked in two worlds, which differ in a stranger's rows alone. The
//! answers have to be the same to the byte, but for how long they took.

use analytics::{QuerySettings, Settings};
use serde_json::{Value, json};
use service::Secret;
use tempfile::TempDir;

use super::world::{Answer, Request, token};
use crate::api::server::{ADMIN, Server, engine_settings};

const VISITS: &str = "SCHEMA >\n    `org` LowCardinality(String) `json:$.org`,\n    `id` UInt64 `json:$.id`,\n    `city` LowCardinality(String) `json:$.city`,\n    `place` LowCardinality(Nullable(String)) `json:$.city`,\n    `tags` Array(LowCardinality(String)) `json:$.tags[:]`,\n    `last` SimpleAggregateFunction(anyLast, LowCardinality(String)) `json:$.city`,\n    `amount` Int64 `json:$.amount`,\n    `doc` JSON `json:$.doc`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"org, id\"\n\nINDEXES >\n    by_id id TYPE minmax GRANULARITY 1\n";
const PLAIN: &str = "SCHEMA >\n    `org` LowCardinality(String) `json:$.org`,\n    `id` UInt64 `json:$.id`,\n    `city` LowCardinality(String) `json:$.city`,\n    `amount` Int64 `json:$.amount`\n\nENGINE \"ReplacingMergeTree\"\nENGINE_SORTING_KEY \"org, id\"\n";
const OPEN: &str = "SCHEMA >\n    `org` String `json:$.org`,\n    `id` UInt64 `json:$.id`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"org\"\n";

const PIPES: [(&str, &str); 8] = [
    (
        "all",
        "NODE rows\nSQL >\n    SELECT * FROM visits\nTYPE endpoint\n",
    ),
    (
        "decoded",
        "NODE rows\nSQL >\n    SELECT id, base64Decode(c) AS city FROM (SELECT id, city AS c FROM plain) ORDER BY id\nTYPE endpoint\n",
    ),
    (
        "numbers",
        "NODE rows\nSQL >\n    SELECT sum(doc.a::Int64) AS total, count() AS n FROM visits\nTYPE endpoint\n",
    ),
    (
        "steps",
        "NODE inner\nSQL >\n    SELECT org, id FROM open\nNODE last\nSQL >\n    %\n    SELECT id FROM inner WHERE org = {{String(org)}}\nTYPE endpoint\n",
    ),
    (
        "parts",
        "NODE rows\nSQL >\n    SELECT id, _part_offset AS at FROM plain ORDER BY id\nTYPE endpoint\n",
    ),
    (
        "blocks",
        "NODE rows\nSQL >\n    SELECT id, rowNumberInBlock() AS at FROM plain ORDER BY id\nTYPE endpoint\n",
    ),
    (
        "secretive",
        "NODE rows\nSQL >\n    %\n    SELECT id, {{tb_secret('apikey')}} = 'x' AS same FROM plain\nTYPE endpoint\n",
    ),
    (
        "never",
        "NODE rows\nSQL >\n    %\n    SELECT id, toUInt8(concat({{tb_secret('apikey')}}, toString(id))) AS never FROM plain\nTYPE endpoint\n",
    ),
];

const SECRET: &str = "hunter2hunter2";

struct House {
    server: Server,
    project: TempDir,
}

impl House {
    async fn open() -> Self {
        let project = tempfile::tempdir().unwrap();
        let write = |path: String, text: String| {
            let path = project.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (name, tags, schema) in [
            ("visits", "TAGS \"tenant=org\"\n\n", VISITS),
            ("plain", "TAGS \"tenant=org\"\n\n", PLAIN),
            ("open", "", OPEN),
            ("payroll", "", OPEN),
        ] {
            write(
                format!("datasources/{name}.datasource"),
                format!("{tags}{schema}"),
            );
        }
        for (name, text) in PIPES {
            write(format!("endpoints/{name}.pipe"), text.to_owned());
        }
        let settings = Settings {
            engine: engine_settings(),
            project: project.path().to_owned(),
            secrets: [("apikey".to_owned(), Secret::new(SECRET))].into(),
            query: QuerySettings {
                max_threads: Some(1),
                ..QuerySettings::default()
            },
            ..Settings::default()
        };
        Self {
            server: Server::start_with(settings).await,
            project,
        }
    }

    /// Ada's rows of `ua`, and a stranger's beside them in the same parts.
    async fn fill(&self, stranger: impl Fn(u64) -> Value) {
        for name in ["visits", "plain", "open"] {
            let request = self
                .server
                .post(&format!("/v0/datasources/{name}/truncate"));
            let emptied = request.bearer_auth(ADMIN).send().await.unwrap();
            assert!(emptied.status().is_success(), "{name}");
            let own = |id: u64| json!({ "org": "ua", "id": id, "city": "dWE=", "tags": ["dWE="], "amount": id + 1, "doc": { "a": id, "page": "x" } });
            let rows = (0..12).map(own).chain((0..40).map(&stranger));
            let rows: Vec<String> = rows.map(|row| row.to_string()).collect();
            let path = format!("/v0/events?name={name}&wait=true");
            let request = self.server.post(&path).bearer_auth(ADMIN);
            let answer = request.body(rows.join("\n")).send().await.unwrap();
            let text = answer.text().await.unwrap();
            assert!(text.contains(r#""quarantined_rows":0"#), "{name}: {text}");
        }
    }

    async fn ask(&self, request: &Request, token: &str) -> Answer {
        let builder = self.server.post(&request.path).bearer_auth(token);
        let builder = builder.header("x-request-id", "asked");
        let answer = builder.json(&request.body).send().await.unwrap();
        let status = answer.status().as_u16();
        // The length of a time's digits is chance, too.
        let mut headers = answer.headers().clone();
        headers.remove("content-length");
        headers.remove("date");
        let headers = format!("{headers:?}");
        let body = answer.bytes().await.unwrap();
        Answer {
            status,
            headers,
            body: body.iter().map(|byte| char::from(*byte)).collect(),
        }
    }

    async fn sql(&self, sql: &str, token: &str) -> (u16, String) {
        let answer = self.ask(&Request::sql(sql), token).await;
        (answer.status, answer.body)
    }

    async fn close(self) {
        self.server.stop().await;
        self.project.close().unwrap();
    }
}

/// A token of a person of `ua` for everything but `payroll` and inner nodes.
fn ada() -> String {
    let scope = |kind: &str, resource: Value| json!({ "type": kind, "resource": resource, "fixed_params": { "org": "ua" }, "sql": true });
    let pipes: Vec<&str> = PIPES.iter().map(|(name, _)| *name).collect();
    let scopes = json!([
        scope("PIPES:READ", json!(pipes)),
        scope("DATASOURCES:READ", json!(["visits", "plain"]))
    ]);
    token("ada", scopes)
}

/// The time that an answer took is chance.
fn timeless(text: &str) -> String {
    let is_time = |character: char| character.is_ascii_digit() || "\\\":.e- ".contains(character);
    let mut parts = text.split("elapsed");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.trim_start_matches(is_time));
    }
    kept
}

fn asked() -> Vec<Request> {
    let expressions = [
        "base64Decode(city)",
        "base64Decode(place)",
        "base64Decode(last)",
        "arrayMap(x -> base64Decode(x), tags)",
        "toFixedString(city, 4)",
        "toTypeName(city)",
        "dumpColumnStructure(city)",
        "blockSerializedSize(city)",
        "lowCardinalityIndices(city)",
        "lowCardinalityKeys(city)",
        "rowNumberInAllBlocks()",
        "blockNumber()",
        "_part",
        "_part_offset",
        "_block_number",
        "_block_offset",
        "_partition_id",
        "doc.a::Int64",
        "doc.a",
        "doc",
        "byteSize(doc)",
        "JSONAllPathsWithTypes(doc)",
        "id",
    ];
    let aggregates = [
        "distinctJSONPaths(doc)",
        "distinctJSONPathsAndTypes(doc)",
        "estimateCompressionRatio(city)",
        "estimateCompressionRatioIf(city, 1)",
        "count()",
        "uniq(city)",
        "max(id)",
    ];
    let formats = [
        "JSON",
        "JSONCompact",
        "JSONStrings",
        "Native",
        "Parquet",
        "RowBinaryWithNamesAndTypes",
        "JSONStringsEachRowWithProgress",
        "CSV",
        "PrettyCompact",
    ];
    let mut asked = Vec::new();
    for expression in expressions {
        asked.push(Request::sql(&format!(
            "SELECT {expression} AS x FROM visits ORDER BY id FORMAT JSON"
        )));
        asked.push(Request::sql(&format!(
            "SELECT count() FROM visits WHERE NOT ignore({expression}) FORMAT JSON"
        )));
        asked.push(Request::sql(&format!(
            "SELECT {expression} FROM view(SELECT * FROM visits)"
        )));
        asked.push(Request::pipe(
            "all",
            &format!("SELECT {expression} AS x FROM _"),
        ));
        asked.push(Request::pipe(
            "all",
            &format!("WITH (x, t) -> x AS CAST SELECT {expression} AS x FROM _"),
        ));
        asked.push(Request::sql(&format!(
            "WITH (x, t) -> x AS CAST, x -> x AS toString SELECT {expression} FROM visits"
        )));
    }
    for expression in aggregates {
        asked.push(Request::sql(&format!(
            "SELECT {expression} FROM visits FORMAT JSON"
        )));
        asked.push(Request::pipe("all", &format!("SELECT {expression} FROM _")));
    }
    for format in formats {
        for columns in ["*", "doc", "city", "org", "tags"] {
            asked.push(Request::sql(&format!(
                "SELECT {columns} FROM visits ORDER BY id LIMIT 3 FORMAT {format}"
            )));
            asked.push(Request::sql(&format!(
                "SELECT {columns} FROM rookery.visits LIMIT 3 FORMAT {format}"
            )));
        }
    }
    for sql in [
        "SELECT count() FROM visits WHERE id > 20 FORMAT JSON",
        "SELECT id FROM visits WHERE indexHint(id = 3) FORMAT JSON",
        "SELECT id FROM plain FINAL ORDER BY id LIMIT 2 FORMAT JSON",
        "SELECT p.id, v.city FROM plain AS p FINAL JOIN visits v ON p.id = v.id ORDER BY p.id FORMAT JSON",
        "SELECT count() FROM plain WHERE city IN (SELECT base64Encode(base64Decode(city)) FROM visits)",
        "SELECT count() FROM visits SAMPLE 10",
        "DESCRIBE visits",
        "DESCRIBE TABLE plain",
        "SELECT * FROM plain_quarantine",
        "SELECT nosuch FROM visits",
        "SELECT intDiv(1, amount - 1) FROM visits",
    ] {
        asked.push(Request::sql(sql));
    }
    for (name, _) in PIPES {
        for ending in ["json", "csv", "ndjson", "parquet"] {
            let path = format!("/v0/pipes/{name}.{ending}");
            asked.push(Request {
                path,
                body: json!({}),
            });
        }
    }
    asked
}

#[tokio::test]
async fn no_answer_hangs_on_a_strangers_rows() {
    let house = House::open().await;
    let ada = ada();
    let mut worlds = Vec::new();
    let strange = [
        |id: u64| json!({ "org": "b6", "id": id, "city": "dWE=", "tags": [], "amount": 5, "doc": { "a": 1 } }),
        |id: u64| json!({ "org": "b6", "id": id * 1000, "city": format!("Strange {id}!"), "tags": [format!("Strange tag {id}!")], "amount": 0, "doc": { "a": [1], "strange": id } }),
    ];
    for stranger in strange {
        house.fill(stranger).await;
        let mut answers = Vec::new();
        for request in asked() {
            answers.push(house.ask(&request, &ada).await);
        }
        worlds.push(answers);
    }
    house.close().await;
    let mut told = Vec::new();
    for ((request, one), other) in asked().iter().zip(&worlds[0]).zip(&worlds[1]) {
        let whole = |answer: &Answer| {
            format!(
                "{} {} {}",
                answer.status,
                timeless(&answer.headers),
                timeless(&answer.body)
            )
        };
        let (one, other) = (whole(one), whole(other));
        if one != other || other.to_lowercase().contains("strange") {
            told.push(format!("{request:?}\n  {one}\n  {other}"));
        }
    }
    assert!(
        told.is_empty(),
        "{} answers tell:\n{}",
        told.len(),
        told.join("\n")
    );
    // Most of what is asked has an answer.
    let answered = worlds[1]
        .iter()
        .filter(|answer| answer.status == 200)
        .count();
    assert!(
        answered * 3 > worlds[1].len() * 2,
        "{answered} of {}",
        worlds[1].len()
    );
    for (request, answer) in asked().iter().zip(&worlds[1]) {
        let must_work = ["base64Decode(city)", "doc.a::Int64", "FINAL"];
        let asks = request.body["q"].as_str().unwrap_or_default();
        if must_work.iter().any(|part| asks.contains(part)) {
            assert_eq!(answer.status, 200, "{request:?}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn inner_nodes_are_for_those_who_may_read_the_whole_pipe() {
    let house = House::open().await;
    house.fill(|id| json!({ "org": "b6", "id": id + 100, "city": "", "tags": [], "amount": 1, "doc": {} })).await;
    let ask = async |sql: &str, pipeline: &str, token: &str| {
        let body = json!({ "q": sql, "pipeline": pipeline });
        let request = Request {
            path: "/v0/sql".to_owned(),
            body,
        };
        let answer = house.ask(&request, token).await;
        (answer.status, answer.body)
    };
    let ada = ada();
    let (status, body) = ask("SELECT * FROM inner", "steps", &ada).await;
    assert_eq!(
        (status, body.contains("\"resource_not_found\"")),
        (403, true),
        "{body}"
    );
    let (_, unknown) = ask("SELECT * FROM outer", "steps", &ada).await;
    assert_eq!(body.replace("inner", "outer"), unknown);
    for sql in ["SELECT count() FROM last", "SELECT count() FROM steps"] {
        assert_eq!(
            ask(sql, "steps", &ada).await,
            (200, "12\n".to_owned()),
            "{sql}"
        );
    }
    let (status, own) = ask(
        "WITH inner AS (SELECT 1 AS a) SELECT a FROM inner",
        "steps",
        &ada,
    )
    .await;
    assert_eq!((status, own.as_str()), (200, "1\n"));
    assert_eq!(
        ask("SELECT count() FROM inner", "steps", ADMIN).await.1,
        "52\n"
    );
    // A pipe of which a token knows nothing is as good as none.
    let stranger = token(
        "eve",
        json!([{ "type": "PIPES:READ", "resource": "all", "fixed_params": { "org": "ua" }, "sql": true }]),
    );
    let hidden = ask("SELECT 1", "steps", &stranger).await;
    let missing = ask("SELECT 1", "no_such_pipe", &stranger).await;
    assert_eq!(
        (hidden.0, hidden.1.replace("steps", "no_such_pipe")),
        missing
    );

    let made = async |scopes: &str| {
        let path = format!("/v0/tokens?name=made_{}&{scopes}", scopes.len());
        let answer = house
            .server
            .post(&path)
            .bearer_auth(ADMIN)
            .send()
            .await
            .unwrap();
        let made: Value = answer.json().await.unwrap();
        made["token"].as_str().unwrap().to_owned()
    };
    let of_the_pipe = made("scope=PIPES:READ:steps").await;
    let of_all = made("scope=PIPES:READ:steps&scope=DATASOURCES:READ:open").await;
    let (status, body) = ask("SELECT count() FROM inner", "steps", &of_the_pipe).await;
    assert_eq!(status, 403, "{body}");
    assert_eq!(
        ask("SELECT count() FROM inner", "steps", &of_all).await.1,
        "52\n"
    );
    house.close().await;
}

#[tokio::test]
async fn a_persons_token_gets_our_words_and_nobody_a_secret() {
    let house = House::open().await;
    house
        .fill(|id| json!({ "org": "b6", "id": id, "city": "", "tags": [], "amount": 1, "doc": {} }))
        .await;
    let ada = ada();
    let asked = Request {
        path: "/v0/pipes/never.json".to_owned(),
        body: json!({}),
    };
    let over = Request::pipe("secretive", "SELECT nosuch FROM _");
    for (request, token) in [
        (&asked, ada.as_str()),
        (&over, &ada),
        (&asked, ADMIN),
        (&over, ADMIN),
    ] {
        let answer = house.ask(request, token).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(
            !answer.body.to_lowercase().contains("hunter"),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains("SELECT"), "{}", answer.body);
        assert!(
            answer.headers.contains("x-db-exception-code"),
            "{}",
            answer.headers
        );
    }
    let answer = house.ask(&over, &ada).await;
    let error = serde_json::from_str::<Value>(&answer.body).unwrap();
    assert_eq!(
        error["error"],
        "[Error] The query failed: a column `nosuch` is not there: check its name (UNKNOWN_IDENTIFIER)"
    );
    // An endpoint's own SQL is for administrators.
    let over = Request::pipe("decoded", "SELECT nosuch FROM _");
    let told = house.ask(&over, &ada).await.body;
    assert!(told.contains("nosuch") && !told.contains("plain"), "{told}");
    let told = house.ask(&over, ADMIN).await.body;
    assert!(told.contains("nosuch") && told.contains("plain"), "{told}");
    let (status, body) = house.sql("SELECT 1 +", &ada).await;
    assert_eq!((status, body.contains("Expected")), (400, false), "{body}");
    // What people are not told is noted.
    let noted = house
        .sql(
            "SELECT error FROM tinybird.endpoint_errors FORMAT TSV",
            ADMIN,
        )
        .await;
    let (status, noted) = noted;
    assert_eq!(status, 200, "{noted}");
    assert!(
        !noted.to_lowercase().contains("hunter") && noted.contains("plain"),
        "{noted}"
    );
    house.close().await;
}

#[tokio::test]
async fn a_filter_is_one_condition_and_sees_no_more_than_is_left() {
    let house = House::open().await;
    house.fill(|id| json!({ "org": "b6", "id": id, "city": "Strange!", "tags": [], "amount": 1, "doc": {} })).await;
    let filtered = |resource: &str, filters: &[&str]| {
        let scope = |filter: &&str| json!({ "type": "DATASOURCES:READ", "resource": resource, "filter": filter, "fixed_params": { "org": "ua" }, "sql": true });
        let scopes: Vec<Value> = filters.iter().map(scope).collect();
        token("filtered", scopes.into())
    };
    for (filters, expected) in [
        (&["id < 3"][..], "3\n"),
        (&["id < 3 -- or more"], "3\n"),
        (&["id < 3 OR id = 7", "id > 1"], "2\n"),
        (&["base64Decode(city) = 'ua'"], "12\n"),
        (
            &["(id, id) IN (SELECT id, id FROM plain WHERE id = 3)"],
            "1\n",
        ),
    ] {
        let token = filtered("plain", filters);
        let answer = house.sql("SELECT count() FROM plain", &token).await;
        assert_eq!(answer, (200, expected.to_owned()), "{filters:?}");
    }
    for filters in [
        &["1)) OR ((1"][..],
        &["id < 3", "1) OR (1"],
        &["1] OR [1"],
        &["1 /*"],
        &["1) -- "],
        &["1 UNION ALL SELECT 1"],
        &["id IN (SELECT id FROM file('/etc/passwd', 'LineAsString'))"],
        &["indexHint(id = 3)"],
    ] {
        for resource in ["plain", "open"] {
            let token = filtered(resource, filters);
            let (status, body) = house
                .sql(&format!("SELECT count() FROM {resource}"), &token)
                .await;
            let code = body.contains("token_filter_invalid");
            assert_eq!((status, code), (403, true), "{filters:?}: {body}");
        }
    }
    // A table that the token may not read is none to its filter.
    let token = filtered("plain", &["id IN (SELECT id FROM payroll)"]);
    let (status, body) = house.sql("SELECT count() FROM plain", &token).await;
    assert!(status >= 400, "{body}");
    house.close().await;
}

#[tokio::test]
async fn a_name_tells_nothing_to_those_who_may_not_read_it() {
    let house = House::open().await;
    let ada = ada();
    for sql in [
        "WITH {} AS (SELECT 1 AS a) SELECT * FROM {}",
        "SELECT * FROM {}",
        "SELECT * FROM rookery.{}",
        "SELECT * FROM (WITH {} AS (SELECT 1 AS a) SELECT * FROM {}) AS x, {}",
        "SELECT * FROM view(SELECT * FROM {})",
        "SELECT 1 IN {}",
        "SELECT * FROM {}_quarantine",
        "DESCRIBE {}",
    ] {
        let answer = |name: &str| Request::sql(&sql.replace("{}", name));
        let there = house.ask(&answer("payroll"), &ada).await;
        let missing = house.ask(&answer("nothing"), &ada).await;
        let there = (there.status, there.body.replace("payroll", "nothing"));
        assert_eq!(there, (missing.status, missing.body), "{sql}");
    }
    for name in ["payroll", "steps", "nothing"] {
        let over = format!("WITH {name} AS (SELECT 1 AS a) SELECT a FROM {name}");
        let answer = house.ask(&Request::pipe("steps", &over), &ada).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
    }
    house.close().await;
}

#[tokio::test]
async fn sql_of_ones_own_needs_a_scope_that_allows_it_where_tenants_are_apart() {
    let house = House::open().await;
    let token = |sql: Value| {
        let scope = |kind: &str, resource: Value| json!({ "type": kind, "resource": resource, "fixed_params": { "org": "ua" }, "sql": sql });
        let scopes = json!([
            scope("PIPES:READ", json!(["decoded", "steps"])),
            scope("DATASOURCES:READ", json!(["plain", "open"]))
        ]);
        super::world::token("ada", scopes)
    };
    let without = token(json!(false));
    let with = token(json!(true));
    for (request, is_apart) in [
        (Request::pipe("decoded", ""), false),
        (Request::pipe("decoded", "SELECT count() FROM _"), true),
        (Request::pipe("steps", "SELECT count() FROM _"), false),
        (Request::sql("SELECT count() FROM plain"), true),
        (Request::sql("SELECT count() FROM plain_quarantine"), true),
        (Request::sql("SELECT count() FROM decoded"), true),
        (Request::sql("SELECT count() FROM open"), false),
        (Request::sql("SELECT count() FROM steps"), false),
        (
            Request::sql("SELECT count() FROM steps WHERE id IN (SELECT id FROM plain)"),
            true,
        ),
    ] {
        let refused = house.ask(&request, &without).await;
        let expected = if is_apart { 403 } else { 200 };
        assert_eq!(refused.status, expected, "{request:?}: {}", refused.body);
        assert_eq!(
            refused.body.contains("sql_not_allowed"),
            is_apart,
            "{}",
            refused.body
        );
        let answer = house.ask(&request, &with).await;
        assert_eq!(answer.status, 200, "{request:?}: {}", answer.body);
    }
    house.close().await;
}
