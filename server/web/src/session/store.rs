//! Where sessions are kept: SQLite, under a digest of their id, behind a
//! cache that spares a request in use of its session the database.
//!
//! Two promises hold here, whatever requests run at the same time: an ended
//! session does not come back, and a copy of the database opens no session.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::SqlitePool;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, ExpiredDeletion, SessionStore};
use tower_sessions_sqlx_store::SqliteStore;

/// What a session remembers, by key.
pub(crate) type Data = HashMap<String, Value>;

/// Whether there is something to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Yes,
    No,
}

const TABLE: &str = "web_sessions";

/// Sessions in the cache; at about two kilobytes each.
const CACHED: u64 = 10_000;

/// How long a session is believed without asking the database again. Another
/// process that ends a session is noticed within this time.
const FRESH: Duration = Duration::from_secs(60);

/// What the cache knows about an id.
#[derive(Debug, Clone)]
enum Known {
    Alive(Arc<Record>),
    /// Ended here. Stays for a while, so that a request that read the session
    /// before cannot bring it back.
    Ended,
}

/// The session store.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: SqliteStore,
    cache: Cache<Id, Known>,
    /// Held while a session is written: between looking whether it was ended
    /// and writing it, it must not end.
    writing: Arc<Mutex<()>>,
}

impl Store {
    /// A store over the tables behind `pool`.
    pub(crate) fn new(pool: SqlitePool) -> Self {
        Self {
            database: SqliteStore::new(pool)
                .with_table_name(TABLE)
                .expect("the table's name is alphanumeric"),
            cache: Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(FRESH)
                .build(),
            writing: Arc::default(),
        }
    }

    /// Changes what a session remembers, beginning with what it remembers now:
    /// of two changes at the same time, neither is lost. Nothing is written when
    /// `change` finds nothing to change, or for an ended session.
    pub(crate) async fn change(
        &self,
        id: &Id,
        change: impl FnOnce(&mut Data) -> Changed,
    ) -> session_store::Result<()> {
        let _writing = self.writing.lock().await;
        let Some(mut record) = self.load(id).await? else {
            return Ok(());
        };
        match change(&mut record.data) {
            Changed::Yes => self.write(&record).await,
            Changed::No => Ok(()),
        }
    }

    /// Writes a session that has not ended; the caller holds `writing`.
    async fn write(&self, record: &Record) -> session_store::Result<()> {
        let row = Record {
            id: digest(&record.id),
            ..record.clone()
        };
        self.database.save(&row).await?;
        let known = Known::Alive(Arc::new(record.clone()));
        self.cache.insert(record.id, known);
        Ok(())
    }

    /// Deletes the rows of sessions past their end.
    pub(crate) async fn delete_expired(&self) -> session_store::Result<()> {
        self.database.delete_expired().await
    }

    /// The cached record; the outer `None` says that the database has to be
    /// asked.
    fn cached(&self, id: &Id) -> Option<Option<Record>> {
        Some(match self.cache.get(id)? {
            Known::Alive(record) => alive(&record).then(|| Record::clone(&record)),
            Known::Ended => None,
        })
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let mut row = Record {
            id: digest(&record.id),
            ..record.clone()
        };
        let expected = row.id;
        self.database.create(&mut row).await?;
        if row.id != expected {
            // 128 random bits met an existing digest; the row belongs to no
            // cookie and expires by itself.
            return Err(session_store::Error::Backend(
                "two session ids collided".to_owned(),
            ));
        }
        self.cache
            .insert(record.id, Known::Alive(Arc::new(record.clone())));
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let _writing = self.writing.lock().await;
        if matches!(self.cache.get(&record.id), Some(Known::Ended)) {
            return Ok(());
        }
        self.write(record).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        if let Some(known) = self.cached(id) {
            return Ok(known);
        }
        let Some(row) = self.database.load(&digest(id)).await? else {
            return Ok(None);
        };
        let record = Arc::new(Record { id: *id, ..row });
        // Only where nothing is known: the session may have ended meanwhile.
        let known = self
            .cache
            .entry(*id)
            .or_insert(Known::Alive(record))
            .into_value();
        Ok(match known {
            Known::Alive(record) => Some(Record::clone(&record)),
            Known::Ended => None,
        })
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        let _writing = self.writing.lock().await;
        self.cache.insert(*id, Known::Ended);
        self.database.delete(&digest(id)).await
    }
}

fn alive(record: &Record) -> bool {
    record.expiry_date > OffsetDateTime::now_utc()
}

/// The id under which a session is stored. An id is 128 random bits, so a
/// plain hash cannot be searched backwards.
fn digest(id: &Id) -> Id {
    let hash = Sha256::digest(id.0.to_le_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Id(i128::from_le_bytes(half))
}

#[cfg(test)]
mod tests;
