//! Where sessions are kept: SQLite, under a digest of their id, behind a
//! cache that spares a request in use of its session the database.
//!
//! Two promises hold here, whatever requests run at the same time: an ended
//! session does not come back, and a copy of the database opens no session.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::SqlitePool;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, SessionStore};

/// What a session remembers, by key.
pub(crate) type Data = HashMap<String, Value>;

/// Whether there is something to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Yes,
    No,
}

/// The name of a session that is no secret: a digest of the id in the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Handle(Id);

impl Handle {
    /// The handle of the session with this id. An id is 128 random bits, so a
    /// plain hash cannot be searched backwards.
    pub(crate) fn of(id: &Id) -> Self {
        let hash = Sha256::digest(id.0.to_le_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        Self(Id(i128::from_le_bytes(half)))
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Handle {
    type Err = base64::DecodeSliceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Whose sessions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// All of a person's.
    Person { issuer: &'a str, subject: &'a str },
    /// Those that began with one session at the provider.
    ProviderSession { issuer: &'a str, id: &'a str },
    /// All of whoever has this subject identifier, at any provider.
    Subject(&'a str),
    /// Those of all other issuers than this one.
    NotOf(&'a str),
    /// Everybody's.
    Everybody,
}

/// Sessions in the cache; at about two kilobytes each.
const CACHED: u64 = 10_000;

/// How long an ended session is remembered as such, for requests that have read
/// it before.
const FRESH: Duration = Duration::from_secs(60);

/// What the cache knows about a session.
#[derive(Debug, Clone)]
enum Known {
    /// What it remembers, and when it expires.
    Alive(Arc<Data>, OffsetDateTime),
    /// Ended here. Stays for a while, so that a request that read the session
    /// before cannot bring it back.
    Ended,
}

/// The session store.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
    cache: Cache<Handle, Known>,
    /// Held while a session is written: between looking whether it was ended
    /// and writing it, it must not end.
    writing: Arc<Mutex<()>>,
    /// Sessions whose row is older than what the cache knows.
    unwritten: Arc<StdMutex<HashSet<Handle>>>,
    /// The database's count of ended sessions that the cache is of.
    ended: Arc<AtomicI64>,
}

impl Store {
    /// A store over the tables behind `pool`.
    pub(crate) fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            cache: Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(FRESH)
                .build(),
            writing: Arc::default(),
            unwritten: Arc::default(),
            ended: Arc::new(AtomicI64::new(-1)),
        }
    }

    /// What the session remembers; `None` when it has ended.
    pub(crate) async fn read(&self, handle: Handle) -> session_store::Result<Option<Arc<Data>>> {
        Ok(self.known(handle).await?.map(|(data, _)| data))
    }

    /// Changes what a session remembers, beginning with what it remembers now:
    /// of two changes at the same time, neither is lost. Nothing is written when
    /// `change` finds nothing to change, or for an ended session.
    pub(crate) async fn change(
        &self,
        handle: Handle,
        change: impl FnOnce(&mut Data) -> Changed,
    ) -> session_store::Result<()> {
        let _writing = self.writing.lock().await;
        let Some((data, expires)) = self.known(handle).await? else {
            return Ok(());
        };
        let mut data = Data::clone(&data);
        match change(&mut data) {
            Changed::Yes => self.write(handle, Arc::new(data), expires).await,
            Changed::No => Ok(()),
        }
    }

    /// The same without waiting for the database: for what may be lost when the
    /// process dies. [`Self::write_down`] writes it.
    pub(crate) async fn change_soon(
        &self,
        handle: Handle,
        change: impl FnOnce(&mut Data) -> Changed,
    ) -> session_store::Result<()> {
        let _writing = self.writing.lock().await;
        let Some((data, expires)) = self.known(handle).await? else {
            return Ok(());
        };
        let mut data = Data::clone(&data);
        if change(&mut data) == Changed::Yes {
            self.cache
                .insert(handle, Known::Alive(Arc::new(data), expires));
            self.unwritten().insert(handle);
        }
        Ok(())
    }

    /// Writes what was left for later.
    pub(crate) async fn write_down(&self) -> session_store::Result<()> {
        let handles = std::mem::take(&mut *self.unwritten());
        for handle in handles {
            self.change(handle, |_| Changed::Yes).await?;
        }
        Ok(())
    }

    fn unwritten(&self) -> MutexGuard<'_, HashSet<Handle>> {
        self.unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The handles of somebody's sessions.
    pub(crate) async fn of(&self, whose: Whose<'_>) -> session_store::Result<Vec<Handle>> {
        let (condition, first, second) = match whose {
            Whose::Person { issuer, subject } => {
                ("issuer = ?1 AND subject = ?2", Some(issuer), Some(subject))
            }
            Whose::ProviderSession { issuer, id } => (
                "issuer = ?1 AND provider_session = ?2",
                Some(issuer),
                Some(id),
            ),
            Whose::Subject(subject) => ("subject = ?1", Some(subject), None),
            Whose::NotOf(issuer) => ("issuer IS NOT ?1", Some(issuer), None),
            Whose::Everybody => ("true", None, None),
        };
        let query = format!("SELECT id FROM web_sessions WHERE {condition} ORDER BY id");
        let ids: Vec<String> = sqlx::query_scalar(&query)
            .bind(first)
            .bind(second)
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Ends a session.
    pub(crate) async fn end(&self, handle: Handle) -> session_store::Result<()> {
        let _writing = self.writing.lock().await;
        self.cache.insert(handle, Known::Ended);
        let deleted = sqlx::query("DELETE FROM web_sessions WHERE id = ?")
            .bind(handle.to_string())
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        self.count_own(deleted.rows_affected());
        Ok(())
    }

    /// Deletes the rows of sessions past their end.
    pub(crate) async fn delete_expired(&self) -> session_store::Result<()> {
        let deleted = sqlx::query("DELETE FROM web_sessions WHERE expires_at <= ?")
            .bind(OffsetDateTime::now_utc().unix_timestamp())
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        self.count_own(deleted.rows_affected());
        Ok(())
    }

    /// What was deleted here need not be noticed as another process's doing.
    fn count_own(&self, deleted: u64) {
        self.ended
            .fetch_add(deleted.cast_signed(), Ordering::AcqRel);
    }

    /// Takes notice of sessions that another process ended, if it ended any.
    /// Those ended here stay known as such.
    pub(crate) async fn refresh(&self) -> session_store::Result<()> {
        let count: i64 = sqlx::query_scalar("SELECT count FROM web_sessions_ended")
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        if self.ended.swap(count, Ordering::AcqRel) != count {
            let _writing = self.writing.lock().await;
            for (handle, known) in &self.cache {
                if matches!(known, Known::Alive(..)) {
                    self.cache.invalidate(&*handle);
                }
            }
        }
        Ok(())
    }

    /// What is known about a session that has not ended, from the cache or else
    /// the database.
    async fn known(
        &self,
        handle: Handle,
    ) -> session_store::Result<Option<(Arc<Data>, OffsetDateTime)>> {
        let known = match self.cache.get(&handle) {
            Some(known) => known,
            None => match self.fetch(handle).await? {
                None => return Ok(None),
                // Only where nothing is known: it may have ended meanwhile.
                Some(read) => self.cache.entry(handle).or_insert(read).into_value(),
            },
        };
        Ok(match known {
            Known::Alive(data, expires) if expires > OffsetDateTime::now_utc() => {
                Some((data, expires))
            }
            Known::Alive(..) | Known::Ended => None,
        })
    }

    async fn fetch(&self, handle: Handle) -> session_store::Result<Option<Known>> {
        let row: Option<(String, i64)> =
            sqlx::query_as("SELECT data, expires_at FROM web_sessions WHERE id = ?")
                .bind(handle.to_string())
                .fetch_optional(&self.pool)
                .await
                .map_err(failed)?;
        let Some((data, expires)) = row else {
            return Ok(None);
        };
        let data = serde_json::from_str(&data)
            .map_err(|error| session_store::Error::Decode(error.to_string()))?;
        let expires = OffsetDateTime::from_unix_timestamp(expires)
            .map_err(|error| session_store::Error::Decode(error.to_string()))?;
        Ok(Some(Known::Alive(Arc::new(data), expires)))
    }

    /// Writes a session that has not ended; the caller holds `writing`. A
    /// session whose row another process deleted stays deleted.
    async fn write(
        &self,
        handle: Handle,
        data: Arc<Data>,
        expires: OffsetDateTime,
    ) -> session_store::Result<()> {
        let written = sqlx::query("UPDATE web_sessions SET data = ?, expires_at = ? WHERE id = ?")
            .bind(encode(&data)?)
            .bind(expires.unix_timestamp())
            .bind(handle.to_string())
            .execute(&self.pool)
            .await
            .map_err(failed)?
            .rows_affected();
        let known = match written {
            0 => Known::Ended,
            _ => Known::Alive(data, expires),
        };
        self.cache.insert(handle, known);
        Ok(())
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let handle = Handle::of(&record.id);
        // Two ids of 128 random bits do not collide; if they did, this fails.
        sqlx::query("INSERT INTO web_sessions (id, data, expires_at) VALUES (?, ?, ?)")
            .bind(handle.to_string())
            .bind(encode(&record.data)?)
            .bind(record.expiry_date.unix_timestamp())
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        let data = Arc::new(record.data.clone());
        self.cache
            .insert(handle, Known::Alive(data, record.expiry_date));
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let _writing = self.writing.lock().await;
        let handle = Handle::of(&record.id);
        if matches!(self.cache.get(&handle), Some(Known::Ended)) {
            return Ok(());
        }
        let data = Arc::new(record.data.clone());
        self.write(handle, data, record.expiry_date).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let known = self.known(Handle::of(id)).await?;
        Ok(known.map(|(data, expiry_date)| Record {
            id: *id,
            data: Data::clone(&data),
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.end(Handle::of(id)).await
    }
}

fn encode(data: &Data) -> session_store::Result<String> {
    serde_json::to_string(data).map_err(|error| session_store::Error::Encode(error.to_string()))
}

fn failed(error: sqlx::Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

#[cfg(test)]
mod tests;
