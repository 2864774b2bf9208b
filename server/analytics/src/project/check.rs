//! `rookery check`: everything that can be known of a project without serving
//! it, down to running every node through the engine's planner on a scratch
//! database with empty tables.

mod planning;

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use super::files::source::{SourceFile, read_directory};
use super::findings::report::{Extent, Report};
use super::tables::apply::{ApplyError, Target};
use super::tables::catalog::rows;
use super::{Project, Variables, Verdicts};
use datafile::{Diagnostic, Position};
use engine::Engine;

/// Checks the project in a directory. Without an engine, SQL is not read.
pub async fn check(directory: &Path, variables: &Variables, engine: Option<&dyn Engine>) -> Report {
    match read_directory(directory) {
        Ok(files) => check_files(&files, variables, engine).await.0,
        Err(found) => Report::new(&[], found),
    }
}

/// Checks files that are at hand; the project, if it is good.
pub async fn check_files(
    files: &[SourceFile],
    variables: &Variables,
    engine: Option<&dyn Engine>,
) -> (Report, Option<Project>) {
    check_unknown(files, variables, engine, &Arc::default()).await
}

/// The same, except for what verdicts know to be good.
pub(super) async fn check_unknown(
    files: &[SourceFile],
    variables: &Variables,
    engine: Option<&dyn Engine>,
    verdicts: &Arc<Verdicts>,
) -> (Report, Option<Project>) {
    let project = match Project::from_files(files, variables) {
        Ok(project) => project.with_verdicts(verdicts),
        Err(found) => {
            let mut report = Report::new(files, found);
            report.extent = Extent {
                awaits_files: engine.is_some(),
                ..counted(files)
            };
            return (report, None);
        }
    };
    let mut report = Report::new(files, project.warnings().to_vec());
    report.extent = counted(files);
    if let Some(engine) = engine {
        report.extent.with_engine = true;
        if let Err(error) = planning::check(engine, &project, &mut report).await {
            let message = format!("the engine could not check the project: {error}");
            report.add(vec![Diagnostic::error(".", Position::START, message)]);
        }
    }
    let project = report.is_good().then_some(project);
    (report, project)
}

fn counted(files: &[SourceFile]) -> Extent {
    let count = |ending: &str| {
        files
            .iter()
            .filter(|file| file.path.ends_with(ending))
            .count()
    };
    Extent {
        data_sources: count(".datasource"),
        pipes: count(".pipe"),
        ..Extent::default()
    }
}

/// Drops the scratch databases of checks, copies and the like that were
/// interrupted.
pub(super) async fn drop_leftovers(engine: &dyn Engine) -> Result<(), ApplyError> {
    #[derive(Deserialize)]
    struct Database {
        name: String,
    }
    let sql =
        "SELECT name FROM system.databases WHERE match(name, '^(check|scratch)_[0-9a-f]{32}$')";
    let failed = |source| ApplyError::Engine {
        action: "looking for scratch databases".to_owned(),
        source,
    };
    let databases: Vec<Database> = rows(engine, sql, "").await.map_err(failed)?;
    for Database { name } in &databases {
        Target {
            engine,
            database: name,
        }
        .drop_database()
        .await?;
    }
    Ok(())
}
