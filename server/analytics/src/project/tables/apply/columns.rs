//! Whether what a SELECT makes may go into a data source: its columns, their
//! types, and the tenant's among them.

use std::collections::BTreeSet;

use super::clauses::unwrap;
use super::fill::{ResultColumn, columns_of};
use super::{ApplyError, Target};
use crate::project::Project;
use crate::project::reading::lineage::QueryTree;
use crate::project::reading::mixing::Mixing;
use crate::project::sql::select::Select;
use datafile::tokens::tokenize;
use datafile::{
    Column, DataSource, Diagnostic, EngineKind, MIXES_TENANTS, Node, Pipe, Position, TypeArgument,
};
use engine::{EngineError, Statement};

/// Where a SELECT stands: its file and its beginning.
type Location<'run> = (&'run str, Position);

fn location<'run>(pipe: &'run Pipe, node: &Node) -> Location<'run> {
    (&pipe.file, node.sql.start())
}

/// Refuses a SELECT whose columns are not those of the data source it fills.
pub(in crate::project) async fn check_columns(
    project: &Project,
    target: &Target<'_>,
    select: &Select,
    data_source: &str,
    (pipe, node): (&Pipe, &Node),
) -> Result<(), ApplyError> {
    let location = location(pipe, node);
    let Some(data_source) = project.data_source(data_source) else {
        return Ok(());
    };
    let columns = columns_of(target, select, location).await?;
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let into = &data_source.name;
    if let Some(unknown) = names.iter().find(|name| data_source.column(name).is_none()) {
        let message = format!(
            "the SELECT makes a column `{unknown}`, and `{into}`, where it goes, has none of that name"
        );
        return Err(refused(
            location,
            message,
            "name it with AS as the column it fills, or add the column",
        ));
    }
    if let Some(found) = columns
        .iter()
        .find_map(|column| narrowed(column, data_source))
    {
        return Err(refused(
            location,
            found,
            "cast it in the SELECT, or widen the column",
        ));
    }
    let Some(tenant) = data_source.tenant_column() else {
        return Ok(());
    };
    if !names.contains(tenant) {
        let message = format!(
            "the SELECT does not make `{tenant}`, the column by which `{into}` is kept apart"
        );
        return Err(refused(
            location,
            message,
            "add the tenant's column to the SELECT",
        ));
    }
    check_tenants(project, target, select, &data_source.name, (pipe, node)).await
}

/// Refuses a materialized view that leaves a column out which the engine would
/// fill with nothing: one without a default that is no aggregate. Aggregates
/// may be filled by several views, each leaving out what others fill.
pub(in crate::project) async fn check_left_out(
    project: &Project,
    target: &Target<'_>,
    select: &Select,
    data_source: &str,
    (pipe, node): (&Pipe, &Node),
) -> Result<(), ApplyError> {
    let location = location(pipe, node);
    let Some(data_source) = project.data_source(data_source) else {
        return Ok(());
    };
    let made = columns_of(target, select, location).await?;
    let is_made = |column: &Column| made.iter().any(|other| other.name == column.name);
    let is_filled = |column: &Column| {
        column.default.is_some() || column.is_nullable() || is_aggregate(column, data_source)
    };
    let left_out = |column: &&Column| !is_made(column) && !is_filled(column);
    let Some(column) = data_source.columns.iter().find(left_out) else {
        return Ok(());
    };
    let (name, into) = (&column.name, &data_source.name);
    let message = format!("the SELECT does not make `{name}`, which `{into}` has no default for");
    let help = "add it to the SELECT, or give the column a DEFAULT";
    Err(refused(location, message, help))
}

/// Whether rows of one sorting key merge in this column, an absent value adding
/// nothing.
fn is_aggregate(column: &Column, data_source: &DataSource) -> bool {
    let is_number = || {
        let name = &column.data_type.bare().name;
        let numbers = ["Int", "UInt", "Float", "Decimal"];
        numbers.iter().any(|family| name.starts_with(family))
    };
    let in_key = || {
        let key = data_source.engine.sorting_key.as_deref().unwrap_or("");
        let (tokens, _) = tokenize(key);
        tokens
            .iter()
            .any(|token| key[token.range.clone()].trim_matches('`') == column.name)
    };
    let is_state = column.data_type.name.ends_with("AggregateFunction");
    let is_summing = matches!(data_source.engine.kind, EngineKind::SummingMergeTree { .. });
    is_state || is_summing && is_number() && !in_key()
}

