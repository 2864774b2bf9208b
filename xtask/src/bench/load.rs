//! A load on one URL: some connections, each sending its next request when
//! the answer to the last has come, for a bounded time.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use super::http::Connection;

/// How hard and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Connections at once.
    pub(super) connections: usize,
    /// Not counted, so that caches are as warm as in use.
    pub(super) warm_up: Duration,
    /// Counted.
    pub(super) duration: Duration,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Answers per second.
    pub(super) rate: f64,
    /// Time from request to whole answer.
    pub(super) median: Duration,
    /// 99 of 100 answers came within this.
    pub(super) percentile_99: Duration,
}

/// Puts the load on the server; every answer must be 200 and contain `proof`.
pub(super) fn run(load: Load, address: &str, request: &[u8], proof: &str) -> Result<Figures> {
    let started = Instant::now();
    let counted_from = started + load.warm_up;
    let until = counted_from + load.duration;
    let mut latencies = thread::scope(|scope| -> Result<Vec<Duration>> {
        let clients: Vec<_> = (0..load.connections)
            .map(|_| scope.spawn(move || client(address, request, proof, counted_from, until)))
            .collect();
        let mut all = Vec::new();
        for client in clients {
            all.extend(
                client
                    .join()
                    .map_err(|_| anyhow!("a client of the load panicked"))??,
            );
        }
        Ok(all)
    })?;
    figures(&mut latencies, load.duration)
}

/// One connection's requests; the latencies of those that count.
fn client(
    address: &str,
    request: &[u8],
    proof: &str,
    counted_from: Instant,
    until: Instant,
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address)?;
    let mut latencies = Vec::new();
    let mut proven = false;
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok(latencies);
        }
        let answer = connection.send(request)?;
        let elapsed = sent.elapsed();
        if answer.status != 200 {
            bail!("the server answered {} under load", answer.status);
        }
        if !proven {
            // Once per connection: searching each answer would load the processor, not the server.
            if !String::from_utf8_lossy(&answer.body).contains(proof) {
                bail!("the answer under load does not contain `{proof}`");
            }
            proven = true;
        }
        if sent >= counted_from {
            latencies.push(elapsed);
        }
    }
}

fn figures(latencies: &mut [Duration], duration: Duration) -> Result<Figures> {
    latencies.sort_unstable();
    let at = |share: f64| {
        let index = (latencies.len().saturating_sub(1) as f64 * share).round() as usize;
        latencies
            .get(index)
            .copied()
            .ok_or_else(|| anyhow!("the load got no answer at all"))
    };
    Ok(Figures {
        rate: latencies.len() as f64 / duration.as_secs_f64(),
        median: at(0.5)?,
        percentile_99: at(0.99)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_sorted_latencies() {
        let mut latencies: Vec<Duration> = (1..=101).rev().map(Duration::from_millis).collect();
        let figures = figures(&mut latencies, Duration::from_secs(10)).unwrap();
        assert_eq!(figures.median, Duration::from_millis(51));
        assert_eq!(figures.percentile_99, Duration::from_millis(100));
        assert!((figures.rate - 10.1).abs() < 1e-9);
    }

    #[test]
    fn no_answer_is_an_error() {
        assert!(figures(&mut [], Duration::from_secs(1)).is_err());
    }
}
