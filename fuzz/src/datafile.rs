//! Any text as a datafile of each kind: it is understood or reported with a
//! position inside the text, and the parser always comes back.

use datafile::{Variables, parse_connection, parse_data_source, parse_pipe};

use crate::seeds;

/// Parses the input as each kind of datafile.
///
/// # Panics
/// When an error names no place in the file.
pub fn run(data: &[u8]) {
    let text = crate::text(data);
    let variables = Variables::default();
    let lines = text.split('\n').count();
    let reported = [
        parse_data_source("events.datasource", text, &variables).err(),
        parse_pipe("top.pipe", text, &variables).err(),
        parse_connection("store.connection", text, &variables).err(),
    ];
    for diagnostic in reported.into_iter().flatten().flatten() {
        assert!(
            diagnostic.to_string().contains(&diagnostic.file),
            "a message must name its file"
        );
        assert!(
            diagnostic.line as usize <= lines + 1,
            "{diagnostic} is outside of the file"
        );
    }
}

/// The datafiles of the demo, of the golden cases and of the projects that
/// tests serve.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let folders = [
        "demo/datasources",
        "demo/endpoints",
        "server/datafile/tests/cases",
        "server/analytics/tests/cases/endpoint/project/datasources",
        "server/analytics/tests/cases/endpoint/project/endpoints",
    ];
    let mut seeds = seeds::regressions("datafile");
    seeds.extend(
        seeds::texts(&folders, &["datasource", "pipe", "connection"])
            .into_iter()
            .map(String::into_bytes),
    );
    seeds
}
