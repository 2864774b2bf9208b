//! The engine's process alone, as `rookery engine` is it: for the tests and
//! benchmarks of crates that know nothing of the binary `rookery`.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine::child::run()
}
