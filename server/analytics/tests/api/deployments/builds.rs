//! Uploads: what is taken, what is refused, and what then is on disk.

use serde_json::json;

use super::fixture::{Files, Fixture, PLANS, TOTAL, VISITS, files, with};

#[tokio::test]
async fn a_build_replaces_the_datafiles_and_serves_them() {
    let fixture = Fixture::start().await;
    let mut next = with(
        "endpoints/fresh.pipe",
        "TOKEN \"fresh token\" READ\nNODE endpoint\nSQL >\n    SELECT 1 AS one\nTYPE endpoint\n",
    );
    next.insert(
        "endpoints/total.pipe".to_owned(),
        TOTAL.replace("total FROM", "total, 7 AS seven FROM"),
    );
    next.remove("datasources/plans.datasource");
    let (status, answer) = fixture.post("/v1/build?with_connections=true", &next).await;
    assert_eq!(
        (status, &answer["result"]),
        (200, &json!("success")),
        "{answer}"
    );
    let build = &answer["build"];
    for (list, names) in [
        ("new_datasource_names", json!([])),
        ("changed_datasource_names", json!([])),
        ("deleted_datasource_names", json!(["plans"])),
        ("new_pipe_names", json!(["fresh"])),
        ("changed_pipe_names", json!(["total"])),
        ("deleted_pipe_names", json!([])),
        ("deleted_data_connector_names", json!([])),
    ] {
        assert_eq!(build[list], names, "{list}");
    }
    assert_eq!(build["feedback"][0]["resource"], "plans");
    assert_eq!(build["datasources"][0]["name"], "visits");

    assert_eq!(fixture.present(), next);
    for other in ["fixtures/a.ndjson", "tests/total.yaml"] {
        assert!(fixture.directory.path().join(other).exists(), "{other}");
    }
    assert_eq!(fixture.status_of("fresh").await, 200);
    assert_eq!(
        fixture.get("/v0/pipes/total.json").await["data"][0]["seven"],
        7
    );
    let token = fixture.get("/v0/tokens/fresh%20token").await;
    assert_eq!(token["scopes"][0]["resource"], "fresh");
    fixture.server.stop().await;
}

#[tokio::test]
async fn a_build_with_errors_changes_nothing_and_names_the_files() {
    let fixture = Fixture::start().await;
    let mut next = with(
        "endpoints/wrong.pipe",
        "NODE endpoint\nSQL >\n    SELECT nope FROM visits\nTYPE endpoint\n",
    );
    next.insert(
        "datasources/odd.datasource".to_owned(),
        "SCHEMA >\n    a Nonsense\n".to_owned(),
    );
    for path in [
        "/v1/build",
        "/v1/deploy?auto_promote=true",
        "/v1/deploy",
        "/v1/deploy?check=true",
    ] {
        let (status, answer) = fixture.post(path, &next).await;
        assert_eq!(
            (status, &answer["result"]),
            (400, &json!("failed")),
            "{answer}"
        );
        assert_eq!(answer["code"], "deploy_refused");
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors[0]["filename"], "datasources/odd.datasource");
        assert!(
            errors[0]["error"].as_str().unwrap().contains("Nonsense"),
            "{answer}"
        );
    }
    next.remove("datasources/odd.datasource");
    let (_, answer) = fixture.post("/v1/build", &next).await;
    let error = &answer["errors"][0];
    assert_eq!(error["filename"], "endpoints/wrong.pipe", "{answer}");
    assert!(
        error["error"].as_str().unwrap().starts_with("3:"),
        "{error}"
    );
    fixture.assert_untouched().await;
    fixture.server.stop().await;
}

#[tokio::test]
async fn names_and_forms_that_are_no_project_are_refused() {
    let fixture = Fixture::start().await;
    let outside = fixture
        .directory
        .path()
        .parent()
        .unwrap()
        .join("escaped.pipe");
    for name in [
        "../escaped.pipe",
        "endpoints/../../escaped.pipe",
        "/tmp/escaped.pipe",
        "a/b/c/d.pipe",
        "x.toml",
        ".x/a.pipe",
    ] {
        let (status, answer) = fixture.post("/v1/build", &with(name, TOTAL)).await;
        assert_eq!(
            (status, &answer["errors"][0]["filename"]),
            (400, &json!(name)),
            "{answer}"
        );
    }
    assert!(!outside.exists());
    let (status, answer) = fixture.post("/v1/build", &Files::new()).await;
    assert_eq!((status, &answer["code"]), (400, &json!("missing_file")));
    let (status, answer) = fixture.order("/v1/deploy").await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("invalid_form")),
        "{answer}"
    );
    let large = "#".repeat(1024 * 1024 + 1);
    let (status, answer) = fixture.post("/v1/build", &with("large.pipe", &large)).await;
    assert_eq!((status, &answer["code"]), (413, &json!("too_large")));
    fixture.assert_untouched().await;
    fixture.server.stop().await;
}

