//! `cargo xtask bench`: the criterion benchmarks of all packages, the load on
//! the signed-in token page, memory and sizes; the figures go to
//! docs/benchmarks.md.

mod criterion;
mod http;
mod isolation;
mod load;
mod report;
mod server;
mod visitor;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::build::{self, Profile};
use crate::{console, fetch, files};
use load::{Figures, Load};
use visitor::Visitor;

/// The person of the demo whose session carries the load.
const PERSON: &str = "ada@united.example";
const PASSWORD: &str = "rookery-demo";

/// The load on the token page.
const LOAD: Load = Load {
    connections: 8,
    warm_up: Duration::from_secs(3),
    duration: Duration::from_secs(15),
};

/// Everything that was measured.
#[derive(Debug)]
struct Measured {
    /// Of the criterion benchmarks.
    medians: criterion::Medians,
    /// The signed-in token page under load.
    token_page: Figures,
    /// Memory of the web server after that load, in bytes.
    resident: u64,
    /// What isolated tenants cost, as a table.
    isolation: String,
    /// The WebAssembly module and its script as browsers fetch them, in bytes.
    wasm_brotli: u64,
    script_brotli: u64,
}

/// Measures and writes the page. The load goes only to servers that this
/// command starts itself on the loopback, and stops by itself.
pub(crate) fn bench() -> Result<()> {
    fetch::engine_library()?;
    build::build(Profile::Release)?;
    let medians = criterion::run()?;
    let isolation = isolation::table()?;
    let (token_page, resident) = token_page()?;
    let measured = Measured {
        medians,
        isolation,
        token_page,
        resident,
        wasm_brotli: build::asset_size(Profile::Release, "wasm.br")?,
        script_brotli: build::asset_size(Profile::Release, "js.br")?,
    };
    let page = files::root().join("docs/benchmarks.md");
    let text = report::page(&measured)?;
    console::print(&text);
    fs::write(&page, text).with_context(|| format!("{} cannot be written", page.display()))
}

/// Only the load on the token page, told and not written down.
pub(crate) fn load_alone() -> Result<()> {
    build::build(Profile::Release)?;
    let (figures, resident) = token_page()?;
    console::print(report::load_line(&figures, resident));
    Ok(())
}

/// Only what isolated tenants cost, told and not written down.
pub(crate) fn isolation_alone() -> Result<()> {
    fetch::engine_library()?;
    console::print(isolation::table()?);
    Ok(())
}

/// Signs in and loads the token page of `rookery web`, which runs without the
/// engine beside an identity provider of its own.
fn token_page() -> Result<(Figures, u64)> {
    let started = Instant::now();
    console::step("Load on the signed-in token page", "20 s");
    let servers = server::Servers::start()?;
    let mut visitor = Visitor::default();
    visitor.sign_in(&servers.web_origin, "/token", PERSON, PASSWORD)?;
    let cookies = visitor.cookie_header();
    let headers = [("Cookie", cookies.as_str()), ("Accept", "text/html")];
    let request = http::get(&servers.web_address, "/token", &headers);
    let figures = load::run(LOAD, &servers.web_address, &request, "United Air Lines")?;
    let resident = servers.web_resident_bytes()?;
    console::done(started);
    Ok((figures, resident))
}
