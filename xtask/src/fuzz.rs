//! `cargo xtask fuzz`: runs each fuzz target of the package `fuzz` for a
//! bounded time with coverage feedback (libFuzzer), on the pinned stable
//! toolchain.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{console, files, process};

/// The targets, each with the folders under the root whose files start its
/// corpus.
const TARGETS: [(&str, &[&str]); 3] = [
    (
        "fuzz-datafile",
        &[
            "demo/datasources",
            "demo/endpoints",
            "server/analytics/tests/cases/datafile",
        ],
    ),
    (
        "fuzz-template",
        &["demo/endpoints", "server/analytics/tests/cases/template"],
    ),
    ("fuzz-token", &["demo/jwt_templates"]),
];

/// What cargo-fuzz passes to the compiler, less what only nightly takes.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cdebug-assertions -Ccodegen-units=1";

/// Longest input, in bytes.
const LONGEST: u32 = 16 * 1024;

/// Fuzzes every target for `seconds` each; fails at the first crash, whose
/// input is kept.
pub(crate) fn fuzz(seconds: u32) -> Result<()> {
    let host = host()?;
    let started = Instant::now();
    console::step(
        "Compiling the fuzz targets with coverage counters",
        "4 min; a few seconds when nothing changed",
    );
    process::run(
        process::cargo()
            .args([
                "build",
                "--locked",
                "--release",
                "--package",
                "fuzz",
                "--target",
                &host,
            ])
            .env("CARGO_TARGET_DIR", directory())
            .env("RUSTFLAGS", COVERAGE),
        "compiling the fuzz targets",
    )?;
    console::done(started);
    for (target, seeds) in TARGETS {
        run(
            &directory().join(&host).join("release").join(target),
            target,
            seeds,
            seconds,
        )?;
    }
    Ok(())
}

fn run(program: &Path, target: &str, seeds: &[&str], seconds: u32) -> Result<()> {
    let started = Instant::now();
    console::step(format!("Fuzzing {target}"), &format!("{seconds} s"));
    let corpus = directory().join("corpus").join(target);
    let crashes = directory().join("crashes").join(target);
    for folder in [&corpus, &crashes] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be created", folder.display()))?;
    }
    let mut command = std::process::Command::new(program);
    command
        .arg(&corpus)
        .args(seeds.iter().map(|seed| files::root().join(seed)))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-artifact_prefix={}/", crashes.display()))
        // Longer than any input may take; memory as the server would have it.
        .args([
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-verbosity=0",
            "-print_final_stats=1",
        ])
        .env_remove("RUSTFLAGS");
    process::run(&mut command, &format!("fuzzing {target}"))
        .with_context(|| format!("the input that did it is in {}", crashes.display()))?;
    console::done(started);
    Ok(())
}

/// Apart from the ordinary builds, whose flags differ.
fn directory() -> PathBuf {
    files::target().join("fuzz")
}

/// The host's target triple: with a target named, the flags leave build
/// scripts alone.
fn host() -> Result<String> {
    let version = process::text(
        std::process::Command::new("rustc").arg("-vV"),
        "asking rustc for its host",
    )?;
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV names no host"),
    }
}
