//! The sign-in page, who may post its form, and the session it begins.

use http::{Request, StatusCode, header};

use crate::support::*;

const SESSION: &str = "rookery_identity";

#[tokio::test]
async fn the_page_can_be_read_by_people_and_framed_by_nobody() {
    let house = House::new().await;
    let page = house.get(&authorize(WEB, &[])).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header(header::CACHE_CONTROL), "no-store");
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    for part in [
        "default-src 'none'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self' http://localhost:3000",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"));
    for part in [
        "<html lang=\"en\">",
        "<label for=\"email\">",
        "<label for=\"password\">",
        "autocomplete=\"username\"",
        "autocomplete=\"current-password\"",
        "Each nest sees only its own.",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
    assert!(!page.body.contains("style=\"") && !page.body.contains("<script"));
}

#[tokio::test]
async fn the_style_is_served_for_good_under_its_digest() {
    let house = House::new().await;
    let page = house.get(&authorize(WEB, &[])).await;
    let (_, rest) = page.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    let style = house.get(path).await;
    assert_eq!(style.status, StatusCode::OK);
    assert!(style.header(header::CONTENT_TYPE).starts_with("text/css"));
    assert!(style.header(header::CACHE_CONTROL).contains("immutable"));
}

#[tokio::test]
async fn signing_in_begins_a_new_session_each_time() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.ada().await;
    let first = browser.cookies[SESSION].clone();
    browser
        .sign_in(&authorize(BASIC, &[("prompt", "login")]), ADA)
        .await;
    let second = browser.cookies[SESSION].clone();
    assert_ne!(first, second);

    browser.cookies.insert(SESSION.to_owned(), first);
    let reply = browser.get(&authorize(BASIC, &[("prompt", "none")])).await;
    assert_eq!(
        reply.error(),
        "login_required",
        "the earlier session has ended"
    );
}

#[tokio::test]
async fn a_session_id_chosen_by_somebody_else_is_not_adopted() {
    let house = House::new().await;
    let mut browser = house.browser();
    let planted = "x".repeat(43);
    browser.cookies.insert(SESSION.to_owned(), planted.clone());
    browser.ada().await;
    assert_ne!(browser.cookies[SESSION], planted);
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let house = House::new().await;
    let reply = house.browser().sign_in(&authorize(WEB, &[]), ADA).await;
    let cookie = reply.header(header::SET_COOKIE);
    assert!(cookie.starts_with("rookery_identity="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"));
}

#[tokio::test]
async fn on_https_cookies_are_secure_and_bound_to_the_host() {
    let mut plan = Plan::default();
    plan.settings.issuer = Some("https://id.example/idp".to_owned());
    plan.directory = None;
    let house = House::planned(plan).await;
    let page = house.get(&authorize(WEB, &[])).await;
    let cookie = page.header(header::SET_COOKIE);
    assert!(
        cookie.starts_with("__Host-rookery_identity_form="),
        "{cookie}"
    );
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn wrong_passwords_and_unknown_people_get_the_same_answer() {
    let house = House::new().await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(WEB, &[])).await;
    let wrong = browser.fill_in(&page, ADA, "wrong").await;
    let unknown = browser.fill_in(&page, "eve@united.example", "wrong").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.is_sign_in_page() && wrong.body.contains("role=\"alert\""));
    assert_eq!(wrong.status, unknown.status);
    assert_eq!(
        wrong.body.replace(ADA, ""),
        unknown.body.replace("eve@united.example", "")
    );
    assert!(
        !wrong.body.contains("wrong\""),
        "the password is not sent back"
    );
    browser.fill_in(&wrong, ADA, PASSWORD).await.code();
}

#[tokio::test]
async fn the_address_is_read_without_regard_to_case_and_spaces() {
    let house = House::new().await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(WEB, &[])).await;
    browser
        .fill_in(&page, "  CLEO@delta.EXAMPLE ", PASSWORD)
        .await
        .code();
}

