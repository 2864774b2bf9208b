//! Data sources: what there is, and taking rows away. Rows come in through
//! `append` and `events`.

use crate::api::answers::sql::check_condition;
use crate::api::error::engine_error;
use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::ApiError;

use crate::access::Access;
use crate::api::request::auth::Caller;
use crate::api::request::input::{Input, Members};
use crate::api::rows::operations::Noted;
use crate::api::state::{Api, Named, Served, no_such_data_source};
use crate::api::timestamp;
use crate::api::work::jobs::{self, Outcome, Task};
use crate::project::{qualified, quarantine_name};
use crate::query::tables_read;
use datafile::{Column, DataSource, EngineKind, Pipe, TableEngine};
use engine::{Statement, sql};

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/datasources", get(list))
        .route(
            "/v0/datasources/{name}",
            get(detail).delete(refuse_change).put(refuse_change),
        )
        .route("/v0/datasources/{name}/alter", post(refuse_change))
        .route("/v0/datasources/{name}/truncate", post(truncate))
        .route("/v0/datasources/{name}/delete", post(delete_rows))
        .route("/v1/datasources/{name}/delete", post(delete_rows_now))
}

/// All data sources; `attrs=` asks for some of their members.
async fn list(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.metadata()?;
    let members = Members::of(&input, "attrs");
    let served = api.served();
    let sizes = sizes(&api).await?;
    let data_sources: Vec<Value> = served
        .project
        .data_sources()
        .filter_map(|data_source| served.data_source(&data_source.name))
        .filter(|data_source| access.sees_data_source(data_source.resource()))
        .map(|data_source| {
            let mut description = describe(&served, &access, &data_source, &sizes);
            members.keep(&mut description);
            description
        })
        .collect();
    Ok(Json(json!({ "datasources": data_sources })))
}

async fn detail(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    access.metadata()?;
    let served = api.served();
    if let Some(name) = name.strip_suffix(".datasource") {
        let data_source = visible(&served, &access, name)?;
        let text = crate::api::read_datafile(&api, &data_source.item.file).await?;
        return Ok(text.into_response());
    }
    let data_source = visible(&served, &access, &name)?;
    let sizes = sizes(&api).await?;
    Ok(Json(describe(&served, &access, &data_source, &sizes)).into_response())
}

fn visible(served: &Served, access: &Access, name: &str) -> Result<Named<DataSource>, ApiError> {
    let data_source = served.require_data_source(name)?;
    if access.sees_data_source(data_source.resource()) {
        return Ok(data_source);
    }
    Err(no_such_data_source(name))
}

async fn truncate(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let data_source = droppable(&api, &access, &name)?;
    let noted = Noted::begin(&api, "truncate", &data_source);
    noted.end(truncate_tables(&api, &data_source.item.name).await, |()| {
        None
    })?;
    Ok(StatusCode::RESET_CONTENT)
}

async fn truncate_tables(api: &Api, name: &str) -> Result<(), ApiError> {
    let _tables_stay = api.workspace().writing().await;
    for table in [name.to_owned(), quarantine_name(name)] {
        let table = qualified(api.database(), &table);
        let statement = Statement::change(format!("TRUNCATE TABLE IF EXISTS {table}"));
        api.engine().query(statement).await.map_err(engine_error)?;
    }
    Ok(())
}

/// Deletes the rows that fulfil `delete_condition`, as a job; with
/// `dry_run=true` only counts them.
async fn delete_rows(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    input: Input,
) -> Result<Response, ApiError> {
    let (data_source, deletion) = Deletion::of(&api, &access, &name, &input).await?;
    if input.flag("dry_run") {
        return deletion.dry(&api).await;
    }
    queue_deletion(&api, &access, &data_source, deletion).await
}

/// What clients call a lightweight delete: answered when the rows are gone,
/// unless `wait=false` makes it a job.
async fn delete_rows_now(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    input: Input,
) -> Result<Response, ApiError> {
    let (data_source, deletion) = Deletion::of(&api, &access, &name, &input).await?;
    if input.flag("dry_run") {
        return deletion.dry(&api).await;
    }
    if let Some(unknown) = ["partition", "projection_mode"]
        .into_iter()
        .find(|name| input.get(name).is_some())
    {
        let message =
            format!("`{unknown}` is not available: say in `delete_condition` which rows are to go");
        return Err(ApiError::bad_request("invalid_parameter", message));
    }
    let waits = input.get("wait").is_none() || input.flag("wait");
    if !waits {
        return queue_deletion(&api, &access, &data_source, deletion).await;
    }
    let noted = Noted::begin(&api, "delete", &data_source);
    let rows = noted.end(deletion.delete(&api).await, |_| None)?;
    Ok(Json(json!({ "rows_affected": rows })).into_response())
}

