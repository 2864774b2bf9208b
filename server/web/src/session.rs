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
use serde_json::{Value, json};
use sqlx::SqlitePool;
use time::{Duration, OffsetDateTime};
use token::{OrganizationClaims, Subject, UserClaims};
use tower_sessions::cookie::SameSite;
use tower_sessions::session::Error as SessionError;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use crate::clock::Clock;
use crate::oidc::Credentials;
use crate::origin::Origin;
use crate::sealed::Sealer;
use crate::settings::Settings;
use cookie::SessionCookie;
use store::{Changed, Data, Store};
pub(crate) use store::{Handle, Whose};

/// The keys in the stored record; the database's columns read some of them.
mod key {
    pub(super) const ACCOUNT: &str = "account";
    /// When the session was last used, in unix seconds.
    pub(super) const SEEN: &str = "seen";
    /// When the provider last stood by it, in unix seconds.
    pub(super) const CHECKED: &str = "checked";
    /// What the provider can be asked with, sealed.
    pub(super) const CREDENTIALS: &str = "credentials";
    /// The provider's name of its own session.
    pub(super) const PROVIDER_SESSION: &str = "provider_session";
    /// Revocations of the person's tokens up to this unix second do not end it.
    pub(super) const SPARED: &str = "spared";
    /// Whether it is to get another id.
    pub(super) const RENEW: &str = "renew";
    /// What the browser calls itself.
    pub(super) const BROWSER: &str = "browser";
}

/// What browsers call themselves can be long; a session remembers this much.
const LONGEST_BROWSER: usize = 200;

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

/// A session that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) handle: Handle,
    pub(crate) account: Arc<Account>,
    /// When the provider last stood by it, in unix seconds.
    pub(crate) checked: i64,
    /// Revocations of the person's tokens up to this unix second spare it.
    pub(crate) spared: i64,
    /// Whether it is to get another id.
    pub(crate) renew: bool,
    /// When it was last used, in unix seconds.
    pub(crate) seen: i64,
    /// What the browser calls itself.
    pub(crate) browser: String,
}

impl Open {
    fn read(handle: Handle, data: &Data) -> Option<Self> {
        let account = Account::deserialize(data.get(key::ACCOUNT)?).ok()?;
        let number = |key: &str| data.get(key).and_then(Value::as_i64);
        Some(Self {
            handle,
            checked: number(key::CHECKED).unwrap_or_default(),
            spared: number(key::SPARED).unwrap_or_default(),
            renew: data.contains_key(key::RENEW),
            seen: number(key::SEEN).unwrap_or(account.signed_in_at),
            browser: data
                .get(key::BROWSER)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            account: Arc::new(account),
        })
    }
}

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Begin<'a> {
    pub(crate) account: &'a Account,
    pub(crate) credentials: &'a Credentials,
    pub(crate) provider_session: Option<&'a str>,
    /// When the person's tokens were revoked last, in unix seconds: this
    /// session is of after that.
    pub(crate) spared: i64,
    /// The request's `User-Agent`.
    pub(crate) browser: &'a str,
}

