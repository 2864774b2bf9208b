//! One process for one data directory: two engines on the same files would
//! destroy them, and the library itself does not always notice.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held as long as the engine has the directory open; the system lets go of it
/// when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirectoryLock(#[expect(dead_code, reason = "held, not read")] File);

impl DirectoryLock {
    /// Takes the lock `<directory>.lock`, beside the directory.
    pub(super) fn take(directory: &Path) -> Result<Self, String> {
        let mut path = directory.as_os_str().to_owned();
        path.push(".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| {
                let path = Path::new(&path).display();
                format!("cannot open the lock {path}: {error}")
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(format!(
                "another engine has the data directory {} open: two on one state are not possible; end the other first",
                directory.display()
            )),
            Err(TryLockError::Error(error)) => {
                let path = Path::new(&path).display();
                Err(format!("cannot lock {path}: {error}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_until_the_lock_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("engine");
        let first = DirectoryLock::take(&data).unwrap();
        let second = DirectoryLock::take(&data).unwrap_err();
        assert!(
            second.contains("two on one state are not possible"),
            "{second}"
        );
        drop(first);
        DirectoryLock::take(&data).unwrap();
    }
}
