//! `rookery test`: runs a project's own tests and reports like `cargo test`.

use std::process::ExitCode;

use analytics::test_runner::{self, TestOptions};

use super::{Failure, print};
use crate::cli;
use crate::config::Config;

/// Runs the tests; the exit code tells whether all passed.
///
/// # Errors
/// The tests cannot be run at all: a wrong project, fixture or file of tests.
pub(crate) async fn project(config: Config, arguments: cli::Test) -> Result<ExitCode, Failure> {
    let options = TestOptions {
        project: arguments
            .directory
            .unwrap_or_else(|| config.analytics.project.clone()),
        settings: config.analytics,
        environment: std::env::vars().collect(),
        filter: arguments.filter,
    };
    let summary = test_runner::run(options, &mut |event| print(&event.to_string())).await?;
    print(&summary.to_string());
    Ok(if summary.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
