//! `cargo xtask fetch`: what the build and the server need and cargo does not
//! bring. Each piece is pinned, verified, put in place in one step and left
//! alone when it is there; an interrupted fetch starts again cleanly.

mod engine;
mod wasm_opt;

pub(crate) use engine::library as engine_library;
pub(crate) use wasm_opt::program as wasm_opt;

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{console, files, process};

/// The rustc name of the browser's platform.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Fetches all that is missing and says where it is.
pub(crate) fn everything() -> Result<()> {
    wasm_target()?;
    console::detail(format!("wasm-opt: {}", wasm_opt()?.display()));
    console::detail(format!("engine:   {}", engine_library()?.display()));
    Ok(())
}

/// Adds the standard library for WebAssembly to the toolchain.
pub(crate) fn wasm_target() -> Result<()> {
    let installed = sysroot()?.join("lib/rustlib").join(WASM).join("lib");
    if installed.is_dir() {
        return Ok(());
    }
    console::step(format!("Adding the Rust target {WASM}"), "10 s");
    process::require(
        "rustup",
        &format!("add the target {WASM} to your Rust toolchain yourself, or install rustup"),
    )?;
    process::run(
        Command::new("rustup")
            .args(["target", "add", WASM])
            .current_dir(files::root()),
        "adding the wasm target",
    )
}

/// The folder of the Rust toolchain.
pub(crate) fn sysroot() -> Result<PathBuf> {
    let sysroot = process::text(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(files::root()),
        "asking rustc where it lives",
    )?;
    Ok(sysroot.trim().into())
}

/// Only one process fetches at a time.
fn lock() -> Result<File> {
    files::lock(&files::cache()?.join("fetch.lock"))
}

/// Refuses a fetched file whose SHA-256 is not the pinned one.
fn verify(what: &str, found: &str, pinned: &str) -> Result<()> {
    if found != pinned {
        bail!(
            "{what} has SHA-256 {found} where {pinned} is pinned: it was changed or cut short, and was thrown away"
        );
    }
    Ok(())
}
