//! Tenants, their rows and the data sources that hold them; tokens; and what a
//! stranger's row looks like in an answer.
//!
//! Every row says in several columns whose it is. Queries never contain these
//! words, so an answer or error that does has seen the row. For each data
//! source of tenants there is a twin with Amber's rows alone: a query must
//! answer the same from both, whoever else has rows.

use std::fmt::Write as _;

use analytics::Settings;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::server::{ADMIN, Server, WORKSPACE, engine_settings, unix_now};

/// All tenants. The first is the one whose answers are compared with those of
/// the twins.
pub(super) const TENANTS: [Tenant; 3] = [
    Tenant {
        org: "amber",
        customer: 7,
        base: 611_000,
    },
    Tenant {
        org: "birch",
        customer: 8,
        base: 722_000,
    },
    Tenant {
        org: "coral",
        customer: 9,
        base: 833_000,
    },
];

/// Who looks from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tenant {
    /// The value of `org` in its rows.
    pub(super) org: &'static str,
    /// The value of `customer` in its orders.
    pub(super) customer: u8,
    /// Its numbers begin here.
    base: u32,
}

/// Rows of each tenant in each data source.
const ROWS: u32 = 8;

/// Ends the names of twins.
pub(super) const TWIN: &str = "_alone";

/// The data sources of tenants. All have the columns org (or customer), id,
/// amount and secret, except `totals`, which has their states.
pub(super) const DATA_SOURCES: [&str; 4] = ["events", "versions", "orders", "totals"];

/// Keys that lack the tenant are on purpose: then the filter is no range of
/// the primary key.
const SCHEMAS: [(&str, &str, &str); 3] = [
    (
        "events",
        "tenant=org",
        "SCHEMA >\n    `org` LowCardinality(String) `json:$.org`,\n    `id` UInt64 `json:$.id`,\n    `amount` Int64 `json:$.amount`,\n    `secret` String `json:$.secret`,\n    `words` Array(String) `json:$.words[:]`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"intHash32(id), id\"\nENGINE_SAMPLING_KEY \"intHash32(id)\"\n",
    ),
    (
        "versions",
        "tenant=org",
        "SCHEMA >\n    `org` String `json:$.org`,\n    `id` UInt64 `json:$.id`,\n    `amount` Int64 `json:$.amount`,\n    `secret` String `json:$.secret`,\n    `version` UInt32 `json:$.version`\n\nENGINE \"ReplacingMergeTree\"\nENGINE_SORTING_KEY \"id, org\"\nENGINE_VER \"version\"\n",
    ),
    (
        "orders",
        "tenant=customer",
        "SCHEMA >\n    `customer` UInt8 `json:$.customer`,\n    `id` UInt64 `json:$.id`,\n    `amount` Int64 `json:$.amount`,\n    `secret` Nullable(String) `json:$.secret`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"id\"\n",
    ),
];

const TOTALS: &str = "SCHEMA >\n    `org` LowCardinality(String),\n    `parity` UInt8,\n    `rows` AggregateFunction(count),\n    `amount` AggregateFunction(sum, Int64),\n    `secret` AggregateFunction(max, String)\n\nENGINE \"AggregatingMergeTree\"\nENGINE_SORTING_KEY \"parity, org\"\n";

/// What a plain view writes, in the types of its sources.
const SEEN: &str = "TAGS \"tenant=org\"\n\nSCHEMA >\n    `org` String,\n    `secret` String\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"org\"\n";

/// Papers belong to no tenant by a tag: only scopes, filters and pipes keep
/// them apart.
const PAPERS: &str = "SCHEMA >\n    `owner` String `json:$.owner`,\n    `paper` String `json:$.paper`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"owner\"\n";
const READERS: &str = "SCHEMA >\n    `org` String `json:$.org`,\n    `owner` String `json:$.owner`\n\nENGINE \"MergeTree\"\nENGINE_SORTING_KEY \"org\"\n";

