//! A person's session: who they are, which organization they act for, and
//! when it ends.
//!
//! Where sessions are kept is [`store`]'s business, how the browser names one
//! [`cookie`]'s. Tokens are made from a session elsewhere.

pub(crate) mod cookie;
pub(crate) mod store;

use std::sync::Arc;

use axum::Router;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::SqlitePool;
use time::{Duration, OffsetDateTime};
use token::{OrganizationClaims, Subject, UserClaims};
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Error as SessionError, Id};
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use crate::clock::Clock;
use crate::origin::Origin;
use crate::settings::Settings;
use cookie::SessionCookie;
use store::{Changed, Data, Store};

/// The keys in the stored record. The ID token is apart because only signing
/// out reads it.
const ACCOUNT: &str = "account";
const SEEN: &str = "seen";
const ID_TOKEN: &str = "id_token";

/// A session's use is written down at most this often, in seconds.
const TOUCH_EVERY: i64 = 60;

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The issuer that vouched for them; with the subject it is their identity.
    pub(crate) issuer: String,
    /// What the provider told about them.
    pub(crate) profile: Profile,
    /// The organizations they belong to.
    pub(crate) memberships: Vec<Membership>,
    /// Slug of the organization they act for; `None` for people in none.
    pub(crate) active: Option<String>,
    /// When they signed in, in unix seconds.
    pub(crate) signed_in_at: i64,
}

/// A person, as the provider's claims describe them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The subject identifier, unique at the issuer.
    pub(crate) subject: String,
    /// The name to show; never empty.
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: Option<bool>,
    pub(crate) username: Option<String>,
    pub(crate) given_name: Option<String>,
    pub(crate) family_name: Option<String>,
    pub(crate) picture: Option<String>,
}

/// A person's place in one organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) role: String,
}

impl Account {
    /// The membership in the organization called `slug`.
    pub(crate) fn membership(&self, slug: &str) -> Option<&Membership> {
        self.memberships.iter().find(|each| each.slug == slug)
    }

    /// The membership this person acts under.
    pub(crate) fn active_membership(&self) -> Option<&Membership> {
        self.membership(self.active.as_deref()?)
    }

    /// This person acting for one of their organizations, as the mint wants it.
    pub(crate) fn subject(&self, membership: Option<&Membership>) -> Subject {
        let profile = self.profile.clone();
        Subject {
            user: UserClaims {
                id: profile.subject,
                username: profile.username,
                full_name: Some(profile.name),
                first_name: profile.given_name,
                last_name: profile.family_name,
                image_url: profile.picture,
                primary_email_address: profile.email,
                email_verified: profile.email_verified,
                ..UserClaims::default()
            },
            organization: membership.map(|membership| OrganizationClaims {
                id: membership.id.clone(),
                slug: membership.slug.clone(),
                name: membership.name.clone(),
                role: Some(membership.role.clone()),
                ..OrganizationClaims::default()
            }),
        }
    }
}

/// Opens, keeps and ends sessions.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    store: Store,
    cookie: Arc<SessionCookie>,
    clock: Clock,
    idle: i64,
    lifetime: i64,
}

impl Sessions {
    /// Sessions in the database behind `pool`, whose tables exist.
    pub(crate) fn new(
        pool: SqlitePool,
        origin: &Origin,
        settings: &Settings,
        clock: Clock,
    ) -> Self {
        Self {
            store: Store::new(pool),
            cookie: Arc::new(SessionCookie::new(origin)),
            clock,
            idle: settings.session_idle_seconds,
            lifetime: settings.session_lifetime_seconds,
        }
    }

    /// Gives the routes of `router` the session of the request.
    pub(crate) fn around(&self, router: Router) -> Router {
        let manager = SessionManagerLayer::new(self.store.clone())
            .with_name(self.cookie.name())
            .with_secure(self.cookie.secure())
            .with_same_site(SameSite::Lax);
        let cookie = Arc::clone(&self.cookie);
        router
            .layer(manager)
            .layer(axum::middleware::map_response(move |response| {
                let cookie = Arc::clone(&cookie);
                async move { cookie.mend_removal(response) }
            }))
    }

    /// Who the session belongs to, with its id. A session past its end is
    /// ended; one in use is written down as such now and then.
    pub(crate) async fn account(
        &self,
        session: &Session,
    ) -> Result<Option<(Id, Account)>, SessionError> {
        if session.id().is_none() {
            return Ok(None);
        }
        let Some(account) = session.get::<Account>(ACCOUNT).await? else {
            return Ok(None);
        };
        let seen = session
            .get::<i64>(SEEN)
            .await?
            .unwrap_or(account.signed_in_at);
        let now = self.clock.now();
        if now >= self.end(account.signed_in_at, seen) {
            session.flush().await?;
            return Ok(None);
        }
        let Some(id) = session.id() else {
            return Ok(None);
        };
        if now - seen >= TOUCH_EVERY {
            self.touch(&id, now).await;
        }
        Ok(Some((id, account)))
    }

    /// Starts a session for someone who just signed in. Whatever session the
    /// browser had ends, and the new one has an id nobody has seen before.
    pub(crate) async fn begin(
        &self,
        session: &Session,
        account: &Account,
        id_token: &str,
    ) -> Result<(), SessionError> {
        session.clear().await;
        session.cycle_id().await?;
        session.insert(ACCOUNT, account).await?;
        session.insert(ID_TOKEN, id_token).await?;
        // The cookie stays as long as the session may last; that it has to be
        // used is checked here, so that using it need not send the cookie again.
        let end = OffsetDateTime::now_utc().saturating_add(Duration::seconds(self.lifetime));
        session.set_expiry(Some(Expiry::AtDateTime(end)));
        // Now, so that a failure becomes a page and not an empty answer.
        session.save().await
    }

    /// Changes the organization the person acts for; the caller has checked
    /// that it is one of theirs.
    pub(crate) async fn activate(
        &self,
        id: &Id,
        account: &mut Account,
        slug: &str,
    ) -> Result<(), SessionError> {
        account.active = Some(slug.to_owned());
        let written = serde_json::to_value(&*account)?;
        let change = |data: &mut Data| {
            data.insert(ACCOUNT.to_owned(), written);
            Changed::Yes
        };
        Ok(self.store.change(id, change).await?)
    }

    /// Ends the session here and gives back the ID token that ends it at the
    /// provider.
    pub(crate) async fn end_now(&self, session: &Session) -> Result<Option<String>, SessionError> {
        let id_token = session.get::<String>(ID_TOKEN).await?;
        session.flush().await?;
        Ok(id_token)
    }

    /// Deletes sessions nobody can use any more.
    pub(crate) async fn sweep(&self) -> Result<(), SessionError> {
        Ok(self.store.delete_expired().await?)
    }

    /// Writes down that a session is in use. A failure is no reason to turn the
    /// person away; the next request tries again.
    async fn touch(&self, id: &Id, now: i64) {
        let change = |data: &mut Data| {
            // Of many requests at once, the first writes for all.
            let seen = data.get(SEEN).and_then(Value::as_i64);
            if seen.is_some_and(|seen| now - seen < TOUCH_EVERY) {
                return Changed::No;
            }
            data.insert(SEEN.to_owned(), now.into());
            Changed::Yes
        };
        if let Err(error) = self.store.change(id, change).await {
            tracing::warn!(%error, "the use of a session cannot be written down");
        }
    }

    /// When a session ends that was last used at `seen`.
    fn end(&self, signed_in_at: i64, seen: i64) -> i64 {
        (signed_in_at.saturating_add(self.lifetime)).min(seen.saturating_add(self.idle))
    }
}
