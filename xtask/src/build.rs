//! `cargo xtask build`: the server's binary and the browser's site, each
//! rebuilt only when something it is made from has changed.

mod compress;
mod paths;
mod site;
mod snip;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::{console, fetch, files, process};

/// How to build: for use, or for the development loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Optimized; the browser part also for size, with precompressed files.
    Release,
    /// Fast to build.
    Dev,
}

impl Profile {
    /// The folder in the target directory that holds the server.
    fn server_folder(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "debug",
        }
    }

    /// The cargo profile of the browser part and its folder.
    fn browser(self) -> (&'static str, &'static str) {
        match self {
            Self::Release => ("wasm-release", "wasm-release"),
            Self::Dev => ("dev", "debug"),
        }
    }

    /// Where the site goes: the two profiles do not overwrite each other.
    pub(crate) fn site(self) -> PathBuf {
        files::target().join(match self {
            Self::Release => "site",
            Self::Dev => "site-dev",
        })
    }

    /// The server's executable.
    pub(crate) fn server(self) -> PathBuf {
        files::target().join(self.server_folder()).join("rookery")
    }
}

/// What a first build writes, in MiB.
const SPACE: u64 = 3_000;

/// Builds server and site; what is missing for that is fetched.
pub(crate) fn build(profile: Profile) -> Result<()> {
    fetch::wasm_target()?;
    if !profile.server().exists() {
        files::require_space(&files::root(), SPACE, "the build")?;
    }
    crates()?;
    server(profile)?;
    browser(profile)
}

/// Downloads the dependencies on their own, so that a missing network is told
/// apart from a failing build.
fn crates() -> Result<()> {
    let fetch = |offline: &[&str]| {
        let mut command = process::cargo();
        command.args(["fetch", "--locked"]).args(offline);
        command
    };
    if process::capture(
        fetch(&["--offline"]).arg("--quiet"),
        "looking for the crates",
    )
    .is_ok()
    {
        return Ok(());
    }
    let started = Instant::now();
    console::step("Downloading the crates of Cargo.lock", "30 s");
    process::run(
        &mut fetch(&[]),
        "downloading the crates (is the network there?)",
    )?;
    console::done(started);
    Ok(())
}

/// The binary `rookery`.
pub(crate) fn server(profile: Profile) -> Result<()> {
    let started = Instant::now();
    console::step(
        "Compiling the server",
        if profile.server().exists() {
            "1 min; at once when nothing changed"
        } else {
            "5 min"
        },
    );
    let mut command = process::cargo();
    command.args(["build", "--locked", "--package", "server"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    process::run(&mut command, "compiling the server")?;
    console::done(started);
    Ok(())
}

/// The site: WebAssembly, script, style and static files.
pub(crate) fn browser(profile: Profile) -> Result<()> {
    let started = Instant::now();
    console::step(
        "Compiling the browser part",
        if profile.site().exists() {
            "1 min; at once when nothing changed"
        } else {
            "2 min"
        },
    );
    let (name, folder) = profile.browser();
    let mut command: Command = process::cargo();
    command
        .args(["build", "--locked", "--package", "browser", "--lib"])
        .args(["--target", fetch::WASM, "--profile", name]);
    if profile == Profile::Release {
        command.args(["--config", &paths::remapping()?]);
    }
    process::run(&mut command, "compiling the browser part")?;
    let module = files::target()
        .join(fetch::WASM)
        .join(folder)
        .join("browser.wasm");
    site::assemble(profile, &module)?;
    console::done(started);
    Ok(())
}

/// The size in bytes of the one file of the built site whose name ends so,
/// such as `wasm.br`.
pub(crate) fn asset_size(profile: Profile, ending: &str) -> Result<u64> {
    Ok(asset(profile, ending)?.metadata()?.len())
}

/// Refuses a built module that names a folder of this machine.
pub(crate) fn refuse_local_paths(profile: Profile) -> Result<()> {
    paths::refuse_local(&asset(profile, "wasm")?)
}

fn asset(profile: Profile, ending: &str) -> Result<PathBuf> {
    let package = profile.site().join("pkg");
    files::walk(&package)?
        .into_iter()
        .find(|file| file.to_string_lossy().ends_with(&format!(".{ending}")))
        .ok_or_else(|| anyhow!("{} holds no .{ending}", package.display()))
}

/// Builds the engine's program alone, which tests and benches of the release
/// profile look for beside themselves.
pub(crate) fn engine() -> Result<()> {
    process::run(
        process::cargo().args(["build", "--locked", "--release", "--package", "engine"]),
        "building the engine's program",
    )
}
