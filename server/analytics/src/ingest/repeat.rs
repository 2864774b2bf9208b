//! Doing an import once more after it was cut short: the engine drops the
//! batches that it has already, in the table and behind it in the targets of
//! materialized views.
//!
//! A batch is known by its import's id and the number of its first row, so it
//! must be cut the same way each time. Only inserts that name such a token are
//! compared with what was there: equal rows from elsewhere are rows of their
//! own.

use engine::{Engine, EngineError, Statement, sql};

use crate::project::qualified;

/// How many inserts into a partition a table remembers: all that can come
/// between an import's beginning and its end at the next start. The import of
/// a file of 100 MB is about thirteen for each partition.
const WINDOW: u32 = 10_000;

/// Lets tables remember which batches they have; those that do already, or
/// keep no rows, stay as they are.
///
/// # Errors
/// The engine's.
pub async fn remember_batches(
    engine: &dyn Engine,
    database: &str,
    tables: &[String],
) -> Result<(), EngineError> {
    const SETTING: &str = "non_replicated_deduplication_window";

    let names: Vec<String> = tables.iter().map(|name| sql::literal(name)).collect();
    let forgetful = format!(
        "SELECT name FROM system.tables WHERE database = {} AND name IN ({}) \
         AND engine LIKE '%MergeTree' AND position(engine_full, '{SETTING}') = 0",
        sql::literal(database),
        names.join(", ")
    );
    let answer = engine.query(Statement::read(forgetful, "TSVRaw")).await?;
    for name in String::from_utf8_lossy(&answer.body).lines() {
        let table = qualified(database, name);
        let alter = format!("ALTER TABLE {table} MODIFY SETTING {SETTING} = {WINDOW}");
        engine.query(Statement::change(alter)).await?;
    }
    Ok(())
}

/// The settings of an insert that is the batch of an import from a row on.
pub(super) fn settings(import_id: &str, first_row: u64) -> [(String, String); 2] {
    [
        ("deduplicate_insert".to_owned(), "enable".to_owned()),
        (
            "insert_deduplication_token".to_owned(),
            format!("{import_id} {first_row}"),
        ),
    ]
}
