//! Replacing a project's files as a whole, as deploying does: check, make the
//! tables, put the files into the directory. Which files, and whether they may
//! replace the others, is `deploy`'s question.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::place::Placement;
use super::source::{SourceFile, read_files};
use super::workspace::{Known, NotServed, Workspace};
use super::{Applied, Project, Variables};
use crate::datafile::Diagnostic;

/// The right to change a workspace's project; one at a time has it.
#[derive(Debug)]
pub struct Change<'run> {
    workspace: &'run Workspace,
    known: MutexGuard<'run, Known>,
    present: Vec<SourceFile>,
}

/// Files that can take the place of the present ones.
#[derive(Debug)]
pub struct Rehearsed {
    files: Vec<SourceFile>,
    project: Project,
}

impl Rehearsed {
    /// The project that the files make.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.project
    }
}

impl<'run> Change<'run> {
    pub(super) fn new(
        workspace: &'run Workspace,
        known: MutexGuard<'run, Known>,
        present: Vec<SourceFile>,
    ) -> Self {
        Self {
            workspace,
            known,
            present,
        }
    }

    /// The project that is served.
    #[must_use]
    pub fn project(&self) -> Arc<Project> {
        self.workspace.current()
    }

    /// The files that are served, by path.
    #[must_use]
    pub fn served(&self) -> &[SourceFile] {
        &self.known.served
    }

    /// The files that are in the directory, by path.
    #[must_use]
    pub fn present(&self) -> &[SourceFile] {
        &self.present
    }

    /// Checks everything that can be known of files before they are served,
    /// down to what would become of the rows. Nothing changes.
    ///
    /// # Errors
    /// When they are wrong, or their tables cannot be made.
    pub async fn rehearse(&self, mut files: Vec<SourceFile>) -> Result<Rehearsed, NotServed> {
        files.sort_by(|left, right| left.path.cmp(&right.path));
        let found = self.reading_the_environment(&files);
        let project = self.workspace.check(&files, found).await?;
        self.workspace.rehearse(&project).await?;
        Ok(Rehearsed { files, project })
    }

    /// Files in the directory are the operator's, who may let them read the
    /// server's environment; those that are new here may not.
    fn reading_the_environment(&self, files: &[SourceFile]) -> Vec<Diagnostic> {
        let is_new = |file: &&SourceFile| !self.present.contains(file);
        let new: Vec<SourceFile> = files.iter().filter(is_new).cloned().collect();
        let variables = Variables {
            refuses_environment: true,
            ..self.workspace.variables()
        };
        let mut found = read_files(&new, &variables).found;
        found.retain(Diagnostic::is_error);
        found
    }

    /// Serves the files and puts them into the directory, in place of all
    /// datafiles there.
    ///
    /// # Errors
    /// When their tables cannot be made after all or the directory cannot be
    /// written. The former project is served on then, but for
    /// [`NotServed::Unfinished`].
    pub async fn install(&mut self, rehearsed: Rehearsed) -> Result<Applied, NotServed> {
        let Rehearsed { files, project } = rehearsed;
        let directory = self.workspace.directory().to_owned();
        let (present, wanted) = (self.present.clone(), files.clone());
        let prepare = move || Placement::prepare(&directory, &present, &wanted);
        let placement = blocking(prepare).await.map_err(NotServed::Unwritable)?;
        let applied = self.workspace.serve(project).await?;
        // Whoever watches the directory finds nothing new in it.
        self.known.read.clone_from(&files);
        self.known.served.clone_from(&files);
        blocking(move || placement.execute())
            .await
            .map_err(NotServed::Unfinished)?;
        self.present = files;
        Ok(applied)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(std::io::Error::other)?
}
