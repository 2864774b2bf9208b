//! Deploying a project over HTTP, for clients that send all its datafiles.
//!
//! The project's directory stays the one truth: what is deployed is checked as
//! `rookery check` does, applied as a reload does, and put into the directory
//! in place of its datafiles. Here is decided whether that may be: names,
//! what would be lost, what waits to be set live. The routes are in
//! `api::deployments`.
//!
//! Before anything changes, the files are in the database; a process that ends
//! in the middle finds them there and goes on at its next start.

mod changes;
mod store;
mod token_changes;
mod upload;

use std::sync::Arc;

use sqlx::SqlitePool;
use thiserror::Error;
use time::OffsetDateTime;

pub(crate) use changes::{Changes, Feedback, Summary};
use store::DeploymentStore;
pub(crate) use store::{Deployment, Status};
use upload::Upload;
pub(crate) use upload::{MOST_BYTES, MOST_FILE_BYTES, MOST_FILES, Problem};

use crate::project::{
    Applied, ApplyError, Change, NotServed, Project, Rehearsed, SourceFile, Workspace,
};
use changes::{Level, said};
use datafile::{DataSource, Diagnostic};
use engine::EngineError;

/// Deploys to one workspace.
#[derive(Clone, Debug)]
pub(crate) struct Deployer {
    workspace: Arc<Workspace>,
    store: DeploymentStore,
    started_at: OffsetDateTime,
}

/// Errors that the text of an error tells; a list beside it has all.
const MOST_TOLD: usize = 20;
/// How to say that something may be lost.
const ALLOW: &str = "say that this is meant with `allow_destructive_operations=true`";

/// How far a deployment is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Nothing is kept: only what would happen is told.
    Check,
    /// It is kept until it is set live.
    Stage,
    /// It is served.
    Live,
    /// It is served, whatever waits.
    Build,
}

/// What a deployment may take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Data sources may disappear; their tables stay.
    pub(crate) deletions: bool,
    /// Data sources may stop being kept apart by tenant.
    pub(crate) opening: bool,
}

impl Allowed {
    /// All of it, or nothing.
    pub(crate) fn all(allowed: bool) -> Self {
        Self {
            deletions: allowed,
            opening: allowed,
        }
    }
}

/// What became of an upload.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The files are those that are served.
    NoChanges,
    /// They are good; this is what would happen.
    Checked(Summary),
    /// They are kept, or served.
    Deployed(Deployment),
}

