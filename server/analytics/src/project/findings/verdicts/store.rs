//! Verdicts in the database of the state directory.

use sqlx::Row;
use sqlx::sqlite::SqlitePool;

use super::Verdict;

/// Reads and writes verdicts.
#[derive(Debug)]
pub(super) struct Store(SqlitePool);

impl Store {
    /// The store in a database whose migrations have run.
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self(pool)
    }

    /// All that can be read, by fingerprint.
    pub(super) async fn read(&self) -> Result<Vec<(String, Verdict)>, sqlx::Error> {
        let rows = sqlx::query("SELECT fingerprint, verdict FROM analytics_verdicts")
            .fetch_all(&self.0)
            .await?;
        let mut verdicts = Vec::with_capacity(rows.len());
        for row in rows {
            let verdict: String = row.try_get("verdict")?;
            // One that another version wrote in another form is none.
            if let Ok(verdict) = serde_json::from_str(&verdict) {
                verdicts.push((row.try_get("fingerprint")?, verdict));
            }
        }
        Ok(verdicts)
    }

    /// Adds some and removes others.
    pub(super) async fn change(
        &self,
        new: &[(String, Verdict)],
        gone: &[String],
    ) -> Result<(), sqlx::Error> {
        if new.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let mut transaction = self.0.begin().await?;
        for fingerprint in gone {
            sqlx::query("DELETE FROM analytics_verdicts WHERE fingerprint = ?")
                .bind(fingerprint)
                .execute(&mut *transaction)
                .await?;
        }
        for (fingerprint, verdict) in new {
            sqlx::query("INSERT OR REPLACE INTO analytics_verdicts VALUES (?, ?)")
                .bind(fingerprint)
                .bind(serde_json::to_string(verdict).unwrap_or_default())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}
