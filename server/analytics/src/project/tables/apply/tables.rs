//! The tables of data sources and of their quarantines.

use futures::FutureExt;

use super::fill::insert_by_name;
use super::table::{TableChange, plan as compare};
use super::{Applied, ApplyError, Note, Target};
use crate::project::Project;
use crate::project::findings::locate;
use crate::project::reading::analysis::together;
use crate::project::sql::ddl::{TableDefinition, quarantine_name};
use crate::project::sql::select::Select;
use crate::project::tables::catalog::{Catalog, Record, StoredTable};
use crate::project::tables::fingerprint::fingerprint;
use datafile::{DataSource, Diagnostic, Position};

/// What happens to one table.
#[derive(Debug)]
pub(super) struct TablePlan<'run> {
    pub(super) name: String,
    data_source: &'run DataSource,
    definition: TableDefinition,
    /// What its comment will say.
    record: Record,
    /// Whether there is a `FORWARD_QUERY` that was not there before: one that
    /// was belongs to an earlier change, and its rows would go through twice.
    is_forward_query_new: bool,
    action: Action,
}

#[derive(Debug, PartialEq, Eq)]
enum Action {
    Create,
    Keep,
    Change(TableChange),
}

impl TablePlan<'_> {
    /// Whether views that read or write it must be made anew.
    pub(super) fn unsettles_views(&self) -> bool {
        matches!(
            self.action,
            Action::Change(TableChange::Replace | TableChange::Rebuild)
        )
    }

    /// Whether it has no rows once the plan is executed.
    pub(super) fn is_empty_after(&self, stored: Option<&StoredTable>) -> bool {
        stored.is_none_or(StoredTable::is_empty)
    }

    /// What is written down about it.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }
}

/// Plans all tables; what is refused is found.
pub(super) async fn plan<'run>(
    project: &'run Project,
    target: &Target<'_>,
    catalog: &Catalog,
    found: &mut Vec<Diagnostic>,
) -> Result<Vec<TablePlan<'run>>, ApplyError> {
    let mut plans = Vec::new();
    for data_source in project.data_sources() {
        plans.extend(drafts(data_source, catalog));
    }
    if plans
        .iter()
        .any(|plan| plan.action == Action::Change(TableChange::Nothing))
    {
        compare_changed(target, &mut plans, catalog, found).await?;
    }
    Ok(plans)
}

/// Plans for a data source's table and its quarantine.
fn drafts<'run>(data_source: &'run DataSource, catalog: &Catalog) -> [TablePlan<'run>; 2] {
    let name = &data_source.name;
    let rows = TableDefinition::of(data_source);
    let quarantine = TableDefinition::of_quarantine(data_source);
    [
        TablePlan::draft(data_source, name.clone(), rows, catalog),
        TablePlan::draft(data_source, quarantine_name(name), quarantine, catalog),
    ]
}

impl<'run> TablePlan<'run> {
    /// A plan from what is written down alone: what differs is still to be
    /// compared.
    fn draft(
        data_source: &'run DataSource,
        name: String,
        definition: TableDefinition,
        catalog: &Catalog,
    ) -> Self {
        let query = data_source.forward_query.as_deref().unwrap_or("");
        let new = fingerprint([definition.create("", "").as_str(), query]);
        let stored = catalog.table(&name);
        let mut record = stored.map(StoredTable::record).unwrap_or_default();
        let action = match stored {
            None => Action::Create,
            Some(_) if record.definition == new => Action::Keep,
            Some(_) => Action::Change(TableChange::Nothing),
        };
        record.definition = new;
        let former = record.forwarded.take();
        record.forwarded = data_source
            .forward_query
            .as_deref()
            .map(|query| fingerprint([query]));
        let is_forward_query_new = record.forwarded.is_some() && record.forwarded != former;
        Self {
            is_forward_query_new,
            name,
            data_source,
            definition,
            record,
            action,
        }
    }

    fn is_quarantine(&self) -> bool {
        self.name != self.data_source.name
    }
}

