//! Materialized views: which are made, kept, made anew or dropped, and how a
//! new one is filled.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{check_columns, check_left_out};
use super::fill::{insert_by_name, move_rows};
use super::tables::TablePlan;
use super::{Applied, ApplyError, Target};
use crate::project::Project;
use crate::project::reading::analysis::{Analysis, views};
use crate::project::sql::ddl::{create_view, view_name};
use crate::project::sql::select::{Select, select};
use crate::project::tables::catalog::{Catalog, Record};
use crate::project::tables::fingerprint::fingerprint;
use datafile::tokens::tokenize;
use datafile::{Diagnostic, EngineKind, Node, NodeKind, Pipe};
use template::{Parameters, RenderContext};

/// What happens to all views.
#[derive(Debug)]
pub(super) struct ViewPlans<'run> {
    project: &'run Project,
    plans: Vec<ViewPlan<'run>>,
    /// Views to drop before tables change: obsolete ones, and those made anew.
    dropped: Vec<String>,
    /// What is written down about the targets.
    records: BTreeMap<String, Record>,
}

#[derive(Debug)]
struct ViewPlan<'run> {
    pipe: &'run Pipe,
    node: &'run Node,
    target: &'run str,
    sources: BTreeSet<String>,
    fingerprint: String,
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// It is there as it should be.
    Keep,
    /// It is there, but filling its target was interrupted near the end.
    Resume,
    /// It is made; its target's rows stay as they are.
    Create,
    /// It is made and its target filled from what its sources hold.
    Populate,
}

/// Plans all views; what is refused is found.
pub(super) fn plan<'run>(
    project: &'run Project,
    analysis: &Analysis,
    catalog: &Catalog,
    tables: &[TablePlan<'_>],
    found: &mut Vec<Diagnostic>,
) -> ViewPlans<'run> {
    let tables: BTreeMap<&str, &TablePlan<'_>> = tables
        .iter()
        .map(|plan| (plan.name.as_str(), plan))
        .collect();
    let mut plans = Vec::new();
    let mut records = BTreeMap::new();
    for (pipe, node, target) in views(project) {
        let Some(table) = tables.get(target) else {
            continue;
        };
        let sources = analysis.sources(&pipe.name, &node.name);
        let is_unsettled = sources
            .iter()
            .chain([&target])
            .any(|name| tables.get(*name).is_some_and(|plan| plan.unsettles_views()));
        let question = Question {
            pipe,
            node,
            fingerprint: query_fingerprint(project, analysis, pipe, node, target),
            is_unsettled,
            record: table.record(),
            is_target_empty: table.is_empty_after(catalog.table(target)),
            skips_backfill: project
                .data_source(target)
                .is_some_and(|target| target.skips_backfill),
            reads_nothing_kept: sources.iter().any(|source| is_null(project, source)),
        };
        let action = question.answer(catalog, target, found);
        records.insert(target.to_owned(), table.record().clone());
        plans.push(ViewPlan {
            pipe,
            node,
            target,
            sources: sources.into_iter().map(str::to_owned).collect(),
            fingerprint: question.fingerprint,
            action,
        });
    }
    let kept: BTreeSet<String> = plans
        .iter()
        .filter(|plan| matches!(plan.action, Action::Keep | Action::Resume))
        .map(|plan| view_name(&plan.pipe.name))
        .collect();
    let stored = catalog
        .tables()
        .filter(|stored| stored.name.starts_with("view."));
    let dropped = stored
        .map(|stored| stored.name.clone())
        .filter(|name| !kept.contains(name))
        .collect();
    ViewPlans {
        project,
        plans: in_order(plans),
        dropped,
        records,
    }
}

/// What decides about one view.
struct Question<'run> {
    pipe: &'run Pipe,
    node: &'run Node,
    fingerprint: String,
    /// A table it reads or writes is made anew.
    is_unsettled: bool,
    record: &'run Record,
    is_target_empty: bool,
    skips_backfill: bool,
    /// A source is Null: only what passes through it can be seen.
    reads_nothing_kept: bool,
}

