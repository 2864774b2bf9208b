//! The browser that the tests drive: the system's own Chromium, installed from
//! the system's packages where it is missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::{console, process};

/// Names another browser than the one found.
const OVERRIDE: &str = "END2END_CHROMIUM";

/// Where systems put it.
const PLACES: [&str; 4] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// The path of a Chromium, installed first when there is none.
pub(super) fn program() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(chosen));
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("there is no Chromium: install one, or set {OVERRIDE} to its path");
    }
    let started = Instant::now();
    console::step("Installing Chromium from the system's packages", "1 min");
    process::capture(apt().arg("update"), "apt-get update")?;
    process::capture(
        apt().args([
            "install",
            "--yes",
            "--no-install-recommends",
            "chromium",
            "fonts-liberation",
        ]),
        "installing Chromium",
    )?;
    console::done(started);
    match find() {
        Some(found) => Ok(found),
        None => bail!("the package chromium brought no browser to {}", PLACES[0]),
    }
}

fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.exists())
}

/// apt-get as root, by sudo where this is not root.
fn apt() -> Command {
    let root = process::text(Command::new("id").arg("-u"), "asking who runs this")
        .is_ok_and(|id| id.trim() == "0");
    let mut command = if root {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "apt-get"]);
        sudo
    };
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--quiet");
    command
}