/// Opens, keeps and ends sessions.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    store: Store,
    cookie: Arc<SessionCookie>,
    sealer: Arc<Sealer>,
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
        sealer: Arc<Sealer>,
        clock: Clock,
    ) -> Self {
        Self {
            store: Store::new(pool),
            cookie: Arc::new(SessionCookie::new(origin)),
            sealer,
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

    /// The session of a request. One past its end is ended; one in use is
    /// written down as such now and then.
    pub(crate) async fn open(&self, session: &Session) -> Result<Option<Open>, SessionError> {
        let Some(id) = session.id() else {
            return Ok(None);
        };
        let Some(open) = self.read(Handle::of(&id)).await? else {
            // Makes the browser forget it.
            session.flush().await?;
            return Ok(None);
        };
        let now = self.clock.now();
        if now - open.seen >= TOUCH_EVERY {
            self.touch(open.handle, now).await;
        }
        Ok(Some(open))
    }

    /// A session by its handle; one past its end is ended.
    pub(crate) async fn read(&self, handle: Handle) -> Result<Option<Open>, SessionError> {
        let Some(data) = self.store.read(handle).await? else {
            return Ok(None);
        };
        let alive = Open::read(handle, &data)
            .filter(|open| self.clock.now() < self.end_of(open.account.signed_in_at, open.seen));
        if alive.is_none() {
            self.store.end(handle).await?;
        }
        Ok(alive)
    }

    /// When the provider last stood by a session, in unix seconds.
    pub(crate) async fn checked(&self, handle: Handle) -> Result<Option<i64>, SessionError> {
        let data = self.store.read(handle).await?;
        Ok(data.and_then(|data| data.get(key::CHECKED)?.as_i64()))
    }

    /// Starts a session for someone who just signed in. Whatever session the
    /// browser had ends, and the new one has an id nobody has seen before.
    pub(crate) async fn begin(
        &self,
        session: &Session,
        begin: &Begin<'_>,
    ) -> Result<(), SessionError> {
        session.clear().await;
        session.cycle_id().await?;
        session.insert(key::ACCOUNT, begin.account).await?;
        session.insert(key::CHECKED, self.clock.now()).await?;
        session.insert(key::SPARED, begin.spared).await?;
        let credentials = self.seal(begin.credentials)?;
        session.insert(key::CREDENTIALS, credentials).await?;
        if let Some(id) = begin.provider_session {
            session.insert(key::PROVIDER_SESSION, id).await?;
        }
        let browser: String = begin.browser.chars().take(LONGEST_BROWSER).collect();
        session.insert(key::BROWSER, browser).await?;
        self.keep(session, self.lifetime).await
    }

    /// Gives a session another id: what its person may do has changed.
    pub(crate) async fn renew(
        &self,
        session: &Session,
        account: &Account,
    ) -> Result<(), SessionError> {
        session.remove_value(key::RENEW).await?;
        session.cycle_id().await?;
        let left = self.lifetime - (self.clock.now() - account.signed_in_at);
        self.keep(session, left).await
    }

    /// The cookie stays as long as the session may last; that it has to be used
    /// is checked here, so that using it need not send the cookie again.
    async fn keep(&self, session: &Session, seconds: i64) -> Result<(), SessionError> {
        let end = OffsetDateTime::now_utc().saturating_add(Duration::seconds(seconds));
        session.set_expiry(Some(Expiry::AtDateTime(end)));
        // Now, so that a failure becomes a page and not an empty answer.
        session.save().await
    }

    /// Changes the organization the person acts for; the caller has checked
    /// that it is one of theirs.
    pub(crate) async fn activate(
        &self,
        handle: Handle,
        account: &mut Account,
        slug: &str,
    ) -> Result<(), SessionError> {
        account.active = Some(slug.to_owned());
        let written = serde_json::to_value(&*account)?;
        let change = |data: &mut Data| {
            data.insert(key::ACCOUNT.to_owned(), written);
            Changed::Yes
        };
        Ok(self.store.change(handle, change).await?)
    }

    /// What the provider can be asked with about a session.
    pub(crate) async fn credentials(
        &self,
        handle: Handle,
    ) -> Result<Option<Credentials>, SessionError> {
        let data = self.store.read(handle).await?;
        Ok(data.and_then(|data| {
            let sealed = data.get(key::CREDENTIALS)?.as_str()?;
            let text = self.sealer.open(key::CREDENTIALS, sealed)?;
            serde_json::from_slice(&text).ok()
        }))
    }

    /// Keeps the credentials that took the place of the former.
    pub(crate) async fn keep_credentials(
        &self,
        handle: Handle,
        credentials: &Credentials,
    ) -> Result<(), SessionError> {
        let sealed = self.seal(credentials)?;
        let change = |data: &mut Data| {
            data.insert(key::CREDENTIALS.to_owned(), sealed.into());
            Changed::Yes
        };
        Ok(self.store.change(handle, change).await?)
    }

    /// Writes down what the provider tells of the person now. `renew` says that
    /// the session is to get another id.
    pub(crate) async fn confirm(
        &self,
        handle: Handle,
        profile: Profile,
        memberships: Vec<Membership>,
        renew: bool,
    ) -> Result<(), SessionError> {
        let now = self.clock.now();
        let change = |data: &mut Data| {
            // Read again: the person may have switched in the meantime.
            let Some(open) = Open::read(handle, data) else {
                return Changed::No;
            };
            let mut account = Account::clone(&open.account);
            account.profile = profile;
            account.memberships = memberships;
            if account.active_membership().is_none() {
                account.active = account.memberships.first().map(|first| first.slug.clone());
            }
            data.insert(key::ACCOUNT.to_owned(), json!(account));
            data.insert(key::CHECKED.to_owned(), now.into());
            if renew {
                data.insert(key::RENEW.to_owned(), true.into());
            }
            Changed::Yes
        };
        Ok(self.store.change(handle, change).await?)
    }

    /// Writes down that all is as it was.
    pub(crate) async fn confirm_unchanged(&self, handle: Handle) -> Result<(), SessionError> {
        let now = self.clock.now();
        let change = |data: &mut Data| {
            data.insert(key::CHECKED.to_owned(), now.into());
            Changed::Yes
        };
        Ok(self.store.change_soon(handle, change).await?)
    }

    /// Makes the next use of a session ask its provider.
    pub(crate) async fn doubt(&self, handle: Handle) -> Result<(), SessionError> {
        self.set(handle, key::CHECKED, 0).await
    }

    /// Spares a session the revocations up to a unix second.
    pub(crate) async fn spare(&self, handle: Handle, until: i64) -> Result<(), SessionError> {
        self.set(handle, key::SPARED, until).await
    }

    async fn set(&self, handle: Handle, key: &str, value: i64) -> Result<(), SessionError> {
        let change = |data: &mut Data| {
            data.insert(key.to_owned(), value.into());
            Changed::Yes
        };
        Ok(self.store.change(handle, change).await?)
    }

    /// The sessions of somebody, the last used first.
    pub(crate) async fn of(&self, whose: Whose<'_>) -> Result<Vec<Open>, SessionError> {
        let mut found = Vec::new();
        for handle in self.store.of(whose).await? {
            found.extend(self.read(handle).await?);
        }
        found.sort_by_key(|open| std::cmp::Reverse(open.seen));
        Ok(found)
    }

    /// Ends a session.
    pub(crate) async fn end(&self, handle: Handle) -> Result<(), SessionError> {
        Ok(self.store.end(handle).await?)
    }

    /// Deletes sessions nobody can use any more.
    pub(crate) async fn sweep(&self) -> Result<(), SessionError> {
        Ok(self.store.delete_expired().await?)
    }

    /// Writes what was left for later to the database.
    pub(crate) async fn write_down(&self) -> Result<(), SessionError> {
        Ok(self.store.write_down().await?)
    }

    /// Takes notice of sessions that another process ended.
    pub(crate) async fn refresh(&self) -> Result<(), SessionError> {
        Ok(self.store.refresh().await?)
    }

    fn seal(&self, credentials: &Credentials) -> Result<String, SessionError> {
        let text = serde_json::to_vec(credentials)?;
        Ok(self.sealer.seal(key::CREDENTIALS, &text))
    }

    /// Writes down that a session is in use. A failure is no reason to turn the
    /// person away; the next request tries again.
    async fn touch(&self, handle: Handle, now: i64) {
        let change = |data: &mut Data| {
            // Of many requests at once, the first writes for all.
            let seen = data.get(key::SEEN).and_then(Value::as_i64);
            if seen.is_some_and(|seen| now - seen < TOUCH_EVERY) {
                return Changed::No;
            }
            data.insert(key::SEEN.to_owned(), now.into());
            Changed::Yes
        };
        if let Err(error) = self.store.change_soon(handle, change).await {
            tracing::warn!(%error, "the use of a session cannot be written down");
        }
    }

    /// When a session ends that was last used at `seen`.
    fn end_of(&self, signed_in_at: i64, seen: i64) -> i64 {
        (signed_in_at.saturating_add(self.lifetime)).min(seen.saturating_add(self.idle))
    }
}
