//! What a tenant may ask: requests made at random, of any route that answers
//! with rows or with something about them.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::Topic;
use super::rows::OWN;
use super::sql::{Grammar, Source, pick};
use super::stage::SOMETIMES;
use super::words::{BREAKOUTS, DATA_SOURCES, DICTIONARY_FILTERS, FILTERS, PIPES};
use crate::tenancy::world::token;

/// A request: GET, or POST with a JSON body.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// Which of [`Grammar::tokens`] comes with it.
    pub(super) token: usize,
}

impl Ask {
    /// How long it is to read.
    pub(super) fn length(&self) -> usize {
        self.path.len() + self.body.as_ref().map_or(0, |body| body.to_string().len())
    }

    /// Whether the order of its rows is the engine's choice, which
    /// docs/security.md names among what remains: a join puts those without a
    /// partner where its table of keys ends.
    pub(super) fn leaves_order_open(&self) -> bool {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let is_named = |words: &str| body.contains(words) || self.path.contains(words);
        is_named("JOIN") && !is_named("ORDER BY") && !is_named("LIMIT")
    }
}

impl Grammar<'_> {
    /// The tokens that requests come with. The first reads everything that
    /// its tenant may read, the second only calls endpoints, the others have
    /// one more filter each.
    pub(super) fn tokens(&self) -> Vec<String> {
        let fixed = json!({ "org": OWN });
        let tagged = DATA_SOURCES.map(|(name, _)| name);
        let tagged = tagged.into_iter().filter(|name| *name != "notes");
        let doubtful = self.doubtful.iter().map(String::as_str);
        let tagged: Vec<&str> = tagged.chain(doubtful).collect();
        let pipes = json!({ "sql": true, "type": "PIPES:READ", "resource": PIPES.map(|(name, _)| name), "fixed_params": fixed });
        let reading = |resource: Value| json!({ "sql": true, "type": "DATASOURCES:READ", "resource": resource, "fixed_params": fixed });
        let filtered = |resource: Value, filter: &str| json!({ "sql": true, "type": "DATASOURCES:READ", "resource": resource, "fixed_params": fixed, "filter": filter });
        let own_notes = || filtered(json!("notes"), &format!("org = '{OWN}'"));
        let mut scopes = vec![
            json!([pipes, reading(json!(tagged)), own_notes()]),
            json!([pipes]),
        ];
        let mut filters = Vec::from(FILTERS);
        if !(self.is_open)(Topic::Dictionaries) {
            filters.extend(DICTIONARY_FILTERS);
        }
        if !(self.is_open)(Topic::Filters) {
            filters.extend(BREAKOUTS);
        }
        for filter in filters {
            // `notes` has the columns of the filters that keep it apart, too.
            let everywhere = json!(["visits", "mixed", "versions"]);
            let notes = filtered(json!("notes"), filter);
            scopes.push(json!([
                pipes,
                filtered(everywhere, filter),
                own_notes(),
                notes
            ]));
        }
        scopes
            .into_iter()
            .map(|scopes| token(OWN, scopes))
            .collect()
    }

    pub(super) fn ask(&self, chance: &mut StdRng, tokens: usize) -> Ask {
        let token = match chance.random_range(0..10) {
            0..7 => 0,
            7 if chance.random_bool(0.3) => 1,
            _ => chance.random_range(0..tokens),
        };
        let (path, body) = match chance.random_range(0..100) {
            0..62 => self.sql(chance),
            62..70 => self.nodes(chance),
            70..88 => self.endpoint(chance),
            88..92 => self.explained(chance),
            92..96 => self.told(chance),
            _ => self.named(chance),
        };
        Ask { path, body, token }
    }

    fn sql(&self, chance: &mut StdRng) -> (String, Option<Value>) {
        let from = self.from(chance, 1);
        let sql = self.statement(chance, &from);
        ("/v0/sql".to_owned(), Some(json!({ "q": sql })))
    }

    /// SQL with the nodes of a pipe.
    fn nodes(&self, chance: &mut StdRng) -> (String, Option<Value>) {
        let node = if (self.is_open)(Topic::Nodes) {
            "all"
        } else {
            pick(chance, &["all", "inner"])
        };
        let pipe = match node {
            "inner" => "mine",
            _ => pick(chance, &PIPES.map(|(name, _)| name)),
        };
        let columns = PIPES.iter().find(|(name, _)| *name == pipe);
        let columns = columns.map_or(&[][..], |(_, columns)| columns);
        let from = Source::new(node, self.kept(columns));
        let sql = self.statement(chance, &from);
        let body = json!({ "q": sql, "pipeline": pipe });
        ("/v0/sql".to_owned(), Some(body))
    }

    fn endpoint(&self, chance: &mut StdRng) -> (String, Option<Value>) {
        let (pipe, columns) = self.pipe(chance);
        let ending = pick(
            chance,
            &[
                "json",
                "json",
                "json",
                "csv",
                "ndjson",
                "parquet",
                "prometheus",
            ],
        );
        let mut body = self.parameters(chance);
        if chance.random_bool(0.6) {
            let from = Source::new("_", self.kept(columns));
            body["q"] = json!(self.select(chance, &from));
        }
        (format!("/v0/pipes/{pipe}.{ending}"), Some(body))
    }
    fn parameters(&self, chance: &mut StdRng) -> Value {
        let mut given = json!({});
        if chance.random_bool(0.5) {
            given["source"] = json!(pick(
                chance,
                &["visits", "mixed", "versions", "visits_quarantine"]
            ));
        }
        if chance.random_bool(0.5) {
            given["city"] = json!(pick(chance, &["b3du", "1", "secret-of-birch-1", ""]));
        }
        if chance.random_bool(0.3) {
            given["least"] = json!(pick(chance, &["0", "2", "300", "x"]));
        }
        if chance.random_bool(0.3) {
            given["org"] = json!(pick(chance, &["birch", "", "coral"]));
        }
        given
    }

    fn explained(&self, chance: &mut StdRng) -> (String, Option<Value>) {
        let (pipe, _) = self.pipe(chance);
        match chance.random_range(0..4) {
            0 => (format!("/v0/pipes/{pipe}/explain"), None),
            1 => (format!("/v0/pipes/{pipe}/nodes/all/explain"), None),
            2 => (format!("/v0/pipes/{pipe}.json?explain=true"), None),
            _ => {
                let (path, body) = self.sql(chance);
                (format!("{path}?explain=true"), body)
            }
        }
    }

    /// What is said about data sources and statements.
    fn told(&self, chance: &mut StdRng) -> (String, Option<Value>) {
        let name = self.readable(chance);
        let sql = match chance.random_range(0..6) {
            0 => format!("DESCRIBE TABLE {name}"),
            1 => "SHOW TABLES".to_owned(),
            2 => format!("DESCRIBE (SELECT * FROM {name})"),
            3 => format!("EXPLAIN SELECT * FROM {name}"),
            4 => format!("%SELECT count() FROM {{{{ table(source, '{name}') }}}}"),
            _ => {
                let path = pick(
                    chance,
                    &[
                        "/v0/datasources",
                        "/v0/pipes",
                        "/v0/datasources/visits",
                        "/v0/pipes/mine",
                        "/v0/sql_tables?q=SELECT+1+FROM+visits",
                        "/v0/jobs",
                        "/v0/tags",
                        "/v0/dependencies",
                        "/v0/pipes/openapi.json",
                    ],
                );
                return (path.to_owned(), None);
            }
        };
        ("/v0/sql".to_owned(), Some(json!({ "q": sql })))
    }

    /// Names that mean something in one of the worlds.
    fn named(&self, chance: &mut StdRng) -> (String, Option<Value>) {
        if (self.is_open)(Topic::Names) {
            return self.sql(chance);
        }
        let name = pick(chance, &SOMETIMES);
        let pipe = format!("pipe_of_{name}");
        let any = if chance.random_bool(0.5) { name } else { &pipe };
        let sql = match chance.random_range(0..10) {
            0 => format!("WITH {any} AS (SELECT 1 AS a) SELECT * FROM {any}"),
            1 => format!("SELECT * FROM {any}"),
            2 => format!("SELECT 1 IN {any}"),
            3 => format!("DESCRIBE TABLE {any}"),
            4 => format!("SELECT 1 AS {any}, {any} IN (1)"),
            5 => format!("SELECT * FROM visits AS {any} WHERE {any}.id > 1"),
            6 => format!("SELECT {any}.id FROM visits"),
            7 => format!("SELECT * FROM {name}_quarantine"),
            8 => {
                return (
                    format!("/v0/pipes/{pipe}.json"),
                    Some(json!({ "q": "SELECT 1 FROM _" })),
                );
            }
            _ => {
                let body = json!({ "q": "SELECT 1 FROM inside", "pipeline": any });
                return ("/v0/sql".to_owned(), Some(body));
            }
        };
        if chance.random_bool(0.2) {
            let over = sql.replace("visits", "_");
            return (
                "/v0/pipes/cities.json".to_owned(),
                Some(json!({ "q": over })),
            );
        }
        ("/v0/sql".to_owned(), Some(json!({ "q": sql })))
    }

    fn readable(&self, chance: &mut StdRng) -> String {
        let names = DATA_SOURCES.iter().chain(&PIPES).map(|(name, _)| *name);
        let names: Vec<&str> = names
            .chain(self.doubtful.iter().map(String::as_str))
            .collect();
        pick(chance, &names).to_owned()
    }
}
