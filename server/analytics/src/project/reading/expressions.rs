//! The SQL in data sources: defaults, keys, indexes and FORWARD_QUERY. It runs
//! in the engine as a node's SQL does, and may reach no further.

use futures::FutureExt;

use crate::project::Project;
use crate::project::reading::analysis::together;
use datafile::{DataSource, Diagnostic, Fragment, Position};
use engine::{Engine, EngineError};

/// Notes what reaches out of the project. What the engine cannot read at all
/// is left for when the tables are made.
pub(in crate::project) async fn check(
    project: &Project,
    engine: &dyn Engine,
    found: &mut Vec<Diagnostic>,
) -> Result<(), EngineError> {
    let mut work = Vec::new();
    for data_source in project.data_sources() {
        work.push(check_data_source(project, data_source, engine).boxed());
    }
    for refused in together(work).await {
        found.extend(refused?);
    }
    Ok(())
}

async fn check_data_source(
    project: &Project,
    data_source: &DataSource,
    engine: &dyn Engine,
) -> Result<Vec<Diagnostic>, EngineError> {
    let mut found = Vec::new();
    let expressions = expressions(data_source);
    let list: Vec<String> = expressions
        .iter()
        .map(|(sql, _)| format!("({sql}\n)"))
        .collect();
    let all = format!("SELECT {}", list.join(", "));
    if !list.is_empty() && refusal(project, &all, engine).await?.is_some() {
        for (sql, position) in expressions {
            if let Some(refusal) = refusal(project, &format!("SELECT ({sql}\n)"), engine).await? {
                let message = format!("the expression `{sql}` is refused: {refusal}");
                let help = "expressions of data sources only use the row they stand for";
                found.push(Diagnostic::error(&data_source.file, position, message).help(help));
            }
        }
    }
    if let Some(query) = &data_source.forward_query
        && let Some(refusal) = refusal(project, query, engine).await?
    {
        let message = format!("FORWARD_QUERY is refused: {refusal}");
        let help = "write a SELECT over the former columns of the data source";
        found.push(Diagnostic::error(&data_source.file, query.start(), message).help(help));
    }
    Ok(found)
}

/// Every expression of a data source and where it stands. TTL is left out: it
/// ends in a date, which tells nothing.
fn expressions(data_source: &DataSource) -> Vec<(&str, Position)> {
    let engine = &data_source.engine;
    let keys = [
        &engine.partition_key,
        &engine.sorting_key,
        &engine.primary_key,
        &engine.sampling_key,
    ];
    let keys = keys
        .into_iter()
        .flatten()
        .map(|key: &Fragment| (key.as_str(), key.start()));
    let columns = data_source.columns.iter();
    let defaults = columns.filter_map(|column| Some((column.default.as_deref()?, column.position)));
    let indexes = data_source
        .indexes
        .iter()
        .map(|index| (index.expression.as_str(), index.position));
    defaults.chain(keys).chain(indexes).collect()
}

/// Why SQL is refused; `None` if it is not, or cannot be read.
async fn refusal(
    project: &Project,
    sql: &str,
    engine: &dyn Engine,
) -> Result<Option<String>, EngineError> {
    match project.verdicts.read(engine, sql, &[]).await {
        Ok(reading) => Ok(reading.refusal.map(|refusal| refusal.to_string())),
        Err(EngineError::Query { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
