//! Signing out, switching the organization, renewing the token, and who may
//! ask for it.

use http::{Method, StatusCode};
use serde_json::json;

use crate::house::{House, ORIGIN};
use crate::provider::{ISSUER, Misbehaviour, Provider, SUBJECT};

const OWN: [(&str, &str); 2] = [("origin", ORIGIN), ("sec-fetch-site", "same-origin")];

#[tokio::test]
async fn a_token_is_for_the_active_organization_or_another_of_ones_own() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    for (address, slug, name) in [
        ("/api/token", "dl", "Delta Air Lines"),
        ("/api/token?org=9e", "9e", "Endeavor Air"),
    ] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status, StatusCode::OK);
        let grant = answer.json();
        let token = grant["token"].as_str().unwrap();
        assert_eq!(grant["org"], slug);
        assert!(grant["expires_at"].is_i64());
        assert_eq!(house.fixed(token), (slug.to_owned(), SUBJECT.to_owned()));
        assert_eq!(answer.header("x-tinybird-token"), token);
        assert_eq!(answer.header("x-org-name"), name);
        assert_eq!(answer.header("cache-control"), "no-store, private");
        assert_eq!(answer.header("vary"), "Cookie");
    }
}

#[tokio::test]
async fn a_token_for_somebody_elses_organization_is_refused() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    for slug in ["ua", "", "DL", "dl%20", "dl%00"] {
        let answer = browser.get(&format!("/api/token?org={slug}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{slug}");
        assert_eq!(answer.json()["code"], "not_a_member");
        assert_eq!(answer.header("x-tinybird-token"), "");
        assert_eq!(answer.header("x-org-name"), "");
    }
    let answer = browser.get("/api/token?org=dl&org=ua").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_signed_out_visitor_gets_no_token() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let answer = browser.get("/api/token").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["code"], "signed_out");
    assert_eq!(answer.headers["x-tinybird-token"], "");
    assert_eq!(answer.headers["x-org-name"], "");
}

#[tokio::test]
async fn a_signed_out_visitor_gets_the_public_token_where_one_is_configured() {
    let mut house = House::new().await;
    house.settings.public_token = Some("p.public".to_owned());
    let mut browser = house.browser().await;
    assert_eq!(
        browser.get("/").await.header("x-tinybird-token"),
        "p.public"
    );
    assert_eq!(
        browser.get("/api/token").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn somebody_in_no_organization_gets_no_token_at_all() {
    let mut house = House::new().await;
    house.settings.public_token = Some("p.public".to_owned());
    house
        .provider
        .set_person(json!({"name": "Dan", "organizations": []}));
    let mut browser = house.signed_in().await;
    for address in ["/api/token", "/api/token?org=ua", "/api/token?org="] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.json()["code"], "no_organization");
        assert_eq!(answer.headers["x-tinybird-token"], "");
    }
    let page = browser.get("/dashboard").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.headers["x-tinybird-token"], "");
}

#[tokio::test]
async fn a_token_is_the_same_until_it_is_nearly_used_up() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let first = browser
        .get("/token")
        .await
        .header("x-tinybird-token")
        .to_owned();
    house.pass(700);
    assert_eq!(
        browser.get("/token").await.header("x-tinybird-token"),
        first
    );
    house.pass(30);
    let renewed = browser
        .get("/token")
        .await
        .header("x-tinybird-token")
        .to_owned();
    assert_ne!(renewed, first);
    assert_eq!(house.fixed(&renewed).0, "dl");
}

#[tokio::test]
async fn switching_the_organization_switches_the_token() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let answer = browser
        .post("/organization", "organization=9e&return_to=/dashboard")
        .await;
    assert_eq!(answer.location(), "/dashboard");
    assert_eq!(house.fixed(answer.header("x-tinybird-token")).0, "9e");
    assert_eq!(answer.header("cache-control"), "no-store, private");
    let page = browser.get("/token").await;
    assert_eq!(house.fixed(page.header("x-tinybird-token")).0, "9e");
    assert_eq!(page.header("x-org-name"), "Endeavor Air");
}