async fn queue_deletion(
    api: &Api,
    access: &Access,
    data_source: &Named<DataSource>,
    deletion: Deletion,
) -> Result<Response, ApiError> {
    let mut details = Map::new();
    details.insert("datasource".to_owned(), reference(data_source));
    details.insert(
        "delete_condition".to_owned(),
        deletion.condition.as_str().into(),
    );
    let task = Task::Deletion(deletion);
    let id = api.jobs().queue(api, access, task, details).await?;
    let mut answer = jobs::started(&id);
    answer["delete_id"] = id.into();
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Deleting rows, as it is kept with its job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deletion {
    pub(crate) data_source: String,
    /// SQL that was found to read this data source only.
    pub(crate) condition: String,
}

impl Deletion {
    /// What a request asks for, if its caller may.
    async fn of(
        api: &Api,
        access: &Access,
        name: &str,
        input: &Input,
    ) -> Result<(Named<DataSource>, Self), ApiError> {
        let data_source = droppable(api, access, name)?;
        let deletion = Self {
            data_source: data_source.item.name.clone(),
            condition: input.required("delete_condition")?.to_owned(),
        };
        // The condition is SQL from outside: it may read its own table only.
        let name = &deletion.data_source;
        check_condition(api, &deletion.counting(api), name).await?;
        Ok((data_source, deletion))
    }

    fn counting(&self, api: &Api) -> String {
        let table = qualified(api.database(), &self.data_source);
        let condition = &self.condition;
        format!("SELECT count() AS rows FROM {table} WHERE (\n{condition}\n)")
    }

    /// How many rows there are to delete.
    async fn count(&self, api: &Api) -> Result<u64, ApiError> {
        let count = Statement::read(self.counting(api), "TabSeparated");
        let answer = api.engine().query(count).await.map_err(engine_error)?;
        let count = String::from_utf8_lossy(&answer.body);
        count.trim().parse().map_err(ApiError::internal)
    }

    /// What would be deleted.
    async fn dry(&self, api: &Api) -> Result<Response, ApiError> {
        let rows = self.count(api).await?;
        Ok(Json(json!({ "rows_to_be_deleted": rows })).into_response())
    }

    /// Deletes the rows as a job.
    pub(crate) async fn run(&self, api: &Api) -> Outcome {
        let rows = self.delete(api).await?;
        Ok(Map::from_iter([("rows_affected".to_owned(), rows.into())]))
    }

    /// Deletes the rows; done when every part is rewritten. Answers with how
    /// many there were.
    async fn delete(&self, api: &Api) -> Result<u64, ApiError> {
        let _tables_stay = api.workspace().writing().await;
        let data_source = api.served().require_data_source(&self.data_source)?;
        let rows = self.count(api).await?;
        let table = qualified(api.database(), &data_source.item.name);
        let condition = &self.condition;
        let delete = Statement {
            settings: vec![("mutations_sync".to_owned(), "1".to_owned())],
            ..Statement::change(format!(
                "ALTER TABLE {table} DELETE WHERE (\n{condition}\n)"
            ))
        };
        api.engine().query(delete).await.map_err(engine_error)?;
        Ok(rows)
    }
}

/// The data source, if the caller may take rows away from it.
fn droppable(api: &Api, access: &Access, name: &str) -> Result<Named<DataSource>, ApiError> {
    let served = api.served();
    let data_source = served.require_data_source(name)?;
    if let Err(refusal) = access.drop_rows(data_source.resource()) {
        let may_know = !access.is_jwt() && access.sees_data_source(data_source.resource());
        return Err(if may_know {
            refusal.into()
        } else {
            no_such_data_source(name)
        });
    }
    Ok(data_source)
}

async fn refuse_change() -> ApiError {
    managed_by_project()
}

pub(crate) fn managed_by_project() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "managed_by_project",
        "data sources come from the project's files: change them there and reload the project",
    )
}

/// How large a table is.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Size {
    rows: u64,
    bytes: u64,
}

/// The sizes of all tables, by name.
async fn sizes(api: &Api) -> Result<HashMap<String, Size>, ApiError> {
    #[derive(Deserialize)]
    struct Row {
        table: String,
        #[serde(flatten)]
        size: Size,
    }
    let database = sql::literal(api.database());
    let statement = Statement {
        settings: vec![(
            "output_format_json_quote_64bit_integers".to_owned(),
            "0".to_owned(),
        )],
        ..Statement::read(
            format!(
                "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts \
                 WHERE active AND database = {database} GROUP BY table"
            ),
            "JSONEachRow",
        )
    };
    let answer = api.engine().query(statement).await.map_err(engine_error)?;
    serde_json::Deserializer::from_slice(&answer.body)
        .into_iter::<Row>()
        .map(|row| {
            row.map(|row| (row.table, row.size))
                .map_err(ApiError::internal)
        })
        .collect()
}

