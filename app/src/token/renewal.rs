//! When to renew the analytics token: a state machine without a clock, a
//! timer or a network of its own, so that every path can be tested.
//!
//! The browser's side, which drives it, is [`super::browser`].

use crate::session::TokenGrant;

/// The longest sleep it asks for: timers of browsers overflow after 24 days,
/// and a check once an hour costs nothing.
const LONGEST_SLEEP: i64 = 3600;

/// How often to look again while the browser says it is offline; the `online`
/// event normally comes first.
const OFFLINE_SLEEP: i64 = 30;

/// The longest pause between two failed attempts.
const LONGEST_PAUSE: i64 = 60;

/// What the driver has to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask `GET /api/token`, then report with [`Renewal::succeeded`] or
    /// [`Renewal::failed`]. Returned once per attempt: this is what makes the
    /// flight single.
    Ask,
    /// Come back after so many seconds, or at the next event.
    Sleep(i64),
    /// Nothing to do until something is reported.
    Wait,
}

/// Why an attempt brought no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401: the session has ended.
    SignedOut,
    /// 403: the person no longer belongs to this page's organization.
    NotAMember,
    /// 503: the sign-in provider cannot be asked about the person.
    Unconfirmed,
    /// The network is away.
    Offline,
    /// Anything else: an error of the server, an answer that makes no sense.
    Failed,
}

/// The state of the token on this page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    grant: Option<TokenGrant>,
    /// When to renew `grant`, in unix seconds.
    due: i64,
    phase: Phase,
    failures: u32,
    problem: Option<Refusal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waiting for the token to come due.
    Resting,
    /// An attempt is on its way.
    Asking,
    /// The last attempt failed; no new one before this time.
    Pausing { until: i64 },
    /// Signed out or no member: no token will come any more.
    Ended,
}

impl Renewal {
    /// Starts with the token of the page.
    pub fn new(grant: TokenGrant, now: i64) -> Self {
        let due = due(&grant, now);
        Self {
            grant: Some(grant),
            due,
            phase: Phase::Resting,
            failures: 0,
            problem: None,
        }
    }

    /// Starts without a token although there should be one: asks at once.
    pub fn missing(now: i64) -> Self {
        Self {
            grant: None,
            due: now,
            phase: Phase::Resting,
            failures: 0,
            problem: None,
        }
    }

    /// There is no token to be had, or none that could be renewed.
    pub fn never() -> Self {
        Self {
            grant: None,
            due: 0,
            phase: Phase::Ended,
            failures: 0,
            problem: None,
        }
    }

    /// The token to use, also past its expiry: the analytics server decides,
    /// and its refusal leads to a renewal.
    pub fn grant(&self) -> Option<&TokenGrant> {
        self.grant.as_ref()
    }

    /// What went wrong with the last attempt; `None` once one succeeded.
    pub fn problem(&self) -> Option<Refusal> {
        self.problem
    }

    /// Whether an attempt is on its way.
    pub fn is_asking(&self) -> bool {
        self.phase == Phase::Asking
    }

    /// Decides what to do at `now`. Call it whenever anything may have
    /// changed: a timer fired, the page became visible, the network came
    /// back, an attempt was reported.
    pub fn step(&mut self, now: i64, online: bool) -> Step {
        match self.phase {
            Phase::Asking | Phase::Ended => return Step::Wait,
            Phase::Pausing { until } if now < until => return sleep(until - now),
            Phase::Resting if now < self.due => return sleep(self.due - now),
            Phase::Pausing { .. } | Phase::Resting => {}
        }
        if !online {
            self.problem = Some(Refusal::Offline);
            return Step::Sleep(OFFLINE_SLEEP);
        }
        self.phase = Phase::Asking;
        Step::Ask
    }

    /// Makes a renewal due because the analytics server refused `used` as
    /// expired. `false` when there is nothing to wait for: either a newer
    /// token is here already, or none will come.
    pub fn refused(&mut self, used: &str) -> bool {
        let current = self.grant.as_ref().is_some_and(|grant| grant.token == used);
        if !current || self.phase == Phase::Ended {
            return false;
        }
        if self.phase != Phase::Asking {
            self.phase = Phase::Resting;
            self.due = i64::MIN;
        }
        true
    }

