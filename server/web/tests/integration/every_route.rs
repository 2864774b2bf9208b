//! What holds for every address, whatever it does: the headers that protect
//! browsers, and that no other site acts in a visitor's name.

use http::{Method, StatusCode};
use token::{JwtTemplate, Mint, SigningKey};
use web::Running;

use crate::browser::{Answer, Browser};
use crate::house::{House, ORIGIN};

/// Patterns with something in place of their parameters, and what has no address.
fn addresses() -> Vec<String> {
    let known = Running::addresses();
    assert!(known.len() > 15, "{known:?}");
    let others = ["/nothing/here", "/api/nothing", "/pkg/nothing.js"];
    known
        .into_iter()
        .chain(others)
        .map(|address| address.replace("{id}", "an-id"))
        .collect()
}

const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// All headers of an answer as they go over the wire, in bytes.
fn size(answer: &Answer) -> usize {
    let lines = answer.headers.iter();
    lines
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_browsers() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    for address in addresses() {
        for method in METHODS {
            let mut visitor = browser.clone();
            let answer = visitor
                .send(method.clone(), &address, "", &[("accept", "text/html")])
                .await;
            let said = |name: &str| answer.header(name).to_owned();
            let context = format!("{method} {address} {:?}", answer.headers);
            assert_eq!(said("x-content-type-options"), "nosniff", "{context}");
            if !address.starts_with("/pkg/") {
                assert!(
                    said("content-security-policy").contains("frame-ancestors 'none'"),
                    "{context}"
                );
                assert_eq!(said("referrer-policy"), "same-origin", "{context}");
                assert_eq!(
                    said("cross-origin-opener-policy"),
                    "same-origin",
                    "{context}"
                );
                assert_eq!(
                    said("cross-origin-resource-policy"),
                    "same-origin",
                    "{context}"
                );
            }
            if answer.status.is_client_error() || answer.status.is_server_error() {
                let cached = said("cache-control");
                assert!(
                    cached.contains("no-store") || address.starts_with("/pkg/"),
                    "{context}"
                );
            }
            assert!(size(&answer) < 4096, "{context}");
        }
    }
    assert_eq!(house.active_organization(&mut browser).await, "dl");
}

#[tokio::test]
async fn no_other_site_changes_anything_at_any_address() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let foreign = [
        vec![],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null"), ("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", ORIGIN)],
    ];
    for address in addresses() {
        for method in METHODS {
            for headers in &foreign {
                let mut visitor = browser.clone();
                let form = "organization=9e&session=x";
                let answer = visitor.send(method.clone(), &address, form, headers).await;
                let unsafe_method = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
                // These show who they are by other means than a cookie.
                let without_cookies = address.starts_with("/api/admin/")
                    || address.starts_with("/auth/backchannel")
                    || address.starts_with("/auth/frontchannel")
                    || address.starts_with("/auth/events");
                if unsafe_method && !without_cookies {
                    assert!(
                        answer.status.is_client_error(),
                        "{method} {address} {}",
                        answer.status
                    );
                }
            }
        }
    }
    assert_eq!(house.active_organization(&mut browser).await, "dl");
    assert_eq!(browser.get("/api/token").await.status, StatusCode::OK);
}

#[tokio::test]
async fn refusals_of_forms_are_pages_for_people_and_json_for_programs() {
    let house = House::new().await;
    let mut browser = house.signed_in().await;
    let page = [("accept", "text/html"), ("sec-fetch-site", "cross-site")];
    let program = [
        ("accept", "application/json"),
        ("sec-fetch-site", "cross-site"),
    ];
    for address in [
        "/sign-out",
        "/organization",
        "/sessions/end",
        "/sessions/end-all",
    ] {
        let refused = browser.send(Method::POST, address, "", &page).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert!(
            refused
                .body
                .contains("<h1>This did not come from a page of this site</h1>")
        );
        let refused = browser.send(Method::POST, address, "", &program).await;
        assert_eq!(refused.json()["code"], "cross_site");
    }
    let broken = browser.post("/organization", "return_to=/").await;
    assert!(broken.body.contains("<h1>No organization was named</h1>"));
    house.pool.close().await;
    let cookies = browser.cookies.clone();
    let other = House::new().await;
    let mut browser = other.browser().await;
    browser.cookies = cookies;
    other.pool.close().await;
    let unavailable = browser.get("/token").await;
    assert_eq!(unavailable.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        unavailable
            .body
            .contains("<h1>This site cannot answer right now</h1>")
    );
}

/// A browser whose tokens have many scopes.
async fn with_scopes(house: &House, count: usize) -> Browser {
    let scopes: Vec<String> = (0..count)
        .map(|index| {
            format!(
                r#"{{"type": "PIPES:READ", "resource": "an_endpoint_{index}",
                     "fixed_params": {{"org": "{{{{org.slug}}}}"}}}}"#
            )
        })
        .collect();
    let template = format!(
        r#"{{"name": "t", "claims": {{"workspace_id": "{{{{workspace.id}}}}", "name": "n",
            "scopes": [{}]}}}}"#,
        scopes.join(",")
    );
    let mut options = house.options(house.provider.router());
    let key = SigningKey::hs256("p.an-admin-token-that-is-long-enough-for-hs256").unwrap();
    let template = JwtTemplate::parse(&template).unwrap();
    options.mint = Mint::new(template, key, "workspace-of-this-test");
    let site = web::start(house.settings.clone(), house.oidc.clone(), options)
        .await
        .unwrap();
    let mut browser = Browser::new(site.router(), &house.settings.origin);
    house.sign_in(&mut browser).await;
    browser
}

#[tokio::test]
async fn a_token_that_is_too_long_for_a_header_is_in_the_body_alone() {
    let house = House::new().await;
    let mut browser = with_scopes(&house, 40).await;
    let answer = browser.get("/api/token").await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert!(token.len() > 4096);
    assert_eq!(answer.header("x-tinybird-token"), "");
    let page = browser.get("/token").await;
    assert_eq!(page.status, StatusCode::OK);
    for answer in [&answer, &page] {
        assert!(size(answer) < 4096, "{:?}", answer.headers);
    }
}

#[tokio::test]
async fn tokens_can_be_kept_out_of_headers() {
    let mut house = House::new().await;
    house.settings.token_header = false;
    let mut browser = house.signed_in().await;
    let answer = browser.get("/api/token").await;
    assert!(answer.json()["token"].is_string());
    assert_eq!(answer.headers["x-tinybird-token"], "");
}

#[tokio::test]
async fn long_names_and_addresses_stay_below_four_kilobytes() {
    let house = House::new().await;
    house
        .provider
        .set_person(serde_json::json!({"name": "Cleo", "organizations": [
            {"slug": "dl", "name": "ü".repeat(2000), "role": "admin"},
        ]}));
    let mut browser = house.signed_in().await;
    let address = format!("/sign-in?return_to=/dashboard?a={}", "%26".repeat(280));
    for address in ["/token", address.as_str()] {
        let answer = browser.get(address).await;
        assert!(
            size(&answer) < 4096,
            "{} {:?}",
            size(&answer),
            answer.headers
        );
    }
}
