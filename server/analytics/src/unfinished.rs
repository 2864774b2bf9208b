//! Which data sources rows were coming into when the server was killed: their
//! materialized views may lack what the data source has.
//!
//! The engine writes rows to the table first and then to each view. A mark is
//! a file that stands in the state directory from before the first to after
//! the last; whatever is found at the start was left by a process that ended
//! in between. Which views those are is the project's to say.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// The place of the marks.
#[derive(Debug)]
pub(crate) struct Unfinished {
    directory: PathBuf,
}

/// Stands as long as rows are on their way into a data source.
#[derive(Debug)]
pub(crate) struct Mark(PathBuf);

impl Unfinished {
    /// Opens the directory, and returns the data sources that were left marked.
    pub(crate) fn open(directory: &Path) -> io::Result<(Self, BTreeSet<String>)> {
        std::fs::create_dir_all(directory)?;
        let mut left = BTreeSet::new();
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            if let Some((name, _)) = entry.file_name().to_string_lossy().rsplit_once('.') {
                left.insert(name.to_owned());
            }
            std::fs::remove_file(entry.path())?;
        }
        let directory = directory.to_owned();
        Ok((Self { directory }, left))
    }

    /// Marks a data source. Without a mark rows are still taken: where no file
    /// can be made, the engine will say more.
    pub(crate) fn begin(&self, data_source: &str) -> Option<Mark> {
        let file = format!("{data_source}.{}", Uuid::new_v4().simple());
        let path = self.directory.join(file);
        std::fs::File::create(&path).ok()?;
        Some(Mark(path))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, "the mark of rows that came in stays until the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_finished_is_told_once_at_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("writing");
        let (unfinished, left) = Unfinished::open(&place).unwrap();
        assert!(left.is_empty());
        drop(unfinished.begin("finished"));
        for name in ["events", "events", "orders"] {
            std::mem::forget(unfinished.begin(name));
        }
        let (_, left) = Unfinished::open(&place).unwrap();
        assert_eq!(left, ["events".to_owned(), "orders".to_owned()].into());
        let (_, left) = Unfinished::open(&place).unwrap();
        assert!(left.is_empty());
    }
}
