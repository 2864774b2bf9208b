//! The dashboard's first HTML.

use std::sync::Arc;

use app::analytics::TransportError;

use crate::support::{Answers, TOKEN, ada, dan, document, document_with, nobody, text};

async fn dashboard(search: &str, answers: Answers) -> (String, Arc<Answers>) {
    let answers = Arc::new(answers);
    let html = document_with(&format!("/dashboard{search}"), ada(), answers.clone()).await;
    (html, answers)
}

#[tokio::test]
async fn all_figures_and_charts_are_in_the_first_html() {
    let (html, answers) = dashboard("?period=all", Answers::of_united()).await;
    let text = text(&html);
    for expected in [
        "58,665",
        "79.8%",
        "12.1 min",
        "686",
        "1.2% of all flights",
        "160.7 a day",
        "19 Nov 2025 – 18 Nov 2026",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(html.contains("d=\"M1 100V"), "the columns are drawn");
    assert!(text.contains("Chicago Ohare Intl"));
    assert!(text.contains("Demo data of 2013, shifted by 672 weeks"));
    assert_eq!(
        answers.asked(),
        [
            "/v0/pipes/delay_by_hour.json",
            "/v0/pipes/flights_per_day.json",
            "/v0/pipes/flights_period.json",
            "/v0/pipes/flights_summary.json",
            "/v0/pipes/top_destinations.json?limit=10",
        ]
    );
    assert!(answers.tokens().iter().all(|token| token == TOKEN));
}

#[tokio::test]
async fn the_browser_finds_the_answers_in_the_page() {
    let (html, _) = dashboard("?period=all", Answers::of_united()).await;
    let data = html
        .split("__RESOLVED_RESOURCES")
        .skip(1)
        .collect::<String>();
    assert!(data.contains("58665"), "the summary travels with the page");
    assert!(data.contains("2026-11-18"), "the days too");
}

#[tokio::test]
async fn presets_ask_for_the_days_that_end_with_the_data() {
    let (html, answers) = dashboard("", Answers::of_united()).await;
    assert!(answers.asked().contains(
        &"/v0/pipes/flights_summary.json?date_from=2026-10-22&date_to=2026-11-18".to_owned()
    ));
    assert!(text(&html).contains("22 Oct – 18 Nov 2026"));
    assert!(
        html.contains("href=\"?from=2026-09-24&amp;to=2026-10-21\""),
        "earlier: {html}"
    );
    assert!(
        html.contains("aria-label=\"Later\" aria-disabled=\"true\""),
        "no later one"
    );
    let (_, answers) = dashboard("?from=2026-01-01&to=2026-01-31", Answers::of_united()).await;
    assert!(answers.asked().contains(
        &"/v0/pipes/delay_by_hour.json?date_from=2026-01-01&date_to=2026-01-31".to_owned()
    ));
}

#[tokio::test]
async fn a_wrong_date_is_named_beside_the_form_and_the_default_is_shown() {
    let (html, answers) = dashboard("?from=2026-02-01&to=2026-01-01", Answers::of_united()).await;
    assert!(text(&html).contains("The first day comes after the last one. Swap them."));
    assert!(html.contains("aria-invalid=\"true\""));
    assert!(answers.asked().contains(
        &"/v0/pipes/flights_summary.json?date_from=2026-10-22&date_to=2026-11-18".to_owned()
    ));
}

#[tokio::test]
async fn a_panel_that_fails_leaves_the_others_alone() {
    let broken = r#"{"error":"memory limit","code":"memory_limit"}"#;
    let (html, _) = dashboard(
        "?period=all",
        Answers::of_united().with("delay_by_hour", 500, broken),
    )
    .await;
    let text = text(&html);
    assert!(text.contains("Analytics has a problem"));
    assert!(text.contains("request-of-delay_by_hour"));
    assert!(text.contains("Try again"));
    assert!(text.contains("58,665") && text.contains("Chicago Ohare Intl"));
}

#[tokio::test]
async fn what_comes_too_late_or_too_early_is_left_to_the_browser() {
    let late = Answers::of_united()
        .without("flights_summary", TransportError::Timeout)
        .with("delay_by_hour", 429, "");
    let (html, _) = dashboard("?period=all", late).await;
    assert_eq!(html.matches("class=\"skeleton\"").count(), 2);
    assert!(!text(&html).contains("Too many requests"));
    assert!(text(&html).contains("Chicago Ohare Intl"));
}

#[tokio::test]
async fn without_the_span_presets_end_today_and_the_rest_is_shown() {
    let spanless = Answers::of_united().without("flights_period", TransportError::Unreachable);
    let (html, answers) = dashboard("?period=7d", spanless).await;
    assert!(answers.asked().contains(
        &"/v0/pipes/flights_summary.json?date_from=2026-11-15&date_to=2026-11-21".to_owned()
    ));
    assert!(text(&html).contains("58,665"));
}

#[tokio::test]
async fn an_organization_without_data_and_days_without_flights_are_told_apart() {
    let meta = r#"{"meta":[{"name":"first_day","type":"Date"},{"name":"last_day","type":"Date"},{"name":"shift_weeks","type":"Int32"}],"data":[]}"#;
    let (html, _) = dashboard("", Answers::of_united().with("flights_period", 200, meta)).await;
    assert!(text(&html).contains("No flights yet"));
    let no_days = r#"{"meta":[{"name":"day","type":"Date"},{"name":"flights","type":"UInt64"},{"name":"cancelled","type":"UInt64"}],"data":[]}"#;
    let (html, _) = dashboard(
        "",
        Answers::of_united().with("flights_per_day", 200, no_days),
    )
    .await;
    assert!(text(&html).contains("No flights in these days."));
    assert!(html.contains("href=\"?period=all\""));
}

#[tokio::test]
async fn nobody_and_people_in_no_organization_cause_no_request() {
    let answers = Arc::new(Answers::of_united());
    let visitor = document_with("/dashboard?period=all", nobody(), answers.clone()).await;
    let dan = document_with("/dashboard?period=all", dan(), answers.clone()).await;
    assert_eq!(answers.asked(), Vec::<String>::new());
    for html in [&visitor, &dan] {
        assert!(!html.contains("58,665"));
        assert!(!html.contains("eyJ"), "no token");
    }
    assert!(
        text(&dan).contains("You are signed in as Dan Nowhere (dan@nowhere.example)"),
        "{}",
        text(&dan)
    );
}

#[tokio::test]
async fn an_analytics_server_that_is_away_is_said_in_each_panel() {
    let html = document("/dashboard?period=all", ada()).await;
    assert_eq!(
        text(&html).matches("Analytics cannot be reached").count(),
        4
    );
}

#[tokio::test]
async fn the_first_html_stays_small() {
    let (html, _) = dashboard("?period=all", Answers::of_united()).await;
    assert!(html.len() < 80_000, "{} bytes", html.len());
}
