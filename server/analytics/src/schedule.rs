//! When copies run by schedule: what is due, what was missed, what is paused.
//! Running a copy is the project's work; that it runs as a job is `api`'s.
//!
//! Every moment of a schedule is handled once at most. Of the moments that
//! passed while nobody looked (the server was down, the machine slept) the
//! last one is made up for, and only that one: a copy that replaces is then as
//! fresh as it should be, and one that appends does not run a hundred times
//! over. What passes while a copy is paused is passed over for good. When the
//! clock is set back, the moments that it comes to again count again: nobody
//! waits for it to catch up. All of this is kept in the database, so that a
//! restart changes nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqlitePool};
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::clock::is_set_back;
use crate::project::Project;
use datafile::{CopySchedule, parse_cron};

/// The schedules of all copy pipes.
#[derive(Debug)]
pub(crate) struct Schedules {
    pool: SqlitePool,
    kept: Mutex<BTreeMap<String, Kept>>,
    /// Told when a copy is paused or resumed.
    changed: Notify,
}

/// What is kept about one copy pipe.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct Kept {
    pipe: String,
    /// The cron expression that `handled_until` counts for.
    schedule: String,
    is_paused: bool,
    /// Moments up to this one have been handled. Unix seconds.
    handled_until: i64,
}

impl Kept {
    /// Whether moments were handled that are still to come: the clock was set
    /// back.
    fn is_ahead_of(&self, now: OffsetDateTime) -> bool {
        let handled = OffsetDateTime::from_unix_timestamp(self.handled_until);
        handled.is_ok_and(|handled| is_set_back(handled, now))
    }
}

/// A copy that is to run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) pipe: String,
    /// The moment of its schedule.
    pub(crate) at: OffsetDateTime,
}

impl Schedules {
    /// Reads what is kept in a database whose migrations have run.
    pub(crate) async fn load(pool: SqlitePool) -> Result<Self, sqlx::Error> {
        let rows: Vec<Kept> = sqlx::query_as("SELECT * FROM analytics_copies")
            .fetch_all(&pool)
            .await?;
        let kept = rows.into_iter().map(|kept| (kept.pipe.clone(), kept));
        Ok(Self {
            pool,
            kept: Mutex::new(kept.collect()),
            changed: Notify::new(),
        })
    }

    /// Whether a pipe's schedule is paused.
    pub(crate) fn is_paused(&self, pipe: &str) -> bool {
        self.lock().get(pipe).is_some_and(|kept| kept.is_paused)
    }

    /// Lets the moments of a pipe's schedule pass.
    pub(crate) async fn pause(&self, pipe: &str, now: OffsetDateTime) -> Result<(), sqlx::Error> {
        self.set_paused(pipe, true, now).await
    }

    /// Follows the schedule again, from now on.
    pub(crate) async fn resume(&self, pipe: &str, now: OffsetDateTime) -> Result<(), sqlx::Error> {
        self.set_paused(pipe, false, now).await
    }

    async fn set_paused(
        &self,
        pipe: &str,
        is_paused: bool,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let schedule = self.lock().get(pipe).map(|kept| kept.schedule.clone());
        let kept = Kept {
            pipe: pipe.to_owned(),
            schedule: schedule.unwrap_or_default(),
            is_paused,
            handled_until: now.unix_timestamp(),
        };
        self.write(&kept).await?;
        self.lock().insert(pipe.to_owned(), kept);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes up schedules that are new: their moments count from now on.
    pub(crate) async fn follow(&self, project: &Project, now: OffsetDateTime) {
        let mut new = Vec::new();
        for (pipe, expression) in scheduled(project) {
            let mut kept = self.lock();
            let former = kept.get(pipe);
            if former.is_some_and(|former| former.schedule == expression) {
                continue;
            }
            let next = Kept {
                pipe: pipe.to_owned(),
                schedule: expression.to_owned(),
                is_paused: former.is_some_and(|former| former.is_paused),
                handled_until: now.unix_timestamp(),
            };
            kept.insert(pipe.to_owned(), next.clone());
            new.push(next);
        }
        self.write_all(&new).await;
    }

    /// The copies that are to run now. Each is named once: what is kept says
    /// that it ran before it runs.
    pub(crate) async fn take_due(&self, project: &Project, now: OffsetDateTime) -> Vec<Due> {
        self.follow(project, now).await;
        let (mut due, mut changed) = (Vec::new(), Vec::new());
        for (pipe, expression) in scheduled(project) {
            let mut all = self.lock();
            let Some(kept) = all.get_mut(pipe).filter(|kept| !kept.is_paused) else {
                continue;
            };
            if kept.is_ahead_of(now) {
                kept.handled_until = now.unix_timestamp();
                changed.push(kept.clone());
            }
            if let Some(at) = last_moment(expression, now)
                && at.unix_timestamp() > kept.handled_until
            {
                kept.handled_until = at.unix_timestamp();
                changed.push(kept.clone());
                due.push(Due {
                    pipe: pipe.to_owned(),
                    at,
                });
            }
        }
        self.write_all(&changed).await;
        due
    }

    async fn write_all(&self, changed: &[Kept]) {
        for kept in changed {
            if let Err(error) = self.write(kept).await {
                tracing::error!(%error, pipe = kept.pipe, "the state of a copy's schedule cannot be kept");
            }
        }
    }

    /// The next moment at which a copy is due, if there is one.
    pub(crate) fn next(&self, project: &Project, now: OffsetDateTime) -> Option<OffsetDateTime> {
        scheduled(project)
            .filter(|(pipe, _)| !self.is_paused(pipe))
            .filter_map(|(_, expression)| next_moment(expression, now))
            .min()
    }

    /// Returns when a copy was paused or resumed.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    async fn write(&self, kept: &Kept) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO analytics_copies (pipe, schedule, is_paused, handled_until)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (pipe) DO UPDATE SET schedule = ?2, is_paused = ?3, handled_until = ?4",
        )
        .bind(&kept.pipe)
        .bind(&kept.schedule)
        .bind(kept.is_paused)
        .bind(kept.handled_until)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The copy pipes with a schedule, and their cron expressions.
fn scheduled(project: &Project) -> impl Iterator<Item = (&str, &str)> {
    project
        .pipes()
        .filter_map(|pipe| match &pipe.copy()?.schedule {
            CopySchedule::Cron(expression) => Some((pipe.name.as_str(), expression.as_str())),
            CopySchedule::OnDemand => None,
        })
}

/// The last moment of a schedule up to now, this very second included.
fn last_moment(expression: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let cron = parse_cron(expression).ok()?;
    let now = DateTime::<Utc>::from_timestamp(now.unix_timestamp(), 0)?;
    let last = cron.find_previous_occurrence(&now, true).ok()?;
    OffsetDateTime::from_unix_timestamp(last.timestamp()).ok()
}

/// The first moment of a schedule after now.
fn next_moment(expression: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let cron = parse_cron(expression).ok()?;
    let now = DateTime::<Utc>::from_timestamp(now.unix_timestamp(), 0)?;
    let next = cron.find_next_occurrence(&now, false).ok()?;
    OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
}

#[cfg(test)]
mod tests;
