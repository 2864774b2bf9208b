//! The command line: subcommands, and every setting as a flag.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Given;
use crate::config::reference::{Kind, SETTINGS, Setting};

/// Analytics for your own customers, each organization seeing only its rows.
#[derive(Debug, Parser)]
#[command(name = "rookery", version)]
pub(crate) struct Cli {
    /// The configuration file [default: rookery.toml, which may be absent]
    #[arg(long, global = true, env = "ROOKERY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve everything in one process: web, analytics, identity
    Serve,
    /// Serve the web application alone
    Web,
    /// Serve the analytics server alone
    Analytics(Analytics),
    /// Serve the identity provider alone, or look after its keys and passwords
    Identity(Identity),
    /// Load fixtures of the project into its empty data sources
    Load,
    /// Validate a project without serving it
    Check(Check),
    /// Run a project's own tests (tests/*.yaml) against its fixtures
    Test(Test),
    /// Print a token for trying the API: the admin token, or one of an organization
    Token(Token),
    /// Be the engine: a process of ClickHouse's HTTP interface, which `serve` starts by itself
    Engine(EngineProcess),
    /// Print every setting with its default, flag and variable
    Config,
}

/// Arguments of `rookery engine`.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineProcess {
    /// Serve the state's data on this address, for `analytics.engine.url`
    /// elsewhere; callers show `analytics.engine.password`
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

/// Arguments of `rookery analytics`; short for the settings of the same meaning.
#[derive(Debug, clap::Args)]
pub(crate) struct Analytics {
    /// The project's directory
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Reload the project when its files change
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Arguments of `rookery identity`.
#[derive(Debug, clap::Args)]
pub(crate) struct Identity {
    /// Without one, the provider is served.
    #[command(subcommand)]
    pub(crate) command: Option<IdentityCommand>,
}

/// What can be done for the provider besides serving it.
#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Replace the keys that sign ID tokens; a running provider takes them up
    RotateKeys {
        /// Drop the present keys at once, because somebody else has them
        #[arg(long)]
        compromised: bool,
    },
    /// Read a password from standard input and print its hash for identity.toml
    HashPassword,
    /// See who is signed in where, and end that; a running server notices at once
    #[command(subcommand)]
    Session(SessionCommand),
}

/// What can be done about sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List sessions, one JSON object a line, the last used first
    List {
        /// Only those of this user (subject identifier)
        #[arg(long)]
        user: Option<String>,
    },
    /// End sessions and the tokens they were given
    End(EndSessions),
}

/// Which sessions end.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct EndSessions {
    /// The id of one, as listed
    pub(crate) id: Option<String>,
    /// All of this user (subject identifier)
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// All of everybody
    #[arg(long)]
    pub(crate) all: bool,
}

/// Arguments of `rookery check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The project's directory [default: the configured project]
    pub(crate) directory: Option<PathBuf>,
}

/// Arguments of `rookery test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The project's directory [default: the configured project]
    pub(crate) directory: Option<PathBuf>,
    /// Only tests whose name (`pipe::test`) contains this
    #[arg(long)]
    pub(crate) filter: Option<String>,
}

/// Arguments of `rookery token`.
#[derive(Debug, clap::Args)]
pub(crate) struct Token {
    /// The organization's slug; without it the admin token is printed
    #[arg(long)]
    pub(crate) org: Option<String>,
    /// The user that the token names
    #[arg(long, default_value = "user_command_line")]
    pub(crate) user: String,
}

/// Reads the command line: the command, and the settings given as flags.
/// Ends the process with a usage text where it cannot be read.
pub(crate) fn parse() -> (Cli, Given) {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    (cli, settings_of(&matches))
}

/// `--help` tells of a command's own arguments; the settings, which every
/// command takes, only `--help-all` lists.
fn command() -> clap::Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::HelpShort)
        .help("Print help")
        .global(true);
    let help_all = Arg::new("help-all")
        .long("help-all")
        .action(ArgAction::HelpLong)
        .help("Print help with every setting")
        .global(true);
    Cli::command()
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .args([help, help_all])
        .args(flags().map(flag_of))
}

/// The settings that have a flag.
fn flags() -> impl Iterator<Item = &'static Setting> {
    SETTINGS
        .iter()
        .filter(|setting| setting.kind != Kind::Table)
}

fn flag_of(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.key)
        .long(setting.flag())
        .help(setting.help)
        .help_heading("Settings")
        .hide_short_help(true)
        .global(true);
    match setting.kind {
        Kind::Boolean => arg
            .value_name("true|false")
            .num_args(0..=1)
            .default_missing_value("true")
            .require_equals(true),
        Kind::Number => arg.value_name("NUMBER").allow_negative_numbers(true),
        Kind::List => arg.value_name("A,B"),
        Kind::Text | Kind::Table => arg.value_name("TEXT"),
    }
}

/// A global flag may stand before or after the subcommand; clap copies it to
/// the innermost matches.
fn settings_of(matches: &ArgMatches) -> Given {
    let innermost = matches.subcommand().map_or(matches, |(_, inner)| inner);
    flags()
        .filter_map(|setting| {
            let value = innermost.get_one::<String>(setting.key)?;
            Some((setting.key.to_owned(), value.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(arguments: &[&str]) -> String {
        let given = ["rookery"].iter().chain(arguments);
        let error = command().try_get_matches_from(given).unwrap_err();
        assert_eq!(error.exit_code(), 0);
        error.to_string()
    }

    #[test]
    fn help_is_short_and_all_of_it_is_there_for_who_asks() {
        for command in ["token", "serve", "identity"] {
            let short = help(&[command, "--help"]);
            assert!(!short.contains("--web-listen"), "{short}");
            assert!(short.contains("--help-all"), "{short}");
            assert!(short.lines().count() < 25, "{short}");
            assert_eq!(short, help(&[command, "-h"]));
            assert!(help(&[command, "--help-all"]).contains("--web-listen"));
        }
        assert!(help(&["token", "--help"]).contains("--org"));
    }

    #[test]
    fn no_flag_clashes_with_another() {
        command().debug_assert();
    }
}
