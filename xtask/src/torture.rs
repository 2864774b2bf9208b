//! `cargo xtask torture`: the property test of worlds
//! (`server/analytics/tests/tenancy/worlds.rs`) with a million statements
//! instead of the usual run's, in the release profile. It shows how far it has
//! come, and the seed of what failed.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::{build, console, fetch, process};

const TEST: &str = "tenancy::worlds::a_tenants_answer_is_the_same_whoever_else_is_there";

/// Statements of one process.
const AT_ONCE: u64 = 50_000;

/// Asks `statements` statements; equal seeds ask the same. Ends at the first
/// that two worlds answer differently.
pub(crate) fn torture(statements: u64, seed: Option<u64>) -> Result<()> {
    fetch::engine_library()?;
    build::engine()?;
    let seed = match seed {
        Some(seed) => seed,
        None => from_the_clock()?,
    };
    for (nth, first) in (0..statements).step_by(AT_ONCE as usize).enumerate() {
        let started = Instant::now();
        let (seed, count) = (
            seed.wrapping_add(nth as u64),
            AT_ONCE.min(statements - first),
        );
        console::step(
            format!(
                "Statements {} to {} of {statements}, seed {seed}",
                first + 1,
                first + count
            ),
            "",
        );
        process::run(
            process::cargo()
                .args(["test", "--locked", "--release", "--package", "analytics"])
                .args([
                    "--test",
                    "integration",
                    "--",
                    "--exact",
                    TEST,
                    "--nocapture",
                ])
                .env("WORLDS_STATEMENTS", count.to_string())
                .env("WORLDS_SEED", seed.to_string()),
            &format!("`cargo xtask torture {count} {seed}`"),
        )?;
        console::done(started);
    }
    Ok(())
}

/// Another seed for every run.
fn from_the_clock() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(now.context("the clock is before 1970")?.as_secs())
}
