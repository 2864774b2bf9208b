//! All jobs of the workspace: their order, how far each is, and how they end.
//!
//! Each is written down before its request is answered and whenever it is at a
//! new stage. What a stop or a crash cuts short goes on at the next start; the
//! last hundred are remembered.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use serde_json::{Map, Value};
use service::ApiError;
use sqlx::SqlitePool;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::job::{Job, Status};
use super::store::JobStore;
use super::task::{Outcome, Task};
use crate::access::Access;
use crate::api::rows::files::ImportFiles;
use crate::api::state::Api;
use crate::clock::Clock;
use crate::service_data::ServiceData;

/// Jobs that are remembered, the oldest ended one being forgotten first.
const REMEMBERED: usize = 100;
/// Files that are read at once: each is in memory meanwhile.
const IMPORTS: usize = 4;

/// A job about the same is under way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job {id} does this already: wait for it, or cancel it")]
pub(crate) struct Busy {
    id: String,
}

/// Why a job is not begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotBegun {
    #[error(transparent)]
    Busy(#[from] Busy),
    /// It cannot be written down, so it could be lost.
    #[error("the job cannot be kept")]
    Store(#[from] sqlx::Error),
}

impl From<NotBegun> for ApiError {
    fn from(error: NotBegun) -> Self {
        match error {
            NotBegun::Busy(busy) => Self::conflict("job_under_way", busy.to_string()),
            NotBegun::Store(error) => Self::internal(error),
        }
    }
}

/// All jobs of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Jobs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    jobs: Mutex<VecDeque<Job>>,
    store: JobStore,
    files: ImportFiles,
    /// One write at a time, so that an older state never covers a newer one.
    keeping: tokio::sync::Mutex<()>,
    /// Who may read files.
    imports: Semaphore,
    /// Whose turn it is among all other tasks: each takes a writing connection
    /// of the engine for long.
    turn: Semaphore,
    is_stopping: AtomicBool,
    clock: Arc<dyn Clock>,
    service_data: ServiceData,
}

impl Jobs {
    /// The jobs kept in a database whose migrations have run; see
    /// [`Self::resume`].
    pub(crate) async fn load(
        pool: SqlitePool,
        files: ImportFiles,
        clock: Arc<dyn Clock>,
        service_data: ServiceData,
    ) -> Result<Self, sqlx::Error> {
        let store = JobStore::new(pool);
        let jobs = store.all().await?;
        let unended = jobs.iter().filter(|job| !job.status.has_ended());
        let unended: Vec<&str> = unended.map(|job| job.id.as_str()).collect();
        files.keep_only(&unended).await;
        Ok(Self(Arc::new(Shared {
            jobs: Mutex::new(jobs.into()),
            store,
            files,
            keeping: tokio::sync::Mutex::default(),
            imports: Semaphore::new(IMPORTS),
            turn: Semaphore::new(1),
            is_stopping: AtomicBool::new(false),
            clock,
            service_data,
        })))
    }

    /// An id for a job to come.
    pub(crate) fn new_id() -> String {
        Uuid::new_v4().to_string()
    }

    /// Lets a job wait for its turn and then work; answers with its id.
    pub(crate) async fn queue(
        &self,
        api: &Api,
        access: &Access,
        task: Task,
        details: Map<String, Value>,
    ) -> Result<String, NotBegun> {
        let id = Self::new_id();
        self.queue_as(&id, api, access, task, details).await?;
        Ok(id)
    }

    /// The same with an id that was given out before.
    pub(crate) async fn queue_as(
        &self,
        id: &str,
        api: &Api,
        access: &Access,
        task: Task,
        details: Map<String, Value>,
    ) -> Result<(), NotBegun> {
        let token_id = access.token_id.clone();
        self.accept(id, token_id, task.clone(), details).await?;
        self.start(id, api, task);
        Ok(())
    }

    /// Goes on with what had not ended when the server did.
    pub(crate) async fn resume(&self, api: &Api) {
        let unended = |job: &&Job| !job.status.has_ended();
        let jobs: Vec<Job> = self.lock().iter().filter(unended).cloned().collect();
        for Job {
            id, task, status, ..
        } in jobs
        {
            if status == Status::Working && !task.is_repeatable() {
                self.end(&id, Err(cut_short())).await;
                continue;
            }
            tracing::info!(job = id, kind = task.kind(), "a job goes on");
            self.change(&id, |job| job.status = Status::Waiting);
            self.start(&id, api, task);
        }
    }

    /// The files of imports that have not ended.
    pub(crate) fn files(&self) -> &ImportFiles {
        &self.0.files
    }

    /// Cancels the jobs of one kind and subject; answers with what became of
    /// them.
    pub(crate) async fn cancel_about(&self, kind: &str, subject: &str) -> Vec<Value> {
        let about = |job: &&Job| job.does(kind, Some(subject));
        let ids: Vec<String> = {
            let jobs = self.lock();
            jobs.iter()
                .filter(about)
                .map(|job| job.id.clone())
                .collect()
        };
        let mut cancelled = Vec::new();
        for id in ids {
            cancelled.extend(self.cancel(&id).await);
        }
        cancelled
    }

    /// Cancels a job that has not ended; answers with what became of it.
    pub(super) async fn cancel(&self, id: &str) -> Option<Value> {
        let now = self.0.clock.now();
        let described = self.change(id, |job| {
            job.cancel(now);
            job.describe()
        })?;
        self.keep(id).await;
        Some(described)
    }

