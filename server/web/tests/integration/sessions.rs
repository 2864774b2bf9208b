//! Sessions: whose they are, how long they last, what their cookie says.

use http::StatusCode;
use sqlx::Row;
use web::{Settings, StartError};

use crate::browser::Browser;
use crate::house::House;
use crate::provider::ISSUER;

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/api/token").await.status == StatusCode::OK
}

#[tokio::test]
async fn a_session_gets_a_new_id_at_sign_in() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let first = browser.session().unwrap().clone();
    let mut left_behind = browser.clone();
    house.sign_in(&mut browser).await;
    assert_ne!(browser.session().unwrap(), &first);
    assert!(is_signed_in(&mut browser).await);
    assert!(
        !is_signed_in(&mut left_behind).await,
        "the session of before has ended"
    );
}

#[tokio::test]
async fn an_id_that_somebody_else_chose_is_not_used() {
    let house = House::new().await;
    let mut victim = house.browser().await;
    let chosen = "AAAAAAAAAAAAAAAAAAAAAA";
    victim
        .cookies
        .insert("rookery_session".to_owned(), chosen.to_owned());
    let mut attacker = victim.clone();
    house.sign_in(&mut victim).await;
    assert_ne!(victim.session().unwrap(), chosen);
    assert!(is_signed_in(&mut victim).await);
    assert!(!is_signed_in(&mut attacker).await);
}

#[tokio::test]
async fn visitors_who_do_not_sign_in_have_no_session() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    browser.get("/").await;
    browser.get("/sign-in").await;
    assert_eq!(browser.session(), None);
    let rows = sqlx::query("SELECT count(*) AS n FROM web_sessions")
        .fetch_one(&house.pool)
        .await;
    assert_eq!(rows.unwrap().get::<i64, _>("n"), 0);
}

#[tokio::test]
async fn an_unused_session_ends() {
    let mut house = House::new().await;
    house.settings.session_idle_seconds = 1000;
    let mut browser = house.signed_in().await;
    house.pass(999);
    assert!(is_signed_in(&mut browser).await);
    house.pass(999);
    assert!(is_signed_in(&mut browser).await, "using it keeps it");
    house.pass(1000);
    assert!(!is_signed_in(&mut browser).await);
    assert_eq!(browser.session(), None, "the browser forgets it, too");
}

