//! The site that the web server serves as static files: the WebAssembly module
//! with its script, the style sheet and `public/`, under names that carry
//! their content's hash, listed in the `hash.txt` that Leptos reads beside the
//! server's executable.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use super::{Profile, compress, snip};
use crate::{fetch, files, process};

/// The stem of all names; `LEPTOS_OUTPUT_NAME` in `.cargo/config.toml`.
const NAME: &str = "rookery";

/// Makes the site from the compiled module, unless it was made from the very
/// same inputs before.
pub(crate) fn assemble(profile: Profile, module: &Path) -> Result<()> {
    let site = profile.site();
    let hashes = profile.server().with_file_name("hash.txt");
    let _lock = files::lock(&site.with_extension("lock"))?;
    let stamp_file = site.with_extension("stamp");
    let stamp = stamp(module)?;
    let made = fs::read_to_string(&stamp_file).is_ok_and(|earlier| earlier == stamp);
    if made && hashes.is_file() && site.is_dir() {
        return Ok(());
    }

    let partial = site.with_extension("partial");
    let package = partial.join("pkg");
    files::fresh_directory(&package)?;
    bind(profile, module, &package)?;
    fs::copy(
        files::root().join("style/main.css"),
        package.join(format!("{NAME}.css")),
    )
    .context("style/main.css cannot be copied")?;
    let listing = hash_names(&package)?;
    copy_public(&partial)?;
    if profile == Profile::Release {
        for file in files::walk(&partial)? {
            compress::precompress(&file)?;
        }
    }

    // From here to the end a crash leaves no stamp, so the next run starts again.
    if stamp_file.exists() {
        fs::remove_file(&stamp_file)?;
    }
    files::remove_directory(&site)?;
    fs::rename(&partial, &site)
        .with_context(|| format!("{} cannot be put in place", site.display()))?;
    fs::write(&hashes, listing)
        .with_context(|| format!("{} cannot be written", hashes.display()))?;
    fs::write(&stamp_file, stamp)?;
    Ok(())
}

/// A hash of everything the site is made from, xtask itself included.
fn stamp(module: &Path) -> Result<String> {
    let root = files::root();
    let mut inputs = vec![
        module.to_path_buf(),
        root.join("style/main.css"),
        std::env::current_exe()?,
    ];
    inputs.extend(files::walk(&root.join("public"))?);
    let mut hasher = Sha256::new();
    for input in inputs {
        let content =
            fs::read(&input).with_context(|| format!("{} cannot be read", input.display()))?;
        hasher.update(input.to_string_lossy().as_bytes());
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    Ok(files::hexadecimal(&hasher.finalize()))
}

/// Writes the module and its script into `package`.
fn bind(profile: Profile, module: &Path, package: &Path) -> Result<()> {
    let mut output = Bindgen::new()
        .input_path(module)
        .web(true)?
        .out_name(NAME)
        .typescript(false)
        .keep_debug(profile == Profile::Dev)
        .remove_producers_section(true)
        // The page names the hashed module; the script must not know another.
        .omit_default_module_path(true)
        .generate_output()
        .context("the script of the WebAssembly module cannot be made")?;
    if profile == Profile::Release {
        snip::never_called(output.wasm_mut());
    }
    output.emit(package)?;
    let bound = package.join(format!("{NAME}_bg.wasm"));
    let final_name = package.join(format!("{NAME}.wasm"));
    if profile == Profile::Dev {
        fs::rename(&bound, &final_name)?;
        return Ok(());
    }
    process::capture(
        Command::new(fetch::wasm_opt()?)
            .args([
                "-Oz",
                "--strip-debug",
                "--enable-bulk-memory",
                "--enable-nontrapping-float-to-int",
            ])
            .arg(&bound)
            .arg("-o")
            .arg(&final_name),
        "optimizing the WebAssembly module",
    )?;
    fs::remove_file(&bound)?;
    Ok(())
}

/// Puts each file's hash into its name and returns the listing: one
/// `extension: hash` per line.
fn hash_names(package: &Path) -> Result<String> {
    let mut listing = String::new();
    for extension in ["js", "wasm", "css"] {
        let plain = package.join(format!("{NAME}.{extension}"));
        let content =
            fs::read(&plain).with_context(|| format!("{} cannot be read", plain.display()))?;
        let hash = &files::sha256(&content)[..16];
        fs::rename(&plain, package.join(format!("{NAME}.{hash}.{extension}")))?;
        listing.push_str(&format!("{extension}: {hash}\n"));
    }
    Ok(listing)
}

/// Copies `public/` into the site's root.
fn copy_public(site: &Path) -> Result<()> {
    let public = files::root().join("public");
    for file in files::walk(&public)? {
        let destination: PathBuf = site.join(file.strip_prefix(&public)?);
        if let Some(directory) = destination.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::copy(&file, &destination)
            .with_context(|| format!("{} cannot be copied", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_hash_that_the_listing_tells() {
        let package =
            std::env::temp_dir().join(format!("rookery-xtask-names-{}", std::process::id()));
        files::fresh_directory(&package).unwrap();
        for extension in ["js", "wasm", "css"] {
            fs::write(package.join(format!("rookery.{extension}")), extension).unwrap();
        }
        let listing = hash_names(&package).unwrap();
        let hash = &files::sha256(b"wasm")[..16];
        assert!(listing.contains(&format!("wasm: {hash}\n")), "{listing}");
        assert!(package.join(format!("rookery.{hash}.wasm")).is_file());
        assert!(!package.join("rookery.wasm").exists());
        files::remove_directory(&package).unwrap();
    }
}
