//! One server on which worlds are put on, one after the other: the tenant's
//! rows stay what they are, and everything that it may not know is another.
//! They take turns on one engine, so that they differ in nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use analytics::{QuerySettings, Settings};
use axum::Router;
use axum::body::Body;
use engine::Statement;
use http::{Request, header};
use http_body_util::BodyExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use super::answer::Answer;
use super::asks::Ask;
use super::doubtful::Doubtful;
use super::rows;
use crate::api::reload::copy;
use crate::api::server::{ADMIN, PATIENCE, Server, engine_settings};

/// Data sources that rows are sent to.
const FILLED: [&str; 4] = ["visits", "mixed", "versions", "notes"];
/// Names that mean something in one of two worlds: a data source, a pipe.
pub(super) const SOMETIMES: [&str; 2] = ["payroll_2026", "payroll_2027"];
/// Bytes that a result may have.
pub(super) const RESULT_BYTES: usize = 256 * 1024;
const SECRET: &str = "apikey";
const NO_MERGES: &str =
    "max_bytes_to_merge_at_max_space_in_pool = 1, merge_with_ttl_timeout = 1000000";

pub(super) struct Stage {
    server: Server,
    router: Router,
    project: TempDir,
    doubtful: Vec<Doubtful>,
}

impl Stage {
    /// Starts the server, with those of the doubtful things that it takes.
    pub(super) async fn start(doubtful: Vec<Doubtful>) -> Self {
        let project = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/worlds/project");
        copy(&source, project.path());
        let settings = Settings {
            project: project.path().to_owned(),
            engine: engine_settings(),
            query: QuerySettings {
                // The order of rows that nobody sorts is not chance.
                max_threads: Some(1),
                result_bytes: RESULT_BYTES as u64,
                ..QuerySettings::default()
            },
            secrets: BTreeMap::from([(SECRET.to_owned(), service::Secret::new("first-secret"))]),
            ..Settings::default()
        };
        let server = Server::start_with(settings).await;
        let mut stage = Self {
            router: server.running.router(),
            server,
            project,
            doubtful,
        };
        stage.keep_what_is_taken().await;
        for name in stage.tables() {
            // Parts are merged when the test says so, and at no other time.
            let sql = format!("ALTER TABLE rookery.{name} MODIFY SETTING {NO_MERGES}");
            stage.change(&sql).await;
        }
        stage
    }

