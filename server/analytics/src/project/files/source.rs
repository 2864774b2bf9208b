//! Files into models: which files make a project, and reading all of them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use datafile::{
    Connection, DataSource, Diagnostic, Pipe, Position, Variables, parse_connection,
    parse_data_source, parse_pipe,
};

/// How deep below the project's directory datafiles are looked for: in it, in
/// the folders there and in theirs.
pub(crate) const DEPTH: usize = 3;

/// One datafile and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its path relative to the project, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// Finds and reads a project's datafiles, in the order of their paths.
///
/// `vendor/` and hidden folders are left out.
///
/// # Errors
/// One finding for each file or folder that cannot be read.
pub fn read_directory(directory: &Path) -> Result<Vec<SourceFile>, Vec<Diagnostic>> {
    let mut files = Vec::new();
    let mut found = Vec::new();
    walk(directory, "", DEPTH, &mut files, &mut found);
    if !found.is_empty() {
        return Err(found);
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn walk(
    directory: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<SourceFile>,
    found: &mut Vec<Diagnostic>,
) {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) => {
            return found.push(unreadable(prefix.trim_end_matches('/'), &error, "folder"));
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            if depth > 1 && name != "vendor" && !name.starts_with('.') {
                walk(&entry.path(), &format!("{path}/"), depth - 1, files, found);
            }
        } else if is_datafile(&name) {
            match std::fs::read_to_string(entry.path()) {
                Ok(text) => files.push(SourceFile { path, text }),
                Err(error) => found.push(unreadable(&path, &error, "file")),
            }
        }
    }
}

fn unreadable(path: &str, error: &io::Error, what: &str) -> Diagnostic {
    let path = if path.is_empty() { "." } else { path };
    let help = match error.kind() {
        io::ErrorKind::InvalidData => "save it as UTF-8 text",
        io::ErrorKind::NotFound => "name a directory that exists",
        _ => "make it readable for this user",
    };
    Diagnostic::error(
        path,
        Position::START,
        format!("the {what} cannot be read: {error}"),
    )
    .help(help)
}

/// Whether a file's name says that it is a datafile.
pub(in crate::project) fn is_datafile(name: &str) -> bool {
    [".datasource", ".pipe", ".connection"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// Everything that was read, by name.
#[derive(Debug, Default)]
pub(in crate::project) struct Resources {
    pub(in crate::project) data_sources: BTreeMap<String, DataSource>,
    pub(in crate::project) pipes: BTreeMap<String, Pipe>,
    pub(in crate::project) connections: BTreeMap<String, Connection>,
    /// Everything found, of every severity.
    pub(in crate::project) found: Vec<Diagnostic>,
}

/// Reads every file. What cannot be read is left out and found.
pub(in crate::project) fn read_files(files: &[SourceFile], variables: &Variables) -> Resources {
    let mut resources = Resources::default();
    let Resources {
        data_sources,
        pipes,
        connections,
        found,
    } = &mut resources;
    for SourceFile { path, text } in files {
        if path.ends_with(".datasource") {
            match parse_data_source(path, text, variables) {
                Ok(read) => keep(
                    data_sources,
                    read.name.clone(),
                    read,
                    |model| &model.file,
                    found,
                ),
                Err(errors) => found.extend(errors),
            }
        } else if path.ends_with(".pipe") {
            match parse_pipe(path, text, variables) {
                Ok(read) => keep(pipes, read.name.clone(), read, |model| &model.file, found),
                Err(errors) => found.extend(errors),
            }
        } else {
            match parse_connection(path, text, variables) {
                Ok(read) => keep(
                    connections,
                    read.name.clone(),
                    read,
                    |model| &model.file,
                    found,
                ),
                Err(errors) => found.extend(errors),
            }
        }
    }
    found.extend(
        data_sources
            .values()
            .flat_map(|model| model.warnings.clone()),
    );
    found.extend(pipes.values().flat_map(|model| model.warnings.clone()));
    found.extend(
        connections
            .values()
            .flat_map(|model| model.warnings.clone()),
    );
    resources
}

/// Keeps a model unless another file of the same name was read before.
fn keep<Model>(
    models: &mut BTreeMap<String, Model>,
    name: String,
    model: Model,
    file_of: impl Fn(&Model) -> &String,
    found: &mut Vec<Diagnostic>,
) {
    if let Some(first) = models.get(&name) {
        let message = format!("`{name}` is also what {} describes", file_of(first));
        found.push(
            Diagnostic::error(file_of(&model), Position::START, message)
                .help("rename one of the files"),
        );
        return;
    }
    models.insert(name, model);
}