#[tokio::test]
async fn switching_to_somebody_elses_organization_is_refused_and_changes_nothing() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    for form in ["organization=ua", "organization="] {
        let answer = browser.post("/organization", form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.body.contains("do not belong"), "{}", answer.body);
        assert_eq!(answer.header("x-tinybird-token"), "");
    }
    let program = browser
        .send(Method::POST, "/organization", "organization=ua", &OWN)
        .await;
    assert_eq!(program.json()["code"], "not_a_member");
    let broken = browser.post("/organization", "return_to=/").await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.active_organization(&mut browser).await, "dl");
}

#[tokio::test]
async fn switching_while_signed_out_leads_to_signing_in() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    let answer = browser
        .post("/organization", "organization=ua&return_to=/dashboard")
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(
        answer
            .body
            .contains("href=\"/sign-in?return_to=%2Fdashboard\"")
    );
}

#[tokio::test]
async fn switching_does_not_leave_the_site() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let form = "organization=9e&return_to=//evil.example";
    assert_eq!(browser.post("/organization", form).await.location(), "/");
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_at_the_provider() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let before = browser.clone();
    let answer = browser.post("/sign-out", "return_to=/token").await;
    // A page that goes on by itself: the provider is another site.
    assert_eq!(answer.status, StatusCode::OK);
    let refresh = answer
        .body
        .split("http-equiv=\"refresh\" content=\"0;url=")
        .nth(1)
        .unwrap();
    let address = refresh.split('"').next().unwrap().replace("&amp;", "&");
    assert!(address.starts_with(&format!("{ISSUER}/end_session?")));
    let there = Provider::request_at(&address);
    assert_eq!(there["id_token_hint"], house.provider.last_id_token());
    assert_eq!(there["post_logout_redirect_uri"], format!("{ORIGIN}/"));
    assert_eq!(there["client_id"], "rookery-web");
    assert_eq!(answer.headers["x-tinybird-token"], "");
    assert_eq!(browser.session(), None);
    // The session is gone, not only its cookie.
    let mut stolen = before;
    assert_eq!(
        stolen.get("/api/token").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn signing_out_works_here_when_the_provider_is_gone() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let cookies = browser.cookies.clone();
    // A restarted site knows nothing of the provider yet.
    house.provider.misbehave(Misbehaviour {
        down: Some(StatusCode::BAD_GATEWAY),
        ..Misbehaviour::default()
    });
    browser = house.browser().await;
    browser.cookies = cookies;
    let answer = browser.post("/sign-out", "return_to=/token").await;
    assert_eq!(answer.location(), "/token");
    assert_eq!(
        browser.get("/api/token").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn signing_out_can_be_kept_to_this_site() {
    let mut house = House::new().await;
    house.oidc.logout = false;
    let mut browser = house.signed_in().await;
    assert_eq!(
        browser
            .post("/sign-out", "return_to=//evil.example")
            .await
            .location(),
        "/"
    );
}

#[tokio::test]
async fn signing_out_twice_is_harmless() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    assert_eq!(browser.post("/sign-out", "").await.location(), "/");
}

#[tokio::test]
async fn other_sites_cannot_act_for_a_visitor() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    for headers in [
        vec![],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("origin", "null"), ("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", ORIGIN)],
        vec![
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://rebound.example:3000"),
        ],
    ] {
        for (address, form) in [
            ("/sign-out", ""),
            ("/organization", "organization=9e"),
            ("/", ""),
        ] {
            let answer = browser.send(Method::POST, address, form, &headers).await;
            assert_eq!(
                answer.status,
                StatusCode::FORBIDDEN,
                "{address} {headers:?}"
            );
            assert_eq!(answer.json()["code"], "cross_site");
        }
    }
    assert_eq!(house.active_organization(&mut browser).await, "dl");
}

#[tokio::test]
async fn nothing_changes_by_following_a_link() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    for address in ["/sign-out", "/organization?organization=9e"] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(answer.body.contains("cannot be opened"));
    }
    assert_eq!(house.active_organization(&mut browser).await, "dl");
}

#[tokio::test]
async fn the_health_routes_ask_nobody_who_they_are() {
    let house = House::new().await;
    let mut browser = house.browser().await;
    for address in ["/healthz", "/readyz", "/metrics"] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}");
        assert!(!answer.headers.contains_key("x-tinybird-token"));
    }
    house.pool.close().await;
    assert_eq!(
        browser.get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}
