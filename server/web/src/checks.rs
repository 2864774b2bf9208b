//! Whether a session still stands: what it remembers of its person is asked of
//! the provider again, and access that has ended there ends here.
//!
//! How the provider is asked is [`crate::oidc`]'s business, where sessions are
//! kept [`crate::session`]'s, how they end with their tokens [`crate::ending`]'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tower_sessions::session::Error as SessionError;

use crate::oidc::AskError;
use crate::session::{Handle, Membership, Open, Whose};
use crate::settings::OidcSettings;
use crate::site::{Shared, Site};

/// A provider that did not answer is asked again after so many seconds.
pub(crate) const RETRY: i64 = 5;

/// What other processes changed is looked for this often.
const REFRESH_EVERY: Duration = Duration::from_millis(500);

/// How often is looked for sessions that are due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The provider is asked about at most so many sessions at once.
const AT_ONCE: usize = 8;

/// Sessions about which the provider is being asked.
const ASKING: u64 = 10_000;

/// When the provider is asked, and what is known of asking.
#[derive(Debug)]
pub(crate) struct Checks {
    recheck: i64,
    keep: i64,
    /// Held while the provider is asked about a session, so that many requests
    /// at once ask one time.
    asking: Cache<Handle, Arc<Mutex<()>>>,
    /// When the provider last failed to answer, in unix seconds.
    failed_at: AtomicI64,
}

impl Checks {
    /// Checks as often as `settings` say.
    pub(crate) fn new(settings: &OidcSettings) -> Self {
        Self {
            recheck: settings.recheck_seconds,
            keep: settings.keep_answer_seconds,
            asking: Cache::builder()
                .max_capacity(ASKING)
                .time_to_idle(Duration::from_secs(60))
                .build(),
            failed_at: AtomicI64::new(i64::MIN),
        }
    }
}

/// What becomes of a session.
#[derive(Debug)]
pub(crate) enum Standing {
    /// The provider stands by it.
    Good(Open),
    /// The provider cannot be asked, and its last answer is too old: no token.
    Unconfirmed(Open),
    /// It has ended.
    Ended,
}

/// What asking is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A token is to be made.
    Token,
    /// Something that needs no new token.
    Other,
}

impl Site {
    /// Whether a session still stands, for somebody who wants a token for the
    /// organization `slug`.
    pub(crate) async fn standing(
        &self,
        open: Open,
        slug: Option<&str>,
    ) -> Result<Standing, SessionError> {
        let purpose = match self.grants.kept(open.handle, slug) {
            Some(_) => Purpose::Other,
            None => Purpose::Token,
        };
        self.check(open, purpose).await
    }

    /// Ends a session and the tokens it was given.
    pub(crate) async fn end(&self, open: &Open) -> Result<(), SessionError> {
        self.grants.forget(open.handle);
        self.ending.end(open).await
    }

    /// Ends all of somebody's sessions, and the tokens they were given. Returns
    /// how many there were.
    pub(crate) async fn end_all(&self, whose: Whose<'_>) -> Result<usize, SessionError> {
        self.ending.end_all(whose).await
    }

    /// Asks the provider about all sessions of a person now, because it says
    /// that something about them has changed.
    pub(crate) async fn doubt(&self, issuer: &str, subject: &str) -> Result<(), SessionError> {
        let whose = Whose::Person { issuer, subject };
        for open in self.sessions.of(whose).await? {
            self.sessions.doubt(open.handle).await?;
            if let Some(open) = self.sessions.read(open.handle).await? {
                self.check(open, Purpose::Other).await?;
            }
        }
        Ok(())
    }

    async fn check(&self, open: Open, purpose: Purpose) -> Result<Standing, SessionError> {
        if self.ending.is_revoked(&open) {
            self.sessions.end(open.handle).await?;
            self.grants.forget(open.handle);
            return Ok(Standing::Ended);
        }
        // Another provider is configured now; this one is nobody's word.
        if open.account.issuer != self.oidc.issuer() {
            self.end(&open).await?;
            return Ok(Standing::Ended);
        }
        if !self.is_due(open.checked, purpose) {
            return Ok(self.judge(open));
        }
        let turn = self.checks.asking.get_with(open.handle, Arc::default);
        let _turn = turn.lock().await;
        // Who had the turn before may have asked.
        let Some(open) = self.sessions.read(open.handle).await? else {
            return Ok(Standing::Ended);
        };
        if self.is_due(open.checked, purpose) {
            self.ask(open).await
        } else {
            Ok(self.judge(open))
        }
    }

    fn is_due(&self, checked: i64, purpose: Purpose) -> bool {
        let now = self.clock.now();
        let failed_at = self.checks.failed_at.load(Ordering::Relaxed);
        if (failed_at..failed_at.saturating_add(RETRY)).contains(&now) {
            return false;
        }
        let age = now - checked;
        let for_token = self.oidc.is_in_process() && purpose == Purpose::Token;
        age >= self.checks.recheck || (for_token && age > 0)
    }

