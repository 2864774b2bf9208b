//! A project's fixtures: `fixtures/<data source>.ndjson`, plain or gzipped,
//! loaded into data sources that have no rows yet.
//!
//! A data source tagged `shift=<column>` gets its dates moved by whole weeks
//! so that they end this week, in the time zone of its tag `shift_time_zone`.
//! How rows get into the engine is `ingest`'s work.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::datafile::DataSource;
use crate::engine::{Engine, EngineError, Statement};
use crate::ingest::{self, IngestError, Load, Progress, Shift, Target};
use crate::project::{Project, qualified};

/// The folder inside a project.
const FOLDER: &str = "fixtures";
/// The data source in which loads are recorded, where a project has it.
const RECORD: &str = "demo_loads";
/// Endings of fixture files, the first that exists being taken.
const ENDINGS: [&str; 2] = ["ndjson", "ndjson.gz"];

/// A fixture could not be loaded.
#[derive(Debug, Error)]
#[error("the fixture {file} cannot be loaded into `{data_source}`")]
pub struct FixtureError {
    file: PathBuf,
    data_source: String,
    source: IngestError,
}

/// A fixture on its way, for showing how far it is.
#[derive(Debug)]
pub struct Step<'a> {
    /// The data source that is filled.
    pub data_source: &'a str,
    /// How much of the file is read.
    pub progress: Progress,
}

/// Where fixtures come from and go to.
#[derive(Debug, Clone, Copy)]
pub struct Fixtures<'a> {
    /// The project's directory.
    pub directory: &'a Path,
    /// The project.
    pub project: &'a Project,
    /// The engine that keeps the tables.
    pub engine: &'a dyn Engine,
    /// The database of the tables.
    pub database: &'a str,
}

impl Fixtures<'_> {
    /// Loads what is missing and returns how many data sources were filled. A
    /// load that was interrupted is done again.
    ///
    /// # Errors
    /// [`FixtureError`] for the first fixture that cannot be loaded.
    pub async fn load_missing(
        &self,
        now: i64,
        mut report: impl FnMut(Step<'_>) + Send,
    ) -> Result<usize, FixtureError> {
        let mut filled = 0;
        for data_source in self.project.data_sources() {
            let Some(file) = self.file_of(data_source) else {
                continue;
            };
            let loaded = self.load_one(data_source, &file, now, &mut report).await;
            let is_new = loaded.map_err(|source| FixtureError {
                file,
                data_source: data_source.name.clone(),
                source,
            })?;
            filled += usize::from(is_new);
        }
        Ok(filled)
    }

    fn file_of(&self, data_source: &DataSource) -> Option<PathBuf> {
        let folder = self.directory.join(FOLDER);
        ENDINGS
            .iter()
            .map(|ending| folder.join(format!("{}.{ending}", data_source.name)))
            .find(|file| file.is_file())
    }

    async fn load_one(
        &self,
        data_source: &DataSource,
        file: &Path,
        now: i64,
        report: &mut (impl FnMut(Step<'_>) + Send),
    ) -> Result<bool, IngestError> {
        let target = Target {
            engine: self.engine,
            database: self.database,
            data_source,
        };
        let records = self.project.data_source(RECORD).is_some();
        let is_done = if records {
            ingest::is_loaded(target).await?
        } else {
            self.has_rows(data_source).await?
        };
        if is_done {
            return Ok(false);
        }
        let shift = data_source.tags.value("shift").map(|column| Shift {
            column,
            time_zone: data_source.tags.value("shift_time_zone").unwrap_or("UTC"),
            now,
        });
        let mut progress = |progress| {
            report(Step {
                data_source: &data_source.name,
                progress,
            })
        };
        ingest::load(
            target,
            Load {
                file,
                shift,
                record: records,
                progress: &mut progress,
            },
        )
        .await?;
        Ok(true)
    }

    async fn has_rows(&self, data_source: &DataSource) -> Result<bool, EngineError> {
        let table = qualified(self.database, &data_source.name);
        let count = Statement::read(format!("SELECT count() > 0 FROM {table}"), "TabSeparated");
        Ok(self.engine.query(count).await?.body.starts_with(b"1"))
    }
}
