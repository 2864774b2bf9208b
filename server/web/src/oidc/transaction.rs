//! One sign-in under way: what has to be remembered between leaving for the
//! provider and coming back.
//!
//! It travels in a sealed cookie of its own, so that several tabs can sign in
//! at once, nothing is stored for visitors who never come back, and a sign-in
//! ends in the browser that started it. Each works once.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use moka::sync::Cache;
use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::origin::Origin;
use crate::return_to::ReturnTo;
use crate::sealed::Sealer;
use crate::session::cookie::{cookies, name_on, set_cookie};

/// A person has this long to sign in at the provider, in seconds.
const LIFETIME: i64 = 10 * 60;

/// So many of a state's characters tell the cookies of several tabs apart.
const NAME_PART: usize = 8;

/// More sign-ins under way in one browser are no person's; the cookies of the
/// earlier ones are dropped before they fill the request headers.
const MOST_AT_ONCE: usize = 8;

/// Spent states that are remembered.
const SPENT: u64 = 100_000;

/// What is remembered about a sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) state: CsrfToken,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
    pub(crate) return_to: ReturnTo,
    started_at: i64,
}

/// Why there is no transaction for a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransactionError {
    /// This browser did not start it, or long ago.
    #[error("no sign-in of this browser has this state")]
    Unknown,
    /// It has ended already.
    #[error("this sign-in has been completed already")]
    Spent,
}

/// Starts and ends transactions.
#[derive(Debug)]
pub(crate) struct Transactions {
    sealer: Arc<Sealer>,
    prefix: String,
    origin: Origin,
    spent: Cache<String, ()>,
    clock: Clock,
}

impl Transactions {
    /// Transactions of browsers at `origin`.
    pub(crate) fn new(sealer: Arc<Sealer>, origin: Origin, clock: Clock) -> Self {
        Self {
            sealer,
            prefix: name_on(&origin, "rookery_sign_in_"),
            origin,
            // Twice as long as a cookie is accepted, so that none outlives the
            // memory of its use.
            spent: Cache::builder()
                .max_capacity(SPENT)
                .time_to_live(Duration::from_secs(2 * LIFETIME.unsigned_abs()))
                .build(),
            clock,
        }
    }

    /// Starts a transaction with fresh secrets.
    pub(crate) fn start(&self, verifier: PkceCodeVerifier, return_to: ReturnTo) -> Transaction {
        Transaction {
            state: CsrfToken::new_random(),
            nonce: Nonce::new_random(),
            verifier,
            return_to,
            started_at: self.clock.now(),
        }
    }

    /// The `Set-Cookie` values that remember `transaction` in the browser that
    /// sent `headers`.
    pub(crate) fn remember(
        &self,
        transaction: &Transaction,
        headers: &HeaderMap,
    ) -> Vec<HeaderValue> {
        let mut set = Vec::new();
        let others: Vec<String> = cookies(headers)
            .map(|cookie| cookie.name().to_owned())
            .filter(|name| name.starts_with(&self.prefix))
            .collect();
        if others.len() >= MOST_AT_ONCE {
            set.extend(
                others
                    .iter()
                    .map(|name| set_cookie(&self.origin, name, "", 0)),
            );
        }
        let text = serde_json::to_vec(transaction).expect("strings and a number are JSON");
        let name = self.cookie_name(transaction.state.secret());
        let sealed = self.sealer.seal(&name, &text);
        set.push(set_cookie(&self.origin, &name, &sealed, LIFETIME));
        set
    }

    /// Ends the transaction with this `state`, which then cannot be used again,
    /// by whomever.
    pub(crate) fn end(
        &self,
        state: &str,
        headers: &HeaderMap,
    ) -> Result<Transaction, TransactionError> {
        // Before the cookie, which a replay usually lacks.
        if self.spent.contains_key(state) {
            return Err(TransactionError::Spent);
        }
        let transaction = self
            .recall(state, headers)
            .ok_or(TransactionError::Unknown)?;
        let entry = self.spent.entry(state.to_owned()).or_insert(());
        if entry.is_fresh() {
            Ok(transaction)
        } else {
            Err(TransactionError::Spent)
        }
    }

    /// The `Set-Cookie` value that makes the browser forget the transaction;
    /// `None` where `state` cannot be one.
    pub(crate) fn forget(&self, state: &str) -> Option<HeaderValue> {
        is_state(state).then(|| set_cookie(&self.origin, &self.cookie_name(state), "", 0))
    }

    fn recall(&self, state: &str, headers: &HeaderMap) -> Option<Transaction> {
        if !is_state(state) {
            return None;
        }
        let name = self.cookie_name(state);
        let now = self.clock.now();
        cookies(headers)
            .filter(|cookie| cookie.name() == name)
            .filter_map(|cookie| self.sealer.open(&name, cookie.value()))
            .filter_map(|text| serde_json::from_slice::<Transaction>(&text).ok())
            .find(|found| {
                same(found.state.secret(), state)
                    && (0..LIFETIME).contains(&(now - found.started_at))
            })
    }

    fn cookie_name(&self, state: &str) -> String {
        format!("{}{}", self.prefix, state.get(..NAME_PART).unwrap_or(state))
    }
}

/// Whether this could be a state of ours: 128 bits in URL-safe base64.
fn is_state(state: &str) -> bool {
    state.len() == 22
        && state
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Compares in constant time.
fn same(ours: &str, theirs: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(ours.as_bytes(), theirs.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests;
