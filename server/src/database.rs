//! The one database of the installation: users, sessions, static tokens, jobs.
//! Whether a crash or a hand took something of it is `wal`'s to find out.

mod wal;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub(crate) const FILE: &str = "rookery.db";
/// How long a writer waits for another one, of this process or another.
const BUSY: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 8;

/// Why the database is not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// It cannot be opened, or is none.
    #[error("the database {path} cannot be opened")]
    Unusable { path: PathBuf, source: sqlx::Error },
    /// This program does not know all of its tables.
    #[error(
        "the database {path} was written by a newer Rookery (its migrations {unknown:?} are not \
         known here): start that one, or restore a backup from before it"
    )]
    Newer { path: PathBuf, unknown: Vec<i64> },
    /// What is left of it does not fit together.
    #[error("the database {path} is damaged ({what}): restore a backup")]
    Damaged { path: PathBuf, what: String },
}

/// Opens `<state>/rookery.db`, creating it at the first start.
///
/// # Errors
/// [`DatabaseError`]
pub(crate) async fn open(state: &Path) -> Result<SqlitePool, DatabaseError> {
    let path = state.join(FILE);
    let lost = wal::lost_pages(&path);
    let pool = connect(&path).await;
    let unusable = |source| DatabaseError::Unusable {
        path: path.clone(),
        source,
    };
    let pool = pool.map_err(unusable)?;
    refuse_newer(&pool, &path).await?;
    if let Some(pages) = lost {
        let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&pool)
            .await
            .map_err(unusable)?;
        if found != "ok" {
            return Err(DatabaseError::Damaged { path, what: found });
        }
        tracing::error!(
            database = %path.display(),
            pages,
            "the database's log ends before its last changes: people, tokens, revocations and jobs \
             may be as they were earlier. Check them, or restore a backup"
        );
    }
    Ok(pool)
}

async fn connect(path: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY)
        .foreign_keys(true);
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .connect_with(options)
        .await
}

/// A newer program may keep things in ways that this one would break.
async fn refuse_newer(pool: &SqlitePool, path: &Path) -> Result<(), DatabaseError> {
    let unusable = |source| DatabaseError::Unusable {
        path: path.to_owned(),
        source,
    };
    let is_new = "SELECT count(*) = 0 FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let is_new: bool = sqlx::query_scalar(is_new)
        .fetch_one(pool)
        .await
        .map_err(unusable)?;
    if is_new {
        return Ok(());
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version")
            .fetch_all(pool)
            .await
            .map_err(unusable)?;
    let known = known_migrations();
    let unknown: Vec<i64> = applied
        .into_iter()
        .filter(|version| !known.contains(version))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(DatabaseError::Newer {
        path: path.to_owned(),
        unknown,
    })
}

fn known_migrations() -> BTreeSet<i64> {
    let all = [
        identity::migrations(),
        web::migrations(),
        analytics::migrations(),
    ];
    let versions = all.iter().flat_map(|migrations| migrations.iter());
    versions.map(|migration| migration.version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_not_opened() {
        let state = tempfile::tempdir().unwrap();
        let pool = open(state.path()).await.unwrap();
        for migrations in [identity::migrations(), analytics::migrations()] {
            migrations.run(&pool).await.unwrap();
        }
        open(state.path()).await.unwrap().close().await;
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9001, 'of tomorrow', 1, x'00', 0)",
        )
        .execute(&pool)
        .await
        .unwrap();
        let error = open(state.path()).await.unwrap_err().to_string();
        assert!(
            error.contains("newer Rookery") && error.contains("9001"),
            "{error}"
        );
    }
}