    /// The doubtful things that the server took.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = &str> {
        self.doubtful.iter().map(|one| one.name.as_str())
    }

    /// Leaves out what is refused, until the rest is served.
    async fn keep_what_is_taken(&mut self) {
        for one in &self.doubtful {
            self.write("doubtful", &one.name, "datasource", &one.data_source);
            if let Some(pipe) = &one.pipe {
                self.write("doubtful", &format!("of_{}", one.name), "pipe", pipe);
            }
        }
        while let Err(error) = self.server.running.workspace().reload().await {
            let error = error.to_string();
            let is_named = |one: &Doubtful| {
                error.contains(&format!("doubtful/{}.", one.name))
                    || error.contains(&format!("doubtful/of_{}.", one.name))
            };
            let (refused, kept): (Vec<_>, Vec<_>) =
                self.doubtful.drain(..).partition(|one| is_named(one));
            assert!(!refused.is_empty(), "the project is not served: {error}");
            for one in refused {
                let directory = self.project.path().join("doubtful");
                std::fs::remove_file(directory.join(format!("{}.datasource", one.name))).unwrap();
                let _ = std::fs::remove_file(directory.join(format!("of_{}.pipe", one.name)));
            }
            self.doubtful = kept;
        }
    }

    fn write(&self, directory: &str, name: &str, ending: &str, text: &str) {
        let directory = self.project.path().join(directory);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(format!("{name}.{ending}")), text).unwrap();
    }

    /// Puts on one of the worlds: `nth` is 0 or 1, the seed says who the
    /// others are.
    pub(super) async fn put_on(&self, nth: usize, seed: u64) {
        let mut chance = StdRng::seed_from_u64(seed);
        self.hide(nth, &mut chance).await;
        for name in self.tables() {
            self.change(&format!("TRUNCATE TABLE rookery.{name}")).await;
        }
        let filled = self.doubtful.iter().filter(|one| one.takes_rows());
        let filled: Vec<&str> = FILLED
            .into_iter()
            .chain(filled.map(|one| one.name.as_str()))
            .collect();
        for part in 0..2 {
            for name in &filled {
                let path = format!("/v0/events?name={name}&wait=true");
                let answer = self.post(&path, rows::insert(part, &mut chance)).await;
                assert!(
                    answer.contains(r#""quarantined_rows":0"#),
                    "{name}: {answer}"
                );
            }
        }
        self.change(
            "DELETE FROM rookery.visits WHERE id = 1007 OR (org != 'amber' AND id % 3 = 0)",
        )
        .await;
        for name in filled
            .iter()
            .filter(|name| !matches!(**name, "visits" | "versions"))
        {
            self.change(&format!("OPTIMIZE TABLE rookery.{name} FINAL"))
                .await;
        }
        self.run_copies().await;
    }

    /// What the tenant must not learn of, beside rows: names, secrets, SQL.
    async fn hide(&self, nth: usize, chance: &mut StdRng) {
        let word = format!("hidden-{}", chance.random_range(0..1_000_000));
        let directory = self.project.path().join("hidden");
        let _ = std::fs::remove_dir_all(directory);
        let name = SOMETIMES[nth];
        self.write("hidden", name, "datasource", "SCHEMA >\n    `a` UInt8\n");
        let pipe = format!("NODE inside\nSQL >\n    SELECT '{word}' AS a\n\nTYPE endpoint\n");
        self.write("hidden", &format!("pipe_of_{name}"), "pipe", &pipe);
        let keyed = format!(
            "NODE all\nSQL >\n    %\n    SELECT id, city, note FROM visits WHERE notEmpty('{word}') AND length({{{{ tb_secret('{SECRET}') }}}}) > 0\n\nTYPE endpoint\n"
        );
        self.write("hidden", "keyed", "pipe", &keyed);
        if let Err(error) = self.server.running.workspace().reload().await {
            panic!("the project is not served: {error}");
        }
        self.post(
            &format!("/v0/variables?name={SECRET}&value={word}"),
            String::new(),
        )
        .await;
        let put = Request::put(format!("/v0/variables/{SECRET}?value={word}"));
        let put = put.header(header::AUTHORIZATION, format!("Bearer {ADMIN}"));
        let answer = self.send(put.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn tables(&self) -> Vec<&str> {
        let doubtful = self.doubtful.iter().map(|one| one.name.as_str());
        let others = ["by_city", "copied"];
        FILLED.into_iter().chain(others).chain(doubtful).collect()
    }

    async fn run_copies(&self) {
        let copies = self.doubtful.iter().filter(|one| one.is_copy);
        let pipes = copies.map(|one| format!("of_{}", one.name));
        let pipes: Vec<String> = std::iter::once("copy_visits".to_owned())
            .chain(pipes)
            .collect();
        for pipe in pipes {
            let started = self
                .post(&format!("/v0/pipes/{pipe}/copy"), String::new())
                .await;
            let started: Value = serde_json::from_str(&started).unwrap();
            let path = format!("/v0/jobs/{}", started["id"].as_str().unwrap_or_default());
            let until = async {
                loop {
                    let (_, job) = self.server.json(&path, ADMIN).await;
                    match job["status"].as_str() {
                        Some("done") => break,
                        Some("waiting" | "working") => tokio::task::yield_now().await,
                        _ => panic!("the copy {pipe}: {started} {job}"),
                    }
                }
            };
            let waited = tokio::time::timeout(PATIENCE, until).await;
            waited.unwrap_or_else(|_| panic!("the copy {pipe} does not end"));
        }
    }

    async fn change(&self, sql: &str) {
        let done = self.server.running.engine().query(Statement::change(sql));
        done.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The first column of a query, for what the grammar is made of.
    pub(super) async fn words(&self, sql: &str) -> Vec<String> {
        let statement = Statement::read(sql, "TabSeparated");
        let answer = self.server.running.engine().query(statement).await.unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    async fn post(&self, path: &str, body: String) -> String {
        let request = self.server.post(path).bearer_auth(ADMIN).body(body);
        request.send().await.unwrap().text().await.unwrap()
    }

    /// The answer to what a tenant asks.
    pub(super) async fn ask(&self, ask: &Ask, token: &str) -> Answer {
        let request = match &ask.body {
            Some(body) => Request::post(&ask.path)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => Request::get(&ask.path).body(Body::empty()),
        };
        let mut request = request.unwrap();
        let headers = request.headers_mut();
        headers.insert(
            header::AUTHORIZATION,
            format!("Bearer {token}").parse().unwrap(),
        );
        headers.insert("x-request-id", "asked".parse().unwrap());
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer::new(head.status.as_u16(), &head.headers, &body)
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
        self.project.close().unwrap();
    }
}
