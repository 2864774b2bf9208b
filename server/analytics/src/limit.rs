//! Rate limits: how many requests a second a token name, an endpoint or the
//! whole workspace may make.
//!
//! Every limit is a GCRA cell (the leaky bucket of `governor`) with a burst of
//! one second's worth. Which rules apply to a request is `api`'s business, and
//! so is what the headers look like.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// A bucket nobody asked for this long is full again and can be forgotten.
const IDLE: Duration = Duration::from_secs(60);

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// All tokens of one name.
    Token,
    /// All calls of one endpoint.
    Endpoint,
    /// Everything.
    Workspace,
}

/// One limit that a request has to pass.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// What is counted.
    pub layer: Layer,
    /// Which token name, endpoint or workspace.
    pub name: &'a str,
    /// Requests per second; zero or less is no limit.
    pub rps: i64,
}

/// How a limit stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests per second, which is also the burst.
    pub limit: u32,
    /// How many more requests would pass right now.
    pub remaining: u32,
    /// Whole seconds until the limit is untouched again.
    pub reset_seconds: u64,
}

/// A request too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {} requests per second for this {}", .allowance.limit, .layer.noun())]
pub struct Exceeded {
    /// Which kind of limit refused it.
    pub layer: Layer,
    /// How the limit stands.
    pub allowance: Allowance,
    /// Whole seconds until a request passes again, at least one.
    pub retry_after_seconds: u64,
}

impl Layer {
    fn noun(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Endpoint => "endpoint",
            Self::Workspace => "workspace",
        }
    }
}

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>;

/// The rate is part of the key: when tokens of one name disagree about it,
/// each rate counts its own. A name is remembered by its hash, so that a
/// bucket is as small under a long name as under a short one; the hash's key
/// is this process's own, so that no name can be made to share another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    layer: Layer,
    name: u64,
    rps: NonZeroU32,
}

/// A clock the limiter can share between threads; every clock of `governor` is.
pub trait Time: Clock<Instant: Send + Sync> + fmt::Debug + Send + Sync + 'static {}

impl<C: Clock<Instant: Send + Sync> + fmt::Debug + Send + Sync + 'static> Time for C {}

/// All limits of a workspace. Buckets live in memory; their number is bounded,
/// and the least recently used are forgotten first.
#[derive(Debug)]
pub struct Limiter<C: Time + Clone = DefaultClock> {
    buckets: Cache<Key, Arc<Bucket<C>>>,
    names: RandomState,
    clock: C,
}

impl Limiter {
    /// A limiter that remembers at most `max_buckets` buckets.
    #[must_use]
    pub fn new(max_buckets: u64) -> Self {
        Self::with_clock(max_buckets, DefaultClock::default())
    }
}

impl<C: Time + Clone> Limiter<C> {
    /// A limiter whose time is `clock`'s.
    #[must_use]
    pub fn with_clock(max_buckets: u64, clock: C) -> Self {
        let buckets = Cache::builder()
            .max_capacity(max_buckets)
            // The default policy may refuse to keep a new entry, and a bucket
            // that is not kept limits nothing.
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE)
            .build();
        Self {
            buckets,
            names: RandomState::new(),
            clock,
        }
    }

    /// Counts one request against every rule, in their order, and stops at the
    /// first that refuses it. Answers with the allowance of the rule that is
    /// nearest to its limit, or `None` when no rule limits anything.
    pub fn check(&self, rules: &[Rule<'_>]) -> Result<Option<Allowance>, Exceeded> {
        let mut tightest: Option<Allowance> = None;
        for rule in rules {
            let Some(allowance) = self.check_one(rule)? else {
                continue;
            };
            if tightest.is_none_or(|so_far| allowance.remaining < so_far.remaining) {
                tightest = Some(allowance);
            }
        }
        Ok(tightest)
    }

    fn check_one(&self, rule: &Rule<'_>) -> Result<Option<Allowance>, Exceeded> {
        let limit = u32::try_from(rule.rps.clamp(0, i64::from(u32::MAX))).unwrap_or(u32::MAX);
        let Some(rps) = NonZeroU32::new(limit) else {
            return Ok(None);
        };
        let key = Key {
            layer: rule.layer,
            name: self.names.hash_one(rule.name),
            rps,
        };
        let bucket = self.buckets.get_with(key, || {
            let quota = Quota::per_second(rps);
            let bucket = RateLimiter::direct_with_clock(quota, self.clock.clone());
            Arc::new(bucket.with_middleware::<StateInformationMiddleware>())
        });
        match bucket.check() {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let spent = limit.saturating_sub(remaining);
                let reset = state.quota().replenish_interval() * spent;
                Ok(Some(Allowance {
                    limit,
                    remaining,
                    reset_seconds: whole_seconds(reset),
                }))
            }
            Err(too_early) => {
                let wait = too_early.wait_time_from(self.clock.now());
                let allowance = Allowance {
                    limit,
                    remaining: 0,
                    reset_seconds: 1,
                };
                let retry_after_seconds = whole_seconds(wait).max(1);
                Err(Exceeded {
                    layer: rule.layer,
                    allowance,
                    retry_after_seconds,
                })
            }
        }
    }
}

/// Rounded up: a client that comes back too early is refused again.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
