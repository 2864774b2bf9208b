//! The project that is served now, and how another takes its place.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard, watch};

use super::change::Change;
use super::check::{check_unknown, drop_leftovers};
use super::files::source::{SourceFile, read_directory};
use super::findings::report::Report;
use super::{Applied, ApplyError, Project, Variables, Verdicts};
use datafile::Diagnostic;
use engine::Engine;

/// Holds the project that is served. A new state takes its place only when it
/// is good and its tables are ready; until then the last good one stays.
#[derive(Debug)]
pub struct Workspace {
    directory: PathBuf,
    variables: std::sync::RwLock<Variables>,
    engine: Arc<dyn Engine>,
    database: String,
    current: watch::Sender<Arc<Project>>,
    verdicts: Arc<Verdicts>,
    /// Whoever writes rows holds it shared, whoever changes tables alone.
    rows: RwLock<()>,
    /// Held while a new state is made, so that there is one at a time.
    known: Mutex<Known>,
}

/// What is known of the files.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// As they were read last, so that saving without a change does nothing.
    pub(super) read: Vec<SourceFile>,
    /// As they are served.
    pub(super) served: Vec<SourceFile>,
}

/// Why a state of the files is not served.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    /// It is wrong.
    #[error("the project is wrong\n\n{0}")]
    Wrong(Box<Report>),
    /// It is right, but its tables cannot be made.
    #[error("the project cannot be applied: {0}")]
    NotApplied(#[from] ApplyError),
    /// The directory does not take the files; nothing was changed.
    #[error("the project's directory cannot be written: {0}")]
    Unwritable(#[source] io::Error),
    /// The project is served, but not all of its files are in the directory.
    #[error("the project is served, but its directory was not brought up to date: {0}")]
    Unfinished(#[source] io::Error),
}

impl NotServed {
    /// Whether other files would be served.
    #[must_use]
    pub fn is_about_the_files(&self) -> bool {
        matches!(
            self,
            Self::Wrong(_) | Self::NotApplied(ApplyError::Refused(_))
        )
    }
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
        let verdicts = Verdicts::default();
        let workspace = Self::new(directory, variables, engine, database, verdicts).await?;
        let applied = workspace.reload().await?.unwrap_or_default();
        Ok((workspace, applied))
    }

    /// A workspace that serves nothing yet. What the verdicts know to be good
    /// is not checked again.
    ///
    /// # Errors
    /// When the engine cannot be tidied up.
    pub async fn new(
        directory: &Path,
        variables: Variables,
        engine: Arc<dyn Engine>,
        database: &str,
        verdicts: Verdicts,
    ) -> Result<Self, ApplyError> {
        drop_leftovers(engine.as_ref()).await?;
        Ok(Self {
            directory: directory.to_owned(),
            variables: std::sync::RwLock::new(variables),
            engine,
            database: database.to_owned(),
            verdicts: Arc::new(verdicts),
            current: watch::Sender::new(Arc::default()),
            rows: RwLock::new(()),
            known: Mutex::default(),
        })
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

    /// Lets projects that are made from now on see these secrets.
    pub fn set_secrets(&self, secrets: BTreeMap<String, String>) {
        let mut variables = self
            .variables
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        variables.secrets = secrets;
    }

    pub(super) fn variables(&self) -> Variables {
        let variables = self.variables.read();
        variables.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again and serves them if they are good. `None` if they
    /// say what they said.
    ///
    /// # Errors
    /// When they are wrong or cannot be applied; the former state is served
    /// on.
    pub async fn reload(&self) -> Result<Option<Applied>, NotServed> {
        let mut known = self.known.lock().await;
        let files = self.read_files()?;
        if known.read == files && !files.is_empty() {
            return Ok(None);
        }
        known.read.clone_from(&files);
        let project = self.check(&files, Vec::new()).await?;
        let applied = self.serve(project).await?;
        known.served = files;
        Ok(Some(applied))
    }

    /// Begins to replace the files as a whole. Whoever else wants to change
    /// the project waits.
    ///
    /// # Errors
    /// When the files that are there cannot be read.
    pub async fn change(&self) -> Result<Change<'_>, NotServed> {
        let known = self.known.lock().await;
        let present = self.read_files()?;
        Ok(Change::new(self, known, present))
    }

    fn read_files(&self) -> Result<Vec<SourceFile>, NotServed> {
        read_directory(&self.directory).map_err(|found| wrong(Report::new(&[], found)))
    }

    /// The project that files make, if they are good; `found` is what is known
    /// to be wrong with them already.
    pub(super) async fn check(
        &self,
        files: &[SourceFile],
        found: Vec<Diagnostic>,
    ) -> Result<Project, NotServed> {
        let (mut report, project) = check_unknown(
            files,
            &self.variables(),
            Some(self.engine.as_ref()),
            &self.verdicts,
        )
        .await;
        report.add(found);
        match project {
            Some(project) if report.is_good() => Ok(project),
            _ => Err(wrong(report)),
        }
    }

    /// Finds out whether a project's tables can be made.
    pub(super) async fn rehearse(&self, project: &Project) -> Result<(), ApplyError> {
        project.rehearse(self.engine.as_ref(), &self.database).await
    }

    /// Makes a project's tables and serves it.
    pub(super) async fn serve(&self, project: Project) -> Result<Applied, NotServed> {
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
        self.verdicts.settle().await;
        Ok(applied)
    }

    async fn apply(&self, project: &Project) -> Result<Applied, ApplyError> {
        project.apply(self.engine.as_ref(), &self.database).await
    }
}

fn wrong(report: Report) -> NotServed {
    NotServed::Wrong(Box::new(report))
}
