//! Seeing where one is signed in, and ending that: a person, an administrator,
//! and an operator beside the running site.

use http::{Method, StatusCode};
use service::Secret;
use web::{ControlOptions, SessionControl};

use crate::browser::Browser;
use crate::house::{House, ORIGIN};
use crate::provider::SUBJECT;

const OWN: [(&str, &str); 2] = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];

/// Two browsers of Cleo on one site.
async fn two(house: &House) -> [Browser; 2] {
    let site = house.browser().await;
    let mut browsers = [site.clone(), site];
    for browser in &mut browsers {
        house.sign_in(browser).await;
    }
    browsers
}

async fn status(browser: &mut Browser) -> StatusCode {
    browser.get("/api/token").await.status
}

/// The ids of the person's sessions, that of `browser` first.
async fn ids(browser: &mut Browser) -> Vec<String> {
    let listed = browser.get("/api/sessions").await.json();
    let current = listed["current"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort_by_key(|id| *id != current);
    assert_eq!(ids[0], current);
    ids
}

#[tokio::test]
async fn a_person_sees_their_sessions_and_ends_another_one() {
    let house = House::new().await;
    let [mut here, mut there] = two(&house).await;
    let listed = ids(&mut here).await;
    assert_eq!(listed.len(), 2);
    for id in &listed {
        assert_ne!(id, here.session().unwrap(), "the id opens nothing");
    }
    let page = here.get("/sessions").await;
    assert!(page.body.contains("This browser") && page.body.contains("Sign out there"));
    let out = there.get("/api/token").await.json();
    let form = format!("session={}", listed[1]);
    assert_eq!(
        here.post("/sessions/end", &form).await.location(),
        "/sessions"
    );
    assert_eq!(status(&mut there).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&mut here).await, StatusCode::OK);
    assert!(!house.accepts(out["token"].as_str().unwrap()));
    let again = here.post("/sessions/end", &form).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert!(again.body.contains("has ended already"));
}

#[tokio::test]
async fn a_person_signs_out_everywhere() {
    let house = House::new().await;
    for by_form in [true, false] {
        let [mut here, mut there] = two(&house).await;
        let answer = match by_form {
            true => here.post("/sessions/end-all", "").await,
            false => here.send(Method::DELETE, "/api/sessions", "", &OWN).await,
        };
        assert_eq!(answer.headers["x-tinybird-token"], "");
        assert_eq!(here.session(), None);
        for browser in [&mut here, &mut there] {
            assert_eq!(status(browser).await, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn nobody_ends_somebody_elses_session() {
    let house = House::new().await;
    let [mut cleo, _] = two(&house).await;
    let named = ids(&mut cleo).await.remove(0);
    let mut stranger = cleo.clone();
    stranger.cookies.clear();
    assert_eq!(
        stranger.get("/api/sessions").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(stranger.get("/sessions").await.body.contains("Sign in"));
    let form = format!("session={named}");
    let refused = stranger.post("/sessions/end", &form).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let address = format!("/api/sessions/{named}");
    let foreign = cleo.send(Method::DELETE, &address, "", &[]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "another site asked");
    let broken = cleo.post("/sessions/end", "other=1").await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    assert!(broken.body.contains("No session was named"));
    let unknown = cleo
        .send(Method::DELETE, "/api/sessions/nonsense", "", &OWN)
        .await;
    assert_eq!(unknown.json()["code"], "session_not_found");
    assert_eq!(status(&mut cleo).await, StatusCode::OK);
}

#[tokio::test]
async fn an_administrator_sees_and_ends_anybodys_sessions() {
    let mut house = House::new().await;
    let secret = "the token of the administrators, long enough";
    house.settings.admin_token = Some(Secret::new(secret));
    let [mut here, mut there] = two(&house).await;
    let bearer = format!("Bearer {secret}");
    let shown = [("authorization", bearer.as_str())];
    let mut program = here.clone();
    program.cookies.clear();
    let address = format!("/api/admin/v1/sessions?user={SUBJECT}");
    for wrong in [vec![], vec![("authorization", "Bearer wrong")]] {
        let refused = program.send(Method::GET, &address, "", &wrong).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.header("cache-control"), "no-store");
    }
    let listed = program.send(Method::GET, &address, "", &shown).await.json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["user"], SUBJECT);
    let current = ids(&mut here).await.remove(0);
    let one = format!("/api/admin/v1/sessions/{current}");
    let ended = program.send(Method::DELETE, &one, "", &shown).await;
    assert_eq!(ended.json()["ended"], 1);
    assert_eq!(status(&mut here).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&mut there).await, StatusCode::OK);
    let all = "/api/admin/v1/sessions";
    let unnamed = program.send(Method::DELETE, all, "", &shown).await;
    assert_eq!(unnamed.status, StatusCode::BAD_REQUEST);
    let ended = program.send(Method::DELETE, &address, "", &shown).await;
    assert_eq!(ended.json()["ended"], 1);
    assert_eq!(status(&mut there).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn without_a_token_of_their_own_administrators_have_no_interface() {
    let mut house = House::new().await;
    let mut browser = house.browser().await;
    let address = "/api/admin/v1/sessions";
    let shown = [("authorization", "Bearer ")];
    let answer = browser.send(Method::GET, address, "", &shown).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    house.settings.admin_token = Some(Secret::new("short"));
    let error = house.try_start().await.unwrap_err();
    assert!(error.to_string().contains("web.admin_token"), "{error}");
}

#[tokio::test]
async fn an_operator_ends_sessions_of_a_running_site() {
    let house = House::new().await;
    let [mut here, mut there] = two(&house).await;
    let out = there.get("/api/token").await.json();
    let options = ControlOptions {
        pool: house.pool.clone(),
        cookie_secret: house.options(house.provider.router()).cookie_secret,
        revocations: Some(house.revocations.clone()),
        token_lifetime: 900,
    };
    let control = SessionControl::open(&house.settings, options)
        .await
        .unwrap();
    let current = ids(&mut there).await.remove(0);
    assert_eq!(control.list(Some(SUBJECT)).await.unwrap().len(), 2);
    assert_eq!(control.list(Some("nobody")).await.unwrap(), []);
    assert!(!control.end("nonsense").await.unwrap());
    assert!(control.end(&current).await.unwrap());
    assert!(!house.accepts(out["token"].as_str().unwrap()));
    for _ in 0..100 {
        if status(&mut there).await == StatusCode::UNAUTHORIZED {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(status(&mut there).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&mut here).await, StatusCode::OK, "the other goes on");
    assert_eq!(control.end_all(None).await.unwrap(), 1);
}
