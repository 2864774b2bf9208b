//! A server over a project that a test may deploy to.

use std::collections::BTreeMap;
use std::path::Path;

use analytics::Settings;
use analytics::project::read_directory;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::server::{ADMIN, Server, settings};

pub(crate) const VISITS: &str = "SCHEMA >\n    `org` String `json:$.org`,\n    `n` UInt32 `json:$.n`\n\
                      ENGINE MergeTree\nENGINE_SORTING_KEY org\n";
pub(crate) const PLANS: &str = "SCHEMA >\n    `plan` String `json:$.plan`\n";
pub(crate) const TOTAL: &str =
    "NODE endpoint\nSQL >\n    SELECT sum(n) AS total FROM visits\nTYPE endpoint\n";

/// A project's datafiles by path.
pub(crate) type Files = BTreeMap<String, String>;

pub(crate) fn files(pairs: &[(&str, &str)]) -> Files {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    pairs.iter().map(owned).collect()
}

/// What is served before anything is deployed.
pub(crate) fn original() -> Files {
    files(&[
        ("datasources/plans.datasource", PLANS),
        ("datasources/visits.datasource", VISITS),
        ("endpoints/total.pipe", TOTAL),
    ])
}

pub(crate) fn with(path: &str, text: &str) -> Files {
    let mut files = original();
    files.insert(path.to_owned(), text.to_owned());
    files
}

pub(crate) fn without(path: &str) -> Files {
    let mut files = original();
    files.remove(path).unwrap();
    files
}

pub(crate) fn write(directory: &Path, files: &Files) {
    for (path, text) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A server over a directory of its own.
pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) server: Server,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::start_with(|settings| settings.deploy = true).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &original());
        write(
            directory.path(),
            &files(&[("fixtures/a.ndjson", "{}"), ("tests/total.yaml", "")]),
        );
        let mut settings = Settings {
            project: directory.path().to_owned(),
            ..settings()
        };
        change(&mut settings);
        let server = Server::start_with(settings).await;
        Self { directory, server }
    }

    /// The datafiles in the directory.
    pub(crate) fn present(&self) -> Files {
        present(self.directory.path())
    }

    pub(crate) async fn post(&self, path: &str, files: &Files) -> (u16, Value) {
        answered(upload(&self.server, path, files).bearer_auth(ADMIN)).await
    }

    /// Posts without a body.
    pub(crate) async fn order(&self, path: &str) -> (u16, Value) {
        answered(self.server.post(path).bearer_auth(ADMIN)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.server.json(path, ADMIN).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) async fn append(&self, data_source: &str, row: &Value) {
        let path = format!("/v0/events?name={data_source}&wait=true");
        let request = self.server.post(&path).bearer_auth(ADMIN);
        let (status, answer) = answered(request.body(row.to_string())).await;
        assert_eq!(
            (status, &answer["successful_rows"]),
            (200, &json!(1)),
            "{answer}"
        );
    }

    pub(crate) async fn status_of(&self, pipe: &str) -> u16 {
        let path = format!("/v0/pipes/{pipe}.json");
        self.server.json(&path, ADMIN).await.0
    }

    pub(crate) async fn total(&self) -> Value {
        self.get("/v0/pipes/total.json").await["data"][0]["total"].clone()
    }

    /// Asserts that the project is what it was at first.
    pub(crate) async fn assert_untouched(&self) {
        assert_eq!(self.present(), original());
        let pipes = self.get("/v0/pipes").await;
        assert_eq!(pipes["pipes"].as_array().unwrap().len(), 1, "{pipes}");
        let live = &self.get("/v1/deployments").await["deployments"][0];
        assert_eq!((&live["id"], &live["live"]), (&json!("0"), &json!(true)));
    }
}

pub(crate) fn present(directory: &Path) -> Files {
    let files = read_directory(directory).unwrap().into_iter();
    files.map(|file| (file.path, file.text)).collect()
}

/// A form with each file as clients send it.
pub(crate) fn upload(server: &Server, path: &str, files: &Files) -> RequestBuilder {
    let mut body = String::from(
        "--b\r\nContent-Disposition: form-data; name=\"context://\"; filename=\"cli-version\"\r\n\r\n1.0.0\r\n",
    );
    for (name, text) in files {
        body.push_str(&format!(
            "--b\r\nContent-Disposition: form-data; name=\"data_project://\"; filename=\"{name}\"\r\n\
             Content-Type: text/plain\r\n\r\n{text}\r\n"
        ));
    }
    body.push_str("--b--\r\n");
    let request = server
        .post(path)
        .header("Content-Type", "multipart/form-data; boundary=b");
    request.body(body)
}

pub(crate) async fn answered(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}
