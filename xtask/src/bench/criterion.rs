//! The criterion benchmarks of all packages: running them and reading what
//! they measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::isolation;
use crate::{console, files, process};

/// Median time by benchmark, named `group/function`.
pub(super) type Medians = BTreeMap<String, Duration>;

/// Runs every `[[bench]]` of the workspace that is criterion's and returns
/// their medians.
pub(super) fn run() -> Result<Medians> {
    let results = files::target().join("xtask-criterion");
    files::remove_directory(&results)?;
    let benches = benches()?;
    console::step(
        format!("Benchmarks: {}", benches.join(", ")),
        "10 min with the compiling",
    );
    let names = benches.iter().flat_map(|bench| ["--bench", bench]);
    process::run(
        process::cargo()
            // The profile whose dependencies are compiled already, and all in one
            // command, because each package alone would have them compiled again.
            .args(["bench", "--locked", "--profile", "release", "--workspace"])
            .args(names)
            .env("CRITERION_HOME", &results),
        "the benchmarks",
    )?;
    if results.is_dir() {
        medians(&results)
    } else {
        Ok(Medians::new())
    }
}

/// The names of criterion's bench targets.
fn benches() -> Result<Vec<String>> {
    let metadata = process::text(
        process::cargo().args(["metadata", "--locked", "--no-deps", "--format-version", "1"]),
        "asking cargo for the benchmarks",
    )?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("cargo's metadata is not JSON")?;
    let targets = items(&metadata["packages"]).flat_map(|package| items(&package["targets"]));
    let benches = targets.filter(|target| items(&target["kind"]).any(|kind| kind == "bench"));
    Ok(benches
        .filter_map(|bench| bench["name"].as_str().map(str::to_owned))
        .filter(|name| name != isolation::BENCH)
        .collect())
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What criterion wrote below its folder: `…/new/benchmark.json` with the
/// name, `…/new/estimates.json` with the figures in nanoseconds.
fn medians(results: &Path) -> Result<Medians> {
    let mut medians = Medians::new();
    for file in files::walk(results)? {
        if !file.ends_with("new/benchmark.json") {
            continue;
        }
        let name = json(&file)?;
        let estimates = json(&file.with_file_name("estimates.json"))?;
        if let (Some(name), Some(nanoseconds)) = (
            name["full_id"].as_str(),
            estimates["median"]["point_estimate"].as_f64(),
        ) {
            medians.insert(
                name.to_owned(),
                Duration::from_nanos(nanoseconds.round() as u64),
            );
        }
    }
    Ok(medians)
}

fn json(file: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_read_by_their_full_names() {
        let directory =
            std::env::temp_dir().join(format!("rookery-xtask-criterion-{}", std::process::id()));
        let new = directory.join("sign/1 scopes/new");
        files::fresh_directory(&new).unwrap();
        fs::write(new.join("benchmark.json"), r#"{"full_id":"sign/1 scopes"}"#).unwrap();
        fs::write(
            new.join("estimates.json"),
            r#"{"median":{"point_estimate":1234.4}}"#,
        )
        .unwrap();
        let medians = medians(&directory).unwrap();
        assert_eq!(
            medians.get("sign/1 scopes"),
            Some(&Duration::from_nanos(1234))
        );
        files::remove_directory(&directory).unwrap();
    }
}