    /// Makes a paused attempt due at once: the network is back, or somebody
    /// asked for it.
    pub fn hurry(&mut self) {
        if matches!(self.phase, Phase::Pausing { .. }) {
            self.phase = Phase::Resting;
            self.due = i64::MIN;
        }
    }

    /// An attempt brought a token. One that ends earlier than the present one
    /// does not replace it.
    pub fn succeeded(&mut self, grant: TokenGrant, now: i64) {
        if self.phase == Phase::Ended {
            return;
        }
        self.failures = 0;
        self.problem = None;
        if self
            .grant
            .as_ref()
            .is_none_or(|present| present.expires_at <= grant.expires_at)
        {
            self.grant = Some(grant);
        }
        self.due = self.grant.as_ref().map_or(0, |grant| due(grant, now));
        // A token that is due on arrival must not lead to a storm of attempts.
        self.phase = if self.due <= now {
            Phase::Pausing {
                until: now + pause(1),
            }
        } else {
            Phase::Resting
        };
    }

    /// An attempt brought no token.
    pub fn failed(&mut self, refusal: Refusal, now: i64) {
        if self.phase == Phase::Ended {
            return;
        }
        self.problem = Some(refusal);
        match refusal {
            Refusal::SignedOut | Refusal::NotAMember => self.end(),
            Refusal::Unconfirmed | Refusal::Offline | Refusal::Failed => {
                self.failures += 1;
                self.phase = Phase::Pausing {
                    until: now + pause(self.failures),
                };
            }
        }
    }

    /// Drops the token for good: the person signed out.
    pub fn end(&mut self) {
        self.grant = None;
        self.phase = Phase::Ended;
    }
}

/// When a token that arrived at `now` is to be renewed: a fifth of its time,
/// and at least a minute, before it ends; half its time when it is that short.
fn due(grant: &TokenGrant, now: i64) -> i64 {
    let left = (grant.expires_at - now).max(0);
    let lead = (left / 5).max(60).min(left / 2);
    grant.expires_at - lead
}

/// The pause after so many failures in a row: 2, 4, 8 … 60 seconds.
fn pause(failures: u32) -> i64 {
    (1_i64 << failures.min(6)).min(LONGEST_PAUSE)
}

