//! `cargo xtask <command>`: everything one does with a clone of this project.
//! Here are the commands' names and arguments; each command is a module, and
//! nothing here or below it is part of what `rookery` serves.

mod bench;
mod build;
mod console;
mod fetch;
mod files;
mod fuzz;
mod process;
mod run;
mod test;
mod torture;
mod watch;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
Usage: cargo xtask <command>

  run [-- FLAGS]   fetch and build what is missing, then serve (FLAGS go to `rookery serve`)
  watch [-- FLAGS] serve while developing: rebuild and reload on every change
  test [--only lint|rust|browser]
                   formatting, lints, unit, integration and browser tests
  test --engine-url URL
                   the tests of engine and analytics against a ClickHouse server, whose databases
                   they drop (password of `default`: ROOKERY_TEST_ENGINE_PASSWORD)
  fuzz [SECONDS]   each fuzz target for so long (60), guided by coverage
  torture [STATEMENTS [SEED]]
                   a million statements: is a tenant's answer the same whoever else is there?
  bench [--only load|isolation]
                   benchmarks and load tests; all of them write docs/benchmarks.md
  build [--dev | --browser]
                   the server and the browser part, or the latter alone
  fetch            the wasm target, wasm-opt and the engine library";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::fail(&error);
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> Result<()> {
    match arguments {
        [] | ["help" | "--help" | "-h"] => {
            console::print(HELP);
            Ok(())
        }
        ["fetch"] => fetch::everything(),
        ["bench"] => bench::bench(),
        ["bench", "--only", "load"] => bench::load_alone(),
        ["bench", "--only", "isolation"] => bench::isolation_alone(),
        ["build"] => build::build(build::Profile::Release).map(drop),
        ["build", "--browser"] => build::browser(build::Profile::Release),
        ["build", "--dev"] => build::build(build::Profile::Dev).map(drop),
        ["test"] => test::test(None),
        ["test", "--only", part] => test::test(Some(part)),
        ["test", "--engine-url", url] => test::against(url),
        ["fuzz"] => fuzz::fuzz(60),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) if seconds > 0 => fuzz::fuzz(seconds),
            _ => bail!("`{seconds}` is no number of seconds to fuzz each target for"),
        },
        ["torture"] => torture::torture(1_000_000, None),
        ["torture", statements] => torture::torture(whole(statements)?, None),
        ["torture", statements, seed] => torture::torture(whole(statements)?, Some(whole(seed)?)),
        ["watch"] => watch::watch(&[]),
        ["watch", "--", flags @ ..] => watch::watch(flags),
        ["run"] => run::run(&[]),
        ["run", "--", flags @ ..] => run::run(flags),
        other => bail!(
            "`cargo xtask {}` is not a command; `cargo xtask help` lists them",
            other.join(" ")
        ),
    }
}

fn whole(text: &str) -> Result<u64> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("`{text}` is no whole number"),
    }
}
