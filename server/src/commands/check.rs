//! `rookery check`: validates a project without serving it.

use std::path::PathBuf;
use std::process::ExitCode;

use analytics::project::{self, Variables};
use engine::Engine;

use super::{Failure, print};
use crate::config::Config;

/// Prints what is wrong with the project; the exit code tells whether it can
/// be served. The engine works in a scratch directory: nothing of the
/// installation is touched.
///
/// # Errors
/// The engine cannot be started; a bad project is no error but an exit code.
pub(crate) async fn project(
    config: &Config,
    directory: Option<PathBuf>,
) -> Result<ExitCode, Failure> {
    let directory = directory.unwrap_or_else(|| config.analytics.project.clone());
    let scratch = Scratch::create()?;
    let settings = &config.analytics.engine;
    let engine = analytics::open_engine(settings, &scratch.0, analytics::DATABASE).await?;
    let report = project::check(&directory, &variables(config), Some(&engine)).await;
    engine.shutdown().await;
    print(&report.to_string());
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn variables(config: &Config) -> Variables {
    let secrets = &config.analytics.secrets;
    Variables {
        environment: std::env::vars().collect(),
        secrets: secrets
            .iter()
            .map(|(name, secret)| (name.clone(), secret.reveal().to_owned()))
            .collect(),
        ..Variables::default()
    }
}

/// A directory that is gone when the command ends.
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("rookery-check-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "the scratch directory could not be removed");
        }
    }
}
