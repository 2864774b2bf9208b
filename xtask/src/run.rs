//! `cargo xtask run`: from a fresh clone to a serving Rookery.

use std::net::TcpListener;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use crate::build::{self, Profile};
use crate::{console, fetch, files, process};

/// The addresses the server listens on unless told otherwise, each with the
/// flag and the environment variable that tell it otherwise.
const ADDRESSES: [(&str, &str, &str); 2] = [
    ("127.0.0.1:3000", "--web-listen", "ROOKERY_WEB_LISTEN"),
    (
        "127.0.0.1:7181",
        "--analytics-listen",
        "ROOKERY_ANALYTICS_LISTEN",
    ),
];

/// Fetches and builds what is missing, then becomes `rookery serve` with the
/// given flags.
pub(crate) fn run(flags: &[&str]) -> Result<()> {
    process::npm()?;
    check_ports(flags)?;
    fetch::wasm_target()?;
    // The download needs the network and the compiler the processor.
    thread::scope(|scope| {
        let download = scope.spawn(|| fetch::wasm_opt().and_then(|_| fetch::engine_library()));
        let built = build::build(Profile::Release);
        let library = download.join().map_err(|_| anyhow!("the fetch panicked"))?;
        built.and(library)
    })?;
    let mut server = Command::new(Profile::Release.server());
    server.arg("serve").args(flags).current_dir(files::root());
    server.env("ROOKERY_WEB_SITE_ROOT", Profile::Release.site());
    console::step("Serving", "");
    become_process(&mut server)
}

/// Fails before the long build when a port is taken. An address from
/// `rookery.toml` is checked by the server itself.
fn check_ports(flags: &[&str]) -> Result<()> {
    if files::root().join("rookery.toml").exists() {
        return Ok(());
    }
    for (default, flag, variable) in ADDRESSES {
        let from_environment = std::env::var(variable).ok();
        let address = flag_value(flags, flag)
            .or(from_environment.as_deref())
            .unwrap_or(default);
        if let Err(error) = TcpListener::bind(address) {
            bail!(
                "{address} cannot be listened on ({error}): stop what uses it, or choose another port as the README says under \"Other ports\""
            );
        }
    }
    Ok(())
}

/// The value of `--name value` or `--name=value`.
fn flag_value<'a>(flags: &[&'a str], name: &str) -> Option<&'a str> {
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        if *flag == name {
            return flags.next().copied();
        }
        if let Some(value) = flag
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
        {
            return Some(value);
        }
    }
    None
}

/// Replaces this process, so that signals reach the server alone.
#[cfg(unix)]
fn become_process(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
        .with_context(|| format!("{} does not start", command.get_program().display()))
}

#[cfg(not(unix))]
fn become_process(command: &mut Command) -> Result<()> {
    process::run(command, "serving")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_found_in_both_spellings() {
        assert_eq!(
            flag_value(&["--web-listen", "a:1"], "--web-listen"),
            Some("a:1")
        );
        assert_eq!(
            flag_value(&["--x", "--web-listen=b:2"], "--web-listen"),
            Some("b:2")
        );
        assert_eq!(flag_value(&["--web-listener=b:2"], "--web-listen"), None);
    }

    #[test]
    fn a_taken_port_is_named_with_the_way_out() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let error = check_ports(&["--web-listen", &address]).unwrap_err();
        assert!(error.to_string().contains(&address), "{error}");
        assert!(error.to_string().contains("Other ports"), "{error}");
    }
}
