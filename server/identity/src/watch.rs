//! The directory file while the provider runs: read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::directory::{DirectoryError, DirectoryFile};
use crate::provider::Provider;

/// How often the file is looked at. Polling sees every editor's way of saving,
/// and files on network shares, too.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What tells a changed file from the one that was read.
type Trace = Option<(SystemTime, u64)>;

/// Watches the file for ever. A file that cannot be used changes nothing: the
/// directory stays as it was, and the log says why.
pub(crate) async fn watch(provider: Arc<Provider>, path: PathBuf, read: Trace) {
    let (mut known, mut last) = (read, read);
    let mut times = tokio::time::interval(LOOK_EVERY);
    loop {
        times.tick().await;
        let now = trace(&path).await;
        // A file that is still being written looks different the next time;
        // half of it may be good TOML with half of the people.
        let settled = now == std::mem::replace(&mut last, now);
        if now == known || !settled {
            continue;
        }
        known = now;
        match take_over(&provider, &path).await {
            Ok(()) => tracing::info!(path = %path.display(), "the directory was read again"),
            Err(error) => tracing::error!(
                error,
                "the directory file cannot be used; people and organizations stay as they were"
            ),
        }
    }
}

/// The file as it is now; `None` where it cannot be read.
pub(crate) async fn trace(path: &Path) -> Trace {
    let about = tokio::fs::metadata(path).await.ok()?;
    Some((about.modified().ok()?, about.len()))
}

async fn take_over(provider: &Provider, path: &Path) -> Result<(), String> {
    let (owned, demo) = (path.to_owned(), provider.demo);
    let directory = tokio::task::spawn_blocking(move || DirectoryFile::read(&owned, demo))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error: DirectoryError| crate::chain(&error))?;
    let notices = directory
        .apply(&provider.store)
        .await
        .map_err(|error| crate::chain(&error))?;
    provider.tell(&notices);
    Ok(())
}
