//! Where seeds come from: files of the clone and inputs that once failed. What
//! a target makes of a file is its own business.

use std::fs;
use std::path::{Path, PathBuf};

/// Writes the seeds into the folder that the variable `FUZZ_SEEDS` names, one
/// file each; without the variable nothing happens. A target calls it when it
/// starts, which is before libFuzzer reads its folders.
///
/// # Panics
/// When a file cannot be written.
pub fn lay_out(seeds: fn() -> Vec<Vec<u8>>) {
    let Some(folder) = std::env::var_os("FUZZ_SEEDS").map(PathBuf::from) else {
        return;
    };
    for (number, seed) in seeds().into_iter().enumerate() {
        let file = folder.join(format!("{number:04}"));
        fs::write(&file, seed).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

/// What the files directly in these folders of the clone hold, those that end
/// in `.` and one of the extensions.
pub(crate) fn texts(folders: &[&str], extensions: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    for folder in folders {
        for path in files(folder) {
            let extension = path.extension().and_then(|extension| extension.to_str());
            if extension.is_some_and(|extension| extensions.contains(&extension)) {
                texts.push(fs::read_to_string(&path).expect("a text file"));
            }
        }
    }
    assert!(!texts.is_empty(), "no seeds in {folders:?}");
    texts
}

/// The files `<target>-…` in `fuzz/regressions`: each made the target fail
/// once.
pub(crate) fn regressions(target: &str) -> Vec<Vec<u8>> {
    let prefix = format!("{target}-");
    files("fuzz/regressions")
        .iter()
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(&prefix))
        })
        .map(|path| fs::read(path).expect("a file"))
        .collect()
}

/// The entries of a folder of the clone, sorted by name.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder can be listed").path())
        .collect();
    paths.sort();
    paths
}
