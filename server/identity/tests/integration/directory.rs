//! The directory file and what a start does with it.

use http::StatusCode;
use identity::{DirectoryError, StartError};
use serde_json::Value;

use crate::support::*;

fn plan(directory: &str) -> Plan {
    Plan {
        directory: Some(directory.to_owned()),
        ..Plan::default()
    }
}

async fn userinfo(house: &House, email: &str) -> Value {
    let reply = house.browser().sign_in(&authorize(BASIC, &[]), email).await;
    let response = house.redeem_basic(&reply.code()).await.json();
    house.userinfo(text(&response, "access_token")).await.json()
}

#[tokio::test]
async fn reading_it_again_changes_nothing() {
    let house = House::new().await;
    let before = userinfo(&house, "cleo@delta.example").await;
    let mut browser = house.browser();
    browser.ada().await;
    let cookies = browser.cookies.clone();

    let house = house.restarted(Plan::default()).await.unwrap();

    assert_eq!(userinfo(&house, "cleo@delta.example").await, before);
    let mut browser = house.browser();
    browser.cookies = cookies;
    let silent = authorize(BASIC, &[("prompt", "none")]);
    browser.get(&silent).await.code();
}

#[tokio::test]
async fn names_roles_and_addresses_follow_the_file_and_ids_stay() {
    let house = House::new().await;
    let changed = DIRECTORY
        .replace("Ada Lindqvist", "Ada Berg")
        .replace("ada@united.example", "ada.berg@united.example")
        .replace("ua = \"admin\"", "ua = \"member\", dl = \"admin\"")
        .replace("Endeavor Air", "Endeavor");
    let cleo = userinfo(&house, "cleo@delta.example").await;
    let house = house.restarted(plan(&changed)).await.unwrap();

    let ada = userinfo(&house, "ada.berg@united.example").await;
    assert_eq!(
        (&ada["sub"], &ada["name"]),
        (&"user_ada".into(), &"Ada Berg".into())
    );
    assert_eq!(ada["organizations"].as_array().unwrap().len(), 2);
    let endeavor = |claims: &Value| claims["organizations"][0].clone();
    let after = endeavor(&userinfo(&house, "cleo@delta.example").await);
    assert_eq!(after["id"], endeavor(&cleo)["id"], "made up once and kept");
    assert_eq!(after["name"], "Endeavor");
}

#[tokio::test]
async fn who_is_removed_is_signed_out_and_gone() {
    let house = House::new().await;
    let mut browser = house.browser();
    let response = browser.ada().await;
    let cookies = browser.cookies.clone();
    let (start, rest) = DIRECTORY
        .split_once("[[person]]\nid = \"user_ada\"")
        .unwrap();
    let (_, end) = rest.split_once("[[person]]").unwrap();
    let without = format!("{start}[[person]]{end}");

    let house = house.restarted(plan(&without)).await.unwrap();

    let token = text(&response, "access_token");
    assert_eq!(house.userinfo(token).await.status, StatusCode::UNAUTHORIZED);
    let mut browser = house.browser();
    browser.cookies = cookies;
    let page = browser.get(&authorize(BASIC, &[])).await;
    assert!(page.is_sign_in_page());
    let reply = browser.fill_in(&page, ADA, PASSWORD).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_changed_password_ends_the_sessions() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.ada().await;
    let cookies = browser.cookies.clone();
    let changed = DIRECTORY.replacen("rookery-demo", "another password", 1);
    let house = house.restarted(plan(&changed)).await.unwrap();
    let mut browser = house.browser();
    browser.cookies = cookies;
    let page = browser.get(&authorize(BASIC, &[])).await;
    assert!(page.is_sign_in_page());
    browser.fill_in(&page, ADA, "another password").await.code();
}

#[tokio::test]
async fn hashed_passwords_work_wherever_the_provider_listens() {
    let settings = Plan::default().settings;
    let hash = identity::hash_password(&settings, "a quiet river bend").unwrap();
    let directory =
        format!("[[person]]\nemail = 'eve@example.com'\nname = 'Eve'\npassword_hash = '{hash}'\n");
    let house = House::planned(Plan {
        loopback: false,
        ..plan(&directory)
    })
    .await;
    let mut browser = house.browser();
    let page = browser.get(&authorize(BASIC, &[])).await;
    assert!(!page.body.contains("demo_account"));
    let reply = browser
        .fill_in(&page, "eve@example.com", "a quiet river bend")
        .await;
    let response = house.redeem_basic(&reply.code()).await.json();
    let subject = claims(text(&response, "id_token"))["sub"].clone();
    assert!(subject.as_str().unwrap().starts_with("user_"));
}

#[tokio::test]
async fn demo_people_are_refused_where_others_can_reach_them() {
    let mut public = Plan::default();
    public.settings.issuer = Some("https://id.example".to_owned());
    let mut off = Plan::default();
    off.settings.demo_accounts = false;
    let not_loopback = Plan {
        loopback: false,
        ..Plan::default()
    };
    for plan in [public, off, not_loopback] {
        let error = House::new().await.restarted(plan).await.err().unwrap();
        assert!(
            matches!(error, StartError::Directory(DirectoryError::Content { .. })),
            "{error:?}"
        );
        assert!(error.to_string().contains("password_hash"), "{error}");
    }
}

#[tokio::test]
async fn demo_accounts_of_an_earlier_start_are_closed() {
    let house = House::new().await;
    let mut browser = house.browser();
    browser.ada().await;
    let cookies = browser.cookies.clone();
    let exposed = Plan {
        loopback: false,
        directory: None,
        ..Plan::default()
    };
    let house = house.restarted(exposed).await.unwrap();
    let mut browser = house.browser();
    browser.cookies = cookies;
    let page = browser.get(&authorize(BASIC, &[])).await;
    assert!(page.is_sign_in_page() && !page.body.contains("demo_account"));
    let reply = browser.fill_in(&page, ADA, PASSWORD).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}