impl Question<'_> {
    fn answer(&self, catalog: &Catalog, target: &str, found: &mut Vec<Diagnostic>) -> Action {
        let stored = catalog
            .table(&view_name(&self.pipe.name))
            .map(|stored| stored.record().definition);
        let is_present = stored.as_ref() == Some(&self.fingerprint) && !self.is_unsettled;
        let is_interrupted = catalog.table(&staging_name(&self.pipe.name)).is_some();
        let filled_by = self.record.filled_by.get(&self.pipe.name);
        match filled_by {
            _ if is_present && is_interrupted => Action::Resume,
            _ if is_present => Action::Keep,
            None if self.skips_backfill || self.reads_nothing_kept => Action::Create,
            None => Action::Populate,
            Some(_) if self.is_target_empty && !self.skips_backfill && !self.reads_nothing_kept => {
                Action::Populate
            }
            Some(former) if *former == self.fingerprint => Action::Create,
            Some(_) if matches!(self.node.kind, NodeKind::Materialized { alter: true, .. }) => {
                Action::Create
            }
            Some(_) => {
                found.push(self.refusal(target));
                Action::Keep
            }
        }
    }

    fn refusal(&self, target: &str) -> Diagnostic {
        let message = format!(
            "the query of `{}` changed, and `{target}` holds rows that the former one made",
            self.node.name
        );
        Diagnostic::error(&self.pipe.file, self.node.position, message).help(format!(
            "add `DEPLOYMENT_METHOD alter` to keep those rows and use the new query for new ones, or write to a new data source, which is filled from all rows that are there; truncating `{target}` also makes room"
        ))
    }
}

/// Whether a data source keeps no rows.
pub(in crate::project) fn is_null(project: &Project, data_source: &str) -> bool {
    project
        .data_source(data_source)
        .is_some_and(|data_source| data_source.engine.kind == EngineKind::Null)
}

fn staging_name(pipe: &str) -> String {
    format!("staging.{pipe}")
}

/// What a view's query says, whatever its comments and white space.
fn query_fingerprint(
    project: &Project,
    analysis: &Analysis,
    pipe: &Pipe,
    node: &Node,
    target: &str,
) -> String {
    let mut words = vec![target];
    let nodes = analysis.nodes(&pipe.name, &node.name);
    for (pipe, node) in &nodes {
        let Some(node) = project.pipe(pipe).and_then(|pipe| pipe.node(node)) else {
            continue;
        };
        let sql = node.sql.as_str();
        words.push(&node.name);
        words.extend(tokenize(sql).0.into_iter().map(|token| &sql[token.range]));
    }
    fingerprint(words)
}

/// Views in an order in which each comes after those that fill what it reads.
fn in_order(mut plans: Vec<ViewPlan<'_>>) -> Vec<ViewPlan<'_>> {
    let mut ordered: Vec<ViewPlan<'_>> = Vec::with_capacity(plans.len());
    while !plans.is_empty() {
        let is_fed = |plan: &ViewPlan<'_>| {
            plans
                .iter()
                .any(|other| plan.sources.contains(other.target))
        };
        // Circles were refused before; without the fallback one would hang.
        let next = plans.iter().position(|plan| !is_fed(plan)).unwrap_or(0);
        ordered.push(plans.remove(next));
    }
    ordered
}

