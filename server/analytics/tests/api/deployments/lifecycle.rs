//! Deployments: who may, what may be lost, waiting and being set live.

use std::path::Path;

use analytics::Settings;
use serde_json::{Value, json};
use token::{Scope, ScopeKind};

use super::fixture::{
    Files, Fixture, TOTAL, VISITS, answered, files, original, present, upload, with, without, write,
};
use crate::api::server::{ADMIN, Server, jwt, options, settings};

#[tokio::test]
async fn a_data_source_disappears_only_when_that_is_allowed_and_its_rows_stay() {
    let fixture = Fixture::start().await;
    fixture.append("plans", &json!({"plan": "nest"})).await;
    let next = without("datasources/plans.datasource");
    for path in [
        "/v1/deploy?auto_promote=true",
        "/v1/deploy",
        "/v1/deploy?check=true",
    ] {
        let (status, answer) = fixture.post(path, &next).await;
        assert_eq!(
            (status, &answer["errors"][0]["filename"]),
            (400, &json!("plans.datasource")),
            "{answer}"
        );
        assert!(
            answer["error"]
                .as_str()
                .unwrap()
                .contains("allow_destructive_operations")
        );
    }
    fixture.assert_untouched().await;

    let allowed = "/v1/deploy?auto_promote=true&allow_destructive_operations=true";
    let (status, answer) = fixture.post(allowed, &next).await;
    let deployment = &answer["deployment"];
    assert_eq!(
        (status, &deployment["deleted_datasource_names"]),
        (200, &json!(["plans"])),
        "{answer}"
    );
    assert_eq!(deployment["feedback"][0]["level"], "WARNING");
    assert_eq!(
        fixture.server.json("/v0/datasources/plans", ADMIN).await.0,
        404
    );

    let (status, answer) = fixture
        .post("/v1/deploy?auto_promote=true", &original())
        .await;
    assert_eq!(status, 200, "{answer}");
    let plans = fixture.get("/v0/datasources/plans").await;
    assert_eq!(plans["statistics"]["row_count"], 1);
    fixture.server.stop().await;
}

#[tokio::test]
async fn a_tenants_border_falls_only_when_that_is_said() {
    let fixture = Fixture::start().await;
    let tagged = with(
        "datasources/visits.datasource",
        &format!("TAGS \"tenant=org\"\n{VISITS}"),
    );
    assert_eq!(fixture.post("/v1/build", &tagged).await.0, 200);
    for path in ["/v1/build", "/v1/deploy?auto_promote=true", "/v1/deploy"] {
        let (status, answer) = fixture.post(path, &original()).await;
        let error = &answer["errors"][0];
        assert_eq!(
            (status, &error["filename"]),
            (400, &json!("datasources/visits.datasource")),
            "{path}: {answer}"
        );
        assert!(
            error["error"].as_str().unwrap().contains("tenant=org"),
            "{error}"
        );
    }
    assert_eq!(fixture.present(), tagged);
    let meant = "/v1/build?allow_destructive_operations=true";
    assert_eq!(fixture.post(meant, &original()).await.0, 200);
    assert_eq!(fixture.present(), original());
    fixture.server.stop().await;
}

#[tokio::test]
async fn rows_are_not_given_up_even_when_destruction_is_allowed() {
    let fixture = Fixture::start().await;
    fixture
        .append("visits", &json!({"org": "ua", "n": 5}))
        .await;
    let narrower = VISITS.replace("`org` String `json:$.org`", "`org` UInt8 `json:$.org`");
    let next = with("datasources/visits.datasource", &narrower);
    for path in [
        "/v1/build",
        "/v1/deploy?auto_promote=true&allow_destructive_operations=true",
        "/v1/deploy?allow_destructive_operations=true",
    ] {
        let (status, answer) = fixture.post(path, &next).await;
        let error = answer["errors"][0]["error"].as_str().unwrap_or_default();
        assert!(
            status == 400 && error.contains("FORWARD_QUERY"),
            "{path}: {answer}"
        );
    }
    fixture.assert_untouched().await;
    assert_eq!(fixture.total().await, 5);
    fixture.server.stop().await;
}

