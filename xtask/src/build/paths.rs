//! The paths of this machine that the compiler would write into the browser's
//! module, which every visitor gets: the places of source files in panics.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

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
    // Not there when the crates are vendored, which puts them below the root.
    if let Ok(registries) = std::fs::read_dir(cargo_home()?.join("registry/src")) {
        for registry in registries {
            prefixes.push((registry?.path(), ""));
        }
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
        if names(&content, &folder) {
            bail!("{} names the folder {}", module.display(), folder.display());
        }
    }
    Ok(())
}

/// Whether a path below the folder stands in the content: `/src/lib.rs` does
/// for a clone in `/src`, `crate/src/lib.rs` does not.
fn names(content: &[u8], folder: &Path) -> bool {
    let path = format!("{}/", folder.display());
    content
        .windows(path.len() + 1)
        .any(|window| window.ends_with(path.as_bytes()) && !window[0].is_ascii_alphanumeric())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_paths_of_the_machine_are_found() {
        let module = b"\0called at /src/app/lib.rs, leptos-0.8/src/lib.rs";
        assert!(names(module, Path::new("/src")));
        assert!(names(module, Path::new("/src/app")));
        assert!(!names(&module[16..], Path::new("/src")));
    }
}
