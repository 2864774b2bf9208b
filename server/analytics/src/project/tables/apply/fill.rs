//! Getting rows into a table: a SELECT's, column by column name, and those of
//! another table.

use serde::Deserialize;

use super::{ApplyError, Target};
use crate::project::sql::ddl::qualified;
use crate::project::sql::select::Select;
use crate::project::tables::catalog::rows;
use datafile::{Diagnostic, Position};
use engine::sql::{identifier, literal};
use engine::{EngineError, Statement, TableFilter};

/// Memory after which grouping and sorting go on on disk.
const SPILL_BYTES: &str = "1000000000";

/// A column of a SELECT's result.
#[derive(Debug, Deserialize)]
pub(in crate::project) struct ResultColumn {
    pub(in crate::project) name: String,
    /// Its type, in the engine's wording.
    #[serde(rename = "type")]
    pub(in crate::project) data_type: String,
}

/// The columns of a SELECT. What the engine has against it is found at
/// `place`, a file and a position.
pub(in crate::project) async fn columns_of(
    target: &Target<'_>,
    select: &Select,
    location: (&str, Position),
) -> Result<Vec<ResultColumn>, ApplyError> {
    let statement = Statement {
        database: Some(target.database.to_owned()),
        parameters: select.parameters.clone(),
        ..Statement::read(format!("DESCRIBE TABLE ({}\n)", select.sql), "JSONEachRow")
    };
    let answer =
        target
            .engine
            .query(statement)
            .await
            .map_err(|error| match select.told(error) {
                EngineError::Query { message, .. } => {
                    let message = format!("ClickHouse cannot run the SQL: {message}");
                    ApplyError::Refused(vec![Diagnostic::error(location.0, location.1, message)])
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
    location: (&str, Position),
) -> Result<(), ApplyError> {
    let filling = Filling {
        select,
        location,
        filters: Vec::new(),
    };
    filling.run(target, &target.table(table)).await
}

/// A SELECT whose rows go into a table.
#[derive(Debug)]
pub(in crate::project) struct Filling<'run> {
    pub(in crate::project) select: &'run Select,
    /// Where it stands: a file and a position.
    pub(in crate::project) location: (&'run str, Position),
    /// Conditions on the rows it reads.
    pub(in crate::project) filters: Vec<TableFilter>,
}

impl Filling<'_> {
    /// Reads from the tables of a database and inserts into any table, which
    /// is given qualified.
    pub(in crate::project) async fn run(
        self,
        from: &Target<'_>,
        into: &str,
    ) -> Result<(), ApplyError> {
        let columns = columns_of(from, self.select, self.location).await?;
        let names: Vec<String> = columns
            .iter()
            .map(|column| identifier(&column.name))
            .collect();
        let names = names.join(", ");
        let sql = format!(
            "INSERT INTO {into} ({names}) SELECT {names} FROM ({}\n)",
            self.select.sql
        );
        let spill = |name: &str| (name.to_owned(), SPILL_BYTES.to_owned());
        let statement = Statement {
            database: Some(from.database.to_owned()),
            parameters: self.select.parameters.clone(),
            tenant_filters: self.filters,
            settings: vec![
                spill("max_bytes_before_external_group_by"),
                spill("max_bytes_before_external_sort"),
            ],
            ..Statement::change(sql)
        };
        let answer = from.engine.query(statement).await;
        let failed = |error| ApplyError::Engine {
            action: format!("filling {into}"),
            source: self.select.told(error),
        };
        answer.map(drop).map_err(failed)
    }
}

/// Moves all rows of a table (database and name) into another of the same
/// definition. Where materialized views read the other they must see the rows:
/// then these are inserted.
pub(in crate::project) async fn move_rows(
    target: &Target<'_>,
    from: (&str, &str),
    table: &str,
    is_read: bool,
) -> Result<(), ApplyError> {
    let (source, into) = (qualified(from.0, from.1), target.table(table));
    let action = format!("filling `{table}`");
    if is_read {
        let sql = format!("INSERT INTO {into} SELECT * FROM {source}");
        return target.change(&action, sql).await;
    }
    for partition in partitions(target, from).await? {
        let id = literal(&partition);
        let sql = format!("ALTER TABLE {source} MOVE PARTITION ID {id} TO TABLE {into}");
        target.change(&action, sql).await?;
    }
    Ok(())
}

async fn partitions(
    target: &Target<'_>,
    (database, table): (&str, &str),
) -> Result<Vec<String>, ApplyError> {
    #[derive(Deserialize)]
    struct Partition {
        partition_id: String,
        table: String,
    }
    let sql = "SELECT DISTINCT partition_id, table FROM system.parts WHERE active AND database = {database:String}";
    let failed = |source| ApplyError::Engine {
        action: "reading partitions".to_owned(),
        source,
    };
    let partitions: Vec<Partition> = rows(target.engine, sql, database).await.map_err(failed)?;
    let own = partitions
        .into_iter()
        .filter(|partition| partition.table == table);
    Ok(own.map(|partition| partition.partition_id).collect())
}
