//! `--watch`: reloading a workspace when its files change.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::project::Applied;
use crate::project::files::source::{DEPTH, is_datafile};
use crate::project::workspace::{NotServed, Workspace};

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
    let directory = workspace.directory().to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let concerns = event.is_ok_and(|event| {
            !event.kind.is_access()
                && event
                    .paths
                    .iter()
                    .any(|path| is_concerned(&directory, path))
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
/// folder that may hold some. The server's own state may lie below the
/// project, in a hidden folder, and changes all the time.
fn is_concerned(project: &Path, path: &Path) -> bool {
    let Ok(inner) = path.strip_prefix(project) else {
        return true;
    };
    let names: Vec<_> = inner.iter().map(|name| name.to_string_lossy()).collect();
    let is_read = |name: &str| !name.starts_with('.') && name != "vendor";
    let Some((last, folders)) = names.split_last() else {
        return true;
    };
    names.len() <= DEPTH
        && folders.iter().all(|name| is_read(name))
        && is_read(last)
        && (is_datafile(last) || path.extension().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_hold_datafiles_is_concerned() {
        let is_concerned = |path: &str| is_concerned(Path::new("/p"), &Path::new("/p").join(path));
        for path in [
            "a.pipe",
            "endpoints/a.pipe",
            "datasources",
            "x/y.datasource",
            "x/y/z.datasource",
            "",
        ] {
            assert!(is_concerned(path), "{path}");
        }
        for path in [
            "a.txt",
            "endpoints/a.pipe~",
            ".rookery/engine",
            "vendor/x/a.pipe",
            "a/b/c/d.pipe",
            "vendor",
        ] {
            assert!(!is_concerned(path), "{path}");
        }
    }
}