#[tokio::test]
async fn files_without_folders_replace_those_of_their_names() {
    let fixture = Fixture::start().await;
    let flat = files(&[
        ("plans.datasource", PLANS),
        ("visits.datasource", VISITS),
        ("total.pipe", TOTAL),
    ]);
    let (status, answer) = fixture.post("/v1/deploy?auto_promote=true", &flat).await;
    assert_eq!(
        (status, &answer["result"]),
        (200, &json!("no_changes")),
        "{answer}"
    );
    let (status, answer) = fixture.post("/v1/build", &flat).await;
    let lists = answer["build"].as_object().unwrap();
    let mut lists = lists.iter().filter(|(name, _)| name.ends_with("_names"));
    assert_eq!((status, &answer["result"]), (200, &json!("success")));
    assert!(lists.all(|(_, names)| *names == json!([])), "{answer}");
    fixture.assert_untouched().await;

    let wrong = TOTAL.replace("sum(n)", "sum(nope)");
    let mut next = flat.clone();
    next.insert("total.pipe".to_owned(), wrong);
    let (_, answer) = fixture.post("/v1/build", &next).await;
    assert_eq!(
        answer["errors"][0]["filename"], "total.pipe",
        "as it was sent: {answer}"
    );

    let changed = TOTAL.replace("sum(n)", "sum(n) + 1");
    next.insert("total.pipe".to_owned(), changed.clone());
    let (status, answer) = fixture.post("/v1/build", &next).await;
    assert_eq!(
        (status, &answer["build"]["changed_pipe_names"]),
        (200, &json!(["total"]))
    );
    assert_eq!(fixture.present(), with("endpoints/total.pipe", &changed));
    fixture.server.stop().await;
}

#[tokio::test]
async fn an_uploaded_file_sees_nothing_of_the_servers_environment() {
    let fixture = Fixture::start().await;
    for text in ["TOKEN \"$PATH\" READ\n", "TOKEN ${NOT_SET} READ\n"] {
        let next = with("endpoints/curious.pipe", &format!("{text}{TOTAL}"));
        let (status, answer) = fixture.post("/v1/build", &next).await;
        let error = &answer["errors"][0];
        assert_eq!(
            (status, &error["filename"]),
            (400, &json!("endpoints/curious.pipe")),
            "{answer}"
        );
        assert!(
            error["error"].as_str().unwrap().contains("environment"),
            "{error}"
        );
    }
    fixture.assert_untouched().await;
    fixture.server.stop().await;
}

#[tokio::test]
async fn secrets_set_a_moment_ago_are_there_for_what_is_deployed_now() {
    let fixture = Fixture::start().await;
    let kept = "SCHEMA >\n    `at` DateTime `json:$.at`\n\
                ENGINE_TTL at + toIntervalYear({{ tb_secret('years') }})\n";
    let next = with("datasources/kept.datasource", kept);
    assert_eq!(fixture.post("/v1/build", &next).await.0, 400);
    assert_eq!(
        fixture.order("/v0/variables?name=years&value=100").await.0,
        200
    );
    let (status, answer) = fixture.post("/v1/build", &next).await;
    assert_eq!(status, 200, "{answer}");
    fixture.server.stop().await;
}

#[tokio::test]
async fn uploads_at_once_end_with_one_of_them_whole() {
    let fixture = Fixture::start_with(|settings| {
        settings.deploy = true;
        settings.watch = true;
    })
    .await;
    let sets: Vec<Files> = (0..4)
        .map(|number| {
            let text = TOTAL.replace("sum(n)", &format!("sum(n) + {number}"));
            let mut files = with("endpoints/total.pipe", &text);
            files.insert(format!("endpoints/only_{number}.pipe"), text);
            files
        })
        .collect();
    let builds = sets.iter().map(|set| fixture.post("/v1/build", set));
    for (status, answer) in futures::future::join_all(builds).await {
        assert_eq!(
            (status, &answer["result"]),
            (200, &json!("success")),
            "{answer}"
        );
    }
    let present = fixture.present();
    let number = sets.iter().position(|set| *set == present).unwrap();
    let total = fixture.total().await;
    assert_eq!(total, number);
    let reloaded = fixture.server.running.workspace().reload().await.unwrap();
    assert_eq!(reloaded, None, "whoever watches finds nothing new");
    let live = &fixture.get("/v1/deployments").await["deployments"];
    assert_eq!(live.as_array().unwrap().len(), 1, "{live}");
    fixture.server.stop().await;
}
