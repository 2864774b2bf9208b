//! The paths of this machine that the compiler would write into the browser's
//! module, which every visitor gets: the places of source files in panics.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::{fetch, files};

/// Cargo's `--config` that lets the compiler leave out where the crates, the
/// standard library and this clone lie. It goes to the browser part alone: the
/// server shares what xtask's own build compiled, and its panics are read by
/// nobody but its operator.
pub(super) fn remapping() -> Result<String> {
    let mut prefixes = vec![
        (files::root(), ""),
        (files::target(), "target"),
        // As the standard library calls itself where it was compiled.
        (fetch::sysroot()?.join("lib/rustlib/src/rust"), "/rustc"),
    ];
    let crates = cargo_home()?.join("registry/src");
    for registry in std::fs::read_dir(&crates)
        .with_context(|| format!("{} cannot be read", crates.display()))?
    {
        prefixes.push((registry?.path(), ""));
    }
    let flags: Vec<String> = prefixes
        .iter()
        .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()))
        .collect();
    let flags = serde_json::to_string(&flags)?;
    Ok(format!("target.{}.rustflags={flags}", fetch::WASM))
}

/// Refuses a module that names a folder of this machine.
pub(super) fn refuse_local(module: &Path) -> Result<()> {
    let content = std::fs::read(module)?;
    for folder in [
        files::root(),
        files::target(),
        cargo_home()?,
        fetch::sysroot()?,
    ] {
        let name = folder.to_string_lossy();
        if content
            .windows(name.len())
            .any(|window| window == name.as_bytes())
        {
            bail!("{} names the folder {name}", module.display());
        }
    }
    Ok(())
}

/// Where cargo keeps the crates it has downloaded.
fn cargo_home() -> Result<PathBuf> {
    match std::env::var_os("CARGO_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => Ok(folder.into()),
        None => std::env::home_dir()
            .map(|home| home.join(".cargo"))
            .ok_or_else(|| anyhow!("no home directory: set CARGO_HOME to cargo's folder")),
    }
}
