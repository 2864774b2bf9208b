//! The binary `rookery`: reads the command line and the configuration, and
//! wires the services. What a service does lives in its own crate.

mod cli;
mod commands;
mod config;
mod database;
mod descriptors;
mod revocations;
mod secrets;
mod services;
mod stop;
mod telemetry;

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let (cli, flags) = cli::parse();
    match commands::run(cli, flags) {
        Ok(code) => code,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// One line that says what is wrong, from the outside in.
fn report(error: &dyn Error) {
    let mut line = format!("rookery: {error}");
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = source.source();
    }
    eprintln!("{line}");
}
