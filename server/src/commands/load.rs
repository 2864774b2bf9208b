//! `rookery load`, and the same at the first start of the demo: fixtures into
//! empty data sources, with a progress bar.

use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, print};
use crate::config::Config;
use crate::services::Installation;

/// Loads the fixtures of the project without serving it.
///
/// # Errors
/// The engine does not start, or a fixture cannot be loaded.
pub(crate) async fn fixtures(config: Config) -> Result<(), Failure> {
    let installation = Installation::open(config).await?;
    let analytics = installation.start_analytics().await?;
    let filled = missing(&analytics).await;
    analytics.shutdown().await;
    installation.pool.close().await;
    match filled? {
        0 => print("Nothing to load: each data source with a fixture has rows."),
        1 => print("1 data source was filled."),
        several => print(&format!("{several} data sources were filled.")),
    }
    Ok(())
}

/// Loads what is missing, showing how far it is. The bar is drawn at a
/// terminal only.
///
/// # Errors
/// A fixture cannot be loaded.
pub(crate) async fn missing(analytics: &analytics::Running) -> Result<usize, Failure> {
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template("  Loading {msg:<10} {bar:32} {percent:>3} %  {elapsed}")
            .expect("the template is valid"),
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let filled = analytics
        .load_fixtures(i64::try_from(now)?, |step| {
            bar.set_length(step.progress.total_bytes);
            bar.set_position(step.progress.bytes);
            bar.set_message(step.data_source.to_owned());
        })
        .await;
    bar.finish_and_clear();
    Ok(filled?)
}
