//! docs/benchmarks.md: what was measured, beside what is demanded.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::criterion::Medians;
use super::load::Figures;
use super::{LOAD, Measured};
use crate::test::WASM_BUDGET;
use crate::{files, process};

/// What the benchmarks of endpoints over HTTP are named by, in
/// `server/analytics/benches`; the endpoint's name follows.
const ENDPOINT: &str = "endpoint: ";

/// What the benchmark of a large project is named by, there.
const PROJECT: &str = "project of ";

/// How many clients those benchmarks have at once.
const CLIENTS: [u32; 4] = [1, 4, 16, 64];

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// What stands before the table of isolated tenants.
const ISOLATION: &str = "
## Isolated tenants

What `TAGS \"tenant=org, isolated=true\"` costs (`cargo xtask bench --only isolation`): five inserts of 10,000
rows each, spread evenly over the tenants, through the Events API; 50 calls of an endpoint that groups a
tenant's rows by day; a start on what was written. With documents each tenant's rows are an insert of their own.

";

/// One demanded figure.
struct Demand {
    what: Cow<'static, str>,
    demanded: &'static str,
    measured: String,
    met: bool,
}

/// The whole page.
pub(super) fn page(measured: &Measured) -> Result<String> {
    let mut page = String::from(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`, which anyone can run: it starts the servers it measures on the loopback,\n\
         puts a bounded load on them and stops them.\n\n",
    );
    writeln!(page, "{}\n", circumstances()?)?;
    page.push_str("## Demanded figures\n\n| what | demanded | measured | |\n|---|---|---|---|\n");
    for Demand {
        what,
        demanded,
        measured,
        met,
    } in demands(measured)
    {
        let verdict = if met { "met" } else { "**missed**" };
        writeln!(page, "| {what} | {demanded} | {measured} | {verdict} |")?;
    }
    writeln!(
        page,
        "\nThe token page was loaded for {} s over {} connections: median {}, 99th percentile {}. Its script is {} KB brotli beside the module.",
        LOAD.duration.as_secs(),
        LOAD.connections,
        time(measured.token_page.median),
        time(measured.token_page.percentile_99),
        kilobytes(measured.script_brotli),
    )?;
    page.push_str(&endpoint_table(&measured.medians)?);
    page.push_str(ISOLATION);
    page.push_str(&measured.isolation);
    page.push_str("\n## All benchmarks\n\n| benchmark | median |\n|---|---|\n");
    for (name, median) in &measured.medians {
        writeln!(page, "| {name} | {} |", time(*median))?;
    }
    Ok(page)
}

/// The load on the token page in a line.
pub(super) fn load_line(figures: &Figures, resident: u64) -> String {
    format!(
        "{:.0} a second, median {}, 99th percentile {}, {:.1} MB resident",
        figures.rate,
        time(figures.median),
        time(figures.percentile_99),
        resident as f64 / MEBIBYTE,
    )
}

/// When, on what, of which commit.
fn circumstances() -> Result<String> {
    let text = |program: &str, arguments: &[&str]| {
        process::text(
            Command::new(program)
                .args(arguments)
                .current_dir(files::root()),
            "asking for the circumstances",
        )
        .map(|text| text.trim().to_owned())
    };
    Ok(format!(
        "Commit {} of {}; {}; {} cores of {} ({}), shared by the server and the load.",
        text("git", &["rev-parse", "--short", "HEAD"])?,
        text("git", &["show", "--no-patch", "--format=%cs", "HEAD"])?,
        text("rustc", &["--version"])?
            .split(" (")
            .next()
            .unwrap_or_default(),
        std::thread::available_parallelism()?,
        processor(),
        std::env::consts::OS,
    ))
}

/// The processor's own name where Linux tells it, else its architecture.
fn processor() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = information
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

fn demands(measured: &Measured) -> Vec<Demand> {
    let mut demands = Vec::new();
    if let Some(median) = measured.medians.get("sign and verify/5 scopes") {
        demands.push(Demand {
            what: "signing and verifying a token with five scopes".into(),
            demanded: "under 10 µs",
            measured: time(*median),
            met: *median < Duration::from_micros(10),
        });
    }
    let first_time = measured
        .medians
        .get("token over HTTP/seen for the first time");
    if let (Some(verified), Some(requested)) =
        (measured.medians.get("verify/30 scopes"), first_time)
    {
        let rate = |median: &Duration| 1.0 / median.as_secs_f64();
        demands.push(Demand {
            what: "tokens verified for the first time, one after the other".into(),
            demanded: "at least 5,000 a second and core",
            measured: format!(
                "{:.0} a second of 30 scopes, {:.0} with a whole request each",
                rate(verified),
                rate(requested)
            ),
            met: rate(verified) >= 5_000.0 && rate(requested) >= 5_000.0,
        });
    }
    if let Some(median) = measured.medians.get("template/render a typical node") {
        demands.push(Demand {
            what: "rendering a typical node".into(),
            demanded: "under 20 µs",
            measured: time(*median),
            met: *median < Duration::from_micros(20),
        });
    }
    demands.extend(project_demands(&measured.medians));
    for endpoint in endpoints(&measured.medians) {
        demands.extend(endpoint_demands(&measured.medians, endpoint));
    }
    demands.push(Demand {
        what: "the signed-in token page".into(),
        demanded: "at least 5,000 a second",
        measured: format!("{:.0} a second", measured.token_page.rate),
        met: measured.token_page.rate >= 5_000.0,
    });
    demands.push(Demand {
        what: "memory of the web server after that load".into(),
        demanded: "under 60 MB",
        measured: format!("{:.1} MB", measured.resident as f64 / MEBIBYTE),
        met: (measured.resident as f64) < 60.0 * MEBIBYTE,
    });
    demands.push(Demand {
        what: "WebAssembly, brotli".into(),
        demanded: "at most 160 KB",
        measured: format!("{} KB", kilobytes(measured.wasm_brotli)),
        met: measured.wasm_brotli <= WASM_BUDGET,
    });
    demands
}

/// What is demanded of serving a large project.
fn project_demands(medians: &Medians) -> Vec<Demand> {
    let demanded = [
        ("first start", "under 12 s", Duration::from_secs(12)),
        ("restart", "under 3 s", Duration::from_secs(3)),
        ("deploy of one pipe", "under 3 s", Duration::from_secs(3)),
    ];
    let mut demands = Vec::new();
    for (name, median) in medians.iter().filter(|(name, _)| name.starts_with(PROJECT)) {
        let found = demanded
            .iter()
            .find(|(what, ..)| name.ends_with(&format!("/{what}")));
        if let Some((_, demanded, most)) = found {
            demands.push(Demand {
                what: name.replace('/', ": ").into(),
                demanded,
                measured: time(*median),
                met: median < most,
            });
        }
    }
    demands
}

/// The endpoints that were measured.
fn endpoints(medians: &Medians) -> BTreeSet<&str> {
    let benchmarks = medians
        .keys()
        .filter_map(|name| name.strip_prefix(ENDPOINT));
    benchmarks
        .filter_map(|name| name.split('/').next())
        .collect()
}

/// What is demanded of an endpoint beside the bare engine in the same run: of
/// the throughput, the best of each; of the time, that of a single client.
fn endpoint_demands(medians: &Medians, endpoint: &str) -> Vec<Demand> {
    let mut demands = Vec::new();
    if let (Some(bare), Some(over_http)) = (
        best_rate(medians, endpoint, "bare engine"),
        best_rate(medians, endpoint, "over HTTP"),
    ) {
        demands.push(Demand {
            what: format!("{endpoint}: best throughput over the bare engine's best").into(),
            demanded: "at least 0.95",
            measured: format!(
                "{:.2} ({over_http:.0} and {bare:.0} a second)",
                over_http / bare
            ),
            met: over_http >= 0.95 * bare,
        });
    }
    if let (Some(bare), Some(over_http)) = (
        median(medians, endpoint, "bare engine", 1),
        median(medians, endpoint, "over HTTP", 1),
    ) {
        let more = over_http.saturating_sub(bare);
        demands.push(Demand {
            what: format!("{endpoint}: median beside the bare engine's").into(),
            demanded: "at most 0.5 ms more",
            measured: format!(
                "{} more ({} and {})",
                if more.is_zero() {
                    "no".to_owned()
                } else {
                    time(more)
                },
                time(over_http),
                time(bare)
            ),
            met: more <= Duration::from_micros(500),
        });
    }
    demands
}

/// Median time in which `clients` got one answer each.
fn median(medians: &Medians, endpoint: &str, how: &str, clients: u32) -> Option<Duration> {
    medians
        .get(&format!("{ENDPOINT}{endpoint}/{how}/{clients}"))
        .copied()
}

/// Answers per second.
fn rate(medians: &Medians, endpoint: &str, how: &str, clients: u32) -> Option<f64> {
    let each = median(medians, endpoint, how, clients)?;
    Some(f64::from(clients) / each.as_secs_f64())
}

fn best_rate(medians: &Medians, endpoint: &str, how: &str) -> Option<f64> {
    let rates = CLIENTS
        .iter()
        .filter_map(|clients| rate(medians, endpoint, how, *clients));
    rates.reduce(f64::max)
}

/// Answers per second of the bare engine and over HTTP, by number of clients.
fn endpoint_table(medians: &Medians) -> Result<String> {
    let mut table = String::from(
        "\n## Endpoints and the bare engine\n\n\
         Endpoints of the demo with a token, over HTTP, and the very same SQL on the engine alone, in one run. The\n\
         clients share the processors with the server; the bare engine has none, runs on four threads at most and with\n\
         its own defaults, while the server gives each query its share of the cores and leaves out what small queries\n\
         never need (`server/engine/src/session.rs`): that is how it can be the faster of the two. The\n\
         last column is the ratio to the bare engine's best, whatever the number of clients: few clients that wait for\n\
         their answers cannot keep the engine as busy as many.\n\n\
         | endpoint | clients | bare engine | over HTTP | ratio | to its best |\n|---|---|---|---|---|---|\n",
    );
    for endpoint in endpoints(medians) {
        for clients in CLIENTS {
            if let (Some(bare), Some(over_http), Some(best)) = (
                rate(medians, endpoint, "bare engine", clients),
                rate(medians, endpoint, "over HTTP", clients),
                best_rate(medians, endpoint, "bare engine"),
            ) {
                writeln!(
                    table,
                    "| {endpoint} | {clients} | {bare:.0}/s | {over_http:.0}/s | {:.2} | {:.2} |",
                    over_http / bare,
                    over_http / best
                )?;
            }
        }
    }
    Ok(table)
}

fn kilobytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0)
}

/// Three digits that matter, in the unit that suits.
fn time(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos() as f64;
    let (value, unit) = match nanoseconds {
        small if small < 1e3 => (small, "ns"),
        small if small < 1e6 => (small / 1e3, "µs"),
        small if small < 1e9 => (small / 1e6, "ms"),
        large => (large / 1e9, "s"),
    };
    let decimals = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_with_three_digits() {
        assert_eq!(time(Duration::from_nanos(7)), "7.00 ns");
        assert_eq!(time(Duration::from_nanos(4_321)), "4.32 µs");
        assert_eq!(time(Duration::from_micros(15_500)), "15.5 ms");
        assert_eq!(time(Duration::from_millis(1_200)), "1.20 s");
    }
}
