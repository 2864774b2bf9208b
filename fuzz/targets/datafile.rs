//! Any text as a datafile of each kind: it is understood or reported with a
//! position inside the text, and the parser always comes back.
#![no_main]

use analytics::datafile::{Variables, parse_connection, parse_data_source, parse_pipe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
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
});
