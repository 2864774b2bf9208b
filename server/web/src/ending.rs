//! Ending sessions before their time, and with them the tokens that are out.
//!
//! Why a session ends is decided elsewhere: by its person, an operator, or the
//! provider.

use std::sync::Arc;

use tower_sessions::session::Error as SessionError;

use crate::clock::Clock;
use crate::revocations::Revoked;
use crate::session::{Account, Open, Sessions, Whose};

/// Ends sessions and tokens.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) sessions: Sessions,
    pub(crate) revoked: Arc<Revoked>,
    /// How long a token lasts, in seconds.
    pub(crate) token_lifetime: i64,
    pub(crate) clock: Clock,
}

impl Ending {
    /// Ends a session and the tokens it was given.
    pub(crate) async fn end(&self, open: &Open) -> Result<(), SessionError> {
        self.sessions.end(open.handle).await?;
        self.cut_off(&open.account).await
    }

    /// Ends all of somebody's sessions, and the tokens they were given. Returns
    /// how many there were.
    pub(crate) async fn end_all(&self, whose: Whose<'_>) -> Result<usize, SessionError> {
        let sessions = self.sessions.of(whose).await?;
        for open in &sessions {
            self.sessions.end(open.handle).await?;
        }
        let mut people: Vec<&Account> = sessions.iter().map(|open| &*open.account).collect();
        people.sort_by_key(|account| &account.profile.subject);
        people.dedup_by_key(|account| &account.profile.subject);
        for account in people {
            self.cut_off(account).await?;
        }
        Ok(sessions.len())
    }

    /// Whether a session is of before its person's tokens were revoked.
    pub(crate) fn is_revoked(&self, open: &Open) -> bool {
        let revoked = self.revoked.now().user(&open.account.profile.subject);
        revoked.is_some_and(|at| at > open.spared)
    }

    /// Ends the tokens that a person was given; their sessions that are left go
    /// on and get new ones.
    pub(crate) async fn cut_off(&self, account: &Account) -> Result<(), SessionError> {
        let subject = account.profile.subject.as_str();
        if let Err(error) = self.revoked.refresh().await {
            tracing::error!(%error, "tokens that are out cannot be revoked");
            return Ok(());
        }
        let Some(at) = self.revoked.moment(subject, self.clock.now()) else {
            return Ok(());
        };
        for open in self.sessions.of(Whose::Subject(subject)).await? {
            if self.is_revoked(&open) {
                self.sessions.end(open.handle).await?;
            } else {
                self.sessions.spare(open.handle, at).await?;
            }
        }
        let revoked = self.revoked.revoke_user(subject, at, self.token_lifetime);
        if let Err(error) = revoked.await {
            tracing::error!(%error, "tokens that are out cannot be revoked");
        }
        Ok(())
    }
}
