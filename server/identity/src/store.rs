//! The provider's tables. All SQL of the crate is here and in the modules
//! below, one for each group of tables; no rule of OpenID Connect is.

mod attempts;
mod directory;
mod grants;
mod people;
mod sessions;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

pub(crate) use directory::{OrganizationRow, PersonRow};
pub(crate) use grants::{Authorization, Redeemed, Redemption};
pub(crate) use people::{DemoPerson, Person};
pub(crate) use sessions::Session;

/// The database refused or could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the identity database failed")]
pub struct StoreError(#[from] pub(crate) sqlx::Error);

/// Ends the sessions of a person at the provider, or everybody's, whether the
/// provider runs or not. Their codes and access tokens go with them. Returns how
/// many there were.
///
/// # Errors
/// [`StoreError`] when the database fails.
pub async fn end_sessions(pool: &SqlitePool, user_id: Option<&str>) -> Result<u64, StoreError> {
    let store = Store::open(pool.clone()).await.map_err(sqlx::Error::from)?;
    let ended = sqlx::query("DELETE FROM identity_sessions WHERE ?1 IS NULL OR user_id = ?1")
        .bind(user_id)
        .execute(&store.pool)
        .await?;
    Ok(ended.rows_affected())
}

/// The tables of the provider; other services have theirs in the same database.
#[must_use]
pub fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.set_ignore_missing(true);
    migrations
}

/// Access to the tables.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: SqlitePool,
}

impl Store {
    /// Brings the tables up to date.
    pub(crate) async fn open(pool: SqlitePool) -> Result<Self, sqlx::migrate::MigrateError> {
        migrations().run(&pool).await?;
        Ok(Self { pool })
    }

    /// Whether the database answers.
    pub(crate) async fn answers(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    /// Removes what has run out: sessions that began or were last used before
    /// the given times, used-up grants, and forgotten failures.
    pub(crate) async fn purge(
        &self,
        now: i64,
        began_before: i64,
        unused_since: i64,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM identity_sessions WHERE auth_time <= ? OR last_seen_at <= ?")
            .bind(began_before)
            .bind(unused_since)
            .execute(&self.pool)
            .await?;
        // A redeemed code stays known for as long as its token is good.
        sqlx::query(
            "DELETE FROM identity_grants
             WHERE code_expires_at <= ?1 AND coalesce(token_expires_at, 0) <= ?1",
        )
        .bind(now)
        .execute(&self.pool)
        .await?;
        sqlx::query("DELETE FROM identity_failed_attempts WHERE forget_at <= ?")
            .bind(now)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