/// Pipes that every project has: name and text.
const PIPES: [(&str, &str); 8] = [
    (
        "papers_by_set",
        "NODE all\nSQL >\n    %\n    SELECT owner, paper FROM papers WHERE (owner, owner) IN readers AND owner = {{String(org)}}\nTYPE endpoint\n",
    ),
    (
        "feed_seen",
        "NODE rows\nSQL >\n    SELECT org, secret FROM events\nTYPE materialized\nDATASOURCE seen\n",
    ),
    (
        "everything",
        "NODE all\nSQL >\n    SELECT * FROM events\nTYPE endpoint\n",
    ),
    (
        "any_table",
        "NODE all\nSQL >\n    %\n    SELECT * FROM {{table(name)}}\nTYPE endpoint\n",
    ),
    (
        "counted",
        "NODE first\nSQL >\n    SELECT org, amount FROM events\nNODE last\nSQL >\n    SELECT count() AS n, sum(amount) AS amount, max(org) AS org FROM first\nTYPE endpoint\n",
    ),
    (
        "given",
        "NODE all\nSQL >\n    %\n    SELECT org, secret FROM events WHERE org = {{String(org)}}\nTYPE endpoint\n",
    ),
    (
        "papers_of_mine",
        "NODE all\nSQL >\n    %\n    SELECT owner, paper FROM papers WHERE owner IN (SELECT owner FROM readers WHERE org = {{String(org)}})\nTYPE endpoint\n",
    ),
    (
        "merged",
        "NODE all\nSQL >\n    SELECT org, countMerge(rows) AS n, maxMerge(secret) AS secret FROM totals GROUP BY org\nTYPE endpoint\n",
    ),
];

/// A server with everybody's rows.
pub(super) struct World {
    pub(super) server: Server,
    project: TempDir,
}

