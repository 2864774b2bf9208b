//! `cargo xtask watch`: serves while one develops. Every saved change rebuilds
//! what it touches, restarts the server and reloads the open pages; a change
//! that does not compile leaves the last good server running.

mod reload;

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};

use crate::build::{self, Profile};
use crate::{console, fetch, files};

/// What the build and the server read, relative to the root.
const WATCHED: [&str; 8] = [
    "app",
    "src",
    "server",
    "style",
    "public",
    "demo",
    "Cargo.toml",
    "Cargo.lock",
];

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// The port of the socket that tells pages to reload; `reload-port` in the
/// root's Cargo.toml.
const RELOAD_PORT: u16 = 3001;

/// Where the server listens, to know when it answers again.
const WEB: &str = "127.0.0.1:3000";

/// Builds, serves and watches until interrupted. `flags` go to the server.
pub(crate) fn watch(flags: &[&str]) -> Result<()> {
    fetch::engine_library()?;
    build::build(Profile::Dev)?;
    let pages = reload::Pages::listen(RELOAD_PORT)?;
    let mut server = Some(Server::start(flags)?);
    let mut seen = modification_times()?;
    console::step("Watching; save a file to rebuild, Ctrl-C to stop", "");
    loop {
        thread::sleep(LOOK_EVERY);
        let now = modification_times()?;
        if now == seen {
            continue;
        }
        console::step(format!("Changed: {}", changed(&seen, &now)), "");
        seen = now;
        if let Err(error) = rebuild(&mut server, flags) {
            console::fail(&error);
        } else {
            pages.reload();
        }
    }
}

/// Rebuilds what needs it (cargo and the site's stamp know) and replaces the
/// server. After an error the next change tries again.
fn rebuild(server: &mut Option<Server>, flags: &[&str]) -> Result<()> {
    build::server(Profile::Dev)?;
    build::browser(Profile::Dev)?;
    if let Some(running) = server.take() {
        running.stop()?;
    }
    *server = Some(Server::start(flags)?);
    Ok(())
}

/// The running server.
struct Server(Child);

impl Server {
    /// Starts it and waits until it answers, so that a reloaded page finds it.
    fn start(flags: &[&str]) -> Result<Self> {
        let mut child = Command::new(Profile::Dev.server())
            .arg("serve")
            .args(flags)
            .current_dir(files::root())
            .env("ROOKERY_WEB_SITE_ROOT", Profile::Dev.site())
            .env("ROOKERY_WEB_RELOAD_PORT", RELOAD_PORT.to_string())
            // By this name Leptos puts its reload script into the pages.
            .env("LEPTOS_WATCH", "1")
            .spawn()
            .context("the server does not start")?;
        // The first start loads the demo data, which takes a while.
        let deadline = Instant::now() + Duration::from_secs(120);
        while TcpStream::connect(WEB).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("the server ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("the server does not listen on {WEB}");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self(child))
    }

    /// Asks it to end, as an operator would, and waits.
    fn stop(mut self) -> Result<()> {
        Command::new("kill")
            .arg(self.0.id().to_string())
            .status()
            .context("`kill` does not start")?;
        self.0.wait()?;
        Ok(())
    }
}

type ModificationTimes = BTreeMap<PathBuf, SystemTime>;

fn modification_times() -> Result<ModificationTimes> {
    let root = files::root();
    let mut times = BTreeMap::new();
    for name in WATCHED {
        let path = root.join(name);
        let found = if path.is_dir() {
            files::walk(&path)?
        } else {
            vec![path]
        };
        for file in found {
            // A file that an editor just removed is a change like any other.
            if let Ok(time) = file.metadata().and_then(|metadata| metadata.modified()) {
                times.insert(file, time);
            }
        }
    }
    Ok(times)
}

/// The first changed file, for the eye.
fn changed(before: &ModificationTimes, after: &ModificationTimes) -> String {
    let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
    let path = after.keys().chain(before.keys()).find(differs);
    path.map_or(Path::new(""), |path| {
        path.strip_prefix(files::root()).unwrap_or(path)
    })
    .display()
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_touched_and_removed_files_are_changes() {
        let times = |entries: &[(&str, u64)]| -> ModificationTimes {
            entries
                .iter()
                .map(|(name, second)| {
                    (
                        PathBuf::from(name),
                        SystemTime::UNIX_EPOCH + Duration::from_secs(*second),
                    )
                })
                .collect()
        };
        let before = times(&[("a", 1), ("b", 1)]);
        assert_eq!(changed(&before, &times(&[("a", 1), ("b", 2)])), "b");
        assert_eq!(
            changed(&before, &times(&[("a", 1), ("b", 1), ("c", 1)])),
            "c"
        );
        assert_eq!(changed(&before, &times(&[("a", 1)])), "b");
    }
}
