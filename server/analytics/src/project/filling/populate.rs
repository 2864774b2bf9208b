//! Filling a materialized view's target on demand, while rows come in.
//!
//! For a moment nobody writes: then the sources are cloned, which shares their
//! files and takes no time. The view's query runs on the clones: it counts
//! every row of before that moment once. Every later row comes through the
//! view itself, so that none is missed and none counted twice.
//!
//! With `truncate` the new rows are made beside the old ones, together with
//! what the target gets meanwhile, and then take their place all at once: until
//! then readers see the old rows, and a population that fails changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::project::reading::analysis::analyze;
use crate::project::sql::ddl::{create_view, quarantine_name, view_name};
use crate::project::sql::select::Select;
use crate::project::tables::apply::{ApplyError, Filling, Target, is_null, move_rows, view_select};
use crate::project::tables::scratch::{FILLED, Scratch};
use crate::project::{Project, Workspace};
use datafile::{Node, NodeKind, Pipe};
use engine::TableFilter;

/// The view in a scratch database that doubles what comes into a target.
const DOUBLED: &str = "doubled.rows";

/// Which rows a population takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// Whether the rows take the place of those that are there.
    pub truncate: bool,
    /// The share of the source's rows to take, above 0 and up to 1.
    pub subset: Option<f64>,
    /// A SQL condition on the source's rows that reads no table. Check it
    /// before: it is run.
    pub condition: Option<String>,
}

/// Why a view was not populated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PopulateError {
    /// There is no such pipe, or it has no materialized node.
    #[error("the pipe `{0}` has no materialized node")]
    NoView(String),
    /// There is nothing to put rows in the place of.
    #[error("`{0}` keeps no rows (its engine is Null): populate it without `truncate`")]
    KeepsNothing(String),
    /// The project was changed meanwhile.
    #[error("the project was changed while the view was populated: start it again")]
    Changed,
    /// The rows of the target were replaced meanwhile.
    #[error("the rows of `{0}` were replaced while its view was populated: start it again")]
    Replaced(String),
    /// The SQL is wrong, or the engine failed.
    #[error(transparent)]
    Run(#[from] ApplyError),
}

/// What is populated.
struct Plan<'run> {
    project: Arc<Project>,
    target: Target<'run>,
    pipe: Arc<Pipe>,
    node: Node,
    /// The data source that the view writes to.
    into: String,
    select: Select,
    /// All data sources that the view's query reads.
    sources: BTreeSet<String>,
    /// The one whose rows feed the view.
    source: String,
}

impl Workspace {
    /// The data source whose rows feed a pipe's materialized view: the one that
    /// a population's condition is about.
    ///
    /// # Errors
    /// [`PopulateError::NoView`], and the engine's.
    pub async fn view_source(&self, pipe: &str) -> Result<String, PopulateError> {
        let target = self.target();
        let view = view_name(pipe);
        for data_source in self.current().data_sources() {
            if target.readers(&data_source.name).await?.contains(&view) {
                return Ok(data_source.name.clone());
            }
        }
        Err(PopulateError::NoView(pipe.to_owned()))
    }

