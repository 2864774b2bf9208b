//! Sessions of browsers at the provider, by the digest of their id.

use sqlx::{FromRow, Sqlite, Transaction};

use super::{Store, StoreError};
use crate::notices::{Event, Notice};

/// A browser in which somebody is signed in.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Session {
    pub(crate) id_hash: Vec<u8>,
    pub(crate) user_id: String,
    /// When the person proved who they are, in Unix seconds.
    pub(crate) auth_time: i64,
    pub(crate) last_seen_at: i64,
}

impl Store {
    pub(crate) async fn session(&self, id_hash: &[u8]) -> Result<Option<Session>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT id_hash, user_id, auth_time, last_seen_at
             FROM identity_sessions WHERE id_hash = ?",
        )
        .bind(id_hash)
        .fetch_optional(&self.pool)
        .await?)
    }

    pub(crate) async fn touch_session(&self, id_hash: &[u8], now: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE identity_sessions SET last_seen_at = ? WHERE id_hash = ?")
            .bind(now)
            .bind(id_hash)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins a session.
    pub(crate) async fn add_session(&self, session: &Session) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO identity_sessions (id_hash, user_id, auth_time, last_seen_at)
             VALUES (?, ?, ?, ?)",
        )
        .bind(&session.id_hash)
        .bind(&session.user_id)
        .bind(session.auth_time)
        .bind(session.last_seen_at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Ends a session; its codes and access tokens go with it. Returns what the
    /// clients it was used with are to know.
    pub(crate) async fn end_session(&self, id_hash: &[u8]) -> Result<Vec<Notice>, StoreError> {
        let mut changes = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let of_it: Vec<Use> = sqlx::query_as(&format!("{USES} AND session_hash = ?"))
            .bind(id_hash)
            .fetch_all(&mut *changes)
            .await?;
        sqlx::query("DELETE FROM identity_sessions WHERE id_hash = ?")
            .bind(id_hash)
            .execute(&mut *changes)
            .await?;
        changes.commit().await?;
        Ok(of_it.into_iter().map(Use::ended).collect())
    }
}

const USES: &str = "SELECT DISTINCT session_hash AS session, user_id, client_id
                    FROM identity_grants WHERE redeemed_at IS NOT NULL";

/// A session that a client got a person's grant from.
#[derive(Clone, Debug, FromRow, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub(super) session: Vec<u8>,
    pub(super) user_id: String,
    pub(super) client_id: String,
}

impl Use {
    /// What its client is to know when the session has ended.
    pub(super) fn ended(self) -> Notice {
        Notice {
            client_id: self.client_id,
            event: Event::SessionEnded {
                session: self.session,
                user_id: self.user_id,
            },
        }
    }
}

/// Which clients use which sessions.
pub(super) async fn uses(changes: &mut Transaction<'_, Sqlite>) -> Result<Vec<Use>, StoreError> {
    Ok(sqlx::query_as(USES).fetch_all(&mut **changes).await?)
}
