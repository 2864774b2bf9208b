//! The one database of the installation: users, sessions, static tokens.

use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

const FILE: &str = "rookery.db";
/// How long a writer waits for another one, of this process or another.
const BUSY: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 8;

/// Opens `<state>/rookery.db`, creating it at the first start.
///
/// # Errors
/// The file cannot be opened or is no database.
pub(crate) async fn open(state: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(state.join(FILE))
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