    /// Runs a materialized view's query over the rows that its sources hold and
    /// adds the result to its target, or puts it in the place of what is there.
    /// Views that read the target see added rows, but nothing of a replacement:
    /// populate them in turn.
    ///
    /// # Errors
    /// [`PopulateError`]; the target is then as it was, unless it is of the
    /// engine Null or feeds a materialized view that failed.
    pub async fn populate(&self, pipe: &str, population: &Population) -> Result<(), PopulateError> {
        let plan = self.plan_population(pipe).await?;
        let keeps_nothing = is_null(&plan.project, &plan.into);
        if keeps_nothing && population.truncate {
            return Err(PopulateError::KeepsNothing(plan.into));
        }
        let scratch = Scratch::create(self.engine()).await?;
        let aside = scratch.target();
        let former = {
            let _nobody_writes = self.exchanging().await;
            self.check_unchanged(&plan)?;
            plan.clone_sources(&aside).await?;
            if !keeps_nothing {
                let like = (plan.target.database, plan.into.as_str());
                aside.create_from(FILLED, "AS", like).await?;
            }
            if population.truncate {
                plan.double(&aside).await?;
            }
            plan.target.id(&plan.into).await?
        };
        let filling = Filling {
            select: &plan.select,
            location: (&plan.pipe.file, plan.node.sql.start()),
            filters: plan.filters(&aside, population),
        };
        if keeps_nothing {
            let _tables_stay = self.writing().await;
            self.check_unchanged(&plan)?;
            filling.run(&aside, &plan.target.table(&plan.into)).await?;
            return Ok(scratch.drop().await?);
        }
        filling.run(&aside, &aside.table(FILLED)).await?;
        let nobody_writes = self.exchanging().await;
        self.check_unchanged(&plan)?;
        if plan.target.id(&plan.into).await? != former {
            return Err(PopulateError::Replaced(plan.into));
        }
        let rows = (aside.database, FILLED);
        if population.truncate {
            aside.drop(DOUBLED).await?;
            plan.target.take_place(rows, &plan.into).await?;
        } else {
            let is_read = !plan.target.readers(&plan.into).await?.is_empty();
            move_rows(&plan.target, rows, &plan.into, is_read).await?;
        }
        drop(nobody_writes);
        Ok(scratch.drop().await?)
    }

    async fn plan_population(&self, name: &str) -> Result<Plan<'_>, PopulateError> {
        let no_view = || PopulateError::NoView(name.to_owned());
        let project = self.current();
        let pipe = Arc::clone(project.pipe(name).ok_or_else(no_view)?);
        let found = pipe.nodes.iter().find_map(|node| match &node.kind {
            NodeKind::Materialized { data_source, .. } => Some((node.clone(), data_source.clone())),
            _ => None,
        });
        let (node, into) = found.ok_or_else(no_view)?;
        let target = self.target();
        let analysis = analyze(&project, target.engine).await;
        let analysis = analysis.map_err(|source| ApplyError::Engine {
            action: "reading the project's SQL".to_owned(),
            source,
        })?;
        let sources = analysis.sources(name, &node.name);
        Ok(Plan {
            select: view_select(&project, &target, &pipe, &node, &into).await?,
            source: self.view_source(name).await?,
            sources: sources.into_iter().map(str::to_owned).collect(),
            project,
            target,
            pipe,
            node,
            into,
        })
    }

    /// A project that took this one's place may have made the tables anew.
    fn check_unchanged(&self, plan: &Plan<'_>) -> Result<(), PopulateError> {
        match Arc::ptr_eq(&self.current(), &plan.project) {
            true => Ok(()),
            false => Err(PopulateError::Changed),
        }
    }
}

impl Plan<'_> {
    /// Makes the sources stand still, under their own names.
    async fn clone_sources(&self, aside: &Target<'_>) -> Result<(), ApplyError> {
        for source in &self.sources {
            let how = match is_null(&self.project, source) {
                true => "AS",
                false => "CLONE AS",
            };
            let database = self.target.database;
            aside.create_from(source, how, (database, source)).await?;
            let quarantine = quarantine_name(source);
            aside
                .create_from(&quarantine, "CLONE AS", (database, &quarantine))
                .await?;
        }
        Ok(())
    }

    /// Lets every row that comes into the target come into the filled table,
    /// too: from this view, from others, from clients.
    async fn double(&self, aside: &Target<'_>) -> Result<(), ApplyError> {
        let select = format!("SELECT * FROM {}", self.target.table(&self.into));
        let sql = create_view(&aside.table(DOUBLED), &aside.table(FILLED), &select, "");
        aside
            .change(&format!("preparing to fill `{}`", self.into), sql)
            .await
    }

    fn filters(&self, aside: &Target<'_>, population: &Population) -> Vec<TableFilter> {
        let share = population.subset.filter(|share| *share < 1.0);
        let subset = share.map(|share| {
            // `rand` is a number below 2 to the power of 32.
            format!("rand() < {}", share * f64::from(u32::MAX))
        });
        let condition = population.condition.as_ref();
        let condition = condition.map(|condition| format!("\n{condition}\n"));
        let conditions = [condition, subset].into_iter().flatten();
        let filter = |expression| TableFilter {
            table: format!("{}.{}", aside.database, self.source),
            expression,
        };
        conditions.map(filter).collect()
    }
}
