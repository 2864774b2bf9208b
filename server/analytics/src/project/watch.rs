//! `--watch`: reloading a workspace when its files change.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::Applied;
use super::source::is_datafile;
use super::workspace::{NotServed, Workspace};

/// How long files must rest before they are read: editors write in steps.
const REST: Duration = Duration::from_millis(50);

/// Reloads the workspace at every change of its datafiles, and tells
/// `on_reload` what came of it, until the future is dropped.
///
/// # Errors
/// When the operating system cannot watch the directory.
pub async fn watch(
    workspace: Arc<Workspace>,
    on_reload: impl Fn(Result<Applied, NotServed>),
) -> Result<(), notify::Error> {
    let (changed, mut changes) = mpsc::unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let concerns = event.is_ok_and(|event| {
            !event.kind.is_access() && event.paths.iter().any(|path| is_concerned(path))
        });
        if concerns {
            // Nobody listens any more: the watcher is about to be dropped.
            let _ = changed.send(());
        }
    })?;
    watcher.watch(workspace.directory(), RecursiveMode::Recursive)?;
    while changes.recv().await.is_some() {
        while let Ok(Some(())) = tokio::time::timeout(REST, changes.recv()).await {}
        match workspace.reload().await {
            Ok(None) => {}
            Ok(Some(applied)) => on_reload(Ok(applied)),
            Err(error) => on_reload(Err(error)),
        }
    }
    Ok(())
}

/// Whether a change of this path may change the project: a datafile, or a
/// folder that may hold some.
fn is_concerned(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| is_datafile(&name)) || path.extension().is_none()
}
