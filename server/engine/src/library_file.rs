//! Where the engine's library is, for who loads it and who fetches it.

use std::path::PathBuf;

/// The library's version, as its package on npm names it.
pub const LIBRARY_VERSION: &str = "26.7.3-stable.1";

/// Where `cargo xtask fetch` puts the library:
/// `$XDG_CACHE_HOME/rookery/chdb/<version>/libchdb.so`, with `~/.cache` in
/// place of an unset variable. `None` without a home.
#[must_use]
pub fn cached_library() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))?;
    let version = cache.join("rookery/chdb").join(LIBRARY_VERSION);
    Some(version.join("libchdb.so"))
}