/// Makes empty tables of the new definitions and compares what the engine says
/// of both.
async fn compare_changed(
    target: &Target<'_>,
    plans: &mut [TablePlan<'_>],
    catalog: &Catalog,
    found: &mut Vec<Diagnostic>,
) -> Result<(), ApplyError> {
    let is_changed =
        |plan: &&mut TablePlan<'_>| plan.action == Action::Change(TableChange::Nothing);
    for plan in plans.iter_mut().filter(is_changed) {
        let sql = plan
            .definition
            .create(&target.table(&format!("wanted.{}", plan.name)), "");
        create(target, plan, sql).await?;
    }
    let wanted = target.catalog().await?;
    for plan in plans.iter_mut().filter(is_changed) {
        let pair = (
            catalog.table(&plan.name),
            wanted.table(&format!("wanted.{}", plan.name)),
        );
        let (Some(stored), Some(wanted)) = pair else {
            continue;
        };
        let has_forward_query = plan.is_forward_query_new && !plan.is_quarantine();
        let change = compare(
            stored,
            wanted,
            &plan.definition,
            has_forward_query,
            plan.is_quarantine(),
        );
        if let TableChange::Refuse(reasons) = &change {
            found.push(refusal(plan.data_source, reasons));
        }
        plan.action = Action::Change(change);
    }
    Ok(())
}

fn refusal(data_source: &DataSource, reasons: &[String]) -> Diagnostic {
    let name = &data_source.name;
    let message = format!(
        "`{name}` holds rows that this change would not keep: {}",
        reasons.join("; ")
    );
    let is_old = match data_source.forward_query {
        Some(_) => "its FORWARD_QUERY is that of an earlier change and is not used again: ",
        None => "",
    };
    Diagnostic::error(&data_source.file, Position::START, message).help(format!(
        "{is_old}take the change back, or say with `FORWARD_QUERY >` and a SELECT how rows of the former `{name}` become rows of the new one"
    ))
}

/// Creates a table; what the engine has against its definition is found in
/// its file.
async fn create(target: &Target<'_>, plan: &TablePlan<'_>, sql: String) -> Result<(), ApplyError> {
    let result = target
        .change(&format!("creating the table `{}`", plan.name), sql)
        .await;
    result.map_err(|error| match error {
        ApplyError::Engine {
            source: engine::EngineError::Query { message, .. },
            ..
        } => ApplyError::Refused(vec![locate::undefinable(plan.data_source, &message)]),
        error => error,
    })
}

/// Makes the tables of a data source in a scratch database.
pub(in crate::project) async fn create_empty(
    target: &Target<'_>,
    data_source: &DataSource,
) -> Result<(), ApplyError> {
    let catalog = Catalog::default();
    for plan in drafts(data_source, &catalog) {
        let sql = plan.definition.create(&target.table(&plan.name), "");
        create(target, &plan, sql).await?;
    }
    Ok(())
}

/// Does what was planned.
pub(super) async fn execute(
    target: &Target<'_>,
    plans: &[TablePlan<'_>],
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let sql = |plan: &TablePlan<'_>| {
        let comment = plan.record.comment();
        plan.definition.create(&target.table(&plan.name), &comment)
    };
    let mut new = Vec::new();
    for plan in plans.iter().filter(|plan| plan.action == Action::Create) {
        new.push(create(target, plan, sql(plan)).boxed());
    }
    for created in together(new).await {
        created?;
    }
    for plan in plans {
        let name = &plan.name;
        match &plan.action {
            Action::Keep => continue,
            Action::Create => {}
            Action::Change(change) => {
                execute_change(target, plan, change, sql(plan), applied).await?;
            }
        }
        if !plan.is_quarantine() {
            match plan.action {
                Action::Create => applied.created.push(name.clone()),
                Action::Change(TableChange::Nothing) => {}
                _ => applied.changed.push(name.clone()),
            }
        }
    }
    Ok(())
}

async fn execute_change(
    target: &Target<'_>,
    plan: &TablePlan<'_>,
    change: &TableChange,
    create_sql: String,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let name = &plan.name;
    match change {
        TableChange::Nothing => {}
        TableChange::Alter(commands) => {
            for command in commands {
                let sql = format!("ALTER TABLE {} {command}", target.table(name));
                target
                    .change(&format!("altering the table `{name}`"), sql)
                    .await?;
            }
        }
        TableChange::Replace => {
            target.drop(name).await?;
            return create(target, plan, create_sql).await;
        }
        TableChange::Rebuild => return rebuild(target, plan, applied).await,
        TableChange::Refuse(_) => return Ok(()),
    }
    target.write_comment(name, &plan.record.comment()).await
}

/// Reads the rows through `FORWARD_QUERY` into a new table and lets it take
/// the old one's place; the old one is kept.
async fn rebuild(
    target: &Target<'_>,
    plan: &TablePlan<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let name = &plan.name;
    let (staging, former) = (format!("staging.{name}"), format!("former.{name}"));
    target.drop(&staging).await?;
    create(
        target,
        plan,
        plan.definition
            .create(&target.table(&staging), &plan.record.comment()),
    )
    .await?;
    let Some(query) = &plan.data_source.forward_query else {
        return Ok(());
    };
    let select = Select {
        sql: forward_select(query, &target.table(name)),
        ..Select::default()
    };
    let location = (plan.data_source.file.as_str(), query.start());
    insert_by_name(target, &staging, &select, location).await?;
    target.exchange(&staging, name).await?;
    target.drop(&former).await?;
    let rename = format!(
        "RENAME TABLE {} TO {}",
        target.table(&staging),
        target.table(&former)
    );
    target
        .change(&format!("keeping the rows of the former `{name}`"), rename)
        .await?;
    applied.notes.push(Note {
        table: name.clone(),
        message: format!(
            "`{name}` was rebuilt by its FORWARD_QUERY; its former rows are kept in the table `{former}`"
        ),
    });
    Ok(())
}

/// `FORWARD_QUERY` may leave its FROM out.
fn forward_select(query: &str, table: &str) -> String {
    let (_, rest) = super::clauses::split_before(query, &["FROM", "from", "From"]);
    match rest.is_empty() {
        true => format!("{query}\nFROM {table}"),
        false => query.to_owned(),
    }
}
