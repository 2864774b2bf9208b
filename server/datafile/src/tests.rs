//! Golden cases of the grammar, and that no text makes it panic.

mod hostile;
mod outline;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Variables, parse_connection, parse_data_source, parse_pipe};
use outline::Outline;

/// What `$NAME` and `tb_secret` stand for in the cases; README.md there lists
/// the same.
fn case_variables() -> Variables {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    Variables {
        environment: pairs(&[("DAYS", "30"), ("TARGET", "daily")]),
        secrets: pairs(&[("ttl_days", "90"), ("kafka_key", "never shown")]),
        ..Variables::default()
    }
}

/// Reads a datafile of any kind and tells what became of it.
fn outline_of(file: &str, text: &str) -> Option<String> {
    let variables = case_variables();
    let mut outline = Outline::default();
    match Path::new(file).extension()?.to_str()? {
        "datasource" => match parse_data_source(file, text, &variables) {
            Ok(data_source) => outline.data_source(&data_source),
            Err(found) => outline.diagnostics(&found),
        },
        "pipe" => match parse_pipe(file, text, &variables) {
            Ok(pipe) => outline.pipe(&pipe),
            Err(found) => outline.diagnostics(&found),
        },
        "connection" => match parse_connection(file, text, &variables) {
            Ok(connection) => outline.connection(&connection),
            Err(found) => outline.diagnostics(&found),
        },
        _ => return None,
    }
    Some(outline.into_text())
}

fn case_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_case_reads_as_expected() {
    let is_update = std::env::var_os("ROOKERY_UPDATE_CASES").is_some();
    let mut differing = Vec::new();
    let mut count = 0;
    for path in case_files() {
        let file = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let Some(actual) = outline_of(file, &text) else {
            continue;
        };
        count += 1;
        let expected_path = path.with_file_name(format!("{file}.expected"));
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if expected != actual {
            if is_update {
                fs::write(&expected_path, &actual).unwrap();
            }
            differing.push(format!(
                "=== {file}\n--- expected\n{expected}--- but is\n{actual}"
            ));
        }
    }
    assert!(
        differing.is_empty(),
        "{} of {count} cases differ\n{}",
        differing.len(),
        differing.join("\n")
    );
    assert!(count >= 80, "only {count} cases were found");
}
