//! Deployments in the database: the history, and the journal by which one that
//! was interrupted is found again.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};
use time::OffsetDateTime;

use super::changes::Summary;
use crate::project::SourceFile;

/// Ended deployments that are remembered.
const REMEMBERED: i64 = 100;

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Checked, and waiting to be set live.
    Staged,
    /// On its way to being served.
    Promoting,
    /// The one that was deployed last.
    Live,
    /// Taken back, or replaced by another.
    Deleted,
}

/// One deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// Counts up from 1; 0 is the project as it was before any.
    pub(crate) id: i64,
    /// How far it is.
    pub(crate) status: Status,
    /// Whether data sources may disappear with it, or their tenants' borders.
    pub(crate) allows_destruction: bool,
    /// What it changes.
    pub(crate) summary: Summary,
    /// When it was asked for.
    pub(crate) created_at: OffsetDateTime,
    /// When its status changed last.
    pub(crate) updated_at: OffsetDateTime,
}

/// Reads and writes deployments.
#[derive(Clone, Debug)]
pub(super) struct DeploymentStore {
    pool: SqlitePool,
}

impl Status {
    const ALL: [Self; 4] = [Self::Staged, Self::Promoting, Self::Live, Self::Deleted];

    fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Promoting => "promoting",
            Self::Live => "live",
            Self::Deleted => "deleted",
        }
    }
}

impl DeploymentStore {
    /// The store in a database whose migrations have run.
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// All that are remembered: the live one first, then the latest.
    pub(super) async fn all(&self) -> Result<Vec<Deployment>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT * FROM analytics_deployments ORDER BY status = 'live' DESC, id DESC",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    pub(super) async fn find(&self, id: i64) -> Result<Option<Deployment>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM analytics_deployments WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The latest of a status.
    pub(super) async fn latest(&self, status: Status) -> Result<Option<Deployment>, sqlx::Error> {
        let sql = "SELECT * FROM analytics_deployments WHERE status = ? ORDER BY id DESC LIMIT 1";
        let row = sqlx::query(sql)
            .bind(status.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The files of one that is not in the directory yet.
    pub(super) async fn files(&self, id: i64) -> Result<Vec<SourceFile>, sqlx::Error> {
        let sql = "SELECT files FROM analytics_deployments WHERE id = ?";
        self.read_files(sql, id).await
    }

    /// The files that one on its way replaces.
    pub(super) async fn former(&self, id: i64) -> Result<Vec<SourceFile>, sqlx::Error> {
        let sql = "SELECT former FROM analytics_deployments WHERE id = ?";
        self.read_files(sql, id).await
    }

    async fn read_files(&self, sql: &'static str, id: i64) -> Result<Vec<SourceFile>, sqlx::Error> {
        let json: Option<String> = sqlx::query_scalar(sql)
            .bind(id)
            .fetch_one(&self.pool)
            .await?;
        serde_json::from_str(json.as_deref().unwrap_or("[]")).map_err(unreadable)
    }

    /// Writes a new one down that waits, and forgets those of long ago.
    pub(super) async fn add(
        &self,
        allows_destruction: bool,
        summary: &Summary,
        files: &[SourceFile],
    ) -> Result<Deployment, sqlx::Error> {
        let added = self.insert(Status::Staged, allows_destruction, summary, files, &[]);
        added.await
    }

    /// Writes a new one down that is on its way.
    pub(super) async fn add_promoting(
        &self,
        allows_destruction: bool,
        summary: &Summary,
        files: &[SourceFile],
        former: &[SourceFile],
    ) -> Result<i64, sqlx::Error> {
        let added = self.insert(
            Status::Promoting,
            allows_destruction,
            summary,
            files,
            former,
        );
        Ok(added.await?.id)
    }

    async fn insert(
        &self,
        status: Status,
        allows_destruction: bool,
        summary: &Summary,
        files: &[SourceFile],
        former: &[SourceFile],
    ) -> Result<Deployment, sqlx::Error> {
        let row = sqlx::query(
            "INSERT INTO analytics_deployments
             (status, allows_destruction, summary, files, former, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) RETURNING *",
        )
        .bind(status.as_str())
        .bind(allows_destruction)
        .bind(write(summary)?)
        .bind(write(&files)?)
        .bind(write(&former)?)
        .bind(now_microseconds())
        .fetch_one(&self.pool)
        .await?;
        let added = read(&row)?;
        sqlx::query("DELETE FROM analytics_deployments WHERE status = 'deleted' AND id <= ?")
            .bind(added.id - REMEMBERED)
            .execute(&self.pool)
            .await?;
        Ok(added)
    }

    /// Notes that one that waited is on its way.
    pub(super) async fn promote(&self, id: i64, former: &[SourceFile]) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE analytics_deployments SET status = 'promoting', former = ?2, updated_at = ?3
             WHERE id = ?1",
        )
        .bind(id)
        .bind(write(&former)?)
        .bind(now_microseconds())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes how far one is. Deleted ones lose their files.
    pub(super) async fn set_status(&self, id: i64, status: Status) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE analytics_deployments SET status = ?2, updated_at = ?3,
             files = CASE WHEN ?2 = 'deleted' THEN NULL ELSE files END, former = NULL
             WHERE id = ?1",
        )
        .bind(id)
        .bind(status.as_str())
        .bind(now_microseconds())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets one that came to nothing.
    pub(super) async fn forget(&self, id: i64) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM analytics_deployments WHERE id = ?")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Makes one the live one; the former, and what was interrupted before it,
    /// is history.
    pub(super) async fn make_live(
        &self,
        id: i64,
        summary: &Summary,
    ) -> Result<Deployment, sqlx::Error> {
        let now = now_microseconds();
        let summary = write(summary)?;
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE analytics_deployments SET status = 'deleted', updated_at = ?2, files = NULL, former = NULL
             WHERE status IN ('live', 'promoting') AND id <> ?1",
        )
        .bind(id)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        let row = sqlx::query(
            "UPDATE analytics_deployments
             SET status = 'live', summary = ?3, updated_at = ?2, files = NULL, former = NULL
             WHERE id = ?1 RETURNING *",
        )
        .bind(id)
        .bind(now)
        .bind(summary)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        read(&row)
    }
}

fn read(row: &SqliteRow) -> Result<Deployment, sqlx::Error> {
    #[derive(FromRow)]
    struct Stored {
        id: i64,
        allows_destruction: bool,
        summary: String,
        created_at: i64,
        updated_at: i64,
    }
    let stored = Stored::from_row(row)?;
    let status: &str = row.try_get("status")?;
    let status = Status::ALL
        .into_iter()
        .find(|known| known.as_str() == status)
        .ok_or_else(|| sqlx::Error::Decode(format!("a deployment is {status}").into()))?;
    Ok(Deployment {
        id: stored.id,
        status,
        allows_destruction: stored.allows_destruction,
        summary: serde_json::from_str(&stored.summary).map_err(unreadable)?,
        created_at: from_microseconds(stored.created_at),
        updated_at: from_microseconds(stored.updated_at),
    })
}

fn write(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn unreadable(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

fn now_microseconds() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn from_microseconds(microseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
