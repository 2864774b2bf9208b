//! Files of rows, NDJSON, CSV and Parquet: appended to a data source or put in
//! the place of its rows, at once (`/v0`) or as a job (`/v1`).

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::ApiError;

use crate::access::{Access, AppendGrant, Resource};
use crate::api::error::engine_error;
use crate::api::request::auth::Caller;
use crate::api::request::file::{escape, file, format, refuse_encoding, unpacked};
use crate::api::request::input::Input;
use crate::api::resources::data_sources::{managed_by_project, reference};
use crate::api::rows::operations::Noted;
use crate::api::rows::replace::{Replacement, replaceable};
use crate::api::state::{Api, Named, no_such_data_source};
use crate::api::work::jobs::{self, Jobs, Outcome, Task};
use crate::ingest::{
    Append, Format, Ingested, Target, append, remember_batches, with_doubled_quotes,
};
use crate::project::quarantine_name;
use datafile::DataSource;

pub(crate) fn router(most_bytes: usize) -> Router<Api> {
    Router::new()
        .route("/v0/datasources", post(import_now))
        .route("/v1/datasources/{name}/append", post(append_as_job))
        .route("/v1/datasources/{name}/replace", post(replace_as_job))
        .layer(DefaultBodyLimit::max(most_bytes))
}

/// Appends rows for a caller, if it may.
pub(crate) async fn append_rows(
    api: &Api,
    access: &Access,
    name: &str,
    rows: Append,
) -> Result<Ingested, ApiError> {
    let _tables_stay = api.workspace().writing().await;
    // As it is now: the project may have changed since the caller came.
    let data_source = appendable(api, access, name)?;
    let grant = access.append(data_source.resource())?;
    write_rows(api, &grant, &data_source.item, rows).await
}

async fn write_rows(
    api: &Api,
    grant: &AppendGrant,
    data_source: &DataSource,
    mut rows: Append,
) -> Result<Ingested, ApiError> {
    rows.stamp = grant.stamps(data_source)?;
    let target = Target {
        engine: api.engine().as_ref(),
        database: api.database(),
        data_source,
    };
    let mark = api.unfinished().begin(&data_source.name);
    let ingested = append(target, rows).await;
    drop(mark);
    Ok(ingested?)
}

/// The data source, if the caller may append to it. Whoever may not learns
/// nothing about whether it exists.
pub(crate) fn appendable(
    api: &Api,
    access: &Access,
    name: &str,
) -> Result<Named<DataSource>, ApiError> {
    match api.served().data_source(name) {
        Some(data_source) => {
            access
                .append(data_source.resource())?
                .stamps(&data_source.item)?;
            Ok(data_source)
        }
        None => {
            access.append(Resource { name, id: name })?;
            Err(no_such_data_source(name))
        }
    }
}

/// What the rows of a file do to those that are there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Append(AppendGrant),
    Replace(Replacement),
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Append,
    Replace,
}

impl Asked {
    /// What a request of the old route asks for.
    fn of(input: &Input) -> Result<Self, ApiError> {
        match input.text("mode").unwrap_or("append") {
            "append" => Ok(Self::Append),
            "replace" => Ok(Self::Replace),
            "create" => Err(managed_by_project()),
            _ => {
                let message = "the mode is `append` or `replace`";
                Err(ApiError::bad_request("invalid_mode", message))
            }
        }
    }
}

/// What is to be done with a file of rows, as it is kept with its job. Whether
/// the caller may is settled before there is one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Import {
    data_source: String,
    mode: Mode,
    format: Format,
    /// What CSV escapes quotes with, if that is not another quote.
    escape: Option<u8>,
    /// Where the file is fetched from, if it did not come with the request.
    url: Option<String>,
}

impl Import {
    /// What can be said against a file is said now, before a job is made of it.
    async fn of(
        api: &Api,
        access: &Access,
        name: &str,
        asked: Asked,
        (input, headers): (&Input, &HeaderMap),
    ) -> Result<(Self, Named<DataSource>), ApiError> {
        refuse_encoding(headers)?;
        let (data_source, mode) = match asked {
            Asked::Append => {
                let data_source = appendable(api, access, name)?;
                let grant = access.append(data_source.resource())?;
                (data_source, Mode::Append(grant))
            }
            Asked::Replace => {
                let data_source = replaceable(api, access, name)?;
                let replacement = Replacement::of(input);
                replacement.check(api, &data_source.item).await?;
                (data_source, Mode::Replace(replacement))
            }
        };
        let import = Self {
            data_source: data_source.item.name.clone(),
            mode,
            format: format(input, headers, &data_source.item)?,
            escape: escape(input)?,
            url: input.text("url").map(str::to_owned),
        };
        if let Some(url) = &import.url {
            api.fetcher().check(url)?;
        }
        Ok((import, data_source))
    }

    async fn run(&self, api: &Api, body: Bytes, id: &str) -> Result<Ingested, ApiError> {
        let mut data = unpacked(body, api.settings().limits.file_bytes).await?;
        if let (Format::Csv { .. }, Some(escape)) = (self.format, self.escape) {
            data = with_doubled_quotes(&data, escape).into();
        }
        let rows = Append {
            import_id: Some(id.to_owned()),
            ..Append::new(self.format, data)
        };
        match &self.mode {
            Mode::Append(grant) => self.append(api, grant, rows).await,
            Mode::Replace(replacement) => replacement.run(api, &self.data_source, rows).await,
        }
    }

