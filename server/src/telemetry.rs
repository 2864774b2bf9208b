//! The log: one line an event on standard error, as text or as JSON.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Levels by target, in the syntax of `tracing`: `info,access=off`.
    pub(crate) filter: String,
    /// One JSON object a line instead of text.
    pub(crate) json: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            json: false,
        }
    }
}

/// Starts logging for the process.
///
/// # Errors
/// The filter's syntax error.
pub(crate) fn start(settings: &Settings) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if settings.json {
        log.json().flatten_event(true).init();
    } else {
        log.init();
    }
    Ok(())
}