impl ViewPlans<'_> {
    /// Drops the views that are obsolete or made anew. They hold no rows.
    pub(super) async fn drop_changed(&self, target: &Target<'_>) -> Result<(), ApplyError> {
        for view in &self.dropped {
            target.drop(view).await?;
        }
        Ok(())
    }

    /// Makes the views. Those that are not filled come first, so that they see
    /// the rows with which the others fill what they read.
    pub(super) async fn create(
        mut self,
        target: &Target<'_>,
        applied: &mut Applied,
    ) -> Result<(), ApplyError> {
        let plans = std::mem::take(&mut self.plans);
        for plan in plans.iter().filter(|plan| plan.action == Action::Create) {
            let select =
                view_select(self.project, target, plan.pipe, plan.node, plan.target).await?;
            self.create_view(target, plan, &select).await?;
            self.write_down(target, plan).await?;
        }
        for plan in &plans {
            match plan.action {
                Action::Keep | Action::Create => continue,
                Action::Resume => self.publish(target, plan, &plans).await?,
                Action::Populate => {
                    self.populate(target, plan, &plans).await?;
                    applied.populated.push(plan.pipe.name.clone());
                }
            }
            self.write_down(target, plan).await?;
            target.drop(&staging_name(&plan.pipe.name)).await?;
        }
        Ok(())
    }

    async fn create_view(
        &self,
        target: &Target<'_>,
        plan: &ViewPlan<'_>,
        select: &Select,
    ) -> Result<(), ApplyError> {
        let record = Record {
            definition: plan.fingerprint.clone(),
            ..Record::default()
        };
        let view = view_name(&plan.pipe.name);
        let sql = create_view(
            &target.table(&view),
            &target.table(plan.target),
            &select.sql,
            &record.comment(),
        );
        let result = target
            .change(
                &format!("creating the materialized view of `{}`", plan.pipe.name),
                sql,
            )
            .await;
        result.map_err(|error| match error {
            ApplyError::Engine {
                source: engine::EngineError::Query { message, .. },
                ..
            } => {
                let message = format!("ClickHouse does not take the materialized view: {message}");
                ApplyError::Refused(vec![Diagnostic::error(
                    &plan.pipe.file,
                    plan.node.sql.start(),
                    message,
                )])
            }
            error => error,
        })
    }

    /// Fills a table beside the target, makes the view, and moves the rows
    /// over: whatever is interrupted leaves either no view or all its rows.
    async fn populate(
        &self,
        target: &Target<'_>,
        plan: &ViewPlan<'_>,
        plans: &[ViewPlan<'_>],
    ) -> Result<(), ApplyError> {
        let select = view_select(self.project, target, plan.pipe, plan.node, plan.target).await?;
        let staging = staging_name(&plan.pipe.name);
        let location = (plan.pipe.file.as_str(), plan.node.sql.start());
        if is_null(self.project, plan.target) {
            insert_by_name(target, plan.target, &select, location).await?;
            return self.create_view(target, plan, &select).await;
        }
        target.drop(&staging).await?;
        target.create_like(&staging, plan.target).await?;
        insert_by_name(target, &staging, &select, location).await?;
        self.create_view(target, plan, &select).await?;
        self.publish(target, plan, plans).await
    }

    /// Moves the rows from beside the target into it.
    async fn publish(
        &self,
        target: &Target<'_>,
        plan: &ViewPlan<'_>,
        plans: &[ViewPlan<'_>],
    ) -> Result<(), ApplyError> {
        let staging = staging_name(&plan.pipe.name);
        let is_read = plans
            .iter()
            .any(|other| other.action != Action::Populate && other.sources.contains(plan.target));
        move_rows(target, (target.database, &staging), plan.target, is_read).await
    }

    /// Notes in the target's comment that the view has filled it.
    async fn write_down(
        &mut self,
        target: &Target<'_>,
        plan: &ViewPlan<'_>,
    ) -> Result<(), ApplyError> {
        let record = self.records.entry(plan.target.to_owned()).or_default();
        record
            .filled_by
            .insert(plan.pipe.name.clone(), plan.fingerprint.clone());
        let comment = record.comment();
        target.write_comment(plan.target, &comment).await
    }
}

/// A view's SELECT, checked against its target's columns.
pub(in crate::project) async fn view_select(
    project: &Project,
    target: &Target<'_>,
    pipe: &Pipe,
    node: &Node,
    data_source: &str,
) -> Result<Select, ApplyError> {
    let (parameters, context) = (Parameters::new(), RenderContext::default());
    let select = select(project, target.engine, (pipe, node), &parameters, &context).await?;
    let location = (pipe.file.as_str(), node.sql.start());
    if !select.parameters.is_empty() {
        let message = format!(
            "the materialized view `{}` uses secrets, which it cannot keep",
            node.name
        );
        let help = "write the values themselves, or filter where it is read";
        let found = Diagnostic::error(location.0, location.1, message).help(help);
        return Err(ApplyError::Refused(vec![found]));
    }
    if let Some(found) = select.unwatchable {
        return Err(ApplyError::Refused(vec![found]));
    }
    check_columns(project, target, &select, data_source, (pipe, node)).await?;
    check_left_out(project, target, &select, data_source, (pipe, node)).await?;
    Ok(select)
}
