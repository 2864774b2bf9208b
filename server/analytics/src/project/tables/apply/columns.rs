//! Whether what a SELECT makes may go into a data source: its columns, and the
//! tenant's among them.

use std::collections::BTreeSet;

use super::fill::columns_of;
use super::{ApplyError, Target};
use crate::project::Project;
use crate::project::reading::lineage::QueryTree;
use crate::project::sql::select::Select;
use datafile::{DataSource, Diagnostic, Position};
use engine::{EngineError, Statement};

/// Where a SELECT stands: its file and its beginning.
type Location<'run> = (&'run str, Position);

/// Refuses a SELECT whose columns are not those of the data source it fills.
pub(in crate::project) async fn check_columns(
    project: &Project,
    target: &Target<'_>,
    select: &Select,
    data_source: &str,
    location: Location<'_>,
) -> Result<(), ApplyError> {
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
    check_tenant(project, target, select, (data_source, tenant), location).await
}

/// Refuses a SELECT that writes rows made of one tenant's under another's name.
async fn check_tenant(
    project: &Project,
    target: &Target<'_>,
    select: &Select,
    (data_source, tenant): (&DataSource, &str),
    location: Location<'_>,
) -> Result<(), ApplyError> {
    let statement = Statement {
        database: Some(target.database.to_owned()),
        parameters: select.parameters.clone(),
        ..Statement::read(format!("EXPLAIN QUERY TREE {}", select.sql), "TSVRaw")
    };
    let answer = target.engine.query(statement).await;
    let answer = answer.map_err(|error| match error {
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
    let tenant_of = |table: &str| project.tenancy(table.strip_prefix(&prefix)?);
    let is_tenant =
        |table: &str, column: &str| tenant_of(table).is_some_and(|tenant| tenant.name == column);
    let reads_tenants = tree.tables().any(|table| tenant_of(table).is_some());
    if !reads_tenants || tree.passes_on(tenant, &is_tenant) {
        return Ok(());
    }
    let message = format!(
        "the SELECT does not pass `{tenant}` on as it is, so that `{}` would hold rows of one tenant under the name of another",
        data_source.name
    );
    let help = format!(
        "select `{tenant}` of the data source whose rows these are; where rows are grouped, group them by it, too"
    );
    Err(refused(location, message, &help))
}

fn refused(location: Location<'_>, message: String, help: &str) -> ApplyError {
    ApplyError::Refused(vec![
        Diagnostic::error(location.0, location.1, message).help(help),
    ])
}
