//! Jobs in the database, so that a restart loses none.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};
use time::OffsetDateTime;

use super::job::{Job, Status};

/// Reads and writes jobs.
#[derive(Clone, Debug)]
pub(super) struct JobStore {
    pool: SqlitePool,
}

impl JobStore {
    /// The store in a database whose migrations have run.
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// All that are kept, the oldest first.
    pub(super) async fn all(&self) -> Result<Vec<Job>, sqlx::Error> {
        let rows = sqlx::query("SELECT * FROM analytics_jobs ORDER BY rowid")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Keeps a job as it is now.
    pub(super) async fn write(&self, job: &Job) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO analytics_jobs
             (id, task, status, details, error, token_id, created_at, started_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET
             status = ?3, details = ?4, error = ?5, started_at = ?8, updated_at = ?9",
        )
        .bind(&job.id)
        .bind(encode(&job.task)?)
        .bind(job.status.as_str())
        .bind(encode(&job.details)?)
        .bind(&job.error)
        .bind(&job.token_id)
        .bind(microseconds(job.created_at))
        .bind(job.started_at.map(microseconds))
        .bind(microseconds(job.updated_at))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets a job.
    pub(super) async fn forget(&self, id: &str) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM analytics_jobs WHERE id = ?")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn read(row: &SqliteRow) -> Result<Job, sqlx::Error> {
    let (task, details): (&str, &str) = (row.try_get("task")?, row.try_get("details")?);
    let status: &str = row.try_get("status")?;
    let status = Status::ALL
        .into_iter()
        .find(|known| known.as_str() == status)
        .ok_or_else(|| sqlx::Error::Decode(format!("a job is {status}").into()))?;
    let started_at: Option<i64> = row.try_get("started_at")?;
    Ok(Job {
        id: row.try_get("id")?,
        task: serde_json::from_str(task).map_err(unreadable)?,
        status,
        details: serde_json::from_str(details).map_err(unreadable)?,
        error: row.try_get("error")?,
        token_id: row.try_get("token_id")?,
        created_at: from_microseconds(row.try_get("created_at")?),
        started_at: started_at.map(from_microseconds),
        updated_at: from_microseconds(row.try_get("updated_at")?),
        abort: None,
    })
}

fn encode(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn unreadable(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

fn microseconds(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn from_microseconds(microseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
