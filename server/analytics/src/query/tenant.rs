//! Tenancy: which rows of the data sources that many tenants share a call may
//! read, kept by the engine whatever the SQL says.

use serde_json::Value as Json;

use super::error::QueryError;
use crate::project::Project;
use crate::project::sql::compose::Composed;
use engine::guard::Guard;
use engine::{Engine, TableFilter, sql};
use template::{Parameter, Parameters};

/// Whose rows a call may read.
#[derive(Debug, Clone, PartialEq)]
pub enum Tenant {
    /// Every tenant's: for static tokens, which stay on servers.
    All,
    /// Those that the token's fixed parameters name.
    Fixed(Parameters),
}

impl Tenant {
    /// The value that names the tenant in a column: text or a number, not
    /// empty.
    fn value(&self, column: &str) -> Option<String> {
        let Self::Fixed(fixed) = self else {
            return None;
        };
        let text = match fixed.get(column)? {
            Parameter::Text(text) => text.clone(),
            Parameter::Json(Json::String(text)) => text.clone(),
            Parameter::Json(Json::Number(number)) => number.to_string(),
            Parameter::Json(_) | Parameter::List(_) => return None,
        };
        (!text.is_empty()).then_some(text)
    }
}

/// The filters for every data source that is kept apart by tenant: the
/// tenant's rows, or none at all where the token names no tenant. Reading one
/// of the latter is an error. Tables that are not the project's are hidden.
pub(super) async fn filters(
    tenant: &Tenant,
    engine: &dyn Engine,
    guard: &Guard,
    project: &Project,
    database: &str,
    composed: &Composed<'_>,
) -> Result<Vec<TableFilter>, QueryError> {
    let mut filters = hidden(database, composed.strangers());
    if *tenant == Tenant::All {
        return Ok(filters);
    }
    let mut closed = Vec::new();
    for (table, column) in project.tenancies() {
        let expression = match tenant.value(&column.name) {
            Some(value) => sql::equals(&column.name, &value),
            None => {
                closed.push((table, column.name.as_str()));
                "0".to_owned()
            }
        };
        filters.push(TableFilter {
            table: format!("{database}.{table}"),
            expression,
        });
    }
    if !closed.is_empty() {
        check_closed(engine, guard, &closed, composed).await?;
    }
    Ok(filters)
}

/// Filters that leave nothing of tables whose names mean something else to the
/// project or the caller, or nothing. Such a table is there when its data
/// source has left the project: its rows stay, and nobody may read them.
fn hidden<'n>(database: &str, names: impl Iterator<Item = &'n str>) -> Vec<TableFilter> {
    let filter = |name: &str| TableFilter {
        table: format!("{database}.{name}"),
        expression: "0".to_owned(),
    };
    names.map(filter).collect()
}

/// Two sets of filters at once: a row has to pass all on its table.
pub(super) fn both(mut filters: Vec<TableFilter>, others: Vec<TableFilter>) -> Vec<TableFilter> {
    for other in others {
        match filters
            .iter_mut()
            .find(|filter| filter.table == other.table)
        {
            Some(filter) => {
                filter.expression = format!("({}) AND ({})", filter.expression, other.expression)
            }
            None => filters.push(other),
        }
    }
    filters
}

/// Refuses SQL that names a data source its token may not read. What names a
/// table is the engine's parser's to say; the filters hold in any case.
async fn check_closed(
    engine: &dyn Engine,
    guard: &Guard,
    closed: &[(&str, &str)],
    composed: &Composed<'_>,
) -> Result<(), QueryError> {
    let inspection = guard
        .inspect(engine, composed.sql(), &composed.parameters())
        .await?;
    // Where tables stand by their full names, a bare one means nothing.
    let is_read = |table: &str| {
        let mut tables = inspection.tables.iter();
        tables.any(|found| {
            found.table == table && found.database.is_some() == composed.is_qualified()
        })
    };
    let read = closed.iter().find(|(table, _)| is_read(table));
    match read {
        Some((table, column)) => Err(QueryError::NoTenant {
            data_source: (*table).to_owned(),
            parameter: (*column).to_owned(),
        }),
        None => Ok(()),
    }
}
