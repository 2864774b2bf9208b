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
        end(provider, &session.id_hash).await?;
        return Ok(None);
    }
    touch(provider, &session.id_hash, session.last_seen_at, now).await?;
    Ok(Some(session))
}

/// Writes down now and then that a session is in use.
pub(crate) async fn touch(
    provider: &Provider,
    id_hash: &[u8],
    last_seen_at: i64,
    now: i64,
) -> Result<(), StoreError> {
    if last_seen_at + TOUCH_INTERVAL <= now {
        provider.store.touch_session(id_hash, now).await?;
    }
    Ok(())
}

/// Ends a session, and lets the clients know.
pub(crate) async fn end(provider: &Provider, id_hash: &[u8]) -> Result<(), StoreError> {
    let notices = provider.store.end_session(id_hash).await?;
    provider.tell(&notices);
    Ok(())
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
    if let Some(earlier) = earlier {
        end(provider, &earlier).await?;
    }
    provider.store.add_session(&session).await?;
    let cookie = Cookie::Session.set(
        &provider.issuer,
        &id,
        Some(provider.settings.session_lifetime_seconds),
    );
    Ok((session, cookie))
}
