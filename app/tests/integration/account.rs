//! Ways in, out and over: they work without wasm.

use crate::support::{ada, cleo, dan, document, nobody, text};

#[tokio::test]
async fn sign_in_comes_back_to_the_page_it_started_from() {
    let html = document("/dashboard?period=7d", nobody()).await;
    assert!(
        html.contains("rel=\"external\" href=\"/sign-in?return_to=/dashboard%3Fperiod%3D7d\""),
        "{html}"
    );
}

#[tokio::test]
async fn sign_out_is_a_form_that_posts() {
    let html = document("/", ada()).await;
    assert!(html.contains("<form method=\"post\" action=\"/sign-out\">"));
    assert!(!document("/", nobody()).await.contains("/sign-out"));
}

#[tokio::test]
async fn the_switcher_offers_the_other_organizations_and_comes_back() {
    let html = document("/dashboard?period=7d", cleo()).await;
    assert!(html.contains("method=\"post\" action=\"/organization\""));
    assert!(html.contains("name=\"organization\" value=\"9e\""));
    assert!(
        !html.contains("name=\"organization\" value=\"dl\""),
        "the active one is not offered"
    );
    assert!(html.contains("name=\"return_to\" value=\"/dashboard?period=7d\""));
}

#[tokio::test]
async fn with_one_organization_or_none_there_is_nothing_to_switch() {
    for (page, name) in [(ada(), "United Air Lines"), (dan(), "No organization")] {
        let html = document("/", page).await;
        assert!(!html.contains("/organization\""), "{name}");
        assert!(text(&html).contains(name), "{name}");
    }
}
