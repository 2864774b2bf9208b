//! `cargo xtask test`: everything that must hold before a change lands, with
//! the tools it needs installed on the way.

mod chromium;
mod tools;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::build::{self, Profile};
use crate::{console, fetch, files, process};

/// The largest WebAssembly module, brotli, in bytes.
pub(crate) const WASM_BUDGET: u64 = 160 * 1024;

/// A part of the tests that can run on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Formatting, spelling and clippy.
    Lint,
    /// Unit, integration and documentation tests.
    Rust,
    /// Playwright and Tinybird's clients against the release build.
    Browser,
}

/// Runs the named part, or all of them: the quick ones first.
pub(crate) fn test(only: Option<&str>) -> Result<()> {
    let parts = match only {
        None => vec![Part::Lint, Part::Rust, Part::Browser],
        Some("lint") => vec![Part::Lint],
        Some("rust") => vec![Part::Rust],
        Some("browser") => vec![Part::Browser],
        Some(other) => bail!("there is no part `{other}`: lint, rust or browser"),
    };
    for part in parts {
        match part {
            Part::Lint => lint()?,
            Part::Rust => rust()?,
            Part::Browser => browser()?,
        }
    }
    Ok(())
}

fn lint() -> Result<()> {
    fetch::wasm_target()?;
    step("Checking the formatting", "", &["fmt", "--all", "--check"])?;
    spelling()?;
    step(
        "Linting for the server",
        "3 min; a few seconds when nothing changed",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    step(
        "Linting for the browser",
        "1 min; a few seconds when nothing changed",
        &[
            "clippy",
            "--locked",
            "--package",
            "browser",
            "--target",
            fetch::WASM,
            "--",
            "-D",
            "warnings",
        ],
    )
}

/// The words of code and documents; `_typos.toml` says what only looks wrong.
fn spelling() -> Result<()> {
    let mut typos = tools::typos()?;
    let started = Instant::now();
    console::step("Checking the spelling", "1 s");
    process::run(
        typos.args(["--format", "brief"]).current_dir(files::root()),
        "checking the spelling",
    )?;
    console::done(started);
    Ok(())
}

fn rust() -> Result<()> {
    fetch::engine_library()?;
    tools::nextest()?;
    step(
        "Running the unit and integration tests",
        "5 min with the compiling",
        &["nextest", "run", "--locked", "--workspace"],
    )?;
    step(
        "Running the documentation tests",
        "1 min",
        &["test", "--locked", "--workspace", "--doc"],
    )
}

/// Runs the tests that need an engine against a server of somebody's own, one
/// after the other: each begins with an empty server. What is about our own
/// process (`child`) is left out.
pub(crate) fn against(url: &str) -> Result<()> {
    fetch::engine_library()?;
    tools::nextest()?;
    let started = Instant::now();
    console::step(
        "Running the tests of engine and analytics against the server",
        "10 min",
    );
    process::run(
        process::cargo()
            .args([
                "nextest",
                "run",
                "--locked",
                "--workspace",
                "--test-threads",
                "1",
            ])
            .args([
                "-E",
                "(package(engine) and not binary(child)) or package(analytics)",
            ])
            .env("ROOKERY_TEST_ENGINE_URL", url),
        "the tests against the server",
    )?;
    console::done(started);
    Ok(())
}

fn browser() -> Result<()> {
    fetch::engine_library()?;
    let chromium = chromium::program()?;
    build::build(Profile::Release)?;
    budget()?;
    build::refuse_local_paths(Profile::Release)?;
    let directory = files::root().join("end2end");
    packages("Installing Playwright", "10 s", &directory)?;
    let started = Instant::now();
    console::step("Running the browser tests", "2 min");
    process::run(
        process::npm()?
            .args(["exec", "--offline", "--", "playwright", "test"])
            .current_dir(&directory)
            .env("END2END_CHROMIUM", chromium)
            .env("END2END_SERVER", Profile::Release.server())
            .env("END2END_SITE", Profile::Release.site()),
        "the browser tests",
    )?;
    console::done(started);
    clients()
}

/// Tinybird's own client libraries against the release build.
fn clients() -> Result<()> {
    let directory = files::root().join("end2end/conformance");
    packages("Installing the client libraries", "5 s", &directory)?;
    let started = Instant::now();
    console::step("Running the clients' tests", "20 s");
    process::run(
        process::npm()?
            .arg("test")
            .current_dir(&directory)
            .env("END2END_SERVER", Profile::Release.server()),
        "the clients' tests",
    )?;
    console::done(started);
    Ok(())
}

/// Installs the npm packages of a folder's lock file.
fn packages(what: &str, about: &str, directory: &Path) -> Result<()> {
    let started = Instant::now();
    console::step(what, about);
    process::capture(
        process::npm()?
            .args(["ci", "--ignore-scripts"])
            .current_dir(directory),
        &what.to_lowercase(),
    )?;
    console::done(started);
    Ok(())
}

/// Refuses a module that is too large to send to a first visitor.
fn budget() -> Result<()> {
    let size = build::asset_size(Profile::Release, "wasm.br")?;
    console::detail(format!(
        "the WebAssembly module has {} KB brotli of {} KB",
        size / 1024,
        WASM_BUDGET / 1024
    ));
    if size > WASM_BUDGET {
        bail!("the WebAssembly module is too large: {size} of {WASM_BUDGET} bytes, brotli");
    }
    Ok(())
}

/// One cargo command as a step.
fn step(what: &str, about: &str, arguments: &[&str]) -> Result<()> {
    let started = Instant::now();
    console::step(what, about);
    process::run(process::cargo().args(arguments), &what.to_lowercase())?;
    console::done(started);
    Ok(())
}