    async fn append(
        &self,
        api: &Api,
        grant: &AppendGrant,
        rows: Append,
    ) -> Result<Ingested, ApiError> {
        let _tables_stay = api.workspace().writing().await;
        // As it is now: the project may have changed since the caller came.
        let data_source = api.served().require_data_source(&self.data_source)?;
        write_rows(api, grant, &data_source.item, rows).await
    }

    /// Imports the file that is kept for a job. It may have been begun before:
    /// rows that are there already are not written twice.
    pub(crate) async fn run_kept(&self, api: &Api, id: &str) -> Outcome {
        let files = api.jobs().files();
        if let Some(url) = self.url.as_ref().filter(|_| !files.has(id)) {
            // Kept first: what the address gives later may be another file.
            files.keep(id, api.fetcher().fetch(url).await?).await?;
        }
        let body = files.read(id).await?;
        let project = api.workspace().current();
        let (engine, database) = (api.engine().as_ref(), api.database());
        let mut tables = project
            .filled_from(engine, database, &self.data_source)
            .await
            .map_err(|error| ApiError::internal(error.to_string()))?;
        tables.push(quarantine_name(&self.data_source));
        tables.push(self.data_source.clone());
        remember_batches(engine, database, &tables)
            .await
            .map_err(engine_error)?;
        self.run(api, body, id).await.map(described)
    }
}

/// `POST /v0/datasources?mode=append|replace&name=…&format=…` with a file in a
/// multipart form or as the body itself.
async fn import_now(
    State(api): State<Api>,
    Caller(access): Caller,
    uri: Uri,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let input = Input::from_uri(&uri)?;
    let asked = Asked::of(&input)?;
    let name = input.required("name")?;
    let given = (&input, request.headers());
    let (import, data_source) = Import::of(&api, &access, name, asked, given).await?;
    if import.url.is_some() {
        // Fetching may take long, so it is a job here, too.
        let (_, started) = start(&api, &access, (import, data_source), None).await?;
        return Ok(started);
    }
    let body = file(request, api.settings().limits.file_bytes).await?;
    let id = Jobs::new_id();
    let event_type = match import.mode {
        Mode::Append(_) => "append",
        Mode::Replace(_) => "replace",
    };
    let noted = Noted::begin(&api, event_type, &data_source).import(&id);
    let imported = import.run(&api, body, &id).await;
    let ingested = noted.end(imported, |ingested| Some(*ingested))?;
    Ok(Json(json!({
        "import_id": id,
        "datasource": reference(&data_source),
        "successful_rows": ingested.successful_rows,
        "quarantined_rows": ingested.quarantined_rows,
        "quarantine_rows": ingested.quarantined_rows,
        "invalid_lines": 0,
        "error": false,
        "blocks": blocks(ingested),
    })))
}

/// `POST /v1/datasources/<name>/append?format=…` with the file as body.
async fn append_as_job(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    uri: Uri,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = Input::from_uri(&uri)?;
    let given = (&input, request.headers());
    let import = Import::of(&api, &access, &name, Asked::Append, given).await?;
    start(&api, &access, import, Some(request)).await
}

/// `POST /v1/datasources/<name>/replace?format=…` with the file as body.
async fn replace_as_job(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    uri: Uri,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = Input::from_uri(&uri)?;
    let given = (&input, request.headers());
    let import = Import::of(&api, &access, &name, Asked::Replace, given).await?;
    start(&api, &access, import, Some(request)).await
}

/// Makes a job of a file, which is kept until it is imported.
async fn start(
    api: &Api,
    access: &Access,
    (import, data_source): (Import, Named<DataSource>),
    request: Option<Request>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut details = Map::new();
    details.insert("datasource".to_owned(), reference(&data_source));
    if let Mode::Replace(_) = import.mode {
        details.insert("mode".to_owned(), "replace".into());
    }
    let id = Jobs::new_id();
    if let Some(request) = request.filter(|_| import.url.is_none()) {
        let body = file(request, api.settings().limits.file_bytes).await?;
        api.jobs().files().keep(&id, body).await?;
    }
    let task = Task::Import(import);
    let queued = api.jobs().queue_as(&id, api, access, task, details).await;
    if let Err(error) = queued {
        api.jobs().files().remove(&id).await;
        return Err(error.into());
    }
    let mut answer = jobs::started(&id);
    answer["import_id"] = id.into();
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// What became of the rows, as members of a job.
fn described(ingested: Ingested) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert(
        "quarantine_rows".to_owned(),
        ingested.quarantined_rows.into(),
    );
    details.insert("invalid_lines".to_owned(), 0.into());
    details.insert("blocks".to_owned(), blocks(ingested));
    details.insert(
        "statistics".to_owned(),
        json!({ "rows": ingested.successful_rows }),
    );
    details
}

/// The same as the parts of a file, where clients count the rows. A file is one
/// part here.
fn blocks(ingested: Ingested) -> Value {
    json!([{ "process_return": [{
        "lines": ingested.successful_rows,
        "quarantine": ingested.quarantined_rows,
    }] }])
}
