//! The whole binary while its engine is missing, and what is served all the
//! same.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn status(client: &reqwest::Client, url: &str) -> Option<(u16, String)> {
    let answer = client.get(url).send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.text().await.ok()?))
}

async fn until(client: &reqwest::Client, url: &str, expected: u16) -> String {
    let begun = Instant::now();
    loop {
        if let Some((found, text)) = status(client, url).await
            && found == expected
        {
            return text;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{url} never answered {expected}"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sign_in_is_served_while_the_engine_does_not_start_and_figures_when_it_does() {
    let state = tempfile::tempdir().unwrap();
    let library = state.path().join("libchdb.so");
    let (web, analytics) = (free_port(), free_port());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let project = state.path().join("project");
    std::fs::create_dir(&project).unwrap();
    let process = Command::new(env!("CARGO_BIN_EXE_rookery"))
        .arg("serve")
        .args(["--state", state.path().join("state").to_str().unwrap()])
        .args(["--analytics-project", project.to_str().unwrap()])
        .args(["--analytics-engine-library", library.to_str().unwrap()])
        .args(["--web-listen", &format!("127.0.0.1:{web}")])
        .args(["--web-origin", &format!("http://localhost:{web}")])
        .args(["--analytics-listen", &format!("127.0.0.1:{analytics}")])
        .args([
            "--web-analytics-origin",
            &format!("http://localhost:{analytics}"),
        ])
        .current_dir(root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _process = Process(process);
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();

    let web = format!("http://127.0.0.1:{web}");
    assert_eq!(until(&client, &format!("{web}/readyz"), 200).await, "ready");
    let analytics = format!("http://127.0.0.1:{analytics}");
    let ready = until(&client, &format!("{analytics}/readyz"), 503).await;
    assert!(ready.contains("libchdb.so"), "{ready}");
    let refused = client.get(format!("{analytics}/v0/pipes/x.json"));
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let sign_in = status(&client, &format!("{web}/sign-in")).await.unwrap().0;
    assert!((300..400).contains(&sign_in), "{sign_in}");

    // What was missing comes, and nothing is started again by hand.
    std::os::unix::fs::symlink(engine::cached_library().unwrap(), &library).unwrap();
    assert_eq!(
        until(&client, &format!("{analytics}/readyz"), 200).await,
        "ready"
    );
}

#[tokio::test]
async fn fixtures_load_through_the_server_that_has_the_data_open() {
    let directory = tempfile::tempdir().unwrap();
    let project = directory.path().join("project");
    std::fs::create_dir_all(project.join("fixtures")).unwrap();
    std::fs::write(
        project.join("visits.datasource"),
        "SCHEMA >\n    `n` UInt8 `json:$.n`\nENGINE MergeTree\nENGINE_SORTING_KEY n\n",
    )
    .unwrap();
    std::fs::write(
        project.join("fixtures/visits.ndjson"),
        "{\"n\":1}\n{\"n\":2}\n",
    )
    .unwrap();
    let port = free_port();
    let rookery = |command: &str| {
        let mut rookery = Command::new(env!("CARGO_BIN_EXE_rookery"));
        rookery
            .arg(command)
            .args(["--state", directory.path().join("state").to_str().unwrap()])
            .args(["--analytics-project", project.to_str().unwrap()])
            .args(["--analytics-listen", &format!("127.0.0.1:{port}")])
            .stderr(Stdio::null());
        rookery
    };
    let server = rookery("analytics").stdout(Stdio::null()).spawn().unwrap();
    let _process = Process(server);
    let client = reqwest::Client::new();
    let ready = format!("http://127.0.0.1:{port}/readyz");
    until(&client, &ready, 200).await;
    let load = || {
        let output = rookery("load").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(load(), "1 data source was filled.\n");
    assert!(load().starts_with("Nothing to load"));
}
