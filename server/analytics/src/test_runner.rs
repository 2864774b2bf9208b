//! `rookery test`: a project's `tests/*.yaml`, run against its fixtures in a
//! workspace that is thrown away.
//!
//! Each case is a request to the real routes, and its answer is compared byte
//! for byte. Reading the cases is `cases`' work, filling the data sources
//! `fixtures`'; what is printed is in `report`.

mod cases;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

use crate::fixtures::files;
use crate::{LimitSettings, Running, Settings, StartError, StartOptions, start};
use cases::{Case, CaseFile};

pub use report::{Event, Failure, Summary};

/// What to test.
#[derive(Clone, Debug)]
pub struct TestOptions {
    /// The project's directory.
    pub project: PathBuf,
    /// Settings of the server: engine, queries, secrets. Its project, limits
    /// and background work are the test's own.
    pub settings: Settings,
    /// What `$NAME` in datafiles stands for.
    pub environment: BTreeMap<String, String>,
    /// Only cases whose name, `pipe::case`, contains this text.
    pub filter: Option<String>,
}

/// Why a project's tests cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TestRunError {
    /// The scratch workspace cannot be made.
    #[error("a scratch workspace cannot be made: {0}")]
    Scratch(#[from] std::io::Error),
    /// Its database cannot be made.
    #[error("the database of the scratch workspace cannot be made: {0}")]
    Database(#[from] sqlx::Error),
    /// The project does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A fixture cannot be read.
    #[error("{file}: {message}")]
    Fixture {
        /// The file, relative to the project.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// A file of tests cannot be read.
    #[error("{file}: {message}")]
    Tests {
        /// The file, relative to the project.
        file: String,
        /// What is wrong with it, and how to mend it.
        message: String,
    },
}

/// Loads a project into a scratch workspace, runs its tests and tells `report`
/// of each.
///
/// # Errors
/// Whatever keeps the tests from running; a failed test is no error.
pub async fn run(
    options: TestOptions,
    report: &mut (dyn FnMut(Event) + Send),
) -> Result<Summary, TestRunError> {
    let started = Instant::now();
    let files = cases::read(&options.project)?;
    let scratch = Scratch::open(&options).await?;
    let mut summary = Summary::default();
    let mut result = scratch.load_fixtures(&options.project, report).await;
    if result.is_ok() {
        for file in &files {
            result = scratch
                .run_file(file, options.filter.as_deref(), &mut summary, report)
                .await;
            if result.is_err() {
                break;
            }
        }
    }
    scratch.running.shutdown().await;
    result?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

/// A server on a workspace of its own.
struct Scratch {
    running: Running,
    router: Router,
    admin_token: String,
    _directory: TempDir,
}

/// What a request was answered with.
struct Response {
    status: StatusCode,
    body: String,
}

impl Scratch {
    async fn open(options: &TestOptions) -> Result<Self, TestRunError> {
        let directory = tempfile::tempdir()?;
        let database = SqliteConnectOptions::new()
            .filename(directory.path().join("rookery.db"))
            .create_if_missing(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(database)
            .await?;
        let admin_token = format!("p.{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let keys = token::Settings::default()
            .load(&admin_token)
            .map_err(StartError::Keys)?;
        let settings = Settings {
            project: options.project.clone(),
            watch: false,
            limits: LimitSettings::default(),
            ..options.settings.clone()
        };
        let start_options = StartOptions {
            state_directory: directory.path().to_owned(),
            pool,
            workspace_id: Uuid::new_v4().to_string(),
            workspace_name: "test".to_owned(),
            admin_token: admin_token.clone(),
            keys,
            environment: options.environment.clone(),
        };
        let running = start(settings, start_options).await?;
        Ok(Self {
            router: running.router(),
            running,
            admin_token,
            _directory: directory,
        })
    }

    async fn load_fixtures(
        &self,
        directory: &Path,
        report: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), TestRunError> {
        let project = self.running.workspace().current();
        for data_source in project.data_sources() {
            let Some(file) = files::find(directory, &data_source.name) else {
                continue;
            };
            let engine = self.running.engine().as_ref();
            let loaded = files::load(engine, data_source, &directory.join(&file)).await;
            let loaded = loaded.map_err(|message| TestRunError::Fixture {
                file: file.display().to_string(),
                message,
            })?;
            report(Event::Loaded {
                data_source: data_source.name.clone(),
                rows: loaded.rows,
                note: loaded.complaint(),
            });
        }
        Ok(())
    }

    async fn run_file(
        &self,
        file: &CaseFile,
        filter: Option<&str>,
        summary: &mut Summary,
        report: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), TestRunError> {
        let found = self.get(&format!("/v0/pipes/{}", file.pipe), &[]).await;
        match found.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                let file = file.path.clone();
                let reason = "there is no pipe of this name".to_owned();
                report(Event::Skipped { file, reason });
                return Ok(());
            }
            status => {
                let message = format!("the pipe cannot be described: {status} {}", found.body);
                return Err(TestRunError::Tests {
                    file: file.path.clone(),
                    message,
                });
            }
        }
        let pipe: Json = serde_json::from_str(&found.body).unwrap_or_default();
        for case in &file.cases {
            let name = format!("{}::{}", file.pipe, case.name);
            if filter.is_some_and(|filter| !name.contains(filter)) {
                summary.filtered += 1;
                continue;
            }
            let response = self.call(&file.pipe, &pipe, case).await;
            match compare(case, &response) {
                None => {
                    summary.passed += 1;
                    report(Event::Passed {
                        name,
                        note: unmet_status(case, &response),
                    });
                }
                Some(message) => {
                    summary.failures.push(Failure {
                        name: name.clone(),
                        message,
                    });
                    report(Event::Failed { name });
                }
            }
        }
        Ok(())
    }

    /// Calls an endpoint, or runs the SQL of a pipe that is none.
    async fn call(&self, name: &str, pipe: &Json, case: &Case) -> Response {
        if pipe["type"] == "endpoint" {
            return self
                .get(&format!("/v0/pipes/{name}.ndjson"), &case.parameters)
                .await;
        }
        let nodes = pipe["nodes"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let special = |node: &&Json| {
            !matches!(
                node["node_type"].as_str(),
                Some("standard" | "default") | None
            )
        };
        let node = nodes.iter().find(special).or(nodes.last());
        let sql = node
            .and_then(|node| node["sql"].as_str())
            .unwrap_or_default();
        let mut parameters = vec![
            ("q".to_owned(), sql.to_owned()),
            ("pipeline".to_owned(), name.to_owned()),
        ];
        parameters.extend(case.parameters.iter().cloned());
        self.get("/v0/sql", &parameters).await
    }

    async fn get(&self, path: &str, parameters: &[(String, String)]) -> Response {
        let query = serde_urlencoded::to_string(parameters).unwrap_or_default();
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{path}?{query}"))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.admin_token),
            )
            .body(Body::empty());
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return Response {
                    status: StatusCode::BAD_REQUEST,
                    body: error.to_string(),
                };
            }
        };
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let body = match response.into_body().collect().await {
            Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            Err(error) => error.to_string(),
        };
        Response { status, body }
    }
}

/// What is wrong with an answer; nothing when it is as expected. As with
/// Tinybird's client, the status counts when the request fails.
fn compare(case: &Case, response: &Response) -> Option<String> {
    let status = response.status.as_u16();
    let failed = status >= 400;
    let actual = match failed {
        false => response.body.clone(),
        true => error_text(&response.body),
    };
    match case.expected_http_status {
        Some(expected) if failed && expected != status => {
            return Some(format!(
                "expected the status {expected}, got {status}: {actual}"
            ));
        }
        None if failed => {
            return Some(format!(
                "expected rows, got the status {status}: {actual}\nif that is meant, add `expected_http_status: {status}`"
            ));
        }
        _ => {}
    }
    let same = match failed {
        false => actual == case.expected_result,
        // A block in YAML ends with a line break, an error's text does not.
        true => actual.trim_end_matches('\n') == case.expected_result.trim_end_matches('\n'),
    };
    (!same).then(|| report::difference(&case.expected_result, &actual))
}

/// A status that was expected of a request that went well, where the rows are
/// as expected: Tinybird's client does not look, a person should.
fn unmet_status(case: &Case, response: &Response) -> Option<String> {
    let (expected, status) = (case.expected_http_status?, response.status.as_u16());
    (expected != status).then(|| format!("the status is {status}, not {expected}"))
}

/// `error` of an answer, as text.
fn error_text(body: &str) -> String {
    match serde_json::from_str::<Json>(body) {
        Ok(json) => match &json["error"] {
            Json::String(text) => text.clone(),
            Json::Null => body.to_owned(),
            other => other.to_string(),
        },
        Err(_) => body.to_owned(),
    }
}

#[cfg(test)]
mod tests;