pub(crate) fn reference(data_source: &Named<DataSource>) -> Value {
    json!({ "id": data_source.id, "name": data_source.item.name })
}

/// The pipes that read a data source, as far as the caller sees them.
fn used_by(served: &Served, access: &Access, data_source: &str) -> Vec<Value> {
    let reads = |pipe: &Pipe| {
        let is_own = pipe.node(data_source).is_some();
        let mut nodes = pipe.nodes.iter();
        !is_own && nodes.any(|node| tables_read(&node.sql).contains(data_source))
    };
    served
        .project
        .pipes()
        .filter(|pipe| reads(pipe))
        .filter_map(|pipe| served.pipe(&pipe.name))
        .filter(|pipe| access.sees_pipe(pipe.resource()))
        .map(|pipe| json!({ "id": pipe.id, "name": pipe.item.name }))
        .collect()
}

fn describe(
    served: &Served,
    access: &Access,
    data_source: &Named<DataSource>,
    sizes: &HashMap<String, Size>,
) -> Value {
    let Named { item, id } = data_source;
    let time = timestamp(served.loaded_at);
    let size = sizes.get(&item.name).copied().unwrap_or_default();
    let quarantined = sizes
        .get(&quarantine_name(&item.name))
        .copied()
        .unwrap_or_default();
    let columns: Vec<Value> = item.columns.iter().map(describe_column).collect();
    let tags: Map<String, Value> = item
        .tags
        .pairs
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().into()))
        .collect();
    json!({
        "id": id,
        "name": item.name,
        "description": item.description,
        "type": if item.has_json_paths() { "ndjson" } else { "csv" },
        "cluster": null,
        "tags": tags,
        "columns": columns,
        "schema": schema(&item.columns),
        "engine": describe_engine(&item.engine),
        "statistics": { "row_count": size.rows, "bytes": size.bytes },
        "quarantine_rows": quarantined.rows,
        "used_by": used_by(served, access, &item.name),
        "shared_with": item.shared_with,
        "created_at": time,
        "updated_at": time,
    })
}

fn describe_column(column: &Column) -> Value {
    json!({
        "name": column.name,
        "normalized_name": column.name,
        "type": column.data_type.to_string(),
        "nullable": column.is_nullable(),
        "jsonpath": column.json_path.as_ref().map(ToString::to_string),
        "default_value": column.default.as_ref().map(|default| format!("DEFAULT {default}")),
        "codec": column.codec,
    })
}

/// The columns as SCHEMA has them.
fn schema(columns: &[Column]) -> String {
    let definition = |column: &Column| {
        let mut text = format!("{} {}", sql::identifier(&column.name), column.data_type);
        if let Some(path) = &column.json_path {
            text.push_str(&format!(" `json:{path}`"));
        }
        if let Some(default) = &column.default {
            text.push_str(&format!(" DEFAULT {default}"));
        }
        if let Some(codec) = &column.codec {
            text.push_str(&format!(" CODEC({codec})"));
        }
        text
    };
    let definitions: Vec<String> = columns.iter().map(definition).collect();
    definitions.join(", ")
}

fn describe_engine(engine: &TableEngine) -> Value {
    let mut description = json!({ "engine": engine.kind.name() });
    let text = |fragment: &datafile::Fragment| fragment.to_string();
    let keys = [
        (
            "engine_partition_key",
            engine.partition_key.as_ref().map(text),
        ),
        ("engine_sorting_key", engine.sorting_key.as_ref().map(text)),
        ("engine_primary_key", engine.primary_key.as_ref().map(text)),
        (
            "engine_sampling_key",
            engine.sampling_key.as_ref().map(text),
        ),
        ("engine_ttl", engine.ttl.as_ref().map(text)),
        ("engine_ver", version(&engine.kind)),
    ];
    for (key, value) in keys {
        if let Some(value) = value {
            description[key] = value.into();
        }
    }
    description
}

fn version(kind: &EngineKind) -> Option<String> {
    match kind {
        EngineKind::ReplacingMergeTree { version, .. } => version.clone(),
        EngineKind::VersionedCollapsingMergeTree { version, .. } => Some(version.clone()),
        _ => None,
    }
}
