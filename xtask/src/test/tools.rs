//! Programs that only the tests need, installed where they are missing.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::{console, files, process};

/// The spell checker's version, the same in both registries.
const TYPOS: &str = "1.52.0";

/// Runs each test in a process of its own.
pub(super) fn nextest() -> Result<()> {
    let there = process::capture(
        process::cargo().args(["nextest", "--version"]),
        "looking for cargo-nextest",
    );
    if there.is_ok() {
        return Ok(());
    }
    let started = Instant::now();
    console::step("Installing cargo-nextest", "6 min");
    process::run(
        process::cargo().args(["install", "--locked", "cargo-nextest@0.9.143"]),
        "installing cargo-nextest",
    )?;
    console::done(started);
    Ok(())
}

/// The spell checker: the program that Python's registry has ready, or else
/// compiled from its source.
pub(super) fn typos() -> Result<Command> {
    let directory = files::root().join("target/tools/typos");
    let program = directory.join("bin/typos");
    let found = || Command::new(&program);
    let is_there = |mut program: Command| {
        let version = process::text(program.arg("--version"), "looking for typos");
        version.is_ok_and(|version| version.trim_end().ends_with(TYPOS))
    };
    if is_there(found()) {
        return Ok(found());
    }
    let started = Instant::now();
    console::step("Installing typos", "5 s; 2 min without pip");
    let ready = process::capture(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
            .arg(&directory)
            .arg(format!("typos=={TYPOS}")),
        "installing typos with pip",
    );
    if ready.is_err() || !is_there(found()) {
        process::capture(
            process::cargo()
                .args(["install", "--locked", "--debug", "--root"])
                .arg(&directory)
                .arg(format!("typos-cli@{TYPOS}")),
            "installing typos",
        )?;
    }
    console::done(started);
    Ok(found())
}
