//! Failed sign-ins, by the digest of whom or where they concern.

use super::{Store, StoreError};

impl Store {
    /// Counts one attempt for each key as failed, unless `wait` says that one
    /// of them must wait; then nothing is counted and the longest wait is
    /// returned. Reading and counting are one transaction, so attempts at the
    /// same moment cannot all slip through.
    ///
    /// `wait` gets the key's place, its failures, and when the last one was.
    /// `forget_at` gets the key's place and says until when to remember.
    pub(crate) async fn count_attempt(
        &self,
        keys: &[Vec<u8>],
        now: i64,
        wait: impl Fn(usize, i64, i64) -> i64,
        forget_at: impl Fn(usize) -> i64,
    ) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut longest = 0;
        for (place, key) in keys.iter().enumerate() {
            let known: Option<(i64, i64)> = sqlx::query_as(
                "SELECT failures, last_failed_at FROM identity_failed_attempts
                 WHERE key_hash = ? AND forget_at > ?",
            )
            .bind(key)
            .bind(now)
            .fetch_optional(&mut *transaction)
            .await?;
            if let Some((failures, last_failed_at)) = known {
                longest = longest.max(wait(place, failures, last_failed_at));
            }
        }
        if longest > 0 {
            return Ok(Some(longest));
        }
        for (place, key) in keys.iter().enumerate() {
            sqlx::query(
                "INSERT INTO identity_failed_attempts (key_hash, failures, last_failed_at, forget_at)
                 VALUES (?1, 1, ?2, ?3)
                 ON CONFLICT (key_hash) DO UPDATE SET
                   failures = CASE WHEN forget_at > ?2 THEN failures + 1 ELSE 1 END,
                   last_failed_at = ?2, forget_at = ?3",
            )
            .bind(key)
            .bind(now)
            .bind(forget_at(place))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(None)
    }

    /// Forgets the failures of a key.
    pub(crate) async fn forget_attempts(&self, key: &[u8]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM identity_failed_attempts WHERE key_hash = ?")
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Takes back one counted attempt of a key.
    pub(crate) async fn take_back_attempt(&self, key: &[u8]) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE identity_failed_attempts SET failures = failures - 1
             WHERE key_hash = ? AND failures > 0",
        )
        .bind(key)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
