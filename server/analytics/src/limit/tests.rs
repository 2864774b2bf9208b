use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, FakeRelativeClock};

use super::{Allowance, Layer, Limiter, Rule};

fn limiter() -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Limiter::with_clock(100, clock.clone()), clock)
}

fn token(name: &str, rps: i64) -> Rule<'_> {
    Rule {
        layer: Layer::Token,
        name,
        rps,
    }
}

#[test]
fn a_burst_of_one_seconds_worth_passes() {
    let (limiter, _) = limiter();
    for remaining in (0..3).rev() {
        let allowance = limiter.check(&[token("a", 3)]).unwrap().unwrap();
        assert_eq!(
            allowance,
            Allowance {
                limit: 3,
                remaining,
                reset_seconds: 1
            }
        );
    }
    let exceeded = limiter.check(&[token("a", 3)]).unwrap_err();
    assert_eq!(exceeded.allowance.remaining, 0);
    assert_eq!(exceeded.retry_after_seconds, 1);
    assert_eq!(
        exceeded.to_string(),
        "more than 3 requests per second for this token"
    );
}

#[test]
fn time_gives_requests_back_one_by_one() {
    let (limiter, clock) = limiter();
    while limiter.check(&[token("a", 4)]).is_ok() {}
    clock.advance(Duration::from_millis(249));
    assert!(limiter.check(&[token("a", 4)]).is_err());
    clock.advance(Duration::from_millis(1));
    assert!(limiter.check(&[token("a", 4)]).is_ok());
    assert!(limiter.check(&[token("a", 4)]).is_err());
}

#[test]
fn a_refused_request_is_not_counted() {
    let (limiter, clock) = limiter();
    while limiter.check(&[token("a", 1)]).is_ok() {}
    for _ in 0..50 {
        assert!(limiter.check(&[token("a", 1)]).is_err());
    }
    clock.advance(Duration::from_secs(1));
    assert!(limiter.check(&[token("a", 1)]).is_ok());
}

#[test]
fn names_and_layers_count_apart() {
    let (limiter, _) = limiter();
    while limiter.check(&[token("a", 1)]).is_ok() {}
    assert!(limiter.check(&[token("b", 1)]).is_ok());
    let endpoint = Rule {
        layer: Layer::Endpoint,
        name: "a",
        rps: 1,
    };
    assert!(limiter.check(&[endpoint]).is_ok());
}

#[test]
fn zero_or_less_is_no_limit() {
    let (limiter, _) = limiter();
    for rps in [0, -1, i64::MIN] {
        for _ in 0..100 {
            assert_eq!(limiter.check(&[token("a", rps)]).unwrap(), None);
        }
    }
}

#[test]
fn an_absurd_limit_is_a_limit_still() {
    let (limiter, _) = limiter();
    let allowance = limiter.check(&[token("a", i64::MAX)]).unwrap().unwrap();
    assert_eq!(allowance.limit, u32::MAX);
}

#[test]
fn the_tightest_rule_is_reported() {
    let (limiter, _) = limiter();
    let workspace = Rule {
        layer: Layer::Workspace,
        name: "w",
        rps: 100,
    };
    let allowance = limiter.check(&[token("a", 2), workspace]).unwrap().unwrap();
    assert_eq!((allowance.limit, allowance.remaining), (2, 1));
}

#[test]
fn a_refusal_leaves_the_rules_behind_it_untouched() {
    let (limiter, _) = limiter();
    let workspace = Rule {
        layer: Layer::Workspace,
        name: "w",
        rps: 10,
    };
    for _ in 0..50 {
        let _ = limiter.check(&[token("a", 2), workspace]);
    }
    let allowance = limiter.check(&[workspace]).unwrap().unwrap();
    assert_eq!(allowance.remaining, 7);
}

#[test]
fn of_rules_equally_near_their_limits_the_first_is_reported() {
    let (limiter, _) = limiter();
    let workspace = Rule {
        layer: Layer::Workspace,
        name: "w",
        rps: 5,
    };
    let allowance = limiter.check(&[token("a", 5), workspace]).unwrap().unwrap();
    assert_eq!((allowance.limit, allowance.remaining), (5, 4));
}

#[test]
fn a_new_bucket_limits_at_once_however_many_there_are() {
    let (limiter, _) = limiter();
    for index in 0..1000 {
        let name = index.to_string();
        assert!(limiter.check(&[token(&name, 1)]).is_ok());
        assert!(
            limiter.check(&[token(&name, 1)]).is_err(),
            "bucket {index} was not kept"
        );
    }
}

/// A clock that tells how many buckets are in memory: each holds one.
#[derive(Clone, Debug)]
struct Counted(FakeRelativeClock, Arc<()>);

impl Clock for Counted {
    type Instant = <FakeRelativeClock as Clock>::Instant;

    fn now(&self) -> Self::Instant {
        self.0.now()
    }
}

#[test]
fn a_flood_of_names_does_not_grow_memory() {
    /// Buckets that may wait to be dropped.
    const SLACK: usize = 2000;

    let clock = Counted(FakeRelativeClock::default(), Arc::new(()));
    let limiter = Limiter::with_clock(100, clock.clone());
    let long = "x".repeat(10_000);
    let mut most = 0;
    for index in 0..50_000 {
        let name = format!("{long}{index}");
        assert!(limiter.check(&[token(&name, 1)]).is_ok());
        most = most.max(Arc::strong_count(&clock.1));
    }
    assert!(most <= 100 + SLACK, "{most} buckets at once");
    limiter.buckets.run_pending_tasks();
    assert!(limiter.buckets.entry_count() <= 100);
}
