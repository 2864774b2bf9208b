//! What was checked before and found good, so that it is not checked again:
//! at a restart nothing is, at a deployment what it changes.
//!
//! A verdict goes by a fingerprint of everything that decided it: the texts,
//! what they read, the engine and this program. Whatever changed has another
//! fingerprint and is checked. What is wrong is not remembered at all.

mod store;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqlitePool;

use crate::project::tables::fingerprint::fingerprint;
use engine::guard::{Guard, Refusal, TableName};
use engine::{Engine, EngineError};
use store::Store;

/// Verdicts by fingerprint.
#[derive(Debug, Default)]
pub struct Verdicts {
    known: Mutex<HashMap<String, Known>>,
    guard: Guard,
    /// Where they outlive the process.
    store: Option<Store>,
    /// What gave them: this program and the engine.
    by: String,
}

/// What was found good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::project) enum Verdict {
    /// A SELECT that a project may bring along, and the tables it names:
    /// database, table, whether it stands after IN.
    Read(Vec<(Option<String>, String, bool)>),
    /// A data source whose tables the engine makes.
    Made,
    /// A node that the engine's planner takes.
    Planned,
    /// A node that it would take but for the stand-ins of its parameters.
    Parsed,
}

#[derive(Debug)]
struct Known {
    verdict: Verdict,
    is_stored: bool,
    /// Whether it was asked for since [`Verdicts::settle`].
    is_used: bool,
}

/// What a SQL text names, and whether a project may bring it along.
#[derive(Debug)]
pub(in crate::project) struct Reading {
    pub(in crate::project) tables: Vec<TableName>,
    pub(in crate::project) refusal: Option<Refusal>,
}

impl Verdicts {
    /// Those of former processes. What cannot be read is checked again.
    pub async fn load(pool: SqlitePool, engine: &dyn Engine) -> Self {
        let store = Store::new(pool);
        let known = store.read().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was checked before is not known");
            Vec::new()
        });
        let known = known.into_iter().map(|(fingerprint, verdict)| {
            let known = Known {
                verdict,
                is_stored: true,
                is_used: false,
            };
            (fingerprint, known)
        });
        Self {
            known: Mutex::new(known.collect()),
            guard: Guard::default(),
            store: Some(store),
            by: format!("{} {}", program(), version(engine).await),
        }
    }

    /// The fingerprint of what decides a verdict.
    pub(in crate::project) fn fingerprint<'text>(
        &'text self,
        parts: impl IntoIterator<Item = &'text str>,
    ) -> String {
        fingerprint([self.by.as_str()].into_iter().chain(parts))
    }

    /// What was found, if it was good.
    pub(in crate::project) fn get(&self, fingerprint: &str) -> Option<Verdict> {
        let mut known = self.known();
        let known = known.get_mut(fingerprint)?;
        known.is_used = true;
        Some(known.verdict.clone())
    }

    /// Remembers what was found.
    pub(in crate::project) fn keep(&self, fingerprint: String, verdict: Verdict) {
        let known = Known {
            verdict,
            is_stored: false,
            is_used: true,
        };
        self.known().insert(fingerprint, known);
    }

    /// Reads a SQL text with its bound parameters.
    ///
    /// # Errors
    /// The engine's, such as that it cannot read the text.
    pub(in crate::project) async fn read(
        &self,
        engine: &dyn Engine,
        sql: &str,
        parameters: &[(String, String)],
    ) -> Result<Reading, EngineError> {
        let bound = parameters.iter().flat_map(|(name, value)| [name, value]);
        let parts = ["read", sql].into_iter().chain(bound.map(String::as_str));
        let fingerprint = self.fingerprint(parts);
        if let Some(Verdict::Read(tables)) = self.get(&fingerprint) {
            let name = |(database, table, after_in)| TableName {
                database,
                table,
                after_in,
            };
            return Ok(Reading {
                tables: tables.into_iter().map(name).collect(),
                refusal: None,
            });
        }
        let inspection = self.guard.inspect(engine, sql, parameters).await?;
        let tables: Vec<TableName> = inspection.tables.iter().cloned().collect();
        let refusal = inspection.check_project().err();
        if refusal.is_none() {
            let parts = |name: &TableName| {
                let TableName {
                    database,
                    table,
                    after_in,
                } = name.clone();
                (database, table, after_in)
            };
            let names = tables.iter().map(parts).collect();
            self.keep(fingerprint, Verdict::Read(names));
        }
        Ok(Reading { tables, refusal })
    }

    /// Forgets what nobody asked for since the last time, and stores the rest.
    /// To be called when a project is served that was checked whole.
    pub async fn settle(&self) {
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        self.known().retain(|fingerprint, known| {
            if !known.is_used {
                gone.push(fingerprint.clone());
            } else if !known.is_stored {
                new.push((fingerprint.clone(), known.verdict.clone()));
            }
            known.is_stored = true;
            std::mem::take(&mut known.is_used)
        });
        let Some(store) = &self.store else {
            return;
        };
        if let Err(error) = store.change(&new, &gone).await {
            tracing::warn!(%error, "what was checked is not remembered over a restart");
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells this program from others: another one may check otherwise.
fn program() -> String {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let built = file.and_then(|file| Ok((file.len(), file.modified()?)));
    format!("{} {built:?}", env!("CARGO_PKG_VERSION"))
}

async fn version(engine: &dyn Engine) -> String {
    let statement = engine::Statement::read("SELECT version()", "TSVRaw");
    match engine.query(statement).await {
        Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
        // Nobody's version: whatever was found is found again.
        Err(_) => uuid::Uuid::new_v4().to_string(),
    }
}
