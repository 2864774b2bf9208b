//! The servers that the load is put on: `rookery web` alone, and `rookery
//! identity` to sign in at, with a state directory that is thrown away.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::http::{self, Connection};
use crate::build::Profile;
use crate::files;

/// A server that is not ready by then will not be.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Running servers; they end when this is dropped.
pub(super) struct Servers {
    /// Scheme, host and port of the pages.
    pub(super) web_origin: String,
    /// Host and port of the pages.
    pub(super) web_address: String,
    web: Running,
    _identity: Running,
    _state: State,
}

impl Servers {
    /// Starts both and waits until they are ready.
    pub(super) fn start() -> Result<Self> {
        let state = State(files::target().join("bench-state"));
        files::fresh_directory(&state.0)?;
        let configuration = state.0.join("rookery.toml");
        fs::write(&configuration, "")?;
        let identity_port = free_port()?;
        let web_port = free_port()?;
        let web_address = format!("localhost:{web_port}");
        let web_origin = format!("http://{web_address}");
        let issuer = format!("http://localhost:{identity_port}");
        let flags = [
            format!("--config={}", configuration.display()),
            format!("--state={}", state.0.display()),
            format!("--web-listen=127.0.0.1:{web_port}"),
            format!("--web-origin={web_origin}"),
            format!("--web-site-root={}", Profile::Release.site().display()),
            format!("--identity-listen=127.0.0.1:{identity_port}"),
            format!("--identity-issuer={issuer}"),
            format!("--oidc-issuer={issuer}"),
            // Alone, each of the two must be told the secret they share.
            "--oidc-client-secret=a-secret-of-this-bench-alone".to_owned(),
            "--log-filter=warn,access=off".to_owned(),
        ];
        let identity = Running::start("identity", &flags, &format!("localhost:{identity_port}"))?;
        let web = Running::start("web", &flags, &web_address)?;
        Ok(Self {
            web_origin,
            web_address,
            web,
            _identity: identity,
            _state: state,
        })
    }

    /// The memory that the web server holds, in bytes.
    pub(super) fn web_resident_bytes(&self) -> Result<u64> {
        let file = format!("/proc/{}/status", self.web.0.id());
        let status = fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
        resident_bytes(&status).ok_or_else(|| anyhow!("{file} tells no resident size"))
    }
}

/// The line `VmRSS:  12345 kB` of Linux's process status.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// A server process.
struct Running(Child);

impl Running {
    fn start(service: &str, flags: &[String], address: &str) -> Result<Self> {
        let child = Command::new(Profile::Release.server())
            .arg(service)
            .args(flags)
            .current_dir(files::root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("`rookery {service}` does not start"))?;
        let mut running = Self(child);
        let deadline = Instant::now() + READY_WITHIN;
        while !ready(address) {
            if let Some(status) = running.0.try_wait()? {
                bail!("`rookery {service}` ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("`rookery {service}` is not ready on {address}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing it holds is kept, so there is nothing to end gracefully.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The state directory, deleted at the end.
struct State(PathBuf);

impl Drop for State {
    fn drop(&mut self) {
        let _ = files::remove_directory(&self.0);
    }
}

fn ready(address: &str) -> bool {
    Connection::open(address)
        .and_then(|mut connection| Ok(connection.send(&http::get(address, "/readyz", &[]))?.status))
        .is_ok_and(|status| status == 200)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(
            resident_bytes("Name:\trookery\nVmRSS:\t   2048 kB\n"),
            Some(2 * 1024 * 1024)
        );
        assert_eq!(resident_bytes("Name:\trookery\n"), None);
    }
}
