//! Work that goes on after its request was answered.

use analytics::Settings;
use serde_json::{Value, json};

use super::server::{ADMIN, PATIENCE, Server, settings};

async fn start(server: &Server, path: &str, body: &str) -> Value {
    let answer = server
        .post(path)
        .bearer_auth(ADMIN)
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap()
}

/// The job as it is when it has ended.
async fn ended(server: &Server, started: &Value) -> Value {
    let url = started["job_url"].as_str().unwrap();
    let until = async {
        loop {
            let (status, job) = server.json(url, ADMIN).await;
            assert_eq!(status, 200, "{job}");
            if job["status"] != "working" && job["status"] != "waiting" {
                return job;
            }
        }
    };
    tokio::time::timeout(PATIENCE, until).await.unwrap()
}

async fn rows(server: &Server, sql: &str) -> String {
    let answer = server
        .post("/v0/sql")
        .bearer_auth(ADMIN)
        .body(sql.to_owned())
        .send()
        .await;
    answer.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_file_is_imported_and_rows_are_deleted() {
    let server = Server::start().await;
    let file = "{\"org\":\"ua\",\"n\":1}\n{\"org\":\"ua\",\"n\":2}\n{\"org\":\"ua\"}\n";
    let job = start(
        &server,
        "/v1/datasources/scratch/append?format=ndjson",
        file,
    )
    .await;
    let job = ended(&server, &job).await;
    assert_eq!(job["status"], "done", "{job}");
    assert_eq!(
        (&job["kind"], &job["quarantine_rows"]),
        (&"import".into(), &1.into())
    );
    assert_eq!(
        job["blocks"][0]["process_return"][0],
        json!({ "lines": 2, "quarantine": 1 }),
        "{job}"
    );
    assert_eq!(rows(&server, "SELECT sum(n) FROM scratch").await, "3\n");

    let delete = "/v0/datasources/scratch/delete?delete_condition=n%3D1";
    let job = ended(&server, &start(&server, delete, "").await).await;
    assert_eq!(
        (&job["kind"], &job["status"]),
        (&"delete_data".into(), &"done".into()),
        "{job}"
    );
    assert_eq!(job["rows_affected"], 1, "{job}");
    assert_eq!(rows(&server, "SELECT n FROM scratch").await, "2\n");

    let lightweight = "/v1/datasources/scratch/delete?delete_condition=n%3D2";
    let dry = start(&server, &format!("{lightweight}&dry_run=true"), "").await;
    assert_eq!(dry["rows_to_be_deleted"], 1);
    let job = start(
        &server,
        "/v1/datasources/scratch/delete?wait=false&delete_condition=n%3D7",
        "",
    )
    .await;
    assert_eq!(ended(&server, &job).await["rows_affected"], 0);
    assert_eq!(start(&server, lightweight, "").await["rows_affected"], 1);
    assert_eq!(rows(&server, "SELECT count() FROM scratch").await, "0\n");

    let (_, jobs) = server.json("/v0/jobs?kind=import", ADMIN).await;
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_file_replaces_rows_as_a_job() {
    let server = Server::start().await;
    let path = "/v1/datasources/scratch/replace?format=ndjson";
    for n in [1, 2] {
        let file = format!("{{\"org\":\"ua\",\"n\":{n}}}\n");
        let job = ended(&server, &start(&server, path, &file).await).await;
        assert_eq!(
            (&job["kind"], &job["status"], &job["statistics"]["rows"]),
            (&"import".into(), &"done".into(), &1.into()),
            "{job}"
        );
    }
    let job = ended(&server, &start(&server, path, "\n").await).await;
    assert_eq!(job["status"], "error", "{job}");
    assert_eq!(rows(&server, "SELECT n FROM scratch").await, "2\n");
    server.stop().await;
}

#[tokio::test]
async fn a_copy_replaces_what_was_there() {
    let server = Server::start().await;
    for _ in 0..2 {
        let started = start(&server, "/v0/pipes/count_letters/copy", "").await;
        let target = started["tags"]["copy_target_datasource"].as_str().unwrap();
        let (_, target) = server
            .json(&format!("/v0/datasources/{target}"), ADMIN)
            .await;
        assert_eq!(target["name"], "letters");
        let job = ended(&server, &started).await;
        assert_eq!(
            (&job["kind"], &job["status"]),
            (&"copy".into(), &"done".into()),
            "{job}"
        );
        assert_eq!(
            rows(&server, "SELECT sum(letters) FROM letters").await,
            "20\n"
        );
    }
    let again = start(&server, "/v0/pipes/count_letters/copy?_mode=append", "").await;
    ended(&server, &again).await;
    assert_eq!(
        rows(&server, "SELECT sum(letters) FROM letters").await,
        "40\n"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_fails_says_why_and_a_running_one_can_be_cancelled() {
    let server = Server::start().await;
    let broken = start(
        &server,
        "/v1/datasources/sheet/append?format=parquet",
        "no Parquet",
    )
    .await;
    let job = ended(&server, &broken).await;
    assert_eq!(job["status"], "error");
    assert!(
        job["error"].as_str().is_some_and(|error| !error.is_empty()),
        "{job}"
    );

    let cancel = format!("{}/cancel", job["job_url"].as_str().unwrap());
    let answer = server
        .post(&cancel)
        .bearer_auth(ADMIN)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400, "it has ended");
    server.stop().await;
}

/// Answers one request on a port of its own with a file; any other with a
/// redirect to it.
async fn serve_file(rows: &'static str) -> String {
    let listener = service::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let away = axum::response::Redirect::temporary("http://localhost:1/rows");
    let routes = axum::Router::new()
        .route("/rows", axum::routing::get(move || async move { rows }))
        .route("/away", axum::routing::get(move || async move { away }));
    let settings = service::ConnectionSettings::default();
    tokio::spawn(service::serve(
        listener,
        routes,
        settings,
        std::future::pending(),
    ));
    host
}

#[tokio::test]
async fn a_file_is_imported_from_an_address_of_an_allowed_host() {
    let host = serve_file("{\"org\":\"ua\",\"n\":5}\n").await;
    let settings = Settings {
        import_hosts: vec![host.clone()],
        ..settings()
    };
    let server = Server::start_with(settings).await;
    let import = |route: &str, path: &str| format!("{route}format=ndjson&url=http://{host}/{path}");
    for route in [
        "/v1/datasources/scratch/append?",
        "/v0/datasources?mode=append&name=scratch&",
    ] {
        let started = start(&server, &import(route, "rows"), "").await;
        let job = ended(&server, &started).await;
        assert_eq!(
            (&job["status"], &job["statistics"]["rows"]),
            (&"done".into(), &1.into()),
            "{job}"
        );
    }
    assert_eq!(rows(&server, "SELECT sum(n) FROM scratch").await, "10\n");
    for path in ["away", "missing"] {
        let started = start(
            &server,
            &import("/v1/datasources/scratch/append?", path),
            "",
        )
        .await;
        let job = ended(&server, &started).await;
        assert_eq!(job["status"], "error", "{job}");
        assert!(job["error"].as_str().unwrap().contains("address"), "{job}");
    }
    let elsewhere = "/v1/datasources/scratch/append?url=http://169.254.169.254/";
    let answer = server.post(elsewhere).bearer_auth(ADMIN).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 400);
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["code"], "url_not_allowed");
    server.stop().await;
}
