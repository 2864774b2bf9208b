//! Replacing a project's files as a whole, as deploying does: check, make the
//! tables, put the files into the directory. Which files, and whether they may
//! replace the others, is `deploy`'s question.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::files::placement::Placement;
use super::files::source::{SourceFile, read_files};
use super::workspace::{Known, NotServed, Workspace};
use super::{Applied, Project, Variables};
use datafile::Diagnostic;

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

impl Change<'_> {
    /// Undoes what an [`install`](Self::install) of `files` had brought into the
    /// directory when it was interrupted; `former` is what was there before.
    /// Whatever else has changed meanwhile stays as it is.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub async fn take_back(
        &mut self,
        files: &[SourceFile],
        former: &[SourceFile],
    ) -> Result<(), NotServed> {
        let directory = self.workspace.directory().to_owned();
        let (present, wanted) = (self.present.clone(), undone(&self.present, files, former));
        let place = move || Placement::prepare(&directory, &present, &wanted)?.execute();
        blocking(place).await.map_err(NotServed::Unwritable)
    }
}

/// The files that are there once those that were brought are taken back.
fn undone(
    present: &[SourceFile],
    brought: &[SourceFile],
    former: &[SourceFile],
) -> Vec<SourceFile> {
    let has = |files: &[SourceFile], path: &str| files.iter().any(|file| file.path == path);
    let is_theirs = |file: &&SourceFile| !brought.contains(file) || former.contains(file);
    let mut files: Vec<SourceFile> = present.iter().filter(is_theirs).cloned().collect();
    for file in former {
        let was_replaced = present
            .iter()
            .any(|there| there.path == file.path && brought.contains(there));
        let was_removed = !has(present, &file.path) && !has(brought, &file.path);
        if (was_replaced || was_removed) && !has(&files, &file.path) {
            files.push(file.clone());
        }
    }
    files
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Vec<SourceFile> {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        pairs.iter().map(file).collect()
    }

    #[test]
    fn only_what_was_brought_is_taken_back() {
        let former = files(&[
            ("kept", "1"),
            ("changed", "1"),
            ("gone", "1"),
            ("mended", "1"),
        ]);
        let brought = files(&[
            ("kept", "1"),
            ("changed", "2"),
            ("new", "1"),
            ("mended", "2"),
        ]);
        // Half of it was done, and somebody mended a file and wrote another.
        let present = files(&[
            ("kept", "1"),
            ("changed", "2"),
            ("new", "1"),
            ("mended", "3"),
            ("theirs", "1"),
        ]);
        let mut undone = undone(&present, &brought, &former);
        undone.sort_by(|left, right| left.path.cmp(&right.path));
        let expected = files(&[
            ("changed", "1"),
            ("gone", "1"),
            ("kept", "1"),
            ("mended", "3"),
            ("theirs", "1"),
        ]);
        assert_eq!(undone, expected);
    }
}
