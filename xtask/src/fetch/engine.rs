//! The engine library: ClickHouse as a shared object, from the npm packages
//! of chDB. How it is used is the business of `server/analytics`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::{console, files, process};

/// The version of chDB; the server looks for the library under this name.
const VERSION: &str = "26.7.3-stable.1";

/// One build of the library.
struct Build {
    operating_system: &'static str,
    architecture: &'static str,
    package: &'static str,
    /// Of `libchdb.so`, not of the archive: what is checked is what is loaded.
    sha256: &'static str,
}

/// The platforms on which the engine was tried.
const BUILDS: [Build; 1] = [Build {
    operating_system: "linux",
    architecture: "x86_64",
    package: "@chdb/lib-linux-x64-gnu",
    sha256: "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5",
}];

/// Archive and library side by side while unpacking, in MiB.
const SPACE: u64 = 900;

/// The variable by which the server, too, is told of another library.
const OVERRIDE: &str = "ROOKERY_ANALYTICS_ENGINE_LIBRARY";

/// The path of the library, fetched first when it is missing.
pub(crate) fn library() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(chosen));
    }
    let path = files::cache()?
        .join("chdb")
        .join(VERSION)
        .join("libchdb.so");
    if !path.is_file() {
        let _lock = super::lock()?;
        if !path.is_file() {
            fetch(&path)?;
        }
    }
    Ok(path)
}

fn fetch(path: &Path) -> Result<()> {
    let build = build_for(std::env::consts::OS, std::env::consts::ARCH)?;
    let started = Instant::now();
    console::step(
        "Fetching the engine library, 170 MB to download and 570 MB on disk",
        "1 min",
    );
    let partial = files::cache()?.join("chdb.partial");
    files::fresh_directory(&partial)?;
    files::require_space(&partial, SPACE, "the engine library")?;
    let archive = download(build.package, &partial)?;
    let unpacked = partial.join("libchdb.so");
    let found = unpack(&archive, "package/libchdb.so", &unpacked)?;
    super::verify("the engine library", &found, build.sha256)?;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::rename(&unpacked, path)
        .with_context(|| format!("{} cannot be put in place", path.display()))?;
    files::remove_directory(&partial)?;
    console::done(started);
    Ok(())
}

fn build_for(operating_system: &str, architecture: &str) -> Result<&'static Build> {
    BUILDS
        .iter()
        .find(|build| build.operating_system == operating_system && build.architecture == architecture)
        .ok_or_else(|| {
            anyhow!(
                "there is no pinned engine library for {operating_system} on {architecture}: set {OVERRIDE} to a libchdb {VERSION} of your own"
            )
        })
}

/// Lets npm download the package's archive into `directory`.
fn download(package: &str, directory: &Path) -> Result<PathBuf> {
    process::capture(
        process::npm()?
            .args(["pack", "--ignore-scripts"])
            .arg(format!("{package}@{VERSION}"))
            .current_dir(directory),
        "downloading the engine library",
    )?;
    let archives = files::walk(directory)?;
    archives
        .into_iter()
        .find(|file| file.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(|| anyhow!("npm downloaded no archive of {package}"))
}

/// Unpacks one member of a .tgz and returns its SHA-256, computed on the way.
fn unpack(archive: &Path, member: &str, destination: &Path) -> Result<String> {
    let file =
        File::open(archive).with_context(|| format!("{} cannot be read", archive.display()))?;
    let mut tar = tar::Archive::new(GzDecoder::new(io::BufReader::with_capacity(1 << 20, file)));
    for entry in tar.entries()? {
        let mut entry = entry.context("the archive cannot be unpacked")?;
        if entry.path()? == Path::new(member) {
            let mut output = File::create(destination)?;
            let hash = copy_and_hash(&mut entry, &mut output)
                .with_context(|| format!("{member} cannot be unpacked"))?;
            output.sync_all()?;
            return Ok(hash);
        }
    }
    Err(anyhow!("{} holds no {member}", archive.display()))
}

fn copy_and_hash(input: &mut impl Read, output: &mut impl Write) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = input.read(&mut buffer)?;
        if count == 0 {
            return Ok(files::hexadecimal(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
        output.write_all(&buffer[..count])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn scratch(name: &str) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("rookery-xtask-{name}-{}", std::process::id()));
        files::fresh_directory(&directory).unwrap();
        directory
    }

    fn archive(directory: &Path, member: &str, content: &[u8]) -> PathBuf {
        let path = directory.join("package.tgz");
        let mut builder = tar::Builder::new(GzEncoder::new(
            File::create(&path).unwrap(),
            Compression::fast(),
        ));
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, member, content).unwrap();
        builder.into_inner().unwrap().finish().unwrap();
        path
    }

    #[test]
    fn a_member_is_unpacked_with_its_hash() {
        let directory = scratch("unpack");
        let path = archive(&directory, "package/libchdb.so", b"abc");
        let destination = directory.join("out");
        let hash = unpack(&path, "package/libchdb.so", &destination).unwrap();
        assert_eq!(fs::read(&destination).unwrap(), b"abc");
        assert_eq!(hash, files::sha256(b"abc"));
        files::remove_directory(&directory).unwrap();
    }

    #[test]
    fn an_archive_cut_short_is_an_error() {
        let directory = scratch("cut");
        let content: Vec<u8> = (0..200_000_u32)
            .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        let path = archive(&directory, "package/libchdb.so", &content);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = unpack(&path, "package/libchdb.so", &directory.join("out")).unwrap_err();
        assert!(error.to_string().contains("cannot be unpacked"), "{error}");
        files::remove_directory(&directory).unwrap();
    }

    #[test]
    fn an_unknown_platform_is_told_what_to_set() {
        let error = build_for("plan9", "vax")
            .map(|build| build.package)
            .unwrap_err();
        assert!(error.to_string().contains(OVERRIDE), "{error}");
    }

    #[test]
    fn a_wrong_checksum_names_both() {
        let error = super::super::verify("the thing", "aa", "bb").unwrap_err();
        assert!(error.to_string().contains("aa") && error.to_string().contains("bb"));
    }
}
