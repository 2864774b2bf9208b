//! Sessions of browsers at the provider, by the digest of their id.

use sqlx::FromRow;

use super::{Store, StoreError};

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

    /// Begins a session and ends the one that the browser had, with its grants.
    pub(crate) async fn replace_session(
        &self,
        earlier: Option<&[u8]>,
        session: &Session,
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM identity_sessions WHERE id_hash = ?")
            .bind(earlier)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO identity_sessions (id_hash, user_id, auth_time, last_seen_at)
             VALUES (?, ?, ?, ?)",
        )
        .bind(&session.id_hash)
        .bind(&session.user_id)
        .bind(session.auth_time)
        .bind(session.last_seen_at)
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Ends a session; its codes and access tokens go with it.
    pub(crate) async fn end_session(&self, id_hash: &[u8]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM identity_sessions WHERE id_hash = ?")
            .bind(id_hash)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
