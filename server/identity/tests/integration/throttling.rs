//! Guessing passwords gets slow, for accounts and for addresses.

use http::{StatusCode, header};

use crate::support::*;

async fn attempt(browser: &mut Browser<'_>, email: &str, password: &str) -> Reply {
    let page = browser.get(&authorize(WEB, &[("prompt", "login")])).await;
    browser.fill_in(&page, email, password).await
}

/// As if no time passed between the attempts, however slow the machine is.
async fn stop_the_clock(house: &House) {
    for event in ["INSERT", "UPDATE OF failures"] {
        let name = event.replace(' ', "_");
        house
            .execute(&format!(
                "CREATE TRIGGER stopped_{name} AFTER {event} ON identity_failed_attempts BEGIN
                   UPDATE identity_failed_attempts SET last_failed_at = 9000000000
                   WHERE key_hash = new.key_hash;
                 END"
            ))
            .await;
    }
}

/// As if the longest wait were over.
async fn wait(house: &House) {
    house
        .execute("UPDATE identity_failed_attempts SET last_failed_at = 0")
        .await;
}

#[tokio::test]
async fn after_three_failures_even_the_right_password_must_wait() {
    let house = House::new().await;
    stop_the_clock(&house).await;
    let mut browser = house.browser();
    for _ in 0..3 {
        let reply = attempt(&mut browser, ADA, "wrong").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
    let reply = attempt(&mut browser, ADA, PASSWORD).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.header(header::RETRY_AFTER), "1");
    assert!(reply.is_sign_in_page() && reply.body.contains("role=\"alert\""));

    wait(&house).await;
    attempt(&mut browser, ADA, PASSWORD).await.code();
}

#[tokio::test]
async fn the_wait_grows_and_has_an_end() {
    let house = House::new().await;
    stop_the_clock(&house).await;
    let mut browser = house.browser();
    let mut waits: Vec<String> = Vec::new();
    for _ in 0..20 {
        let reply = attempt(&mut browser, ADA, "wrong").await;
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            waits.push(reply.header(header::RETRY_AFTER).to_owned());
            wait(&house).await;
        }
    }
    assert_eq!(waits, ["1", "2", "4", "8", "16", "32", "60", "60", "60"]);
    attempt(&mut browser, ADA, PASSWORD).await.code();
}

#[tokio::test]
async fn an_account_that_does_not_exist_waits_like_one_that_does() {
    let house = House::new().await;
    stop_the_clock(&house).await;
    let mut browser = house.browser();
    for email in [ADA, "eve@united.example"] {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(attempt(&mut browser, email, "wrong").await.status);
        }
        let refused = StatusCode::FORBIDDEN;
        let expected = [refused, refused, refused, StatusCode::TOO_MANY_REQUESTS];
        assert_eq!(statuses, expected, "{email}");
    }
}

#[tokio::test]
async fn one_persons_failures_are_nobody_elses() {
    let house = House::new().await;
    stop_the_clock(&house).await;
    let mut browser = house.browser();
    for _ in 0..4 {
        attempt(&mut browser, ADA, "wrong").await;
    }
    attempt(&mut browser, "cleo@delta.example", PASSWORD)
        .await
        .code();
}

#[tokio::test]
async fn success_starts_the_account_anew() {
    let house = House::new().await;
    stop_the_clock(&house).await;
    let mut browser = house.browser();
    for _ in 0..3 {
        for _ in 0..2 {
            let reply = attempt(&mut browser, ADA, "wrong").await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN);
        }
        attempt(&mut browser, ADA, PASSWORD).await.code();
    }
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_must_wait_too() {
    let house = House::new().await;
    stop_the_clock(&house).await;
    let mut browser = house.browser();
    for number in 0..20 {
        let email = format!("person{number}@united.example");
        attempt(&mut browser, &email, "wrong").await;
    }
    let reply = attempt(&mut browser, "another@united.example", "wrong").await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);

    browser.address = [192, 0, 2, 2].into();
    attempt(&mut browser, ADA, PASSWORD).await.code();
}

#[tokio::test]
async fn attempts_at_the_same_moment_are_counted_one_by_one() {
    let house = House::new().await;
    stop_the_clock(&house).await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(WEB, &[])).await;
    let mut guesses = Vec::new();
    for number in 0..12 {
        let mut browser = Browser {
            house: &house,
            cookies: browser.cookies.clone(),
            address: [198, 51, 100, number].into(),
        };
        let page = &page;
        guesses.push(async move { browser.fill_in(page, ADA, "wrong").await.status });
    }
    let mut checked = 0;
    for status in futures::future::join_all(guesses).await {
        checked += usize::from(status == StatusCode::FORBIDDEN);
    }
    assert_eq!(checked, 3);
}
