//! The token page.

use app::session::PageContext;

use crate::support::{TOKEN, ada, dan, document, nobody, text};

#[tokio::test]
async fn it_shows_the_token_its_claims_and_the_time_left() {
    let html = document("/token", ada()).await;
    let text = text(&html);
    let parts = TOKEN.split_inclusive('.').collect::<Vec<_>>();
    assert!(text.contains(&parts.join(" ")), "{text}");
    assert!(text.contains("org = ua"), "{text}");
    assert!(text.contains("flights_per_day"));
    assert!(text.contains("10 requests a second"));
    assert!(text.contains("14:59"), "{text}");
    assert!(text.contains("until 21 Nov 2026, 14:18:11 UTC"), "{text}");
}

#[tokio::test]
async fn it_shows_a_request_in_three_languages_to_the_analytics_origin() {
    let text = text(&document("/token", ada()).await);
    for start in [
        "const response = await fetch(",
        "curl --header",
        "reqwest::Client::new()",
    ] {
        assert!(text.contains(start), "{start}");
    }
    assert!(text.contains("http://localhost:7181/v0/pipes/flights_per_day.json"));
}

#[tokio::test]
async fn without_a_person_or_an_organization_there_is_no_token() {
    let visitor = document("/token", nobody()).await;
    assert!(text(&visitor).contains("Sign in to get a token"));
    let dan = document("/token", dan()).await;
    assert!(text(&dan).contains("You are in no organization yet"));
    assert!(!dan.contains("eyJ"));
}

#[tokio::test]
async fn a_public_token_is_shown_without_a_person() {
    let page = PageContext {
        grant: ada().grant,
        ..nobody()
    };
    assert!(text(&document("/token", page).await).contains("org = ua"));
}
