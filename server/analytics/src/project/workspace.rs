//! The project that is served now, and how another takes its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard, watch};

use super::check::{check_files, drop_leftovers};
use super::report::Report;
use super::source::{SourceFile, read_directory};
use super::{Applied, ApplyError, Project, Variables};
use crate::engine::Engine;

/// Holds the project that is served. A new state takes its place only when it
/// is good and its tables are ready; until then the last good one stays.
#[derive(Debug)]
pub struct Workspace {
    directory: PathBuf,
    variables: Variables,
    engine: Arc<dyn Engine>,
    database: String,
    current: watch::Sender<Arc<Project>>,
    /// Whoever writes rows holds it shared, whoever changes tables alone.
    rows: RwLock<()>,
    /// What was read last, so that saving without a change does nothing; held
    /// while a new state is made, so that there is one at a time.
    last_read: Mutex<Vec<SourceFile>>,
}

/// Why a state of the files is not served.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// It is wrong.
    #[error("the project is wrong\n\n{0}")]
    Wrong(Box<Report>),
    /// It is right, but its tables cannot be made.
    #[error(transparent)]
    NotApplied(#[from] ApplyError),
}

impl Workspace {
    /// Loads, checks and applies the project of a directory.
    ///
    /// # Errors
    /// When it is wrong or cannot be applied.
    pub async fn open(
        directory: &Path,
        variables: Variables,
        engine: Arc<dyn Engine>,
        database: &str,
    ) -> Result<(Self, Applied), NotServed> {
        let workspace = Self {
            directory: directory.to_owned(),
            variables,
            engine,
            database: database.to_owned(),
            current: watch::Sender::new(Arc::default()),
            rows: RwLock::new(()),
            last_read: Mutex::new(Vec::new()),
        };
        drop_leftovers(workspace.engine.as_ref()).await?;
        let applied = workspace.reload().await?.unwrap_or_default();
        Ok((workspace, applied))
    }

    /// The project's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The project as it is served now.
    #[must_use]
    pub fn current(&self) -> Arc<Project> {
        Arc::clone(&self.current.borrow())
    }

    /// Tells of every project that is served from now on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Project>> {
        self.current.subscribe()
    }

    /// To be held while rows are written: tables do not change meanwhile, and
    /// new materialized views neither miss the rows nor count them twice.
    pub async fn writing(&self) -> RwLockReadGuard<'_, ()> {
        self.rows.read().await
    }

    /// To be held while tables take each other's places: nobody writes rows
    /// meanwhile, and the project stays as it is.
    pub async fn exchanging(&self) -> RwLockWriteGuard<'_, ()> {
        self.rows.write().await
    }

    pub(super) fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Reads the files again and serves them if they are good. `None` if they
    /// say what they said.
    ///
    /// # Errors
    /// When they are wrong or cannot be applied; the former state is served
    /// on.
    pub async fn reload(&self) -> Result<Option<Applied>, NotServed> {
        let mut last_read = self.last_read.lock().await;
        let files =
            read_directory(&self.directory).map_err(|found| wrong(Report::new(&[], found)))?;
        if *last_read == files && !files.is_empty() {
            return Ok(None);
        }
        last_read.clone_from(&files);
        self.serve(&files).await.map(Some)
    }

    async fn serve(&self, files: &[SourceFile]) -> Result<Applied, NotServed> {
        let (report, project) =
            check_files(files, &self.variables, Some(self.engine.as_ref())).await;
        let project = project.ok_or_else(|| wrong(report))?;
        let nobody_writes = self.rows.write().await;
        let applied = match self.apply(&project).await {
            Ok(applied) => applied,
            Err(error) => {
                // Half of it may be done: the tables and views of what is
                // served on must be there.
                if let Err(error) = self.apply(&self.current()).await {
                    tracing::warn!(%error, "the former project's tables could not be restored");
                }
                return Err(error.into());
            }
        };
        self.current.send_replace(Arc::new(project));
        drop(nobody_writes);
        Ok(applied)
    }

    async fn apply(&self, project: &Project) -> Result<Applied, ApplyError> {
        project.apply(self.engine.as_ref(), &self.database).await
    }
}

fn wrong(report: Report) -> NotServed {
    NotServed::Wrong(Box::new(report))
}
