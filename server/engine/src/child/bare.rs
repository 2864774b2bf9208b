//! The library without a door, in the calling process: what benchmarks measure
//! everything else against. A process can open it once, on one directory.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::library::{Connection, Library};
use crate::{Answer, EngineError};

/// The library, loaded and open on a directory of its own.
pub struct Bare {
    library: &'static Library,
    directory: PathBuf,
}

/// A connection, on the calling thread.
pub struct BareConnection(Connection);

impl Bare {
    /// Loads the library; the directory is made by the first connection.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when it cannot be loaded.
    pub fn load(library: &Path, directory: &Path) -> Result<Self, EngineError> {
        Ok(Self {
            library: Library::load(library).map_err(EngineError::Unavailable)?,
            directory: directory.to_owned(),
        })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when the engine refuses it.
    pub fn connect(&self) -> Result<BareConnection, EngineError> {
        let connection = self.library.connect(&self.directory);
        connection
            .map(BareConnection)
            .map_err(EngineError::Unavailable)
    }
}

impl BareConnection {
    /// Runs any SQL, with an insert's rows behind it, and blocks until it is done.
    ///
    /// # Errors
    /// The engine's.
    pub fn query(&mut self, sql: &[u8], format: &str) -> Result<Answer, EngineError> {
        let output = self.0.query(sql, format, &[]);
        let output = output.map_err(|error| EngineError::from_text(&error))?;
        Ok(Answer {
            body: Bytes::from(output.body),
            statistics: output.statistics,
        })
    }
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Bare").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BareConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BareConnection")
            .finish_non_exhaustive()
    }
}
