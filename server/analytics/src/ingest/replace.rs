//! Putting rows in the place of those that are there, all at once.
//!
//! The new rows go into a table beside the data source's own, the same way as
//! rows that are appended. When all of them are there the two tables take each
//! other's names, which readers see as one step; until then nothing has
//! changed, whatever fails. Rows that stay, because a condition does not take
//! them, move into the new table first: whole partitions as hard links, and
//! only those that the condition reaches into row by row.

use std::sync::Arc;

use super::{Append, IngestError, Ingested, Target, append};
use crate::datafile::DataSource;
use crate::engine::{Engine, EngineError, Statement, sql};
use crate::project::qualified;

/// How the names of the tables beside begin; the dot keeps them apart from
/// every data source.
const BESIDE: &str = "incoming.";

/// Where rows are replaced.
#[derive(Debug, Clone)]
pub struct Place {
    /// The engine that keeps the tables.
    pub engine: Arc<dyn Engine>,
    /// The database of the data source's table.
    pub database: String,
    /// The data source.
    pub data_source: Arc<DataSource>,
}

/// New rows that wait beside a data source's table.
#[derive(Debug)]
pub struct Incoming {
    place: Place,
    rows: Beside,
    /// What became of the rows that were read.
    pub ingested: Ingested,
}

impl Incoming {
    /// Reads rows into a table beside; those that do not fit go to the data
    /// source's quarantine.
    ///
    /// # Errors
    /// As [`append`]; the data source's rows are as they were.
    pub async fn load(place: Place, mut rows: Append) -> Result<Self, IngestError> {
        let beside = Beside::create(&place).await?;
        rows.table = Some(beside.name.clone());
        let target = Target {
            engine: place.engine.as_ref(),
            database: &place.database,
            data_source: &place.data_source,
        };
        let ingested = append(target, rows).await?;
        Ok(Self {
            ingested,
            rows: beside,
            place,
        })
    }

    /// How many of the new rows fulfil a condition.
    ///
    /// # Errors
    /// The engine's.
    pub async fn count(&self, condition: &str) -> Result<u64, EngineError> {
        let count = format!(
            "SELECT count() FROM {} WHERE {}",
            self.rows.table(),
            fulfils(condition)
        );
        let lines = self.place.lines(count).await?;
        Ok(lines
            .first()
            .and_then(|line| line.parse().ok())
            .unwrap_or(0))
    }

    /// Puts the new rows in the place of all rows, or, with a condition, those
    /// new ones that fulfil it in the place of those old ones that do. The
    /// condition is SQL that was found to read this data source only.
    ///
    /// Nobody may write to the data source meanwhile: what is written while
    /// rows move would be lost.
    ///
    /// # Errors
    /// The engine's; the data source's rows are as they were.
    pub async fn put_in_place(self, condition: Option<&str>) -> Result<(), EngineError> {
        let result = match condition {
            None => self.rows,
            Some(condition) => {
                let result = Beside::create(&self.place).await?;
                let chosen = format!("{} WHERE {}", self.rows.table(), fulfils(condition));
                self.place.insert(&result, &chosen).await?;
                self.place.keep_others(&result, condition).await?;
                result
            }
        };
        let own = self.place.table();
        let exchange = format!("EXCHANGE TABLES {} AND {own}", result.table());
        self.place.change(exchange).await
    }
}

/// A condition that is NULL for a row does not take it.
fn fulfils(condition: &str) -> String {
    // The line break ends a comment that the condition may end with.
    format!("ifNull((\n{condition}\n), 0)")
}

/// The statement by which it is found out what a condition reads; see
/// [`Incoming::put_in_place`].
#[must_use]
pub fn probe(database: &str, data_source: &str, condition: &str) -> String {
    let table = qualified(database, data_source);
    format!(
        "SELECT count() FROM {table} WHERE NOT {}",
        fulfils(condition)
    )
}

impl Place {
    fn table(&self) -> String {
        qualified(&self.database, &self.data_source.name)
    }

    /// Moves the rows that a condition does not take into another table.
    async fn keep_others(&self, result: &Beside, condition: &str) -> Result<(), EngineError> {
        let own = self.table();
        let reached = format!(
            "SELECT DISTINCT _partition_id FROM {own} WHERE {}",
            fulfils(condition)
        );
        let reached = self.lines(reached).await?;
        for partition in self.partitions().await? {
            let id = sql::literal(&partition);
            if reached.contains(&partition) {
                let others = format!(
                    "{own} WHERE _partition_id = {id} AND NOT {}",
                    fulfils(condition)
                );
                self.insert(result, &others).await?;
            } else {
                let table = result.table();
                let attach = format!("ALTER TABLE {table} ATTACH PARTITION ID {id} FROM {own}");
                self.change(attach).await?;
            }
        }
        Ok(())
    }

    async fn partitions(&self) -> Result<Vec<String>, EngineError> {
        let parts = format!(
            "SELECT DISTINCT partition_id FROM system.parts \
             WHERE active AND database = {} AND table = {}",
            sql::literal(&self.database),
            sql::literal(&self.data_source.name)
        );
        self.lines(parts).await
    }

    async fn insert(&self, into: &Beside, from: &str) -> Result<(), EngineError> {
        let insert = format!("INSERT INTO {} SELECT * FROM {from}", into.table());
        self.change(insert).await
    }

    async fn change(&self, sql: String) -> Result<(), EngineError> {
        self.engine.query(Statement::change(sql)).await.map(drop)
    }

    async fn lines(&self, sql: String) -> Result<Vec<String>, EngineError> {
        let statement = Statement {
            format: "TSVRaw".to_owned(),
            ..Statement::change(sql)
        };
        let answer = self.engine.query(statement).await?;
        let text = String::from_utf8_lossy(&answer.body);
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// A table like a data source's, for the time of a replacement.
#[derive(Debug)]
struct Beside {
    engine: Arc<dyn Engine>,
    database: String,
    name: String,
}

impl Beside {
    async fn create(place: &Place) -> Result<Self, EngineError> {
        let beside = Self {
            engine: Arc::clone(&place.engine),
            database: place.database.clone(),
            name: format!("{BESIDE}{}", uuid::Uuid::new_v4().simple()),
        };
        let create = format!("CREATE TABLE {} AS {}", beside.table(), place.table());
        place.change(create).await?;
        Ok(beside)
    }

    fn table(&self) -> String {
        qualified(&self.database, &self.name)
    }
}

impl Drop for Beside {
    /// Whoever asked may be gone in the middle of it: the table goes by itself.
    fn drop(&mut self) {
        let engine = Arc::clone(&self.engine);
        let drop = format!("DROP TABLE IF EXISTS {} SYNC", self.table());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = engine.query(Statement::change(drop)).await {
                    tracing::warn!(%error, "a table of a replacement could not be dropped");
                }
            });
        }
    }
}

/// Drops the tables of replacements that ended with the process.
///
/// # Errors
/// The engine's.
pub async fn drop_leftovers(engine: &dyn Engine, database: &str) -> Result<(), EngineError> {
    let tables = format!(
        "SELECT name FROM system.tables WHERE database = {} AND startsWith(name, {})",
        sql::literal(database),
        sql::literal(BESIDE)
    );
    let answer = engine.query(Statement::read(tables, "TSVRaw")).await?;
    for name in String::from_utf8_lossy(&answer.body).lines() {
        let drop = format!("DROP TABLE IF EXISTS {} SYNC", qualified(database, name));
        engine.query(Statement::change(drop)).await?;
    }
    Ok(())
}
