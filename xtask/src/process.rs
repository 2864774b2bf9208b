//! Running other programs: cargo, npm, rustup. A missing program and a failed
//! one each become one clear line.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// Runs the command with its output shown; any exit code but 0 is an error
/// that says what was being done.
pub(crate) fn run(command: &mut Command, doing: &str) -> Result<()> {
    let status = command
        .status()
        .map_err(|error| not_started(command, &error))?;
    if !status.success() {
        bail!("{doing} failed: `{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs the command silently and returns its output; on failure the error
/// carries the last telling line of what it printed.
pub(crate) fn capture(command: &mut Command, doing: &str) -> Result<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        bail!("{doing} failed: {}", reason(&output));
    }
    Ok(output)
}

/// The standard output of a command that is expected to succeed.
pub(crate) fn text(command: &mut Command, doing: &str) -> Result<String> {
    let output = capture(command, doing)?;
    String::from_utf8(output.stdout).with_context(|| format!("{doing}: the answer is not UTF-8"))
}

/// Fails when the program cannot be started at all; `remedy` says where to get
/// it.
pub(crate) fn require(program: &str, remedy: &str) -> Result<()> {
    let probe = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match probe {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("`{program}` is missing: {remedy}")
        }
        Err(error) => bail!("`{program}` does not start: {error}"),
        Ok(_) => Ok(()),
    }
}

/// Cargo, the one that runs xtask, working in the root of the clone.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::files::root());
    // What cargo tells its `cargo run` child would make cargo rebuild things
    // that it built for the shell.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            command.env_remove(name);
        }
    }
    command
}

/// npm, quiet and never asking.
pub(crate) fn npm() -> Result<Command> {
    require("npm", "install Node.js 20 or newer, which brings npm")?;
    let mut command = Command::new("npm");
    command.args([
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ]);
    Ok(command)
}

fn not_started(command: &Command, error: &std::io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => anyhow!("`{program}` is missing; install it and try again"),
        _ => anyhow!("`{program}` does not start: {error}"),
    }
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words: Vec<_> = std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}

/// The line of a failed program's output that a person wants: npm's network
/// and disk codes in words, else the last line with text.
fn reason(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    const NETWORK: [&str; 6] = [
        "ENOTFOUND",
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "ETIMEDOUT",
        "ENETUNREACH",
    ];
    if let Some(code) = NETWORK.iter().find(|code| stderr.contains(**code)) {
        return format!(
            "the package registry cannot be reached ({code}); check the network and run the same command again"
        );
    }
    if stderr.contains("ENOSPC") {
        return "the disk is full; make room and run the same command again".to_owned();
    }
    let last = stderr
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty() && !line.contains("complete log"));
    last.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_remedy() {
        let error = require("no-such-program-anywhere", "get it from the moon").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`no-such-program-anywhere` is missing: get it from the moon"
        );
    }

    #[test]
    fn a_failing_network_is_told_in_words() {
        let error = capture(
            Command::new("sh").args(["-c", "echo 'npm error code ENOTFOUND' >&2; exit 1"]),
            "fetching a package",
        )
        .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the package registry cannot be reached"),
            "{error}"
        );
    }

    #[test]
    fn the_last_line_explains_other_failures() {
        let error = capture(
            Command::new("sh").args(["-c", "echo first >&2; echo because of this >&2; exit 3"]),
            "a step",
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "a step failed: because of this");
    }
}
