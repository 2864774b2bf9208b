//! The session of a browser at the provider: found by its cookie, begun at
//! sign-in with a new id, ended by time or at sign-out.

use http::{HeaderMap, HeaderValue};

use crate::cookies::Cookie;
use crate::provider::Provider;
use crate::secret;
use crate::store::{Session, StoreError};

/// The time of the last use is written at most this often; seconds.
const TOUCH_INTERVAL: i64 = 60;

/// The session of the request's cookie, if it has not run out.
pub(crate) async fn current(
    provider: &Provider,
    headers: &HeaderMap,
    now: i64,
) -> Result<Option<Session>, StoreError> {
    let Some(id) = Cookie::Session.read(&provider.issuer, headers) else {
        return Ok(None);
    };
    let Some(session) = provider.store.session(&secret::digest(&id)).await? else {
        return Ok(None);
    };
    let settings = &provider.settings;
    let alive = session.auth_time + settings.session_lifetime_seconds > now
        && session.last_seen_at + settings.session_idle_seconds > now;
    if !alive {
        provider.store.end_session(&session.id_hash).await?;
        return Ok(None);
    }
    if session.last_seen_at + TOUCH_INTERVAL <= now {
        provider.store.touch_session(&session.id_hash, now).await?;
    }
    Ok(Some(session))
}

/// Begins the session of somebody who has just proved who they are, in place
/// of the browser's earlier one. Returns it with the cookie to set.
pub(crate) async fn begin(
    provider: &Provider,
    headers: &HeaderMap,
    user_id: String,
    now: i64,
) -> Result<(Session, HeaderValue), StoreError> {
    let id = secret::random();
    let earlier = Cookie::Session
        .read(&provider.issuer, headers)
        .map(|id| secret::digest(&id));
    let session = Session {
        id_hash: secret::digest(&id),
        user_id,
        auth_time: now,
        last_seen_at: now,
    };
    provider
        .store
        .replace_session(earlier.as_deref(), &session)
        .await?;
    let cookie = Cookie::Session.set(
        &provider.issuer,
        &id,
        Some(provider.settings.session_lifetime_seconds),
    );
    Ok((session, cookie))
}
