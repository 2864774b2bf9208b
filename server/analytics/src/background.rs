//! What goes on beside requests: noticing changes of tokens and of the
//! project, and copies by schedule.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::access::{Access, Authority, StaticScope, StoreError};
use crate::api::Api;
use crate::datafile::{TokenLine, TokenPermission};
use crate::project::{Project, watch};

/// Starts all background work; abort the handles to end it.
pub(crate) fn spawn(api: &Api) -> Vec<JoinHandle<()>> {
    let authority = Arc::clone(api.authority());
    let mut tasks = vec![
        tokio::spawn(async move { authority.keep_fresh().await }),
        tokio::spawn(follow_project(api.clone())),
        tokio::spawn(copy_by_schedule(api.clone())),
    ];
    if api.settings().watch {
        tasks.push(tokio::spawn(watch_files(api.clone())));
    }
    tasks
}

/// Makes the `TOKEN` lines of a project true.
pub(crate) async fn sync_tokens(
    authority: &Authority,
    project: &Project,
) -> Result<(), StoreError> {
    let mut desired: BTreeMap<String, Vec<StaticScope>> = BTreeMap::new();
    let mut grant = |line: &TokenLine, scope: StaticScope| {
        let scopes = desired.entry(line.name.clone()).or_default();
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    };
    for data_source in project.data_sources() {
        for line in &data_source.tokens {
            let name = data_source.name.clone();
            grant(
                line,
                match line.permission {
                    TokenPermission::Read => StaticScope::ReadDataSource(name),
                    TokenPermission::Append => StaticScope::AppendDataSource(name),
                },
            );
        }
    }
    for pipe in project.pipes() {
        for line in &pipe.tokens {
            grant(line, StaticScope::ReadPipe(pipe.name.clone()));
        }
    }
    let desired: Vec<_> = desired.into_iter().collect();
    authority.store().set_project_scopes(&desired).await?;
    authority.refresh().await
}

async fn follow_project(api: Api) {
    let mut projects = api.workspace().subscribe();
    while projects.changed().await.is_ok() {
        let project = Arc::clone(&projects.borrow_and_update());
        if let Err(error) = sync_tokens(api.authority(), &project).await {
            tracing::error!(%error, "the project's TOKEN lines could not be applied");
        }
    }
}

async fn watch_files(api: Api) {
    let told = watch(Arc::clone(api.workspace()), |reloaded| match reloaded {
        Ok(applied) => {
            tracing::info!(created = ?applied.created, changed = ?applied.changed, "project reloaded")
        }
        Err(error) => tracing::warn!(
            "the project's files are wrong; the last good state is served on: {error}"
        ),
    });
    if let Err(error) = told.await {
        tracing::error!(%error, "the project's files cannot be watched");
    }
}

/// Runs the copies that are due, as jobs; a changed project changes the plan.
async fn copy_by_schedule(api: Api) {
    let mut projects = api.workspace().subscribe();
    let mut after = OffsetDateTime::now_utc();
    loop {
        let project = Arc::clone(&projects.borrow_and_update());
        let due = project
            .next_copies(after)
            .map(|(at, pipes)| (at, pipes.into_iter().map(str::to_owned).collect::<Vec<_>>()));
        tokio::select! {
            changed = projects.changed() => if changed.is_err() { return },
            () = sleep_until(due.as_ref().map(|(at, _)| *at)) => {
                let Some((at, pipes)) = due else { continue };
                after = at;
                for pipe in pipes {
                    let job = api.copy_job(Arc::clone(&project), pipe.clone(), None, Default::default());
                    let mut details = Map::new();
                    details.insert("pipe".to_owned(), pipe.into());
                    api.jobs().start("copy", &Access::admin(None), details, job);
                }
            }
        }
    }
}

/// Sleeps until a moment; for ever without one.
async fn sleep_until(moment: Option<OffsetDateTime>) {
    let Some(moment) = moment else {
        return std::future::pending().await;
    };
    let left = moment - OffsetDateTime::now_utc();
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
}