#[tokio::test]
async fn a_session_in_use_ends_in_the_end() {
    let mut house = House::new().await;
    house.settings.session_idle_seconds = 1000;
    house.settings.session_lifetime_seconds = 2000;
    let mut browser = house.signed_in().await;
    for _ in 0..2 {
        house.pass(900);
        assert!(is_signed_in(&mut browser).await);
    }
    house.pass(200);
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn the_cookie_lives_as_long_as_the_session_may() {
    let mut house = House::new().await;
    house.settings.session_lifetime_seconds = 1500;
    let mut browser = house.browser().await;
    let answer = house.sign_in(&mut browser).await;
    let cookies = answer.set_cookies();
    let session = cookies
        .iter()
        .find(|set| set.starts_with("rookery_session="))
        .unwrap();
    let age = session
        .split("Max-Age=")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    assert!(
        (1490..=1500).contains(&age.parse::<i64>().unwrap()),
        "{age}"
    );
    house.pass(900);
    assert!(
        browser.get("/").await.set_cookies().is_empty(),
        "it is sent once"
    );
}

#[tokio::test]
async fn use_is_written_down_for_the_next_start() {
    let mut house = House::new().await;
    house.settings.session_idle_seconds = 1000;
    let site = house.try_start().await.unwrap();
    let mut browser = Browser::new(site.router(), &house.settings.origin);
    house.sign_in(&mut browser).await;
    house.pass(999);
    assert!(is_signed_in(&mut browser).await);
    house.pass(999);
    site.shutdown().await;
    let cookies = browser.cookies;
    let mut browser = house.browser().await;
    browser.cookies = cookies;
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let house = House::new().await;
    let cookies = house.signed_in().await.cookies;
    let mut browser = house.browser().await;
    browser.cookies = cookies;
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn the_active_organization_survives_a_restart() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    browser.post("/organization", "organization=9e").await;
    let cookies = browser.cookies;
    let mut browser = house.browser().await;
    browser.cookies = cookies;
    assert_eq!(browser.get("/api/token").await.json()["org"], "9e");
}

#[tokio::test]
async fn a_session_in_use_needs_no_database() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    house.pool.close().await;
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_no_reason_to_sign_somebody_out() {
    let house = House::new().await;
    let cookies = house.signed_in().await.cookies;
    let mut browser = house.browser().await;
    browser.cookies = cookies;
    house.pool.close().await;
    let answer = browser.get("/api/token").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(browser.session().is_some());
    assert_eq!(answer.header("cache-control"), "no-store, private");
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let answer = house.sign_in(&mut browser).await;
    let set = answer.set_cookies();
    let set = set
        .iter()
        .find(|set| set.starts_with("rookery_session="))
        .unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"));
    assert!(!set.contains("Secure") && !set.contains("Domain"), "{set}");
}

#[tokio::test]
async fn on_https_the_cookies_are_bound_to_the_host_and_can_be_removed() {
    let mut house = House::new().await;
    house.settings.origin = "https://app.example.com".to_owned();
    let mut browser = house.browser().await;
    let start = browser.get("/sign-in").await;
    assert!(start.set_cookies()[0].starts_with("__Host-rookery_sign_in_"));
    assert!(start.set_cookies()[0].contains("Secure"));
    // The test's provider knows the other redirect address only, so a session
    // is not reached here; an unknown one shows how cookies are removed.
    browser.cookies.insert(
        "__Host-rookery_session".to_owned(),
        "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
    );
    browser.get("/").await;
    assert_eq!(browser.session(), None);
}

#[tokio::test]
async fn plain_http_is_refused_outside_the_loopback() {
    let mut house = House::new().await;
    for origin in [
        "http://app.example.com",
        "http://10.0.0.7:3000",
        "app.example.com",
    ] {
        house.settings.origin = origin.to_owned();
        let error = house.try_start().await.unwrap_err();
        assert!(
            matches!(error, StartError::Origin { key: "origin", .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_named() {
    let text = |error: StartError| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error} {}", source.unwrap_or_default())
    };
    let mut house = House::new().await;
    house.settings.analytics_origin = "http://analytics.example.com".to_owned();
    assert!(text(house.try_start().await.unwrap_err()).contains("web.analytics_origin"));

    house.settings = Settings {
        session_idle_seconds: 0,
        ..Settings::default()
    };
    assert!(text(house.try_start().await.unwrap_err()).contains("session_idle_seconds"));

    house.settings = Settings {
        public_token: Some("a\nb".to_owned()),
        ..Settings::default()
    };
    assert!(text(house.try_start().await.unwrap_err()).contains("public_token"));

    house.settings = Settings {
        hash_file: Some("/nowhere/hash.txt".into()),
        ..Settings::default()
    };
    assert!(text(house.try_start().await.unwrap_err()).contains("/nowhere/hash.txt"));

    house.settings = Settings::default();
    house.oidc.issuer = "http://id.example".to_owned();
    assert!(text(house.try_start().await.unwrap_err()).contains("oidc.issuer"));

    house.oidc.issuer = ISSUER.to_owned();
    let mut options = house.options(house.provider.router());
    options.cookie_secret = "short".to_owned();
    let error = web::start(house.settings.clone(), house.oidc.clone(), options)
        .await
        .unwrap_err();
    assert!(text(error).contains("cookie secret"));
}

#[tokio::test]
async fn the_site_can_be_shut_down() {
    let house = House::new().await;
    house.try_start().await.unwrap().shutdown().await;
}