#[tokio::test]
async fn a_deployment_waits_until_it_is_set_live() {
    let fixture = Fixture::start().await;
    let next = with("endpoints/fresh.pipe", TOTAL);
    let (status, answer) = fixture.post("/v1/deploy?check=true", &next).await;
    assert_eq!(
        (status, &answer["deployment"]["new_pipe_names"]),
        (200, &json!(["fresh"])),
        "{answer}"
    );
    fixture.assert_untouched().await;

    let (status, answer) = fixture.post("/v1/deploy", &next).await;
    let staged = &answer["deployment"];
    assert_eq!(
        (status, &staged["status"], &staged["live"]),
        (200, &json!("data_ready"), &json!(false)),
        "{answer}"
    );
    fixture.assert_untouched().await;
    let id = staged["id"].as_str().unwrap().to_owned();
    for path in ["/v1/deploy", "/v1/deploy?auto_promote=true"] {
        let (status, answer) = fixture.post(path, &with("a.pipe", TOTAL)).await;
        assert_eq!(
            (status, &answer["code"]),
            (409, &json!("deployment_waiting")),
            "{answer}"
        );
    }

    let set_live = format!("/v1/deployments/{id}/set-live");
    for _ in 0..2 {
        let (status, answer) = fixture.order(&set_live).await;
        assert_eq!(
            (status, &answer["deployment"]["live"]),
            (200, &json!(true)),
            "{answer}"
        );
    }
    assert_eq!(fixture.present(), next);
    assert_eq!(fixture.status_of("fresh").await, 200);
    let listed = fixture.get("/v1/deployments").await;
    let listed: Vec<_> = listed["deployments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(listed, [&id]);
    let seed = fixture.get("/v1/deployments/0").await;
    assert_eq!(seed["deployment"]["status"], "deleted");
    fixture.server.stop().await;
}

#[tokio::test]
async fn what_is_deleted_is_not_set_live_and_what_is_live_is_not_deleted() {
    let fixture = Fixture::start().await;
    let delete = async |id: &str| {
        let url = fixture.server.url(&format!("/v1/deployments/{id}"));
        answered(fixture.server.client.delete(url).bearer_auth(ADMIN)).await
    };
    let (_, answer) = fixture.post("/v1/deploy", &with("a.pipe", TOTAL)).await;
    let id = answer["deployment"]["id"].as_str().unwrap();
    for _ in 0..2 {
        let (status, answer) = delete(id).await;
        assert_eq!(
            (status, &answer["deployment"]["status"]),
            (200, &json!("deleted")),
            "{answer}"
        );
    }
    let (status, answer) = fixture
        .order(&format!("/v1/deployments/{id}/set-live"))
        .await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("deployment_deleted"))
    );
    let (status, answer) = delete("0").await;
    assert_eq!((status, &answer["code"]), (409, &json!("deployment_live")));
    for unknown in ["99", "x", "-1"] {
        assert_eq!(delete(unknown).await.0, 404, "{unknown}");
        assert_eq!(
            fixture
                .order(&format!("/v1/deployments/{unknown}/set-live"))
                .await
                .0,
            404
        );
    }
    let history = fixture.get("/v1/deployments?include_deleted=true").await;
    assert_eq!(
        history["deployments"].as_array().unwrap().len(),
        2,
        "{history}"
    );
    fixture.assert_untouched().await;
    fixture.server.stop().await;
}

