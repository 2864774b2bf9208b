//! Paths of the clone and of the cache, and the few file operations that more
//! than one command needs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use crate::{console, process};

/// The root of the clone.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// What is fetched once for all clones of this user:
/// `${XDG_CACHE_HOME:-~/.cache}/rookery`.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(directory) => PathBuf::from(directory),
        None => std::env::home_dir()
            .ok_or_else(|| {
                anyhow!("no home directory: set XDG_CACHE_HOME to a folder for the cache")
            })?
            .join(".cache"),
    };
    let directory = base.join("rookery");
    fs::create_dir_all(&directory)
        .with_context(|| format!("the cache folder {} cannot be made", directory.display()))?;
    Ok(directory)
}

/// Deletes a folder and what is in it; one that is not there is fine.
pub(crate) fn remove_directory(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be deleted", directory.display()))
        }
        _ => Ok(()),
    }
}

/// An empty folder in place of whatever was there.
pub(crate) fn fresh_directory(directory: &Path) -> Result<()> {
    remove_directory(directory)?;
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))
}

/// Lets one process at a time do what the lock file stands for; the others
/// wait and then find the work done. The lock goes with the returned file.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
    if file.try_lock().is_err() {
        console::detail("another xtask is doing this; waiting for it");
        file.lock()
            .with_context(|| format!("waiting for {}", path.display()))?;
    }
    Ok(file)
}

/// Every file below a folder, sorted, so that two walks agree.
pub(crate) fn walk(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(next) = waiting.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("{} cannot be read", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The SHA-256 of some bytes in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fails with one clear line when the disk under `directory` has less than
/// `mebibytes` left. Where `df` cannot tell, the work itself will.
pub(crate) fn require_space(directory: &Path, mebibytes: u64, what: &str) -> Result<()> {
    let Ok(report) = process::text(
        Command::new("df").arg("-Pk").arg(directory),
        "asking for disk space",
    ) else {
        return Ok(());
    };
    if let Some(free) = free_mebibytes(&report)
        && free < mebibytes
    {
        bail!(
            "the disk under {} has {free} MiB left and {what} needs {mebibytes} MiB: make room and run the same command again",
            directory.display()
        );
    }
    Ok(())
}

/// The column "available" of `df -Pk`, whose last line is the file system.
fn free_mebibytes(report: &str) -> Option<u64> {
    let columns: Vec<&str> = report.lines().last()?.split_whitespace().collect();
    let kibibytes: u64 = columns.get(3)?.parse().ok()?;
    Some(kibibytes / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_the_fourth_column() {
        let report = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 264059840 14680064 2097152 15% /\n";
        assert_eq!(free_mebibytes(report), Some(2048));
        assert_eq!(free_mebibytes("nonsense"), None);
    }

    #[test]
    fn too_little_space_says_how_much_is_needed() {
        let error = require_space(&root(), u64::MAX, "the test").unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("the test needs {} MiB", u64::MAX)),
            "{error}"
        );
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
