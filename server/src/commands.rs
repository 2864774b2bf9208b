//! What each subcommand does, on top of the configuration.

mod check;
mod engine;
mod identity;
mod load;
mod serve;
mod test;
mod token;
mod welcome;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{Cli, Command, EngineProcess};
use crate::config::{self, Config, Given, reference};
use crate::services::Installation;
use crate::{descriptors, telemetry};

/// Whatever ends a command; shown to the operator as one line.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Reads the configuration and runs the command.
///
/// # Errors
/// Anything that keeps the command from doing its work.
pub(crate) fn run(cli: Cli, flags: Given) -> Result<ExitCode, Failure> {
    if matches!(cli.command, Command::Config) {
        print(&reference::document());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Engine(EngineProcess { listen: None }) = cli.command {
        // Told what to do by whoever started it, not by a file.
        telemetry::start(&telemetry::Settings::default())?;
        return Ok(::engine::child::run());
    }
    let mut config = load(cli.config, flags)?;
    if matches!(cli.command, Command::Test(_)) {
        // The requests are the tests' own, and told by name.
        config.log.filter.push_str(",access=off");
    }
    telemetry::start(&config.log)?;
    descriptors::raise_for(&mut config.connections);
    if let Command::Engine(EngineProcess {
        listen: Some(listen),
    }) = cli.command
    {
        return engine::serve(&config, listen);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(execute(cli.command, config))
}

async fn execute(command: Command, config: Config) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => serve::everything(config).await?,
        Command::Web => serve::web(config).await?,
        Command::Analytics(arguments) => serve::analytics(config.for_project(arguments)).await?,
        Command::Identity(arguments) => identity::run(config, arguments.command).await?,
        Command::Load => load::fixtures(config).await?,
        Command::Check(arguments) => return check::project(&config, arguments.directory).await,
        Command::Test(arguments) => return test::project(config, arguments).await,
        Command::Token(arguments) => token::show(&Installation::open(config).await?, &arguments)?,
        Command::Engine(_) | Command::Config => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn load(file: Option<PathBuf>, flags: Given) -> Result<Config, config::ConfigError> {
    let environment = Given::from_environment(std::env::vars())?;
    config::load(file, environment, flags)
}

/// A command's result, which is not a log line.
fn print(text: &str) {
    // Whoever no longer reads, as `head` does, misses nothing.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end_matches('\n'));
}
