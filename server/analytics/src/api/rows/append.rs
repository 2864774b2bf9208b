//! Files of rows, NDJSON, CSV and Parquet: appended to a data source or put in
//! the place of its rows, at once (`/v0`) or as a job (`/v1`).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::routing::post;
use axum::{Json, Router};
use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};
use service::ApiError;
use uuid::Uuid;

use crate::access::{Access, Resource};
use crate::api::request::auth::Caller;
use crate::api::request::file::{escape, file, format, refuse_encoding, refuse_url, unpacked};
use crate::api::request::input::Input;
use crate::api::resources::data_sources::{managed_by_project, reference};
use crate::api::rows::operations::Noted;
use crate::api::rows::replace::{Replacement, replaceable};
use crate::api::state::{Api, Named, no_such_data_source};
use crate::api::work::jobs;
use crate::ingest::{Append, Format, Ingested, Target, append, with_doubled_quotes};
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
    mut rows: Append,
) -> Result<(Named<DataSource>, Ingested), ApiError> {
    let _tables_stay = api.workspace().writing().await;
    // As it is now: the project may have changed since the caller came.
    let data_source = appendable(api, access, name)?;
    rows.stamp = access
        .append(data_source.resource())?
        .stamps(&data_source.item)?;
    let target = Target {
        engine: api.engine().as_ref(),
        database: api.database(),
        data_source: &data_source.item,
    };
    let ingested = append(target, rows).await?;
    Ok((data_source, ingested))
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
#[derive(Debug)]
enum Mode {
    Append,
    Replace(Replacement),
}

impl Mode {
    /// What a request of the old route asks for.
    fn of(input: &Input) -> Result<Self, ApiError> {
        match input.text("mode").unwrap_or("append") {
            "append" => Ok(Self::Append),
            "replace" => Ok(Self::Replace(Replacement::of(input))),
            "create" => Err(managed_by_project()),
            _ => {
                let message = "the mode is `append` or `replace`";
                Err(ApiError::bad_request("invalid_mode", message))
            }
        }
    }

    /// The data source, if the caller may do this to it.
    fn data_source(
        &self,
        api: &Api,
        access: &Access,
        name: &str,
    ) -> Result<Named<DataSource>, ApiError> {
        match self {
            Self::Append => appendable(api, access, name),
            Self::Replace(_) => replaceable(api, access, name),
        }
    }
}

/// A file that was taken in and waits to be read.
struct Import {
    access: Arc<Access>,
    data_source: Named<DataSource>,
    mode: Mode,
    format: Format,
    /// What CSV escapes quotes with, if that is not another quote.
    escape: Option<u8>,
    body: Bytes,
    id: String,
}

impl Import {
    /// Takes a file in. What can be said against it is said now, before a job
    /// is made of it.
    async fn take(
        api: &Api,
        access: Arc<Access>,
        name: &str,
        mode: Mode,
        (input, request): (&Input, Request),
    ) -> Result<Self, ApiError> {
        refuse_url(input)?;
        refuse_encoding(request.headers())?;
        let data_source = mode.data_source(api, &access, name)?;
        if let Mode::Replace(replacement) = &mode {
            replacement.check(api, &data_source.item).await?;
        }
        let format = format(input, request.headers(), &data_source.item)?;
        Ok(Self {
            escape: escape(input)?,
            body: file(request).await?,
            id: Uuid::new_v4().to_string(),
            access,
            data_source,
            mode,
            format,
        })
    }

    async fn run(self, api: &Api) -> Result<Ingested, ApiError> {
        let mut data = unpacked(self.body, api.settings().limits.file_bytes).await?;
        if let (Format::Csv { .. }, Some(escape)) = (self.format, self.escape) {
            data = with_doubled_quotes(&data, escape).into();
        }
        let rows = Append {
            import_id: Some(self.id),
            ..Append::new(self.format, data)
        };
        let name = &self.data_source.item.name;
        match &self.mode {
            Mode::Append => append_rows(api, &self.access, name, rows)
                .await
                .map(|(_, ingested)| ingested),
            Mode::Replace(replacement) => replacement.run(api, &self.access, name, rows).await,
        }
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
    let mode = Mode::of(&input)?;
    let name = input.required("name")?;
    let import = Import::take(&api, access, name, mode, (&input, request)).await?;
    let (id, data_source) = (import.id.clone(), reference(&import.data_source));
    let event_type = match import.mode {
        Mode::Append => "append",
        Mode::Replace(_) => "replace",
    };
    let noted = Noted::begin(&api, event_type, &import.data_source).import(&id);
    let ingested = noted.end(import.run(&api).await, |ingested| Some(*ingested))?;
    Ok(Json(json!({
        "import_id": id,
        "datasource": data_source,
        "successful_rows": ingested.successful_rows,
        "quarantined_rows": ingested.quarantined_rows,
        "quarantine_rows": ingested.quarantined_rows,
        "invalid_lines": 0,
        "error": false,
        "blocks": [],
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
    let import = Import::take(&api, access, &name, Mode::Append, (&input, request)).await?;
    Ok(start(&api, import))
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
    let mode = Mode::Replace(Replacement::of(&input));
    let import = Import::take(&api, access, &name, mode, (&input, request)).await?;
    Ok(start(&api, import))
}

fn start(api: &Api, import: Import) -> (StatusCode, Json<Value>) {
    let mut details = Map::new();
    details.insert("datasource".to_owned(), reference(&import.data_source));
    if let Mode::Replace(_) = import.mode {
        details.insert("mode".to_owned(), "replace".into());
    }
    let access = Arc::clone(&import.access);
    let work = {
        let api = api.clone();
        async move { import.run(&api).await.map(described) }
    };
    let id = api.jobs().start("import", &access, details, work);
    let mut answer = jobs::started(&id);
    answer["import_id"] = id.into();
    (StatusCode::ACCEPTED, Json(answer))
}

/// What became of the rows, as members of a job.
fn described(ingested: Ingested) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert(
        "quarantine_rows".to_owned(),
        ingested.quarantined_rows.into(),
    );
    details.insert("invalid_lines".to_owned(), 0.into());
    details.insert(
        "statistics".to_owned(),
        json!({ "rows": ingested.successful_rows }),
    );
    details
}
