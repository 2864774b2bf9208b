//! Copy pipes: a node's result written into a data source, on demand or by
//! schedule.

use chrono::{DateTime, Utc};
use time::OffsetDateTime;
use time::macros::format_description;

use super::apply::{ApplyError, Target, insert_by_name};
use super::select::select;
use super::{Project, RunContext};
use crate::datafile::{CopyMode, CopySchedule, CopySettings, Node, NodeKind, parse_cron};
use crate::engine::Engine;
use crate::template::RenderContext;

/// Why a copy did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// There is no pipe of this name.
    #[error("there is no pipe `{0}`")]
    UnknownPipe(String),
    /// The pipe has no copy node.
    #[error("the pipe `{0}` is no copy pipe: give one of its nodes `TYPE copy`")]
    NoCopy(String),
    /// The SQL is wrong, or the engine failed.
    #[error(transparent)]
    Run(#[from] ApplyError),
}

impl Project {
    /// Runs a copy pipe and waits until its rows are in the target.
    ///
    /// `mode` overrides what the file says. Replacing swaps the tables: readers
    /// see all rows of before or all of now, never neither or both.
    ///
    /// # Errors
    /// [`CopyError`]; the target is then as it was.
    pub async fn run_copy(
        &self,
        engine: &dyn Engine,
        database: &str,
        pipe: &str,
        mode: Option<CopyMode>,
        context: &RunContext,
    ) -> Result<(), CopyError> {
        let found = self
            .pipe(pipe)
            .ok_or_else(|| CopyError::UnknownPipe(pipe.to_owned()))?;
        let copy_node = found
            .nodes
            .iter()
            .find_map(|node| Some((node, copy_settings(node)?)));
        let (node, copy) = copy_node.ok_or_else(|| CopyError::NoCopy(pipe.to_owned()))?;
        let parameters = &context.parameters;
        let context = RenderContext {
            secrets: context.secrets.clone(),
            job_timestamp: Some(job_timestamp(context.now)),
            ..RenderContext::default()
        };
        let select = select(self, engine, (found, node), parameters, &context).await?;
        let target = Target { engine, database };
        let place = (found.file.as_str(), node.sql.start());
        match mode.unwrap_or(copy.mode) {
            CopyMode::Append => insert_by_name(&target, &copy.target, &select, place).await?,
            CopyMode::Replace => {
                let staging = format!("staging.{pipe}");
                let result = target.replace(&copy.target, &staging, &select, place).await;
                target.drop(&staging).await?;
                result?;
            }
        }
        Ok(())
    }

    /// When copies run by schedule next after a moment, and which: the pipes
    /// that are due at the earliest time. `None` if nothing is scheduled.
    #[must_use]
    pub fn next_copies(&self, after: OffsetDateTime) -> Option<(OffsetDateTime, Vec<&str>)> {
        let mut next: Option<(OffsetDateTime, Vec<&str>)> = None;
        for pipe in self.pipes() {
            let schedule = pipe
                .nodes
                .iter()
                .find_map(copy_settings)
                .map(|copy| &copy.schedule);
            let Some(due) = schedule.and_then(|schedule| next_run(schedule, after)) else {
                continue;
            };
            match &mut next {
                Some((earliest, pipes)) if *earliest == due => pipes.push(&pipe.name),
                Some((earliest, _)) if *earliest < due => {}
                _ => next = Some((due, vec![&pipe.name])),
            }
        }
        next
    }
}

fn copy_settings(node: &Node) -> Option<&CopySettings> {
    match &node.kind {
        NodeKind::Copy(copy) => Some(copy),
        _ => None,
    }
}

fn next_run(schedule: &CopySchedule, after: OffsetDateTime) -> Option<OffsetDateTime> {
    let CopySchedule::Cron(expression) = schedule else {
        return None;
    };
    let cron = parse_cron(expression).ok()?;
    let after = DateTime::<Utc>::from_timestamp(after.unix_timestamp(), 0)?;
    let next = cron.find_next_occurrence(&after, false).ok()?;
    OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
}

/// The parameter `job_timestamp` of a copy's templates.
fn job_timestamp(now: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    now.format(format).unwrap_or_default()
}