    /// Stops everything that is still at work. What is kept of it does not
    /// change any more: the next start goes on with it.
    pub(crate) fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::SeqCst);
        for job in self.lock().iter() {
            if let Some(abort) = &job.abort {
                abort.abort();
            }
        }
    }

    /// Writes a new job down.
    async fn accept(
        &self,
        id: &str,
        token_id: Option<String>,
        task: Task,
        details: Map<String, Value>,
    ) -> Result<(), NotBegun> {
        let now = self.0.clock.now();
        let job = Job {
            id: id.to_owned(),
            task,
            status: Status::Waiting,
            details,
            error: None,
            created_at: now,
            started_at: None,
            updated_at: now,
            token_id,
            abort: None,
        };
        let forgotten = {
            let mut jobs = self.lock();
            let subject = job.task.subject();
            let is_same = |other: &&Job| other.does(job.task.kind(), subject.as_deref());
            if let Some(other) = jobs.iter().find(is_same) {
                return Err(Busy {
                    id: other.id.clone(),
                }
                .into());
            }
            remember(&mut jobs, job.clone())
        };
        if let Err(error) = self.0.store.write(&job).await {
            self.lock().retain(|other| other.id != id);
            return Err(error.into());
        }
        if let Some(id) = forgotten
            && let Err(error) = self.0.store.forget(&id).await
        {
            tracing::warn!(%error, "a job of long ago cannot be forgotten");
        }
        Ok(())
    }

    fn start(&self, id: &str, api: &Api, task: Task) {
        let (api, own) = (api.clone(), id.to_owned());
        let is_import = matches!(task, Task::Import(_));
        let work = async move { task.run(&api, &own).await };
        self.spawn(id, is_import, work);
    }

    /// Does the work of an accepted job when it is its turn.
    fn spawn<Work>(&self, id: &str, is_import: bool, work: Work)
    where
        Work: Future<Output = Outcome> + Send + 'static,
    {
        let (jobs, own) = (self.clone(), id.to_owned());
        // Under the lock: the work cannot end before it can be aborted.
        let mut all = self.lock();
        let task = tokio::spawn(async move {
            let turns = match is_import {
                true => &jobs.0.imports,
                false => &jobs.0.turn,
            };
            // They are never closed.
            let _turn = turns.acquire().await;
            jobs.change(&own, |job| {
                job.status = Status::Working;
                job.started_at = Some(job.updated_at);
            });
            jobs.keep(&own).await;
            // Work that panics must not be under way for ever.
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            let outcome = ended.unwrap_or_else(|_| Err(ApiError::internal("the work broke off")));
            jobs.end(&own, outcome).await;
        });
        if let Some(job) = all.iter_mut().find(|job| job.id == id) {
            job.abort = Some(task.abort_handle());
        }
    }

    async fn end(&self, id: &str, outcome: Outcome) {
        self.change(id, |job| {
            match outcome {
                Ok(mut details) => {
                    job.status = Status::Done;
                    job.details.append(&mut details);
                }
                Err(error) => {
                    if error.status().is_server_error() {
                        tracing::error!(
                            job = job.id,
                            kind = job.task.kind(),
                            ?error,
                            "a job failed"
                        );
                    }
                    job.status = Status::Error;
                    job.error = Some(public_text(&error));
                }
            }
            self.0.service_data.operation(job.operation());
        });
        self.keep(id).await;
    }

    /// Changes a job that has not ended yet.
    fn change<Told>(&self, id: &str, change: impl FnOnce(&mut Job) -> Told) -> Option<Told> {
        if self.0.is_stopping.load(Ordering::SeqCst) {
            return None;
        }
        let now = self.0.clock.now();
        let mut jobs = self.lock();
        let job = jobs
            .iter_mut()
            .find(|job| job.id == id && !job.status.has_ended())?;
        job.updated_at = now;
        Some(change(job))
    }

    /// Writes down how far a job is now; its file goes once it is written that
    /// it has ended. What cannot be written is done again after a restart,
    /// which is why it only has to be told.
    async fn keep(&self, id: &str) {
        let _one_at_a_time = self.0.keeping.lock().await;
        let job = self.lock().iter().find(|job| job.id == id).cloned();
        let Some(job) = job else { return };
        if let Err(error) = self.0.store.write(&job).await {
            tracing::error!(%error, job = id, "how far a job is cannot be kept");
        } else if job.status.has_ended() && matches!(job.task, Task::Import(_)) {
            self.0.files.remove(id).await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a job; answers with the id of the one that is forgotten for it.
fn remember(jobs: &mut VecDeque<Job>, job: Job) -> Option<String> {
    let oldest = (jobs.len() >= REMEMBERED)
        .then(|| jobs.iter().position(|job| job.status.has_ended()))
        .flatten();
    let forgotten = oldest.and_then(|at| jobs.remove(at));
    jobs.push_back(job);
    forgotten.map(|job| job.id)
}

fn cut_short() -> ApiError {
    let message = "the server ended while this was at work: whether its rows were written is not \
                   known. Look whether they are there, and retry the job if they are not";
    ApiError::conflict("job_cut_short", message)
}

/// A job keeps what its request would have been answered with.
pub(crate) fn public_text(error: &ApiError) -> String {
    if error.status().is_server_error() {
        return "something went wrong on the server".to_owned();
    }
    error
        .message()
        .as_str()
        .map_or_else(|| error.message().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
