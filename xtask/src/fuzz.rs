//! `cargo xtask fuzz`: runs each fuzz target of the package `fuzz` for a
//! bounded time with coverage feedback (libFuzzer), on the pinned stable
//! toolchain. What is found is kept: the corpus and the failing inputs lie in
//! `target/fuzz`. What a target does and starts from is in the package `fuzz`.

mod progress;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{console, files, process};
use progress::Progress;

const TARGETS: [&str; 3] = ["datafile", "template", "token"];

/// What cargo-fuzz passes to the compiler, less what only nightly takes.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cdebug-assertions -Ccodegen-units=1";

/// The bounds of one input: its bytes, the seconds it may take on a busy
/// machine, and the MiB the process may hold.
const BOUNDS: [&str; 3] = ["-max_len=16384", "-timeout=10", "-rss_limit_mb=1024"];

/// Fuzzes every target for `seconds` each; fails at the first input that a
/// target fails on, which is kept.
pub(crate) fn fuzz(seconds: u32) -> Result<()> {
    let host = host()?;
    let started = Instant::now();
    console::step(
        "Compiling the fuzz targets with coverage counters",
        "8 min; a few seconds when nothing changed",
    );
    process::run(
        process::cargo()
            .args([
                "build",
                "--locked",
                "--release",
                "--package",
                "fuzz",
                "--bins",
            ])
            .args(["--target", &host])
            .env("CARGO_TARGET_DIR", directory())
            .env("RUSTFLAGS", COVERAGE),
        "compiling the fuzz targets",
    )?;
    console::done(started);
    let programs = directory().join(&host).join("release");
    for target in TARGETS {
        run(&programs.join(format!("fuzz-{target}")), target, seconds)?;
    }
    Ok(())
}

fn run(program: &Path, target: &str, seconds: u32) -> Result<()> {
    let started = Instant::now();
    console::step(
        format!("Fuzzing the target {target}"),
        &format!("{seconds} s"),
    );
    let folder = directory().join(target);
    let [seeds, corpus, failures] = ["seeds", "corpus", "failures"].map(|name| folder.join(name));
    files::fresh_directory(&seeds)?;
    for directory in [&corpus, &failures] {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
    }
    let log = folder.join("log");
    let mut command = Command::new(program);
    command
        // New inputs go into the first folder; the target fills the second.
        .args([&corpus, &seeds])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", failures.display()))
        .args(BOUNDS)
        .env("FUZZ_SEEDS", &seeds)
        .env("RUST_BACKTRACE", "1");
    let (progress, ended_well) = watch(&mut command, &log)?;
    if let Some(progress) = progress.summary() {
        console::detail(progress);
    }
    if !ended_well {
        bail!(
            "the target {target} failed on the input in {}; run `{} FILE` to see it again, and see {} for the whole of this run",
            failures.display(),
            program.display(),
            log.display()
        );
    }
    if !progress.is_guided() {
        bail!(
            "the target {target} ran without coverage; see {}",
            log.display()
        );
    }
    console::done(started);
    Ok(())
}

/// Runs a target, writes what it says into the log and shows what a failure
/// says. Tells how far it came and whether it ended without one.
fn watch(command: &mut Command, log: &Path) -> Result<(Progress, bool)> {
    let mut log = File::create(log).with_context(|| format!("{} cannot be made", log.display()))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("the fuzz target does not start")?;
    let mut progress = Progress::default();
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).split(b'\n') {
            // A message may quote an input, which need not be UTF-8.
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            writeln!(log, "{line}")?;
            if progress.read(&line) {
                console::detail(&line);
            }
        }
    }
    Ok((progress, child.wait()?.success()))
}

/// Apart from the ordinary builds, whose flags differ.
fn directory() -> PathBuf {
    files::target().join("fuzz")
}

/// The host's target triple: with a target named, the flags leave build
/// scripts alone.
fn host() -> Result<String> {
    let version = process::text(
        Command::new("rustc").arg("-vV"),
        "asking rustc for its host",
    )?;
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV names no host"),
    }
}
