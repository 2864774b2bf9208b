//! The files of an upload: which names are good, and where each goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::{DEPTH, SourceFile};

/// Files of one upload.
pub(crate) const MOST_FILES: usize = 2_000;
/// Bytes of one file.
pub(crate) const MOST_FILE_BYTES: usize = 1024 * 1024;
/// Bytes of one upload, its form included.
pub(crate) const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of a file's name with its folder.
const LONGEST_NAME: usize = 255;
const ENDINGS: [&str; 3] = ["datasource", "pipe", "connection"];

/// Something wrong with a file, as it is told its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file as its sender named it; `None` when it is about no file.
    pub(crate) file: Option<String>,
    /// What is wrong, and how to mend it.
    pub(crate) message: String,
}

/// An upload whose names are good.
#[derive(Debug)]
pub(super) struct Upload {
    /// The files at the paths where they go, by path.
    pub(super) files: Vec<SourceFile>,
    sent_as: BTreeMap<String, String>,
}

impl Upload {
    /// Checks names and finds each file's place. A file that is sent without a
    /// folder replaces the one of its name, wherever that lies: some clients
    /// know no folders.
    pub(super) fn settle(
        sent: Vec<SourceFile>,
        present: &[SourceFile],
    ) -> Result<Self, Vec<Problem>> {
        let mut names = BTreeSet::new();
        let mut problems = Vec::new();
        for file in &sent {
            let fault = fault(&file.path).or_else(|| {
                let is_first = names.insert(file.path.clone());
                (!is_first).then_some("it was sent twice: send each file once")
            });
            if let Some(fault) = fault {
                problems.push(Problem {
                    file: Some(file.path.clone()),
                    message: fault.to_owned(),
                });
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut upload = Self {
            files: Vec::with_capacity(sent.len()),
            sent_as: BTreeMap::new(),
        };
        for SourceFile { path: name, text } in sent {
            let place = present
                .iter()
                .map(|file| &file.path)
                .find(|path| {
                    let is_its = path.rsplit_once('/').is_some_and(|(_, last)| last == name);
                    is_its && !names.contains(*path)
                })
                .filter(|_| present.iter().all(|file| file.path != name));
            let path = place.unwrap_or(&name).clone();
            upload.sent_as.insert(path.clone(), name);
            upload.files.push(SourceFile { path, text });
        }
        upload
            .files
            .sort_by(|left, right| left.path.cmp(&right.path));
        Ok(upload)
    }

    /// What the sender called the file at a path.
    pub(super) fn sent_name<'run>(&'run self, path: &'run str) -> &'run str {
        self.sent_as.get(path).map_or(path, String::as_str)
    }
}

/// What is wrong with a name, and how to mend it.
fn fault(name: &str) -> Option<&'static str> {
    let (folder, file) = match name.rsplit_once('/') {
        Some((folder, file)) => (Some(folder), file),
        None => (None, name),
    };
    let Some((stem, ending)) = file.rsplit_once('.') else {
        return Some("a datafile ends in .datasource, .pipe or .connection");
    };
    if !ENDINGS.contains(&ending) {
        return Some("a datafile ends in .datasource, .pipe or .connection");
    }
    if name.len() > LONGEST_NAME {
        return Some("the name is too long: at most 255 bytes with the folder");
    }
    let is_stem = |byte: u8| is_plain(byte) || byte == b'.';
    if stem.is_empty() || stem.starts_with('.') || !stem.bytes().all(is_stem) {
        return Some("the name of a datafile has letters, digits, `_`, `-` and `.` only");
    }
    match folder {
        None => None,
        Some(folders) => fault_of_folders(&folders.split('/').collect::<Vec<_>>()),
    }
}

fn fault_of_folders(folders: &[&str]) -> Option<&'static str> {
    let is_good = |folder: &&str| !folder.is_empty() && folder.bytes().all(is_plain);
    if !folders.iter().all(is_good) {
        return Some("the name of a folder has letters, digits, `_` and `-` only");
    }
    if folders.contains(&"vendor") {
        return Some("`vendor` holds other workspaces' files, which are not read");
    }
    if folders.len() >= DEPTH {
        return Some("it lies too deep: a datafile is at most in a folder of a folder");
    }
    None
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn files(paths: &[&str]) -> Vec<SourceFile> {
        let file = |path: &&str| SourceFile {
            path: (*path).to_owned(),
            text: String::new(),
        };
        paths.iter().map(file).collect()
    }

    fn paths(upload: &Upload) -> Vec<&str> {
        upload.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn names_that_could_lead_out_of_the_project_are_refused() {
        for name in [
            "../a.pipe",
            "endpoints/../../a.pipe",
            "/etc/a.pipe",
            "/a.pipe",
            "..pipe",
            ".pipe",
            "../.pipe",
            "./a.pipe",
            "a\\b.pipe",
            "..\\a.pipe",
            "C:a.pipe",
            "endpoints/",
            "endpoints/.hidden.pipe",
            ".git/a.pipe",
            "vendor/a.pipe",
            "a/vendor/b.pipe",
            "a/b/c/d.pipe",
            "a/../b.pipe",
            "a//b.pipe",
            "a.pipe\0",
            "a\n.pipe",
            "a.pipe/b.pipe",
            "%2e%2e/a.pipe",
            "a.sql",
            "rookery.toml",
            "pipe",
            "",
        ] {
            let refused = Upload::settle(files(&[name]), &[]).unwrap_err();
            assert_eq!(refused[0].file.as_deref(), Some(name));
        }
        let long = format!("{}.pipe", "a".repeat(300));
        assert!(Upload::settle(files(&[&long]), &[]).is_err());
        assert!(Upload::settle(files(&["a.pipe", "a.pipe"]), &[]).is_err());
    }

    #[test]
    fn a_file_without_folder_goes_where_the_one_of_its_name_is() {
        let present = files(&["datasources/a.datasource", "b.pipe", "x/b.pipe", "x/c.pipe"]);
        let sent = files(&["a.datasource", "b.pipe", "c.pipe", "x/c.pipe", "new.pipe"]);
        let upload = Upload::settle(sent, &present).unwrap();
        assert_eq!(
            paths(&upload),
            [
                "b.pipe",
                "c.pipe",
                "datasources/a.datasource",
                "new.pipe",
                "x/c.pipe"
            ]
        );
        assert_eq!(upload.sent_name("datasources/a.datasource"), "a.datasource");
        assert_eq!(upload.sent_name("elsewhere.pipe"), "elsewhere.pipe");
    }

    proptest! {
        #[test]
        fn whatever_is_sent_stays_in_the_project(
            name in prop_oneof!["\\PC{0,40}", "[a-z./\\\\ :%~-]{0,20}\\.(pipe|datasource)"],
            present in "[a-z]{1,3}/[a-z]{1,3}\\.pipe",
        ) {
            if let Ok(upload) = Upload::settle(files(&[&name]), &files(&[&present])) {
                let path = Path::new(&upload.files[0].path);
                let parts: Vec<Component<'_>> = path.components().collect();
                prop_assert!(parts.len() <= DEPTH, "{name:?}");
                prop_assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "{name:?}");
                prop_assert!(!upload.files[0].path.contains(['\\', '\0']), "{name:?}");
            }
        }
    }
}
