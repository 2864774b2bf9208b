//! wasm-opt, from the npm package `binaryen`, pinned with its integrity in
//! `xtask/npm/package-lock.json`.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{console, files, process};

const MANIFEST: &str = include_str!("../../npm/package.json");
const LOCK: &str = include_str!("../../npm/package-lock.json");

/// The package unpacked, in MiB.
const SPACE: u64 = 200;

/// The path of wasm-opt, fetched first when it is missing. The folder is named
/// after the lock file, so another pin is another folder.
pub(crate) fn program() -> Result<PathBuf> {
    let name = format!("wasm-opt-{}", &files::sha256(LOCK.as_bytes())[..12]);
    let directory = files::cache()?.join(&name);
    let program = directory.join("node_modules/.bin/wasm-opt");
    if program.is_file() {
        return Ok(program);
    }
    let _lock = super::lock()?;
    if program.is_file() {
        return Ok(program);
    }
    let started = Instant::now();
    console::step("Fetching wasm-opt, 100 MB on disk", "10 s");
    let partial = files::cache()?.join("wasm-opt.partial");
    files::fresh_directory(&partial)?;
    files::require_space(&partial, SPACE, "wasm-opt")?;
    fs::write(partial.join("package.json"), MANIFEST)?;
    fs::write(partial.join("package-lock.json"), LOCK)?;
    process::capture(
        process::npm()?
            .args(["ci", "--ignore-scripts"])
            .current_dir(&partial),
        "downloading wasm-opt",
    )?;
    files::remove_directory(&directory)?;
    fs::rename(&partial, &directory)
        .with_context(|| format!("{} cannot be put in place", directory.display()))?;
    console::done(started);
    Ok(program)
}
