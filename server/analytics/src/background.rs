//! What goes on beside requests: noticing changes of tokens and of the
//! project, and copies by schedule.

use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::access::{Access, Authority, StaticScope, StoreError};
use crate::api::Api;
use crate::clock::Clock;
use crate::project::{Project, watch};
use crate::query::Parameters;
use crate::schedule::Due;
use datafile::{TokenLine, TokenPermission};

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
/// A copy that is still running when it is due again is left alone.
async fn copy_by_schedule(api: Api) {
    let (schedules, clock) = (api.schedules(), api.clock());
    let mut projects = api.workspace().subscribe();
    loop {
        let project = Arc::clone(&projects.borrow_and_update());
        let now = clock.now();
        for Due { pipe, at } in schedules.take_due(&project, now).await {
            let admin = Access::admin(None);
            let queued = api.queue_copy(&admin, &pipe, None, Parameters::new(), Some(at));
            if let Err(error) = queued.await {
                tracing::warn!(pipe, %at, ?error, "the copy that is due does not run");
            }
        }
        let next = schedules.next(&project, now);
        tokio::select! {
            changed = projects.changed() => if changed.is_err() { return },
            () = schedules.changed() => {}
            () = until(clock.as_ref(), next) => {}
        }
    }
}

/// Waits for a moment; for ever without one.
async fn until(clock: &dyn Clock, moment: Option<OffsetDateTime>) {
    match moment {
        Some(moment) => clock.until(moment).await,
        None => std::future::pending().await,
    }
}