    /// How a session stands that is not asked about now.
    fn judge(&self, open: Open) -> Standing {
        let holds = self.checks.keep.max(self.checks.recheck);
        if self.clock.now() - open.checked <= holds {
            Standing::Good(open)
        } else {
            Standing::Unconfirmed(open)
        }
    }

    async fn ask(&self, open: Open) -> Result<Standing, SessionError> {
        let Some(credentials) = self.sessions.credentials(open.handle).await? else {
            tracing::info!("a session ends: what it was sealed with is no longer known");
            self.end(&open).await?;
            return Ok(Standing::Ended);
        };
        let subject = &open.account.profile.subject;
        let (told, newer) = self.oidc.ask_again(subject, &credentials).await;
        if let Some(newer) = newer {
            self.sessions.keep_credentials(open.handle, &newer).await?;
        }
        match told {
            Ok(told) => {
                let lost = loses(&open.account.memberships, &told.memberships);
                let renew = roles_differ(&open.account.memberships, &told.memberships);
                let changed = told.profile != open.account.profile
                    || told.memberships != open.account.memberships;
                if changed {
                    self.sessions
                        .confirm(open.handle, told.profile, told.memberships, renew)
                        .await?;
                    self.grants.forget(open.handle);
                } else {
                    self.sessions.confirm_unchanged(open.handle).await?;
                }
                if lost {
                    self.ending.cut_off(&open.account).await?;
                }
                let now = self.sessions.read(open.handle).await?;
                Ok(now.map_or(Standing::Ended, Standing::Good))
            }
            Err(AskError::Ended(reason)) => {
                tracing::info!(
                    reason,
                    "a session ends: the provider no longer stands by it"
                );
                self.end(&open).await?;
                Ok(Standing::Ended)
            }
            Err(AskError::Unanswered(reason)) => {
                tracing::warn!(reason, "the provider cannot be asked about a session");
                self.checks
                    .failed_at
                    .store(self.clock.now(), Ordering::Relaxed);
                Ok(self.judge(open))
            }
        }
    }

    /// Asks about the sessions whose tokens are out and whose last answer is
    /// old.
    async fn check_those_with_tokens(self: &Arc<Self>) {
        let mut asking = JoinSet::new();
        for handle in self.grants.sessions() {
            if let Ok(Some(checked)) = self.sessions.checked(handle).await
                && !self.is_due(checked, Purpose::Other)
            {
                continue;
            }
            if asking.len() >= AT_ONCE {
                asking.join_next().await;
            }
            let site = Arc::clone(self);
            asking.spawn(async move {
                if let Some(open) = site.sessions.read(handle).await? {
                    site.check(open, Purpose::Other).await?;
                }
                Ok::<_, SessionError>(())
            });
        }
        while let Some(asked) = asking.join_next().await {
            if let Ok(Err(error)) = asked {
                tracing::warn!(%error, "a session cannot be checked");
            }
        }
    }
}

/// Whether anything in `before` is no longer in `now`.
fn loses(before: &[Membership], now: &[Membership]) -> bool {
    let stays = |each: &Membership| {
        now.iter()
            .any(|other| (&each.slug, &each.role) == (&other.slug, &other.role))
    };
    !before.iter().all(stays)
}

/// Whether somebody has another role where they were and are a member.
fn roles_differ(before: &[Membership], now: &[Membership]) -> bool {
    before.iter().any(|each| {
        let same = now.iter().find(|other| other.slug == each.slug);
        same.is_some_and(|other| other.role != each.role)
    })
}

/// Keeps database and memory together for ever: takes notice of sessions that
/// other processes ended and tokens that they revoked, and writes down what was
/// left for later.
pub(crate) async fn keep_fresh(site: Shared) {
    let mut times = tokio::time::interval(REFRESH_EVERY);
    let mut failing = false;
    loop {
        times.tick().await;
        match site.refresh().await {
            Err(error) if !failing => {
                tracing::error!(
                    error,
                    "sessions and revoked tokens cannot be read or written"
                );
                failing = true;
            }
            Err(_) => {}
            Ok(()) => failing = false,
        }
    }
}

/// Asks for ever whether those with tokens may still have them. Sessions of
/// another provider than the present one end at once.
pub(crate) async fn keep_asking(site: Shared) {
    let strangers = Whose::NotOf(site.oidc.issuer());
    match site.end_all(strangers).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "sessions of another provider have ended"),
        Err(error) => tracing::error!(%error, "sessions of another provider cannot be ended"),
    }
    let mut times = tokio::time::interval(LOOK_EVERY);
    loop {
        times.tick().await;
        site.check_those_with_tokens().await;
    }
}

impl Site {
    /// Reads what other processes changed, and writes what was left for later.
    pub(crate) async fn refresh(&self) -> Result<(), String> {
        self.sessions
            .write_down()
            .await
            .map_err(|error| error.to_string())?;
        self.sessions
            .refresh()
            .await
            .map_err(|error| error.to_string())?;
        self.revoked
            .refresh()
            .await
            .map_err(|error| crate::problem::with_causes(&error))
    }
}
