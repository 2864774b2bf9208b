//! A database beside the project's, for rows on their way into a data source.
//!
//! What fails, is cancelled or cut short leaves nothing in the data source; the
//! database goes with whoever holds it, and at the next start at the latest.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::project::tables::apply::{ApplyError, Target};
use engine::{Engine, EngineError};

/// The table in a scratch database that takes up rows. The dot keeps it apart
/// from copies of data sources.
pub(in crate::project) const FILLED: &str = "filled.rows";

/// A database that is dropped when this is.
#[derive(Debug)]
pub(crate) struct Scratch {
    engine: Arc<dyn Engine>,
    database: String,
    is_dropped: bool,
}

impl Scratch {
    /// Creates an empty database.
    pub(crate) async fn create(engine: &Arc<dyn Engine>) -> Result<Self, ApplyError> {
        let scratch = Self {
            engine: Arc::clone(engine),
            database: format!("scratch_{}", Uuid::new_v4().simple()),
            is_dropped: false,
        };
        scratch.target().create_database().await?;
        Ok(scratch)
    }

    /// Its name.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// The database to work in.
    pub(in crate::project) fn target(&self) -> Target<'_> {
        Target {
            engine: self.engine.as_ref(),
            database: &self.database,
        }
    }

    /// Drops the database with all its tables.
    pub(in crate::project) async fn drop(mut self) -> Result<(), ApplyError> {
        self.is_dropped = true;
        self.target().drop_database().await
    }
}

impl Drop for Scratch {
    /// Whoever was cancelled cannot wait: a task of its own drops the database.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.is_dropped {
            return;
        }
        let (engine, database) = (Arc::clone(&self.engine), std::mem::take(&mut self.database));
        runtime.spawn(async move {
            let target = Target {
                engine: engine.as_ref(),
                database: &database,
            };
            if let Err(error) = drop_for_good(&target).await {
                tracing::warn!(%error, "a scratch database stays until the next start");
            }
        });
    }
}

/// Drops the database of work that was cancelled. The engine may still be at
/// the work's last statement, such as creating the database or a table in it,
/// and that takes no heed of being cancelled: so it is tried again.
async fn drop_for_good(target: &Target<'_>) -> Result<(), ApplyError> {
    /// ClickHouse's `UNKNOWN_DATABASE`: not there, or not yet.
    const UNKNOWN: i32 = 81;
    /// ClickHouse's `DATABASE_NOT_EMPTY`: a table came while it was dropped.
    const NOT_EMPTY: i32 = 219;
    const ATTEMPTS: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(100);

    let mut dropped = target.drop_database().await;
    for _ in 1..ATTEMPTS {
        match code(&dropped) {
            Some(UNKNOWN | NOT_EMPTY) => tokio::time::sleep(PAUSE).await,
            _ => return dropped,
        }
        dropped = target.drop_database().await;
    }
    match code(&dropped) {
        Some(UNKNOWN) => Ok(()),
        _ => dropped,
    }
}

/// ClickHouse's code of a failure.
fn code(result: &Result<(), ApplyError>) -> Option<i32> {
    match result {
        Err(ApplyError::Engine {
            source: EngineError::Query { code, .. },
            ..
        }) => Some(*code),
        _ => None,
    }
}
