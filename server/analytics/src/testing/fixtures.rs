//! Filling data sources with `fixtures/<data source>.ndjson`, `.ndjson.gz`,
//! `.csv`, or with what `fixtures/<data source>.sql` selects.

use std::path::Path;

use bytes::Bytes;

use super::TestingError;
use crate::api::DATABASE;
use crate::datafile::DataSource;
use crate::engine::guard::Guard;
use crate::engine::{Engine, Statement};
use crate::ingest::{self, Append, Format, Load, Target};
use crate::project::{qualified, quarantine_name};

/// Loads a data source's fixture, if it has one; returns how many rows.
pub(super) async fn load(
    engine: &dyn Engine,
    data_source: &DataSource,
    project: &Path,
) -> Result<Option<u64>, TestingError> {
    for ending in ["ndjson", "ndjson.gz", "csv", "sql"] {
        let file = format!("fixtures/{}.{ending}", data_source.name);
        let Ok(data) = tokio::fs::read(project.join(&file)).await else {
            continue;
        };
        let loaded = match ending {
            "sql" => match select(engine, &String::from_utf8_lossy(&data)).await {
                Ok(rows) => append(engine, data_source, Format::Ndjson, rows).await,
                Err(message) => Err(message),
            },
            "ndjson.gz" => stream(engine, data_source, &project.join(&file)).await,
            "csv" => append(engine, data_source, Format::CSV, data.into()).await,
            _ => append(engine, data_source, Format::Ndjson, data.into()).await,
        };
        return loaded
            .map(Some)
            .map_err(|message| TestingError::Fixture { file, message });
    }
    Ok(None)
}

/// A large file, with the columns' own names as keys: what `rookery load`
/// takes, its dates as they are.
async fn stream(engine: &dyn Engine, data_source: &DataSource, file: &Path) -> Result<u64, String> {
    let target = Target {
        engine,
        database: DATABASE,
        data_source,
    };
    let load = Load {
        file,
        shift: None,
        record: false,
        progress: &mut |_| {},
    };
    let loaded = ingest::load(target, load)
        .await
        .map_err(|error| error.to_string())?;
    Ok(loaded.rows)
}

/// The rows that a fixture's SQL makes.
async fn select(engine: &dyn Engine, text: &str) -> Result<Bytes, String> {
    let inspection = Guard::default()
        .inspect(engine, text, &[])
        .await
        .map_err(|error| error.to_string())?;
    let statement = Statement::read(&inspection.body, "JSONEachRow");
    let answer = engine
        .query(statement)
        .await
        .map_err(|error| error.to_string())?;
    Ok(answer.body)
}

async fn append(
    engine: &dyn Engine,
    data_source: &DataSource,
    format: Format,
    data: Bytes,
) -> Result<u64, String> {
    let target = Target {
        engine,
        database: DATABASE,
        data_source,
    };
    let done = ingest::append(target, Append::new(format, data))
        .await
        .map_err(|error| error.to_string())?;
    if done.quarantined_rows > 0 {
        let reason = first_error(engine, data_source).await;
        return Err(format!(
            "{} rows do not fit the data source; the first: {reason}",
            done.quarantined_rows
        ));
    }
    Ok(done.successful_rows)
}

async fn first_error(engine: &dyn Engine, data_source: &DataSource) -> String {
    let table = qualified(DATABASE, &quarantine_name(&data_source.name));
    let sql = format!("SELECT arrayStringConcat(c__error, '; ') FROM {table} LIMIT 1");
    match engine.query(Statement::read(sql, "TSVRaw")).await {
        Ok(answer) => String::from_utf8_lossy(&answer.body).trim_end().to_owned(),
        Err(error) => error.to_string(),
    }
}