/// Why something is not deployed, set live or deleted.
#[derive(Debug, Error)]
pub(crate) enum DeployError {
    /// The files are wrong or would lose something; nothing was changed.
    #[error("{}", told(.0))]
    Refused(Vec<Problem>),
    /// One deployment waits at a time.
    #[error("deployment {0} waits to be set live: set it live or delete it first")]
    Waiting(i64),
    /// No deployment has this id.
    #[error("there is no deployment {0}")]
    NotFound(String),
    /// The deployment is served.
    #[error("deployment {0} is live: it goes when another is set live")]
    Live(i64),
    /// The deployment is history.
    #[error("deployment {0} was deleted or replaced, and its files are gone: deploy them again")]
    Deleted(i64),
    /// The directory of the project does not take files.
    #[error(
        "the server may not write the project's directory: let its user write there, or change the files where they come from"
    )]
    ReadOnly(#[source] std::io::Error),
    /// The disk or the engine failed.
    #[error(transparent)]
    Failed(NotServed),
    /// The database failed.
    #[error("the database of deployments failed")]
    Database(#[from] sqlx::Error),
}

/// Why what was interrupted can be neither finished nor dropped.
#[derive(Debug, Error)]
pub(crate) enum ResumeError {
    /// The engine or the directory failed.
    #[error(transparent)]
    Workspace(#[from] NotServed),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// All of it in one text: some clients show nothing else.
fn told(problems: &[Problem]) -> String {
    let mut text = "nothing was changed".to_owned();
    for Problem { file, message } in problems.iter().take(MOST_TOLD) {
        let file = file.as_ref().map(|file| format!("{file}: "));
        text.push_str(&format!("\n{}{message}", file.unwrap_or_default()));
    }
    if let Some(left @ 1..) = problems.len().checked_sub(MOST_TOLD) {
        text.push_str(&format!("\nand {left} more errors"));
    }
    text
}

impl Deployer {
    /// Deploys to a workspace; the migrations of the database have run.
    pub(crate) fn new(workspace: Arc<Workspace>, pool: SqlitePool) -> Self {
        Self {
            workspace,
            store: DeploymentStore::new(pool),
            started_at: OffsetDateTime::now_utc(),
        }
    }

    /// Where it deploys to.
    pub(crate) fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// Replaces the project's datafiles by `sent`, as far as `goal` says. With
    /// a goal beyond checking it must not be dropped half-way.
    pub(crate) async fn deploy(
        &self,
        sent: Vec<SourceFile>,
        goal: Goal,
        allowed: Allowed,
    ) -> Result<Outcome, DeployError> {
        let mut change = self.change().await?;
        let upload = Upload::settle(sent, change.present()).map_err(DeployError::Refused)?;
        if change.served() == upload.files && change.present() == upload.files {
            return Ok(Outcome::NoChanges);
        }
        if matches!(goal, Goal::Stage | Goal::Live)
            && let Some(waiting) = self.store.latest(Status::Staged).await?
        {
            return Err(DeployError::Waiting(waiting.id));
        }
        let (rehearsed, summary) = rehearse(&change, &upload, allowed).await?;
        let (store, files) = (&self.store, &upload.files);
        match goal {
            Goal::Check => Ok(Outcome::Checked(summary)),
            Goal::Stage => {
                let staged = store.add(allowed.opening, &summary, files);
                Ok(Outcome::Deployed(staged.await?))
            }
            Goal::Live | Goal::Build => {
                let former = change.present();
                let id = store.add_promoting(allowed.opening, &summary, files, former);
                let id = id.await?;
                match self.install(&mut change, rehearsed, id, summary).await {
                    Err(error) if error.changed_nothing() => {
                        self.store.forget(id).await?;
                        Err(error.named(&upload))
                    }
                    outcome => outcome.map(Outcome::Deployed),
                }
            }
        }
    }

    /// Serves what waits. Of what is served already it says so again. It must
    /// not be dropped half-way.
    pub(crate) async fn set_live(&self, id: &str) -> Result<Deployment, DeployError> {
        let mut change = self.change().await?;
        let deployment = self.find(id).await?;
        let id = deployment.id;
        match deployment.status {
            Status::Live => return Ok(deployment),
            Status::Deleted => return Err(DeployError::Deleted(id)),
            Status::Staged | Status::Promoting => {}
        }
        let files = self.store.files(id).await?;
        let upload = Upload::settle(files, change.present()).map_err(DeployError::Refused)?;
        let allowed = Allowed::all(deployment.allows_destruction);
        let (rehearsed, summary) = rehearse(&change, &upload, allowed).await?;
        self.store.promote(id, change.present()).await?;
        match self.install(&mut change, rehearsed, id, summary).await {
            Err(error) if error.changed_nothing() => {
                self.store.set_status(id, Status::Staged).await?;
                Err(error.named(&upload))
            }
            outcome => outcome,
        }
    }

    /// Takes back what waits.
    pub(crate) async fn delete(&self, id: &str) -> Result<Deployment, DeployError> {
        let _nobody_sets_it_live = self.change().await?;
        let deployment = self.find(id).await?;
        match deployment.status {
            Status::Live => Err(DeployError::Live(deployment.id)),
            Status::Deleted => Ok(deployment),
            Status::Staged | Status::Promoting => {
                self.store
                    .set_status(deployment.id, Status::Deleted)
                    .await?;
                self.find(id).await
            }
        }
    }

    /// The deployment with this id. `0` is the project as it was before any,
    /// and lives until one is set live.
    pub(crate) async fn find(&self, id: &str) -> Result<Deployment, DeployError> {
        let not_found = || DeployError::NotFound(id.to_owned());
        let number: i64 = id.parse().map_err(|_| not_found())?;
        if number == 0 {
            let is_replaced = self.store.latest(Status::Live).await?.is_some();
            return Ok(Deployment {
                status: match is_replaced {
                    true => Status::Deleted,
                    false => Status::Live,
                },
                ..self.seed()
            });
        }
        self.store.find(number).await?.ok_or_else(not_found)
    }

    /// The live deployment, then the others, the latest first.
    pub(crate) async fn all(&self) -> Result<Vec<Deployment>, DeployError> {
        let mut all = self.store.all().await?;
        if all.iter().all(|one| one.status != Status::Live) {
            all.insert(0, self.seed());
        }
        Ok(all)
    }

    /// Finishes what the last process began to set live. What is not good any
    /// more is dropped, and what it had brought into the directory undone.
    pub(crate) async fn resume(&self) -> Result<Option<Applied>, ResumeError> {
        let Some(interrupted) = self.store.latest(Status::Promoting).await? else {
            return Ok(None);
        };
        let id = interrupted.id;
        let files = self.store.files(id).await?;
        let mut change = self.workspace.change().await?;
        let installed = match change.rehearse(files.clone()).await {
            Ok(rehearsed) => change.install(rehearsed).await,
            Err(error) => Err(error),
        };
        match installed {
            Ok(applied) => {
                self.store.make_live(id, &interrupted.summary).await?;
                tracing::info!(id, "an interrupted deployment was finished");
                Ok(Some(applied))
            }
            Err(error) if error.is_about_the_files() => {
                tracing::warn!(id, %error, "an interrupted deployment cannot be finished, and is dropped");
                let former = self.store.former(id).await?;
                change.take_back(&files, &former).await?;
                self.store.set_status(id, Status::Deleted).await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The project before any deployment.
    fn seed(&self) -> Deployment {
        Deployment {
            id: 0,
            status: Status::Live,
            allows_destruction: false,
            summary: Summary::default(),
            created_at: self.started_at,
            updated_at: self.started_at,
        }
    }

    async fn change(&self) -> Result<Change<'_>, DeployError> {
        let change = self.workspace.change().await;
        change.map_err(|error| DeployError::of(error, str::to_owned))
    }

    async fn install(
        &self,
        change: &mut Change<'_>,
        rehearsed: Rehearsed,
        id: i64,
        mut summary: Summary,
    ) -> Result<Deployment, DeployError> {
        let installed = change.install(rehearsed).await;
        let applied = installed.map_err(|error| DeployError::of(error, str::to_owned))?;
        summary
            .feedback
            .extend(feedback(&applied, &self.workspace.current()));
        Ok(self.store.make_live(id, &summary).await?)
    }
}

/// Checks an upload whole, and says what it comes to.
async fn rehearse(
    change: &Change<'_>,
    upload: &Upload,
    allowed: Allowed,
) -> Result<(Rehearsed, Summary), DeployError> {
    let sent_name = |path: &str| upload.sent_name(path).to_owned();
    let rehearsed = change.rehearse(upload.files.clone()).await;
    let rehearsed = rehearsed.map_err(|error| DeployError::of(error, sent_name))?;
    let changes = Changes::between(change.served(), &upload.files);
    let gone = &changes.deleted_datasource_names;
    let mut losses = Vec::new();
    if !allowed.deletions {
        losses.extend(gone.iter().map(|name| Problem {
            file: Some(format!("{name}.datasource")),
            message: format!("the data source `{name}` would disappear: send its file, or {ALLOW}"),
        }));
    }
    if !allowed.opening {
        losses.extend(opened(&change.project(), rehearsed.project(), upload));
    }
    if !losses.is_empty() {
        return Err(DeployError::Refused(losses));
    }
    let warnings = rehearsed.project().warnings().iter();
    let mut feedback: Vec<Feedback> = warnings
        .map(|warning| Feedback::of_warning(warning, upload.sent_name(&warning.file)))
        .collect();
    feedback.extend(gone.iter().map(|name| Feedback::of_deletion(name)));
    let summary = Summary {
        token_changes: token_changes::between(&change.project(), rehearsed.project()),
        changes,
        feedback,
    };
    Ok((rehearsed, summary))
}

/// Data sources whose rows would no longer be kept apart as they are: whoever
/// generates files easily loses a tag.
fn opened(served: &Project, next: &Project, upload: &Upload) -> Vec<Problem> {
    let problem = |data_source: &DataSource| {
        let tenant = &served.tenancy(&data_source.name)?.name;
        let is_kept = data_source.tenant_column() == Some(tenant.as_str());
        (!is_kept).then(|| Problem {
            file: Some(upload.sent_name(&data_source.file).to_owned()),
            message: format!(
                "rows of `{}` would no longer be kept apart by `{tenant}`: add `TAGS \"tenant={tenant}\"`, or {ALLOW}",
                data_source.name
            ),
        })
    };
    let data_sources = next.data_sources();
    data_sources.filter_map(|one| problem(one)).collect()
}

/// What applying a project did that its author should know. Tables of data
/// sources that went earlier are the operator's matter.
fn feedback(applied: &Applied, project: &Project) -> Vec<Feedback> {
    let inform = |resource: &str, message: String| Feedback {
        level: Level::Info,
        resource: resource.to_owned(),
        message,
    };
    let notes = applied
        .notes
        .iter()
        .filter(|note| project.data_source(&note.table).is_some())
        .map(|note| inform(&note.table, note.message.clone()));
    let populated = applied.populated.iter().map(|pipe| {
        let message = format!("what `{pipe}` fills was filled from the rows that are there");
        inform(pipe, message)
    });
    notes.chain(populated).collect()
}

impl DeployError {
    /// What a workspace says, with files under their senders' names.
    fn of(error: NotServed, sent_name: impl Fn(&str) -> String) -> Self {
        let problems = |found: &[Diagnostic]| {
            let errors = found.iter().filter(|finding| finding.is_error());
            let problem = |finding: &Diagnostic| Problem {
                file: Some(sent_name(&finding.file)),
                message: said(finding),
            };
            Self::Refused(errors.map(problem).collect())
        };
        match error {
            NotServed::Wrong(report) => problems(&report.found),
            NotServed::NotApplied(ApplyError::Refused(found)) => problems(&found),
            NotServed::NotApplied(ApplyError::Engine {
                action,
                source: EngineError::Query { message, .. },
            }) => Self::Refused(vec![Problem {
                file: None,
                message: format!("{action} failed: {message}"),
            }]),
            NotServed::Unwritable(error) if is_read_only(&error) => Self::ReadOnly(error),
            error => Self::Failed(error),
        }
    }

    /// The same with files under their senders' names.
    fn named(self, upload: &Upload) -> Self {
        let Self::Refused(mut problems) = self else {
            return self;
        };
        for problem in &mut problems {
            problem.file = problem
                .file
                .take()
                .map(|file| upload.sent_name(&file).to_owned());
        }
        Self::Refused(problems)
    }

    /// Whether the project is served as before; otherwise the journal keeps
    /// what is to be finished.
    fn changed_nothing(&self) -> bool {
        !matches!(
            self,
            Self::Failed(NotServed::Unfinished(_)) | Self::Database(_)
        )
    }
}

fn is_read_only(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
    )
}