#[tokio::test]
async fn only_tokens_that_may_deploy_do_and_only_where_it_is_switched_on() {
    let fixture = Fixture::start_with(|_| {}).await;
    let next = with("a.pipe", TOTAL);
    for path in [
        "/v1/build",
        "/v1/deploy?check=true",
        "/v1/deploy?auto_promote=true",
    ] {
        let (status, answer) = fixture.post(path, &next).await;
        assert_eq!((status, &answer["code"]), (405, &json!("deploy_disabled")));
        assert!(
            answer["error"]
                .as_str()
                .unwrap()
                .contains("analytics.deploy")
        );
    }
    assert_eq!(fixture.order("/v1/deployments/0/set-live").await.0, 405);

    let token = async |scope: &str| {
        let path = format!("/v0/tokens?name={}&scope={scope}", scope.replace(':', "_"));
        let (status, answer) = fixture.order(&path).await;
        assert_eq!(status, 200, "{answer}");
        answer["token"].as_str().unwrap().to_owned()
    };
    let reads = Scope::new(ScopeKind::PipesRead, "total");
    let tokens = [
        token("WORKSPACE:READ_ALL").await,
        token("DATASOURCES:CREATE").await,
        jwt("reader", vec![reads]),
    ];
    for token in &tokens {
        let request = upload(&fixture.server, "/v1/build", &next).bearer_auth(token);
        assert_eq!(answered(request).await.0, 403);
        assert_eq!(fixture.server.json("/v1/deployments", token).await.0, 403);
    }
    let deployer = token("WORKSPACE:DEPLOY").await;
    assert_eq!(
        fixture.server.json("/v1/deployments", &deployer).await.0,
        200
    );
    let request = upload(&fixture.server, "/v1/build", &next).bearer_auth(&deployer);
    assert_eq!(
        answered(request).await.0,
        405,
        "it may, but the server does not take it"
    );
    fixture.assert_untouched().await;
    fixture.server.stop().await;
}

/// A server that starts where another ended while it was setting `files` live
/// in place of the original ones.
async fn start_after(directory: &Path, files: &Files) -> Server {
    let state = tempfile::tempdir().unwrap();
    let pool = options(state.path()).await.pool;
    sqlx::migrate!().run(&pool).await.unwrap();
    let file = |(path, text): (&String, &String)| json!({ "path": path, "text": text });
    let list = |files: &Files| Value::from(files.iter().map(file).collect::<Vec<_>>());
    sqlx::query(
        "INSERT INTO analytics_deployments
         (status, allows_destruction, summary, files, former, created_at, updated_at)
         VALUES ('promoting', 1, '{}', ?, ?, 0, 0)",
    )
    .bind(list(files).to_string())
    .bind(list(&original()).to_string())
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let settings = Settings {
        project: directory.to_owned(),
        ..settings()
    };
    Server::start_in(state, settings).await
}

#[tokio::test]
async fn a_deployment_that_was_interrupted_is_finished_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut next = with("endpoints/fresh.pipe", TOTAL);
    next.remove("datasources/plans.datasource");
    // The process ended with one of the files in its place.
    write(directory.path(), &original());
    let begun = [("endpoints/fresh.pipe", TOTAL), (".rookery-deploy-x/0", "")];
    write(directory.path(), &files(&begun));

    let server = start_after(directory.path(), &next).await;
    assert_eq!(present(directory.path()), next);
    assert!(!directory.path().join(".rookery-deploy-x").exists());
    assert_eq!(server.json("/v0/pipes/fresh.json", ADMIN).await.0, 200);
    let (_, answer) = server.json("/v1/deployments/1", ADMIN).await;
    assert_eq!(answer["deployment"]["live"], true, "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn an_interrupted_deployment_that_cannot_be_finished_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let broken = TOTAL.replace("sum(n)", "sum(nope)");
    let mut wrong = with("endpoints/total.pipe", &broken);
    wrong.remove("datasources/plans.datasource");
    // All was in its place when the process ended.
    write(directory.path(), &wrong);

    let server = start_after(directory.path(), &wrong).await;
    assert_eq!(present(directory.path()), original());
    assert_eq!(server.json("/v0/pipes/total.json", ADMIN).await.0, 200);
    let (_, answer) = server.json("/v1/deployments/1", ADMIN).await;
    assert_eq!(answer["deployment"]["status"], "deleted", "{answer}");
    server.stop().await;
}
