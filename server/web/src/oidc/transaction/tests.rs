use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::header;
use openidconnect::PkceCodeChallenge;

struct Browser {
    transactions: Transactions,
    time: Arc<AtomicI64>,
    headers: HeaderMap,
}

impl Browser {
    fn new() -> Self {
        let time = Arc::new(AtomicI64::new(1_800_000_000));
        let clock = {
            let time = Arc::clone(&time);
            Clock::new(move || time.load(Ordering::Relaxed))
        };
        let sealer = Arc::new(Sealer::new("a cookie secret of thirty-two bytes").unwrap());
        let origin = Origin::public("https://app.example.com").unwrap();
        Self {
            transactions: Transactions::new(sealer, origin, clock),
            time,
            headers: HeaderMap::new(),
        }
    }

    /// Starts a sign-in and keeps its cookie; returns its state.
    fn start(&mut self) -> String {
        let (_, verifier) = PkceCodeChallenge::new_random_sha256();
        let transaction = self
            .transactions
            .start(verifier, ReturnTo::new(Some("/token")));
        for set in self.transactions.remember(&transaction, &self.headers) {
            let cookie = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.headers.append(header::COOKIE, cookie.parse().unwrap());
        }
        transaction.state.secret().clone()
    }

    fn end(&self, state: &str) -> Result<Transaction, TransactionError> {
        self.transactions.end(state, &self.headers)
    }
}

#[test]
fn several_tabs_can_sign_in_at_once() {
    let mut browser = Browser::new();
    let [first, second] = [browser.start(), browser.start()];
    assert_eq!(browser.end(&second).unwrap().state.secret(), &second);
    let transaction = browser.end(&first).unwrap();
    assert_eq!(transaction.state.secret(), &first);
    assert_eq!(transaction.return_to.as_str(), "/token");
}

#[test]
fn a_sign_in_ends_once() {
    let mut browser = Browser::new();
    let state = browser.start();
    browser.end(&state).unwrap();
    assert_eq!(browser.end(&state).unwrap_err(), TransactionError::Spent);
}

#[test]
fn a_sign_in_ends_in_the_browser_that_started_it() {
    let mut browser = Browser::new();
    let state = browser.start();
    browser.headers.clear();
    assert_eq!(browser.end(&state).unwrap_err(), TransactionError::Unknown);
}

#[test]
fn a_sign_in_has_ten_minutes() {
    let mut browser = Browser::new();
    let [early, late] = [browser.start(), browser.start()];
    browser.time.fetch_add(LIFETIME - 1, Ordering::Relaxed);
    assert!(browser.end(&early).is_ok());
    browser.time.fetch_add(1, Ordering::Relaxed);
    assert_eq!(browser.end(&late).unwrap_err(), TransactionError::Unknown);
}

#[test]
fn a_cookie_under_another_name_is_worth_nothing() {
    let mut browser = Browser::new();
    let state = browser.start();
    let forged = browser.headers[header::COOKIE].to_str().unwrap();
    let forged = forged.replacen(&state[..NAME_PART], "AAAAAAAA", 1);
    browser
        .headers
        .insert(header::COOKIE, forged.parse().unwrap());
    let other = format!("AAAAAAAA{}", &state[NAME_PART..]);
    assert_eq!(browser.end(&other).unwrap_err(), TransactionError::Unknown);
}

#[test]
fn what_is_no_state_makes_no_cookie() {
    let browser = Browser::new();
    for state in [
        "",
        "short",
        "AAAAAAAAAAAAAAAAAAAAA;",
        "é0123456789012345678901",
    ] {
        assert_eq!(browser.end(state).unwrap_err(), TransactionError::Unknown);
        assert_eq!(browser.transactions.forget(state), None);
    }
}

#[test]
fn the_cookies_of_many_sign_ins_do_not_pile_up() {
    let mut browser = Browser::new();
    for _ in 0..MOST_AT_ONCE {
        browser.start();
    }
    let (_, verifier) = PkceCodeChallenge::new_random_sha256();
    let transaction = browser.transactions.start(verifier, ReturnTo::new(None));
    let set = browser
        .transactions
        .remember(&transaction, &browser.headers);
    let removed = set
        .iter()
        .filter(|value| value.to_str().unwrap().contains("Max-Age=0"))
        .count();
    assert_eq!(removed, MOST_AT_ONCE);
    assert_eq!(set.len(), MOST_AT_ONCE + 1);
}

#[test]
fn the_cookie_does_not_show_its_secrets() {
    let mut browser = Browser::new();
    let state = browser.start();
    let cookie = browser.headers[header::COOKIE].to_str().unwrap();
    assert!(!cookie.contains(&state));
}
