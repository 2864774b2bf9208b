//! Putting datafiles into a project's directory: those of a whole set, and no
//! others. Everything else in the directory stays: fixtures, tests, `vendor/`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::project::files::source::SourceFile;

/// Begins the name of the folder in which new files wait. It is hidden, so that
/// nobody takes them for the project's.
const SCRATCH: &str = ".rookery-deploy-";

/// New files, written but not yet in their places.
#[derive(Debug)]
pub(in crate::project) struct Placement {
    /// Each new file and where it goes.
    moves: Vec<(PathBuf, PathBuf)>,
    /// Files that the new set does not have.
    obsolete: Vec<PathBuf>,
    _scratch: TempDir,
}

impl Placement {
    /// Writes the files that differ from those present, beside them. Whatever
    /// can go wrong with a disk mostly does so here, where nothing has changed.
    pub(in crate::project) fn prepare(
        directory: &Path,
        present: &[SourceFile],
        wanted: &[SourceFile],
    ) -> io::Result<Self> {
        remove_leftovers(directory)?;
        let scratch = tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(directory)?;
        let mut moves = Vec::new();
        for file in wanted.iter().filter(|file| !present.contains(file)) {
            let waiting = scratch.path().join(moves.len().to_string());
            let mut written = File::create(&waiting)?;
            written.write_all(file.text.as_bytes())?;
            written.sync_all()?;
            let destination = directory.join(&file.path);
            if destination.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if let Some(folder) = destination.parent() {
                fs::create_dir_all(folder)?;
            }
            moves.push((waiting, destination));
        }
        let is_wanted = |path: &str| wanted.iter().any(|file| file.path == path);
        let obsolete = present.iter().filter(|file| !is_wanted(&file.path));
        Ok(Self {
            moves,
            obsolete: obsolete.map(|file| directory.join(&file.path)).collect(),
            _scratch: scratch,
        })
    }

    /// Moves the files into their places and removes the obsolete ones.
    pub(in crate::project) fn execute(self) -> io::Result<()> {
        for (waiting, destination) in &self.moves {
            fs::rename(waiting, destination)?;
        }
        for path in &self.obsolete {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Removes what a process left behind that ended in the middle.
fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::read_directory;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_directory_has_the_new_datafiles_and_everything_else_it_had() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        for (name, text) in [
            ("kept.pipe", "k"),
            ("endpoints/changed.pipe", "old"),
            ("endpoints/gone.pipe", "g"),
            ("fixtures/a.ndjson", "{}"),
            ("vendor/v.pipe", "v"),
            (".rookery-deploy-old/0", "left behind"),
        ] {
            fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
            fs::write(path.join(name), text).unwrap();
        }
        let wanted = [
            file("datasources/new.datasource", "n"),
            file("endpoints/changed.pipe", "new"),
            file("kept.pipe", "k"),
        ];
        let present = read_directory(path).unwrap();
        let placement = Placement::prepare(path, &present, &wanted).unwrap();
        assert_eq!(read_directory(path).unwrap(), present, "nothing moved yet");
        placement.execute().unwrap();
        assert_eq!(read_directory(path).unwrap(), wanted);
        for untouched in ["fixtures/a.ndjson", "vendor/v.pipe"] {
            assert!(path.join(untouched).exists(), "{untouched}");
        }
        let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
        let hidden = names.filter(|entry| entry.file_name().to_string_lossy().starts_with('.'));
        assert_eq!(hidden.count(), 0, "no scratch folder is left");
    }

    #[test]
    fn what_is_in_the_way_is_found_before_anything_moves() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("endpoints"), "a file").unwrap();
        fs::create_dir(directory.path().join("folder.pipe")).unwrap();
        for in_the_way in ["endpoints/b.pipe", "folder.pipe"] {
            let wanted = [file("a.pipe", "a"), file(in_the_way, "b")];
            assert!(Placement::prepare(directory.path(), &[], &wanted).is_err());
            assert_eq!(read_directory(directory.path()).unwrap(), []);
        }
    }
}
