//! Copy pipes: a node's result written into a data source. When they run by
//! schedule is `schedule`'s.

use std::sync::Arc;

use time::OffsetDateTime;
use time::macros::format_description;

use crate::project::sql::select::{Select, select};
use crate::project::tables::apply::{
    ApplyError, Filling, Target, check_tenants, is_null, move_rows,
};
use crate::project::tables::scratch::{FILLED, Scratch};
use crate::project::{Project, RunContext, Workspace};
use datafile::{CopyMode, Node, NodeKind, Pipe};
use template::RenderContext;

/// Why a copy did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// There is no pipe of this name.
    #[error("there is no pipe `{0}`")]
    UnknownPipe(String),
    /// The pipe has no copy node.
    #[error("the pipe `{0}` is no copy pipe: give one of its nodes `TYPE copy`")]
    NoCopy(String),
    /// The project was changed while the copy ran.
    #[error("the data source `{0}` was changed while the copy ran: run it again")]
    Changed(String),
    /// The SQL is wrong, or the engine failed.
    #[error(transparent)]
    Run(#[from] ApplyError),
}

impl Workspace {
    /// Runs a copy pipe and waits until its rows are in the target.
    ///
    /// `mode` overrides what the file says. The rows are made aside: other
    /// writers go on meanwhile, and a copy that fails or is dropped adds
    /// nothing. Replacing swaps the tables: readers see all rows of before or
    /// all of now, never neither or both. Returns how many rows were made,
    /// where they can be counted: a target of the engine Null keeps none.
    ///
    /// # Errors
    /// [`CopyError`]; the target is then as it was, unless it is of the engine
    /// Null or feeds a materialized view that failed.
    pub async fn run_copy(
        &self,
        pipe: &str,
        mode: Option<CopyMode>,
        context: &RunContext,
    ) -> Result<Option<u64>, CopyError> {
        let project = self.current();
        let found = project
            .pipe(pipe)
            .ok_or_else(|| CopyError::UnknownPipe(pipe.to_owned()))?;
        let copy_node = found.nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Copy(copy) => Some((node, copy)),
            _ => None,
        });
        let (node, copy) = copy_node.ok_or_else(|| CopyError::NoCopy(pipe.to_owned()))?;
        let select = self
            .select_for_copy(&project, (found, node), context)
            .await?;
        // What a template makes may hang on its parameters.
        let (target, into) = (self.target(), copy.target.as_str());
        check_tenants(&project, &target, &select, into, (found, node)).await?;
        let filling = Filling {
            select: &select,
            location: (&found.file, node.sql.start()),
            filters: Vec::new(),
        };
        if is_null(&project, into) {
            let _tables_stay = self.writing().await;
            filling.run(&target, &target.table(into)).await?;
            return Ok(None);
        }
        let scratch = Scratch::create(self.engine()).await?;
        let aside = scratch.target();
        aside
            .create_from(FILLED, "AS", (target.database, into))
            .await?;
        filling.run(&target, &aside.table(FILLED)).await?;
        let made = aside.count(FILLED).await?;
        let tables_stay = self.writing().await;
        if self.current().data_source(into) != project.data_source(into) {
            return Err(CopyError::Changed(into.to_owned()));
        }
        let rows = (aside.database, FILLED);
        match mode.unwrap_or(copy.mode) {
            CopyMode::Append => {
                let is_read = !target.readers(into).await?.is_empty();
                move_rows(&target, rows, into, is_read).await?;
            }
            CopyMode::Replace => target.take_place(rows, into).await?,
        }
        drop(tables_stay);
        scratch.drop().await?;
        Ok(Some(made))
    }

    async fn select_for_copy(
        &self,
        project: &Project,
        node: (&Pipe, &Node),
        context: &RunContext,
    ) -> Result<Select, ApplyError> {
        let render = RenderContext {
            secrets: Arc::clone(&context.secrets),
            job_timestamp: Some(job_timestamp(context.now)),
            ..RenderContext::default()
        };
        let engine = self.engine().as_ref();
        select(project, engine, node, &context.parameters, &render).await
    }

    pub(in crate::project) fn target(&self) -> Target<'_> {
        Target {
            engine: self.engine().as_ref(),
            database: self.database(),
        }
    }
}

/// The parameter `job_timestamp` of a copy's templates.
fn job_timestamp(now: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    now.format(format).unwrap_or_default()
}
