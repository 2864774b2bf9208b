//! Putting rows in the place of those that are there, all at once.
//!
//! The new rows go into a table of a scratch database, the same way as rows
//! that are appended. When all of them are there the two tables take each
//! other's places, which readers see as one step; until then nothing has
//! changed, whatever fails. Rows that stay, because a condition does not take
//! them, move into the new table first: whole partitions as hard links, and
//! only those that the condition reaches into row by row. What materialized
//! views make of the new rows is `project`'s to make.

use std::sync::Arc;

use super::{Append, IngestError, Ingested, Target, append};
use crate::project::{ApplyError, Scratch, qualified};
use datafile::DataSource;
use engine::{Engine, EngineError, Statement, sql};

/// Where rows are replaced.
#[derive(Debug, Clone)]
pub struct OwnedTarget {
    /// The engine that keeps the tables.
    pub engine: Arc<dyn Engine>,
    /// The database of the data source's table.
    pub database: String,
    /// The data source.
    pub data_source: Arc<DataSource>,
}

/// New rows that wait in a scratch database.
#[derive(Debug)]
pub struct Incoming {
    into: OwnedTarget,
    scratch: Scratch,
    /// What became of the rows that were read.
    pub ingested: Ingested,
}

impl Incoming {
    /// Reads rows into a table that has the data source's name in a database
    /// of its own; those that do not fit go to the data source's quarantine.
    ///
    /// # Errors
    /// As [`append`]; the data source's rows are as they were.
    pub async fn load(into: OwnedTarget, mut rows: Append) -> Result<Self, IngestError> {
        let scratch = Scratch::create(&into.engine).await.map_err(unmade)?;
        let name = &into.data_source.name;
        let table = qualified(scratch.database(), name);
        into.create_like(&table).await?;
        rows.table = Some(table);
        let target = Target {
            engine: into.engine.as_ref(),
            database: &into.database,
            data_source: &into.data_source,
        };
        let ingested = append(target, rows).await?;
        Ok(Self {
            ingested,
            scratch,
            into,
        })
    }

    /// The scratch database.
    #[must_use]
    pub fn database(&self) -> &str {
        self.scratch.database()
    }

    fn table(&self) -> String {
        qualified(self.scratch.database(), &self.into.data_source.name)
    }

    /// How many of the new rows fulfil a condition.
    ///
    /// # Errors
    /// The engine's.
    pub async fn count(&self, condition: &str) -> Result<u64, EngineError> {
        let count = format!(
            "SELECT count() FROM {} WHERE {}",
            self.table(),
            fulfils(condition)
        );
        let lines = self.into.lines(count).await?;
        let count = lines.first().and_then(|line| line.parse().ok());
        Ok(count.unwrap_or(0))
    }

    /// Narrows the new rows to those that fulfil a condition, and adds the old
    /// ones that do not. The condition is SQL that was found to read this data
    /// source only. From here on nobody may write to the data source: what is
    /// written while rows move would be lost.
    ///
    /// # Errors
    /// The engine's; the data source's rows are as they were.
    pub async fn keep_others(&self, condition: &str) -> Result<(), EngineError> {
        let (into, all) = (&self.into, self.table());
        let chosen = qualified(self.scratch.database(), "chosen.");
        into.create_like(&chosen).await?;
        let fulfilling = format!("{all} WHERE {}", fulfils(condition));
        into.insert(&chosen, &fulfilling).await?;
        into.move_others(&chosen, condition).await?;
        into.exchange(&[(chosen, all)]).await
    }

    /// Puts the new rows in the place of the old ones, together with the other
    /// tables of the scratch database that are named. Nobody may write to any
    /// of them meanwhile.
    ///
    /// # Errors
    /// The engine's; the rows are as they were.
    pub async fn put_in_place(self, others: &[String]) -> Result<(), EngineError> {
        let names = others.iter().chain([&self.into.data_source.name]);
        let pair = |name: &String| {
            (
                qualified(self.scratch.database(), name),
                qualified(&self.into.database, name),
            )
        };
        let pairs: Vec<(String, String)> = names.map(pair).collect();
        self.into.exchange(&pairs).await
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

impl OwnedTarget {
    fn table(&self) -> String {
        qualified(&self.database, &self.data_source.name)
    }

    async fn create_like(&self, table: &str) -> Result<(), EngineError> {
        let create = format!("CREATE TABLE {table} AS {}", self.table());
        self.change(create).await
    }

    /// Moves the rows that a condition does not take into another table.
    async fn move_others(&self, into: &str, condition: &str) -> Result<(), EngineError> {
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
                self.insert(into, &others).await?;
            } else {
                let attach = format!("ALTER TABLE {into} ATTACH PARTITION ID {id} FROM {own}");
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

    async fn insert(&self, into: &str, from: &str) -> Result<(), EngineError> {
        let insert = format!("INSERT INTO {into} SELECT * FROM {from}");
        self.change(insert).await
    }

    /// Lets pairs of tables take each other's places.
    async fn exchange(&self, pairs: &[(String, String)]) -> Result<(), EngineError> {
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(one, other)| format!("{one} AND {other}"))
            .collect();
        let exchange = format!("EXCHANGE TABLES {}", pairs.join(", "));
        self.change(exchange).await
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

/// Making a database refuses nothing: what fails is the engine.
fn unmade(error: ApplyError) -> IngestError {
    match error {
        ApplyError::Engine { source, .. } => source.into(),
        ApplyError::Refused(_) => IngestError::Unreadable(error.to_string()),
    }
}
