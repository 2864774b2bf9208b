//! A project's fixtures, `fixtures/<data source>.…`, loaded into data sources
//! that have no rows yet.
//!
//! A data source tagged `shift=<column>` gets its dates moved by whole weeks
//! so that they end this week, in the time zone of its tag `shift_time_zone`.
//! What a file may be is in `files`; how rows get into the engine is
//! `ingest`'s work.

pub(crate) mod files;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::ingest::{self, IngestError, Load, Progress, Shift, Target};
use crate::project::{Project, qualified};
use datafile::DataSource;
use engine::{Engine, EngineError, Statement};

/// The data source in which loads are recorded, where a project has it.
const RECORD: &str = "demo_loads";

/// A fixture could not be loaded.
#[derive(Debug, Error)]
#[error("{file}: the fixture cannot be loaded into `{data_source}`: {message}", file = file.display())]
pub struct FixtureError {
    file: PathBuf,
    data_source: String,
    message: String,
}

/// Whether a project's fixtures are the data it serves: it then keeps a record
/// of what was loaded, as the demo does. Those of other projects are rows for
/// tests, which nobody wants among their own unasked.
#[must_use]
pub fn are_served(project: &Project) -> bool {
    project.data_source(RECORD).is_some()
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
            let Some(file) = files::find(self.directory, &data_source.name) else {
                continue;
            };
            let loaded = self.load_one(data_source, &file, now, &mut report).await;
            let is_new = loaded.map_err(|message| FixtureError {
                file,
                data_source: data_source.name.clone(),
                message,
            })?;
            filled += usize::from(is_new);
        }
        Ok(filled)
    }

    async fn load_one(
        &self,
        data_source: &DataSource,
        file: &Path,
        now: i64,
        report: &mut (impl FnMut(Step<'_>) + Send),
    ) -> Result<bool, String> {
        let file = &self.directory.join(file);
        let shift = data_source.tags.value("shift").map(|column| Shift {
            column,
            time_zone: data_source.tags.value("shift_time_zone").unwrap_or("UTC"),
            now,
        });
        if are_served(self.project) || shift.is_some() {
            let streamed = self.stream(data_source, file, shift, report).await;
            return streamed.map_err(|error| error.to_string());
        }
        let has_rows = self.has_rows(data_source).await;
        if has_rows.map_err(|error| error.to_string())? {
            return Ok(false);
        }
        let loaded = files::load(self.engine, data_source, file).await?;
        match loaded.complaint() {
            None => Ok(true),
            Some(complaint) => Err(complaint),
        }
    }

    /// Streams a large file of NDJSON, whose keys are the columns' names.
    async fn stream(
        &self,
        data_source: &DataSource,
        file: &Path,
        shift: Option<Shift<'_>>,
        report: &mut (impl FnMut(Step<'_>) + Send),
    ) -> Result<bool, IngestError> {
        let target = Target {
            engine: self.engine,
            database: self.database,
            data_source,
        };
        let record = are_served(self.project);
        let is_done = match record {
            true => ingest::is_loaded(target).await?,
            false => self.has_rows(data_source).await?,
        };
        if is_done {
            return Ok(false);
        }
        let mut progress = |progress| {
            report(Step {
                data_source: &data_source.name,
                progress,
            })
        };
        let load = Load {
            file,
            shift,
            record,
            progress: &mut progress,
        };
        ingest::load(target, load).await?;
        Ok(true)
    }

    async fn has_rows(&self, data_source: &DataSource) -> Result<bool, EngineError> {
        let table = qualified(self.database, &data_source.name);
        let count = Statement::read(format!("SELECT count() > 0 FROM {table}"), "TabSeparated");
        Ok(self.engine.query(count).await?.body.starts_with(b"1"))
    }
}

#[cfg(test)]
mod tests;
