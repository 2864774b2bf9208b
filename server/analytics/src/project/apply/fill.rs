//! Writing a SELECT's rows into a table, column by column name.

use serde::Deserialize;

use super::{ApplyError, Target};
use crate::datafile::{Diagnostic, Position};
use crate::engine::sql::identifier;
use crate::engine::{EngineError, Statement};
use crate::project::select::Select;

/// Memory after which grouping and sorting go on on disk.
const SPILL_BYTES: &str = "1000000000";

/// A column of a SELECT's result.
#[derive(Debug, Deserialize)]
pub(in crate::project) struct ResultColumn {
    pub(in crate::project) name: String,
}

/// The columns of a SELECT. What the engine has against it is found at
/// `place`, a file and a position.
pub(in crate::project) async fn columns_of(
    target: &Target<'_>,
    select: &Select,
    place: (&str, Position),
) -> Result<Vec<ResultColumn>, ApplyError> {
    let statement = Statement {
        database: Some(target.database.to_owned()),
        parameters: select.parameters.clone(),
        ..Statement::read(format!("DESCRIBE TABLE ({}\n)", select.sql), "JSONEachRow")
    };
    let answer = target
        .engine
        .query(statement)
        .await
        .map_err(|error| match error {
            EngineError::Query { message, .. } => {
                let message = format!("ClickHouse cannot run the SQL: {message}");
                ApplyError::Refused(vec![Diagnostic::error(place.0, place.1, message)])
            }
            source => ApplyError::Engine {
                action: "reading a SELECT's columns".to_owned(),
                source,
            },
        })?;
    let lines = answer
        .body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// Inserts a SELECT's rows into a table of the database.
pub(in crate::project) async fn insert_by_name(
    target: &Target<'_>,
    table: &str,
    select: &Select,
    place: (&str, Position),
) -> Result<(), ApplyError> {
    let columns = columns_of(target, select, place).await?;
    let names: Vec<String> = columns
        .iter()
        .map(|column| identifier(&column.name))
        .collect();
    let names = names.join(", ");
    let sql = format!(
        "INSERT INTO {} ({names}) SELECT {names} FROM ({}\n)",
        target.table(table),
        select.sql
    );
    let spill = |name: &str| (name.to_owned(), SPILL_BYTES.to_owned());
    let statement = Statement {
        database: Some(target.database.to_owned()),
        parameters: select.parameters.clone(),
        settings: vec![
            spill("max_bytes_before_external_group_by"),
            spill("max_bytes_before_external_sort"),
        ],
        ..Statement::change(sql)
    };
    target.run(&format!("filling `{table}`"), statement).await
}
