//! `rookery load`, and the same at the first start of the demo: fixtures into
//! empty data sources, with a progress bar.

use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use super::{Failure, print};
use crate::config::Config;
use crate::services::Installation;

/// Loads the fixtures of the project: through the server that serves this
/// state, or without one.
///
/// # Errors
/// The engine does not start, or a fixture cannot be loaded.
pub(crate) async fn fixtures(config: Config) -> Result<(), Failure> {
    let installation = Installation::open(config).await?;
    let filled = match through_the_server(&installation).await? {
        Some(filled) => filled,
        None => alone(&installation).await?,
    };
    installation.pool.close().await;
    match filled {
        0 => print("Nothing to load: each data source with a fixture has rows."),
        1 => print("1 data source was filled."),
        several => print(&format!("{several} data sources were filled.")),
    }
    Ok(())
}

async fn alone(installation: &Installation) -> Result<usize, Failure> {
    let analytics = installation.start_analytics().await?;
    let filled = missing(&analytics).await;
    analytics.shutdown().await;
    filled
}

/// What the server answers.
#[derive(Deserialize)]
struct Loaded {
    filled: usize,
}

/// Asks the server at the configured address, whose engine has the data open;
/// `None` when there is none.
async fn through_the_server(installation: &Installation) -> Result<Option<usize>, Failure> {
    let address = installation.config.analytics.listen;
    let url = format!("http://{address}/v1/fixtures");
    let asked = reqwest::Client::new()
        .post(url)
        .bearer_auth(installation.admin_token())
        .send()
        .await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => return Ok(None),
        Err(error) => {
            return Err(format!("the server at {address} does not answer: {error}").into());
        }
    };
    if !answer.status().is_success() {
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        return Err(format!("the server at {address} refused ({status}): {text}").into());
    }
    Ok(Some(answer.json::<Loaded>().await?.filled))
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
