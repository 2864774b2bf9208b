//! No text makes the grammar panic, and every finding points into the text.

use proptest::prelude::*;

use super::{case_files, case_variables};
use crate::{Diagnostic, parse_connection, parse_data_source, parse_pipe};

/// Pieces that mean something somewhere in the grammar.
const PIECES: &[&str] = &[
    "SCHEMA >\n",
    "SQL >\n",
    "NODE a\n",
    "TYPE copy\n",
    "TYPE materialized\n",
    "DATASOURCE b\n",
    "ENGINE \"MergeTree\"\n",
    "ENGINE ",
    "ENGINE_SORTING_KEY ",
    "ENGINE_SETTINGS a=1,",
    "INDEXES >\n",
    "INDEX i a TYPE set(1) GRANULARITY ",
    "TOKEN \"t\" READ\n",
    "TAGS \"tenant=a\"\n",
    "COPY_SCHEDULE * * * * *\n",
    "    ",
    "\n",
    "a",
    "`a b`",
    " String",
    " Int",
    " Nullable(",
    " Array(",
    ")",
    "(",
    ",",
    "`json:$.a",
    "`json:$[:]`",
    "`",
    "'",
    "\"",
    "DEFAULT ",
    "CODEC(",
    "{{",
    "}}",
    "tb_secret('x')",
    "$DAYS",
    "${",
    "$",
    "%",
    "#",
    "--",
    "/*",
    "*/",
    "\\",
    ";",
    "é",
    "\u{feff}",
    "\0",
    "\r\n",
    ">",
    "DESCRIPTION ",
    "INCLUDE x\n",
    "VERSION 1\n",
    "1",
    "=",
];

fn findings(text: &str) -> Vec<Diagnostic> {
    let variables = case_variables();
    let mut found = Vec::new();
    found.extend(
        parse_data_source("x.datasource", text, &variables)
            .map_or_else(|found| found, |model| model.warnings),
    );
    found.extend(
        parse_pipe("x.pipe", text, &variables).map_or_else(|found| found, |model| model.warnings),
    );
    found.extend(
        parse_connection("x.connection", text, &variables)
            .map_or_else(|found| found, |model| model.warnings),
    );
    found
}

fn assert_points_into(text: &str) {
    let lines = text.split('\n').count();
    for diagnostic in findings(text) {
        let line = diagnostic.line as usize;
        assert!(
            (1..=lines).contains(&line),
            "{diagnostic} points outside of {lines} lines"
        );
        let content = text.split('\n').nth(line - 1).unwrap();
        let column = diagnostic.column as usize;
        assert!(
            (1..=content.chars().count() + 1).contains(&column),
            "{diagnostic} points outside of {content:?}"
        );
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_read_or_refused(text in any::<String>()) {
        assert_points_into(&text);
    }

    #[test]
    fn pieces_of_datafiles_in_any_order_are_read_or_refused(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        assert_points_into(&pieces.concat());
    }
}

#[test]
fn cases_cut_anywhere_are_read_or_refused() {
    for (index, path) in case_files().iter().enumerate() {
        let text = std::fs::read_to_string(path).unwrap();
        // Every seventh place of each file, and other places in the next one.
        for (end, _) in text.char_indices().skip(index % 7).step_by(7) {
            assert_points_into(&text[..end]);
        }
    }
}

#[test]
fn huge_and_deep_files_are_read_in_time() {
    let deep = format!("SCHEMA >\n    a {}", "Array(".repeat(100_000));
    assert_eq!(
        findings(&deep)
            .iter()
            .filter(|found| found.message.contains("deep"))
            .count(),
        1
    );
    let columns: String = (0..20_000)
        .map(|index| format!("    c{index} String,\n"))
        .collect();
    let wide = format!("SCHEMA >\n{columns}");
    let read = parse_data_source("x.datasource", &wide, &case_variables()).unwrap();
    assert_eq!(read.columns.len(), 20_000);
}
