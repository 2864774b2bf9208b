//! Static tokens and revocations in SQLite.

use std::fmt;

use rand::TryRngCore;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{FromRow, Row};
use thiserror::Error;
use time::OffsetDateTime;
use token::{Revocation, RevocationKind};
use uuid::Uuid;

use super::scope::StaticScope;

/// Tokens in one workspace; beyond it, sign JWTs.
const MAX_TOKENS: i64 = 100_000;

/// A static token as it is kept. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct StaticToken {
    /// A UUID.
    pub id: String,
    /// Unique in the workspace.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The last segment of its text.
    pub secret: Vec<u8>,
    /// What was granted through the API.
    pub scopes: Vec<StaticScope>,
    /// What the project's `TOKEN` lines grant.
    pub project_scopes: Vec<StaticScope>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
}

impl StaticToken {
    /// Everything the token allows.
    pub fn all_scopes(&self) -> impl Iterator<Item = &StaticScope> {
        let further = self
            .project_scopes
            .iter()
            .filter(|scope| !self.scopes.contains(scope));
        self.scopes.iter().chain(further)
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StaticToken")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Why the store cannot do what it is asked to.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The name is taken.
    #[error("there is a token named `{0}` already")]
    NameTaken(String),
    /// No token has this id or name.
    #[error("there is no token `{0}`")]
    NotFound(String),
    /// The workspace is full.
    #[error("the workspace has {MAX_TOKENS} tokens, the most it may have; sign JWTs instead")]
    TooMany,
    /// The database failed.
    #[error("the database of tokens failed")]
    Database(#[from] sqlx::Error),
    /// No randomness for a secret.
    #[error("the system has no randomness for a secret")]
    Randomness(#[source] rand::rand_core::OsError),
    /// A row that this version cannot read.
    #[error("token `{0}` has scopes this version does not know")]
    Unreadable(String),
}

/// Reads and writes static tokens and revocations.
#[derive(Clone, Debug)]
pub struct TokenStore {
    pool: SqlitePool,
}

impl TokenStore {
    /// The store in a database whose migrations have run.
    #[must_use]
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// A number that grows with every change, by whichever process.
    pub async fn version(&self) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar("SELECT version FROM analytics_access_version");
        Ok(query.fetch_one(&self.pool).await?)
    }

    /// All tokens, oldest first.
    pub async fn tokens(&self) -> Result<Vec<StaticToken>, StoreError> {
        let rows = sqlx::query("SELECT * FROM analytics_tokens ORDER BY created_at, id")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read_token).collect()
    }

    /// The token with this id.
    pub async fn by_id(&self, id: &str) -> Result<Option<StaticToken>, StoreError> {
        let row = sqlx::query("SELECT * FROM analytics_tokens WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read_token).transpose()
    }

    /// The token with this id or name.
    pub async fn find(&self, id_or_name: &str) -> Result<StaticToken, StoreError> {
        let row = sqlx::query("SELECT * FROM analytics_tokens WHERE id = ?1 OR name = ?1")
            .bind(id_or_name)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref()
            .map(read_token)
            .transpose()?
            .ok_or_else(|| StoreError::NotFound(id_or_name.to_owned()))
    }

    /// Makes a token.
    pub async fn create(
        &self,
        name: &str,
        description: &str,
        scopes: &[StaticScope],
    ) -> Result<StaticToken, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM analytics_tokens")
            .fetch_one(&self.pool)
            .await?;
        if count >= MAX_TOKENS {
            return Err(StoreError::TooMany);
        }
        let id = Uuid::new_v4().to_string();
        sqlx::query(
            "INSERT INTO analytics_tokens
             (id, name, description, secret, scopes, project_scopes, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, '[]', ?6, ?6)",
        )
        .bind(&id)
        .bind(name)
        .bind(description)
        .bind(new_secret()?)
        .bind(write_scopes(scopes))
        .bind(now_microseconds())
        .execute(&self.pool)
        .await
        .map_err(|error| name_taken(error, name))?;
        self.find(&id).await
    }

    /// Changes what is given and leaves the rest.
    pub async fn update(
        &self,
        id: &str,
        name: Option<&str>,
        description: Option<&str>,
        scopes: Option<&[StaticScope]>,
    ) -> Result<StaticToken, StoreError> {
        sqlx::query(
            "UPDATE analytics_tokens SET
             name = coalesce(?2, name), description = coalesce(?3, description),
             scopes = coalesce(?4, scopes), updated_at = ?5
             WHERE id = ?1",
        )
        .bind(id)
        .bind(name)
        .bind(description)
        .bind(scopes.map(write_scopes))
        .bind(now_microseconds())
        .execute(&self.pool)
        .await
        .map_err(|error| name_taken(error, name.unwrap_or_default()))?;
        self.find(id).await
    }

    /// Gives a token another secret; its former text is worth nothing then.
    pub async fn refresh(&self, id: &str) -> Result<StaticToken, StoreError> {
        sqlx::query("UPDATE analytics_tokens SET secret = ?2, updated_at = ?3 WHERE id = ?1")
            .bind(id)
            .bind(new_secret()?)
            .bind(now_microseconds())
            .execute(&self.pool)
            .await?;
        self.find(id).await
    }

    /// Deletes a token. A project that names it in a `TOKEN` line makes it
    /// anew, with another secret, when it is loaded next.
    pub async fn delete(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM analytics_tokens WHERE id = ?")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Makes the project's `TOKEN` lines true: `desired` holds each name with
    /// its scopes. Tokens that no line names any more keep their secret and
    /// lose what the lines had given them.
    pub async fn set_project_scopes(
        &self,
        desired: &[(String, Vec<StaticScope>)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let now = now_microseconds();
        let names: Vec<&str> = desired.iter().map(|(name, _)| name.as_str()).collect();
        let names = serde_json::to_string(&names).unwrap_or_else(|_| "[]".to_owned());
        sqlx::query(
            "UPDATE analytics_tokens SET project_scopes = '[]', updated_at = ?2
             WHERE project_scopes <> '[]' AND name NOT IN (SELECT value FROM json_each(?1))",
        )
        .bind(names)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        for (name, scopes) in desired {
            // An unchanged row is left alone: each change empties the cache of
            // verified tokens.
            sqlx::query(
                "INSERT INTO analytics_tokens
                 (id, name, description, secret, scopes, project_scopes, created_at, updated_at)
                 VALUES (?1, ?2, '', ?3, '[]', ?4, ?5, ?5)
                 ON CONFLICT (name) DO UPDATE SET project_scopes = ?4, updated_at = ?5
                 WHERE project_scopes <> ?4",
            )
            .bind(Uuid::new_v4().to_string())
            .bind(name)
            .bind(new_secret()?)
            .bind(write_scopes(scopes))
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// All revocations, newest first.
    pub async fn revocations(&self) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT kind, value, revoked_at FROM analytics_revocations
             ORDER BY revoked_at DESC, kind, value",
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &SqliteRow| -> Result<Option<Revocation>, sqlx::Error> {
            let kind = RevocationKind::named(row.try_get("kind")?);
            let (value, revoked_at) = (row.try_get("value")?, row.try_get("revoked_at")?);
            Ok(kind.map(|kind| Revocation {
                kind,
                value,
                revoked_at,
            }))
        };
        Ok(rows
            .iter()
            .filter_map(|row| read(row).transpose())
            .collect::<Result<_, _>>()?)
    }

    /// Revokes tokens; a later revocation of the same replaces the former.
    /// Returns the second it holds up to: two within one second have to differ,
    /// because tokens signed between them are of the next.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<i64, StoreError> {
        self.write_revocation(revocation, None).await
    }

    /// Revokes tokens that all expire before `until` (unix seconds), after
    /// which the revocation is forgotten; one without an end stays.
    pub async fn revoke_until(
        &self,
        revocation: &Revocation,
        until: i64,
    ) -> Result<i64, StoreError> {
        sqlx::query("DELETE FROM analytics_revocations WHERE forget_at <= ?")
            .bind(revocation.revoked_at)
            .execute(&self.pool)
            .await?;
        self.write_revocation(revocation, Some(until)).await
    }

    async fn write_revocation(
        &self,
        revocation: &Revocation,
        until: Option<i64>,
    ) -> Result<i64, StoreError> {
        let written = sqlx::query_scalar(
            "INSERT INTO analytics_revocations (kind, value, revoked_at, forget_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, value) DO UPDATE SET
               revoked_at = max(revoked_at + 1, ?3),
               forget_at = iif(forget_at IS NULL, NULL, max(forget_at, ?4))
             RETURNING revoked_at",
        )
        .bind(revocation.kind.as_str())
        .bind(&revocation.value)
        .bind(revocation.revoked_at)
        .bind(until)
        .fetch_one(&self.pool)
        .await?;
        Ok(written)
    }

    /// Takes a revocation back; answers whether there was one.
    pub async fn lift(&self, kind: RevocationKind, value: &str) -> Result<bool, StoreError> {
        let result = sqlx::query("DELETE FROM analytics_revocations WHERE kind = ? AND value = ?")
            .bind(kind.as_str())
            .bind(value)
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() > 0)
    }
}

fn read_token(row: &SqliteRow) -> Result<StaticToken, StoreError> {
    #[derive(FromRow)]
    struct Stored {
        id: String,
        name: String,
        description: String,
        secret: Vec<u8>,
        scopes: String,
        project_scopes: String,
        created_at: i64,
        updated_at: i64,
    }
    let stored = Stored::from_row(row)?;
    let unreadable = || StoreError::Unreadable(stored.name.clone());
    let scopes = read_scopes(&stored.scopes).ok_or_else(unreadable)?;
    let project_scopes = read_scopes(&stored.project_scopes).ok_or_else(unreadable)?;
    Ok(StaticToken {
        id: stored.id,
        name: stored.name,
        description: stored.description,
        secret: stored.secret,
        scopes,
        project_scopes,
        created_at: from_microseconds(stored.created_at),
        updated_at: from_microseconds(stored.updated_at),
    })
}

fn read_scopes(json: &str) -> Option<Vec<StaticScope>> {
    let texts: Vec<String> = serde_json::from_str(json).ok()?;
    texts.iter().map(|text| text.parse().ok()).collect()
}

fn write_scopes(scopes: &[StaticScope]) -> String {
    let texts: Vec<String> = scopes.iter().map(StaticScope::to_string).collect();
    serde_json::json!(texts).to_string()
}

fn name_taken(error: sqlx::Error, name: &str) -> StoreError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => StoreError::NameTaken(name.to_owned()),
        _ => StoreError::Database(error),
    }
}

fn new_secret() -> Result<Vec<u8>, StoreError> {
    let mut secret = vec![0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut secret)
        .map_err(StoreError::Randomness)?;
    Ok(secret)
}

fn now_microseconds() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn from_microseconds(microseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