fn sleep(seconds: i64) -> Step {
    Step::Sleep(seconds.min(LONGEST_SLEEP))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn grant(token: &str, lasts: i64) -> TokenGrant {
        TokenGrant {
            token: token.into(),
            expires_at: NOW + lasts,
            org: Some("ua".into()),
        }
    }

    fn fresh() -> Renewal {
        Renewal::new(grant("first", 900), NOW)
    }

    #[test]
    fn a_token_is_renewed_a_fifth_of_its_time_before_it_ends() {
        let mut renewal = fresh();
        assert_eq!(renewal.step(NOW, true), Step::Sleep(720));
        assert_eq!(renewal.step(NOW + 719, true), Step::Sleep(1));
        assert_eq!(renewal.step(NOW + 720, true), Step::Ask);
    }

    #[test]
    fn short_tokens_are_renewed_a_minute_or_half_their_time_before() {
        let mut short = Renewal::new(grant("a", 200), NOW);
        assert_eq!(short.step(NOW, true), Step::Sleep(140));
        let mut shorter = Renewal::new(grant("a", 30), NOW);
        assert_eq!(shorter.step(NOW, true), Step::Sleep(15));
    }

    #[test]
    fn long_tokens_are_looked_at_every_hour() {
        let mut long = Renewal::new(grant("a", 315_360_000), NOW);
        assert_eq!(long.step(NOW, true), Step::Sleep(3600));
    }

    #[test]
    fn only_one_attempt_is_on_its_way() {
        let mut renewal = fresh();
        assert_eq!(renewal.step(NOW + 800, true), Step::Ask);
        assert_eq!(renewal.step(NOW + 800, true), Step::Wait);
        assert!(
            renewal.refused("first"),
            "who was refused waits for the attempt that is on its way"
        );
        assert_eq!(renewal.step(NOW + 801, true), Step::Wait);
    }

    #[test]
    fn after_the_laptop_slept_past_the_expiry_the_first_look_asks() {
        let mut renewal = fresh();
        assert_eq!(renewal.step(NOW + 86_400, true), Step::Ask);
        renewal.succeeded(
            TokenGrant {
                token: "second".into(),
                expires_at: NOW + 87_300,
                org: None,
            },
            NOW + 86_400,
        );
        assert_eq!(
            renewal.grant().map(|grant| grant.token.as_str()),
            Some("second")
        );
        assert_eq!(renewal.step(NOW + 86_400, true), Step::Sleep(720));
    }

    #[test]
    fn a_refused_token_is_renewed_at_once_and_only_once() {
        let mut renewal = fresh();
        assert!(renewal.refused("first"));
        assert_eq!(renewal.step(NOW, true), Step::Ask);
        renewal.succeeded(grant("second", 900), NOW);
        assert!(!renewal.refused("first"), "a newer token is here already");
        assert_eq!(renewal.step(NOW, true), Step::Sleep(720));
    }

    #[test]
    fn failures_are_repeated_with_growing_pauses() {
        let mut renewal = fresh();
        let mut now = NOW + 720;
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(renewal.step(now, true), Step::Ask);
            renewal.failed(Refusal::Failed, now);
            assert_eq!(renewal.step(now, true), Step::Sleep(pause));
            now += pause;
        }
        assert_eq!(renewal.problem(), Some(Refusal::Failed));
        assert_eq!(renewal.step(now, true), Step::Ask);
        renewal.succeeded(grant("second", 9000), now);
        assert_eq!(renewal.problem(), None);
    }

    #[test]
    fn offline_it_waits_and_asks_when_the_network_is_back() {
        let mut renewal = fresh();
        assert_eq!(renewal.step(NOW + 800, false), Step::Sleep(30));
        assert_eq!(renewal.problem(), Some(Refusal::Offline));
        assert!(
            renewal.grant().is_some(),
            "the token stays: it may still be good"
        );
        assert_eq!(renewal.step(NOW + 801, true), Step::Ask);
        renewal.failed(Refusal::Offline, NOW + 801);
        renewal.hurry();
        assert_eq!(renewal.step(NOW + 801, true), Step::Ask);
    }

    #[test]
    fn the_end_of_the_session_drops_the_token_for_good() {
        for refusal in [Refusal::SignedOut, Refusal::NotAMember] {
            let mut renewal = fresh();
            assert_eq!(renewal.step(NOW + 800, true), Step::Ask);
            renewal.failed(refusal, NOW + 800);
            assert_eq!(renewal.grant(), None);
            assert_eq!(renewal.problem(), Some(refusal));
            assert_eq!(renewal.step(NOW + 9000, true), Step::Wait);
            assert!(!renewal.refused("first"));
        }
    }

    #[test]
    fn a_token_that_arrives_after_sign_out_is_not_kept() {
        let mut renewal = fresh();
        assert_eq!(renewal.step(NOW + 800, true), Step::Ask);
        renewal.end();
        renewal.succeeded(grant("late", 9000), NOW + 801);
        assert_eq!(renewal.grant(), None);
        assert_eq!(renewal.step(NOW + 802, true), Step::Wait);
    }

    #[test]
    fn an_older_token_does_not_replace_a_newer_one_nor_start_a_storm() {
        let mut renewal = fresh();
        assert_eq!(renewal.step(NOW + 895, true), Step::Ask);
        renewal.succeeded(grant("older", 890), NOW + 895);
        assert_eq!(
            renewal.grant().map(|grant| grant.token.as_str()),
            Some("first")
        );
        assert_eq!(renewal.step(NOW + 895, true), Step::Sleep(3));
        let mut renewal = Renewal::new(grant("dead", -10), NOW);
        assert_eq!(renewal.step(NOW, true), Step::Ask);
        renewal.succeeded(grant("dead too", -5), NOW);
        assert_eq!(renewal.step(NOW, true), Step::Sleep(2));
    }

    #[test]
    fn a_missing_token_is_asked_for_and_an_impossible_one_is_not() {
        let mut missing = Renewal::missing(NOW);
        assert_eq!(missing.step(NOW, true), Step::Ask);
        missing.succeeded(grant("first", 900), NOW);
        assert_eq!(missing.step(NOW, true), Step::Sleep(720));
        assert_eq!(Renewal::never().step(NOW, true), Step::Wait);
    }
}