/// What is said of whole numbers that would be cut to a column's size.
fn narrowed(made: &ResultColumn, data_source: &DataSource) -> Option<String> {
    let column = data_source.column(&made.name)?;
    let mut into = column.data_type.bare();
    if let ("SimpleAggregateFunction", Some(TypeArgument::Type(inner))) =
        (into.name.as_str(), into.arguments.get(1))
    {
        into = inner.bare();
    }
    let from = unwrap("Nullable", unwrap("LowCardinality", &made.data_type));
    let from = unwrap("Nullable", from);
    let keeps = match (bits(from), bits(&into.name)) {
        (Some(from), Some(into)) => from <= into,
        // A number with a fraction would lose it.
        (None, Some(_)) => !(from.starts_with("Float") || from.starts_with("Decimal")),
        _ => true,
    };
    (!keeps).then(|| {
        let (name, into, data_source) = (&made.name, &into.name, &data_source.name);
        format!("the SELECT makes `{name}` as {from}, which `{data_source}` would cut to {into}")
    })
}

/// The bits of an integer type.
fn bits(data_type: &str) -> Option<u32> {
    let unsigned = data_type.strip_prefix('U').unwrap_or(data_type);
    unsigned.strip_prefix("Int")?.parse().ok()
}

/// Refuses a SELECT that writes rows made of one tenant's under another's
/// name, or puts several tenants' into one, unless its pipe takes that upon
/// itself.
pub(in crate::project) async fn check_tenants(
    project: &Project,
    target: &Target<'_>,
    select: &Select,
    data_source: &str,
    (pipe, node): (&Pipe, &Node),
) -> Result<(), ApplyError> {
    let location = location(pipe, node);
    let Some(tenant) = project
        .tenancy(data_source)
        .map(|tenant| tenant.name.as_str())
    else {
        return Ok(());
    };
    if pipe.mixes_tenants() {
        return Ok(());
    }
    let statement = Statement {
        database: Some(target.database.to_owned()),
        parameters: select.parameters.clone(),
        ..Statement::read(format!("EXPLAIN QUERY TREE {}", select.sql), "TSVRaw")
    };
    let answer = target.engine.query(statement).await;
    let answer = answer.map_err(|error| match select.told(error) {
        EngineError::Query { message, .. } => {
            let message = format!("ClickHouse cannot run the SQL: {message}");
            ApplyError::Refused(vec![Diagnostic::error(location.0, location.1, message)])
        }
        source => ApplyError::Engine {
            action: "reading where a SELECT's columns come from".to_owned(),
            source,
        },
    })?;
    let text = String::from_utf8_lossy(&answer.body);
    let tree = QueryTree::read(&text);
    let prefix = format!("{}.", target.database);
    let tenant_of = |table: &str| {
        let tenant = project.tenancy(table.strip_prefix(&prefix)?)?;
        Some(tenant.name.as_str())
    };
    if !tree.tables().any(|table| tenant_of(table).is_some()) {
        return Ok(());
    }
    if tree.passes_on(tenant, &tenant_of) {
        let Some(Mixing { what, help }) = tree.mixes(&tenant_of) else {
            return Ok(());
        };
        let message =
            format!("the SELECT may show rows of one tenant to another in `{data_source}`: {what}");
        let help = format!("{help}; {MIXES_TENANTS}");
        return Err(refused(location, message, &help));
    }
    let message = format!(
        "the SELECT does not pass `{tenant}` on as it is, so that `{data_source}` would hold rows of one tenant under the name of another"
    );
    let help = format!(
        "select `{tenant}` of the data source whose rows these are; where rows are grouped, group them by it, too; {MIXES_TENANTS}"
    );
    Err(refused(location, message, &help))
}

fn refused(location: Location<'_>, message: String, help: &str) -> ApplyError {
    ApplyError::Refused(vec![
        Diagnostic::error(location.0, location.1, message).help(help),
    ])
}