#[tokio::test]
async fn a_form_from_another_site_signs_nobody_in() {
    let house = House::new().await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(WEB, &[])).await;
    let (request, secret) = (page.hidden("request"), page.hidden("form_secret"));
    let fields = [
        ("request", request.as_str()),
        ("form_secret", secret.as_str()),
        ("email", ADA),
        ("password", PASSWORD),
    ];
    for origin in [
        vec![],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("origin", ORIGIN), ("sec-fetch-site", "cross-site")],
    ] {
        let mut post = form_request("/idp/sign-in");
        for (name, value) in &origin {
            post = post.header(*name, *value);
        }
        let reply = browser.send(post, form(&fields)).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{origin:?}");
        assert!(reply.is_message());
    }
    assert!(!browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn a_form_of_another_browser_signs_nobody_in() {
    let house = House::new().await;
    let attackers_page = house.browser().get(&authorize(WEB, &[])).await;
    let mut victim = house.browser();
    victim.get(&authorize(WEB, &[])).await;
    let reply = victim.fill_in(&attackers_page, ADA, PASSWORD).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(reply.is_sign_in_page(), "and the form can be sent again");
    assert!(!victim.cookies.contains_key(SESSION));
    victim.fill_in(&reply, ADA, PASSWORD).await.code();
}

#[tokio::test]
async fn two_tabs_can_have_the_form_open() {
    let house = House::new().await;
    let mut browser = house.browser();
    let first = browser.get(&authorize(WEB, &[("state", "1")])).await;
    let second = browser.get(&authorize(WEB, &[("state", "2")])).await;
    for (page, state) in [(first, "1"), (second, "2")] {
        let reply = browser.fill_in(&page, ADA, PASSWORD).await;
        assert_eq!(reply.answer()["state"], state);
    }
}

#[tokio::test]
async fn a_request_altered_in_the_form_is_checked_again() {
    let house = House::new().await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(WEB, &[])).await;
    let secret = page.hidden("form_secret");
    let elsewhere = form(&[
        ("client_id", WEB),
        ("redirect_uri", "https://evil.example/"),
        ("response_type", "code"),
        ("scope", "openid"),
    ]);
    let fields = [
        ("request", elsewhere.as_str()),
        ("form_secret", secret.as_str()),
        ("email", ADA),
        ("password", PASSWORD),
    ];
    let reply = browser.post("/idp/sign-in", &fields).await;
    assert!(reply.is_message());
    assert!(!browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn demo_accounts_are_one_click_away() {
    let house = House::new().await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(BASIC, &[])).await;
    assert!(page.body.contains("Cleo Marchetti"));
    for place in [
        "Delta Air Lines · admin",
        "Endeavor Air · member",
        "United &lt;Air&gt; Lines · admin",
        "in no organization",
    ] {
        assert!(page.body.contains(place), "{place}");
    }
    let (request, secret) = (page.hidden("request"), page.hidden("form_secret"));
    let fields = [
        ("request", request.as_str()),
        ("form_secret", secret.as_str()),
        ("demo_account", "user_cleo"),
    ];
    let reply = browser.post("/idp/sign-in", &fields).await;
    let response = house.redeem_basic(&reply.code()).await.json();
    assert_eq!(claims(text(&response, "id_token"))["sub"], "user_cleo");
}

#[tokio::test]
async fn a_click_enters_demo_accounts_only() {
    let house = House::new().await;
    house
        .execute("UPDATE identity_users SET demo = 0 WHERE id = 'user_ada'")
        .await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(BASIC, &[])).await;
    assert!(!page.body.contains("Ada Lindqvist"));
    let (request, secret) = (page.hidden("request"), page.hidden("form_secret"));
    for account in ["user_ada", "user_nobody"] {
        let fields = [
            ("request", request.as_str()),
            ("form_secret", secret.as_str()),
            ("demo_account", account),
        ];
        let reply = browser.post("/idp/sign-in", &fields).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{account}");
    }
    assert!(!browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn sessions_end_when_unused_and_when_old() {
    let house = House::new().await;
    let silent = authorize(BASIC, &[("prompt", "none")]);
    for (column, seconds) in [("last_seen_at", 24 * 3600), ("auth_time", 7 * 24 * 3600)] {
        let mut browser = house.browser();
        browser.ada().await;
        browser.get(&silent).await.code();
        house
            .execute(&format!(
                "UPDATE identity_sessions SET {column} = {column} - {seconds}"
            ))
            .await;
        assert_eq!(
            browser.get(&silent).await.error(),
            "login_required",
            "{column}"
        );
    }
}

#[tokio::test]
async fn using_a_session_keeps_it_alive() {
    let house = House::new().await;
    let silent = authorize(BASIC, &[("prompt", "none")]);
    let mut browser = house.browser();
    browser.ada().await;
    for _ in 0..3 {
        house
            .execute("UPDATE identity_sessions SET last_seen_at = last_seen_at - 80000")
            .await;
        browser.get(&silent).await.code();
    }
}

#[tokio::test]
async fn opening_the_forms_address_is_explained() {
    let house = House::new().await;
    let request = Request::get("/idp/sign-in").body("".into());
    let reply = house.send(request.unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.is_message());
}
