//! Sessions as people, administrators and operators see them: who is signed in
//! where, and ending that.

use std::sync::Arc;

use serde::Serialize;
use sqlx::SqlitePool;
use tower_sessions::session::Error as SessionError;

use crate::clock::Clock;
use crate::ending::Ending;
use crate::origin::{Origin, OriginError};
use crate::revocations::{RevocationError, RevocationList, Revoked};
use crate::sealed::Sealer;
use crate::session::{Handle, Open, Sessions, Whose};
use crate::settings::Settings;
use crate::start::migrations;

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionSummary {
    /// Names the session and opens nothing.
    pub id: String,
    /// The issuer that vouched for the person.
    pub issuer: String,
    /// The person's subject identifier there.
    pub user: String,
    /// The person's name.
    pub name: String,
    /// Slug of the organization the person acts for.
    pub organization: Option<String>,
    /// When the person signed in, in unix seconds.
    pub signed_in_at: i64,
    /// When the session was last used, in unix seconds, to the minute.
    pub seen_at: i64,
    /// What the browser calls itself.
    pub browser: String,
}

impl From<&Open> for SessionSummary {
    fn from(open: &Open) -> Self {
        let account = &open.account;
        Self {
            id: open.handle.to_string(),
            issuer: account.issuer.clone(),
            user: account.profile.subject.clone(),
            name: account.profile.name.clone(),
            organization: account.active.clone(),
            signed_in_at: account.signed_in_at,
            seen_at: open.seen,
            browser: open.browser.clone(),
        }
    }
}

/// Why sessions cannot be listed or ended.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The web origin cannot be used.
    #[error("web.origin")]
    Origin(#[from] OriginError),
    /// The cookie secret is too short.
    #[error("the cookie secret is too short")]
    CookieSecret,
    /// The tables cannot be brought up to date.
    #[error("the session tables cannot be made")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The list of revoked tokens cannot be read.
    #[error(transparent)]
    Revocations(#[from] RevocationError),
    /// The database failed.
    #[error("the sessions cannot be read or ended")]
    Sessions(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<SessionError> for ControlError {
    fn from(error: SessionError) -> Self {
        Self::Sessions(Box::new(error))
    }
}

/// What [`SessionControl::open`] gets from the process around it.
pub struct ControlOptions {
    /// The database of the sessions.
    pub pool: SqlitePool,
    /// As in [`StartOptions`](crate::StartOptions).
    pub cookie_secret: String,
    /// As in [`StartOptions`](crate::StartOptions).
    pub revocations: Option<Arc<dyn RevocationList>>,
    /// How long an analytics token lasts, in seconds.
    pub token_lifetime: i64,
}

impl std::fmt::Debug for ControlOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ControlOptions")
            .field("token_lifetime", &self.token_lifetime)
            .finish_non_exhaustive()
    }
}

/// The sessions of a site that may be running in another process, which takes
/// notice within a second.
#[derive(Debug)]
pub struct SessionControl(Ending);

impl SessionControl {
    /// The sessions in a database.
    ///
    /// # Errors
    /// [`ControlError`] when the settings or the database cannot be used.
    pub async fn open(settings: &Settings, options: ControlOptions) -> Result<Self, ControlError> {
        migrations().run(&options.pool).await?;
        let origin = Origin::public(&settings.origin)?;
        let sealer = Sealer::new(&options.cookie_secret).map_err(|_| ControlError::CookieSecret)?;
        let clock = Clock::default();
        let revoked = Arc::new(Revoked::new(options.revocations));
        revoked.refresh().await?;
        let sessions = Sessions::new(
            options.pool,
            &origin,
            settings,
            Arc::new(sealer),
            clock.clone(),
        );
        Ok(Self(Ending {
            sessions,
            revoked,
            token_lifetime: options.token_lifetime,
            clock,
        }))
    }

    /// The sessions of a user, or everybody's; the last used first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self, user: Option<&str>) -> Result<Vec<SessionSummary>, ControlError> {
        Ok(self.0.list(whose(user)).await?)
    }

    /// Ends one session and the tokens it was given; whether it was there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end(&self, id: &str) -> Result<bool, ControlError> {
        Ok(self.0.end_named(id).await?)
    }

    /// Ends the sessions of a user, or everybody's, with their tokens. Returns
    /// how many there were.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_all(&self, user: Option<&str>) -> Result<usize, ControlError> {
        Ok(self.0.end_all(whose(user)).await?)
    }
}

/// Those of a user, or all.
pub(crate) fn whose(user: Option<&str>) -> Whose<'_> {
    user.map_or(Whose::Everybody, Whose::Subject)
}

impl Ending {
    /// Somebody's sessions, the last used first.
    pub(crate) async fn list(&self, whose: Whose<'_>) -> Result<Vec<SessionSummary>, SessionError> {
        let sessions = self.sessions.of(whose).await?;
        let standing = sessions.iter().filter(|open| !self.is_revoked(open));
        Ok(standing.map(SessionSummary::from).collect())
    }

    /// Ends the session called `id`; whether it was there.
    pub(crate) async fn end_named(&self, id: &str) -> Result<bool, SessionError> {
        let Ok(handle) = id.parse::<Handle>() else {
            return Ok(false);
        };
        let Some(open) = self.sessions.read(handle).await? else {
            return Ok(false);
        };
        self.end(&open).await?;
        Ok(true)
    }
}
