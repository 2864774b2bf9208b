//! What isolated data sources cost: the program of the bench `isolation`,
//! whose table goes to the page as it is.

use anyhow::Result;

use crate::{build, console, process};

/// The bench target; it is none of criterion's.
pub(super) const BENCH: &str = "isolation";

/// Runs it; its table, in Markdown.
pub(super) fn table() -> Result<String> {
    console::step("Isolated tenants: 10, 200 and 5,000", "5 min");
    build::engine()?;
    process::text(
        process::cargo()
            .args(["bench", "--locked", "--profile", "release"])
            .args(["--package", "analytics", "--bench", BENCH]),
        "measuring isolated tenants",
    )
}
