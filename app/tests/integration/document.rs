//! What every document has in common.

use app::session::PageContext;

use crate::support::{ada, dan, document, nobody, text};

#[tokio::test]
async fn unknown_addresses_get_a_page_that_leads_on() {
    let html = document("/nowhere", nobody()).await;
    assert!(text(&html).contains("There is nothing at this address"));
    assert!(
        html.contains("<title>Not found · Rookery</title>"),
        "{html}"
    );
}

#[tokio::test]
async fn the_title_names_the_organization_and_cannot_become_markup() {
    let mut page = ada();
    let viewer = page.viewer.as_mut().unwrap();
    viewer.organizations[0].name = "</title><script>alert(1)".into();
    let html = document("/dashboard?period=7d", page).await;
    assert!(
        html.contains("<title>&lt;/title&gt;&lt;script&gt;alert(1) · Rookery</title>"),
        "{html}"
    );
    assert!(!html.contains("<script>alert"));
}

#[tokio::test]
async fn the_chosen_theme_is_in_the_first_html_and_only_known_ones_are() {
    let themed = |theme: &str| PageContext {
        theme: Some(theme.to_owned()),
        ..nobody()
    };
    assert!(
        document("/", themed("dark"))
            .await
            .contains("data-theme=\"dark\"")
    );
    assert!(
        document("/", themed("light"))
            .await
            .contains("data-theme=\"light\"")
    );
    assert!(
        !document("/", themed("\"><script>"))
            .await
            .contains("data-theme")
    );
    assert!(!document("/", nobody()).await.contains("data-theme"));
}

#[tokio::test]
async fn nothing_is_styled_or_scripted_inline() {
    for address in ["/", "/token", "/dashboard", "/nowhere"] {
        for page in [nobody(), dan(), ada()] {
            let html = document(address, page).await;
            assert!(!html.contains(" style="), "{address}");
            assert!(!html.contains(" onclick="), "{address}");
        }
    }
}

#[tokio::test]
async fn the_landing_page_leads_visitors_in_and_members_on() {
    let visitor = document("/", nobody()).await;
    assert!(visitor.contains("href=\"/sign-in?return_to=/dashboard\""));
    assert!(!text(&visitor).contains("Welcome"));
    let member = text(&document("/", ada()).await);
    assert!(
        member.contains("Welcome, Ada Lovelace . Your organization here: United Air Lines"),
        "{member}"
    );
    assert!(!member.contains("Try it on real flights"));
}

#[tokio::test]
async fn without_any_context_a_page_is_that_of_a_visitor() {
    let html = document("/dashboard", PageContext::default()).await;
    assert!(text(&html).contains("Sign in to see your flights"));
}
