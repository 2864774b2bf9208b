//! Whether what a SELECT makes may go into a data source: its columns, and the
//! tenant's among them.

use std::collections::BTreeSet;

use super::fill::columns_of;
use super::{ApplyError, Target};
use crate::project::Project;
use crate::project::reading::lineage::QueryTree;
use crate::project::reading::mixing::Mixing;
use crate::project::sql::select::Select;
use datafile::{Diagnostic, MIXES_TENANTS, Node, Pipe, Position};
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