impl World {
    pub(super) async fn start() -> Self {
        let project = tempfile::tempdir().unwrap();
        let write = |path: String, text: String| {
            let path = project.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (name, tag, schema) in SCHEMAS {
            write(
                format!("datasources/{name}.datasource"),
                format!("TAGS \"{tag}\"\n\n{schema}"),
            );
            write(
                format!("datasources/{name}{TWIN}.datasource"),
                schema.to_owned(),
            );
        }
        for (suffix, tag) in [("", "TAGS \"tenant=org\"\n\n"), (TWIN, "")] {
            let view = format!(
                "NODE states\nSQL >\n    SELECT org, toUInt8(id % 2) AS parity, countState() AS rows, sumState(amount) AS amount, maxState(secret) AS secret FROM events{suffix} GROUP BY org, parity\nTYPE materialized\nDATASOURCE totals{suffix}\n"
            );
            write(
                format!("datasources/totals{suffix}.datasource"),
                format!("{tag}{TOTALS}"),
            );
            write(format!("materializations/feed_totals{suffix}.pipe"), view);
        }
        write("datasources/seen.datasource".into(), SEEN.into());
        write("datasources/papers.datasource".into(), PAPERS.into());
        write("datasources/readers.datasource".into(), READERS.into());
        for (name, text) in PIPES {
            write(format!("endpoints/{name}.pipe"), text.into());
        }
        let settings = Settings {
            project: project.path().to_owned(),
            engine: engine_settings(),
            ..Settings::default()
        };
        let world = Self {
            server: Server::start_with(settings).await,
            project,
        };
        world.fill().await;
        world
    }

    async fn fill(&self) {
        for name in ["events", "versions", "orders"] {
            // Two parts, so that FINAL has something to do.
            for part in 0..2 {
                self.append(name, &rows(name, &TENANTS, part)).await;
                self.append(&format!("{name}{TWIN}"), &rows(name, &TENANTS[..1], part))
                    .await;
            }
        }
        let (mut papers, mut readers) = (String::new(), String::new());
        for Tenant { org, .. } in TENANTS {
            let _ = writeln!(
                papers,
                "{}",
                json!({ "owner": org, "paper": format!("paper-of-{org}") })
            );
            let _ = writeln!(readers, "{}", json!({ "org": org, "owner": org }));
        }
        self.append("papers", &papers).await;
        self.append("readers", &readers).await;
        // A row that cannot be read goes to quarantine with its words.
        let bad = json!({ "org": "birch", "id": "secret-of-birch", "amount": 1, "secret": "secret-of-birch", "words": [] });
        self.send("events", &bad.to_string()).await;
    }

    async fn append(&self, name: &str, rows: &str) {
        let answer = self.send(name, rows).await;
        assert!(
            answer.contains(r#""quarantined_rows":0"#),
            "{name}: {answer}"
        );
    }

    async fn send(&self, name: &str, rows: &str) -> String {
        let path = format!("/v0/events?name={name}&wait=true");
        let request = self
            .server
            .post(&path)
            .bearer_auth(ADMIN)
            .body(rows.to_owned());
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Serves these pipes, and no other generated ones, from now on.
    pub(super) async fn serve(&self, pipes: &[(String, String)]) {
        let directory = self.project.path().join("pipes");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        for (name, text) in pipes {
            std::fs::write(directory.join(format!("{name}.pipe")), text).unwrap();
        }
        if let Err(error) = self.server.running.workspace().reload().await {
            panic!("a project is not served: {error}\n{pipes:#?}");
        }
    }

    /// The answer to a request.
    pub(super) async fn ask(&self, request: &Request, token: &str) -> Answer {
        let builder = self.server.post(&request.path).bearer_auth(token);
        // An id by chance may hold a stranger's number.
        let builder = builder.header("x-request-id", "asked");
        let answer = builder.json(&request.body).send().await.unwrap();
        let status = answer.status().as_u16();
        let headers = format!("{:?}", answer.headers());
        let body = answer.bytes().await.unwrap();
        Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
        self.project.close().unwrap();
    }
}

/// A POST with a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: Value,
}

impl Request {
    pub(super) fn sql(sql: &str) -> Self {
        Self {
            path: "/v0/sql".into(),
            body: json!({ "q": sql }),
        }
    }

    /// A call of an endpoint, with SQL over its result if that is not empty.
    pub(super) fn pipe(name: &str, over: &str) -> Self {
        let body = if over.is_empty() {
            json!({})
        } else {
            json!({ "q": over })
        };
        Self {
            path: format!("/v0/pipes/{name}.json"),
            body,
        }
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Answer {
    /// The rows, sorted: those of the JSON, or the lines.
    pub(super) fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = match serde_json::from_str::<Value>(&self.body) {
            Ok(Value::Object(answer)) => {
                let rows = answer["data"].as_array().cloned().unwrap_or_default();
                rows.iter().map(Value::to_string).collect()
            }
            _ => self.body.lines().map(str::to_owned).collect(),
        };
        rows.sort();
        rows
    }

    /// What is in the answer of rows that are not `own`: the words and numbers
    /// that only such rows have, and the tenant's name unless it was asked for.
    pub(super) fn leaked(&self, own: Option<Tenant>, request: &Request) -> Option<String> {
        let asked = format!("{} {}", request.path, request.body);
        let said = without_times(&format!("{} {}", self.headers, self.body));
        let strangers = TENANTS.into_iter().filter(|tenant| Some(*tenant) != own);
        let mut words = strangers.flat_map(|Tenant { org, base, .. }| {
            let numbers = (0..2 * ROWS).map(move |row| (base + row).to_string());
            let words = [
                format!("secret-of-{org}"),
                format!("paper-of-{org}"),
                org.to_owned(),
            ];
            numbers.chain(words)
        });
        words.find(|word| said.contains(word.as_str()) && !asked.contains(word.as_str()))
    }
}

/// How long a query took is chance, and its digits may be a stranger's number.
fn without_times(text: &str) -> String {
    let is_time = |character: char| character.is_ascii_digit() || "\\\":.e-".contains(character);
    let mut parts = text.split("elapsed");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.trim_start_matches(is_time));
    }
    kept
}

fn rows(name: &str, tenants: &[Tenant], part: u32) -> String {
    let mut text = String::new();
    for Tenant {
        org,
        customer,
        base,
    } in tenants
    {
        for row in 0..ROWS {
            // Versions of one row come in both parts.
            let id = if name == "versions" {
                base + row
            } else {
                base + part * ROWS + row
            };
            let secret = format!("secret-of-{org}");
            let row = match name {
                "orders" => {
                    json!({ "customer": customer, "id": id, "amount": id, "secret": secret })
                }
                "versions" => {
                    json!({ "org": org, "id": id, "amount": id, "secret": secret, "version": part })
                }
                _ => {
                    json!({ "org": org, "id": id, "amount": id, "secret": secret, "words": [secret, "word"] })
                }
            };
            let _ = writeln!(text, "{row}");
        }
    }
    text
}

/// Signs any scopes, those that the mint refuses as well.
pub(super) fn token(name: &str, scopes: Value) -> String {
    let claims = json!({ "workspace_id": WORKSPACE, "name": name, "exp": unix_now() + 3600, "scopes": scopes });
    let key = jsonwebtoken::EncodingKey::from_secret(ADMIN.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

/// What a tenant's token fixes.
pub(super) fn fixed(tenant: Tenant) -> Value {
    json!({ "org": tenant.org, "customer": tenant.customer })
}
