//! The files of imports that have not ended, each under its job's id. What the
//! answer 202 promises is on disk before it is given.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use http::{HeaderValue, StatusCode, header};
use service::ApiError;

/// A directory of files that only this server reads.
#[derive(Clone, Debug)]
pub(crate) struct ImportFiles {
    directory: Arc<Path>,
}

impl ImportFiles {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Keeps a file; it is on disk when this returns.
    pub(crate) async fn keep(&self, id: &str, data: Bytes) -> Result<(), ApiError> {
        let (directory, path) = (Arc::clone(&self.directory), self.path(id));
        let written = on_disk(move || write(&directory, &path, &data)).await;
        if written.is_err() {
            self.remove(id).await;
        }
        written.map_err(unwritten)
    }

    /// Whether there is a file.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.path(id).exists()
    }

    pub(crate) async fn read(&self, id: &str) -> Result<Bytes, ApiError> {
        let path = self.path(id);
        let data = on_disk(move || fs::read(path)).await;
        data.map(Bytes::from).map_err(ApiError::internal)
    }

    /// Forgets a file, if there is one.
    pub(crate) async fn remove(&self, id: &str) {
        let path = self.path(id);
        let removed = on_disk(move || fs::remove_file(path)).await;
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a file that was imported cannot be removed");
        }
    }

    /// Removes what no job waits for: a crash can leave that behind.
    pub(crate) async fn keep_only(&self, ids: &[&str]) {
        let ids: HashSet<&str> = ids.iter().copied().collect();
        let directory = Arc::clone(&self.directory);
        let names = on_disk(move || {
            let Ok(entries) = fs::read_dir(directory) else {
                // It is made with the first file.
                return Ok(Vec::new());
            };
            let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            names.collect::<io::Result<Vec<String>>>()
        });
        match names.await {
            Ok(names) => {
                for name in names.iter().filter(|name| !ids.contains(name.as_str())) {
                    self.remove(name).await;
                }
            }
            Err(error) => tracing::warn!(%error, "the files of imports cannot be listed"),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(id)
    }
}

/// A new file counts only with its directory's entry.
fn write(directory: &Path, path: &Path, data: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(data)?;
    file.sync_all()?;
    fs::File::open(directory)?.sync_all()
}

/// Does what waits for the disk off the async threads.
async fn on_disk<Found: Send + 'static>(
    work: impl FnOnce() -> io::Result<Found> + Send + 'static,
) -> io::Result<Found> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(io::Error::other(panic)))
}

/// A full disk is the server's trouble, and passes.
fn unwritten(error: io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let full = ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "");
            full.with_cause(error)
                .with_header(header::RETRY_AFTER, HeaderValue::from_static("60"))
        }
        _ => ApiError::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn only_files_that_a_job_waits_for_stay() {
        let state = tempfile::tempdir().unwrap();
        let files = ImportFiles::new(state.path().join("imports"));
        files.keep_only(&[]).await;
        for id in ["a", "b"] {
            files.keep(id, Bytes::from_static(b"rows")).await.unwrap();
        }
        let mode = fs::metadata(state.path().join("imports/a"));
        assert_eq!(mode.unwrap().permissions().mode() & 0o777, 0o600);
        files.keep_only(&["a"]).await;
        assert_eq!(files.read("a").await.unwrap(), "rows");
        assert!(files.read("b").await.is_err());
    }
}
