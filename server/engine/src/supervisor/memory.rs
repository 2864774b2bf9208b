//! The process's memory against its bound, and which statement is to blame.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::{Ending, Shared};
use crate::client::wire::Wire;
use crate::protocol::{KEY, RUNNING};

/// Looks this often while there is room.
const CALM: Duration = Duration::from_millis(250);
/// And this often above half of the bound: a statement can take gigabytes a
/// second.
const ALERT: Duration = Duration::from_millis(25);
/// How long the process may take to say what runs.
const ASKING: Duration = Duration::from_millis(500);
/// Bytes of a page, which `statm` counts in.
const PAGE: u64 = 4096;

/// Three quarters of the machine's memory, or of the control group's where
/// that is less.
#[must_use]
pub fn default_bound() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        let kilobytes: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    });
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok());
    let least = machine.into_iter().chain(group).min();
    // Unknown: a bound that leaves a small machine usable.
    least.unwrap_or(4 * 1024 * 1024 * 1024) / 4 * 3
}

/// Done when the process has more memory than `bound`; the bytes it has.
pub(super) async fn passes(process: u32, bound: u64) -> u64 {
    let mut wait = CALM;
    loop {
        tokio::time::sleep(wait).await;
        let Some(bytes) = resident(process) else {
            // It is gone; whoever waits for that is told.
            return std::future::pending().await;
        };
        if bytes > bound {
            return bytes;
        }
        wait = if bytes > bound / 2 { ALERT } else { CALM };
    }
}

/// Bytes of a process that are in memory.
fn resident(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}

/// Finds the statement that holds most, and remembers it as the one to blame.
pub(super) async fn blame(shared: &Shared, bytes: u64, bound: u64) {
    let asked = tokio::time::timeout(ASKING, largest(shared)).await;
    let blamed = asked.ok().flatten();
    tracing::error!(
        bytes,
        bound,
        query_id = blamed,
        "the engine has more memory than it may and is ended"
    );
    if let Some(id) = blamed {
        shared.blame(&id, Ending::Memory);
    }
}

/// The statement with the most memory; of equals, the one that runs longest.
async fn largest(shared: &Shared) -> Option<String> {
    let mut wire = Wire::socket(&shared.socket).await.ok()?;
    let request = Request::get(RUNNING)
        .header(http::header::HOST, "engine")
        .header(KEY, &shared.child.token)
        .body(Full::<Bytes>::default())
        .ok()?;
    let reply = wire.send(request, 1024 * 1024).await.ok()?;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let id = fields.next()?;
            let bytes: u64 = fields.next()?.parse().ok()?;
            let milliseconds: u64 = fields.next()?.parse().ok()?;
            Some((bytes, milliseconds, id))
        })
        .max()
        .map(|(_, _, id)| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_below_the_machines_memory() {
        let bound = default_bound();
        assert!(bound > 256 * 1024 * 1024, "{bound}");
    }

    #[test]
    fn a_process_knows_its_own_memory() {
        assert!(resident(std::process::id()).unwrap() > 1024 * 1024);
        assert_eq!(resident(u32::MAX), None);
    }
}
