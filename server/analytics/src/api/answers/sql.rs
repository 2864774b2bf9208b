//! The Query API: SQL from outside, `GET` or `POST /v0/sql`.
//!
//! What such SQL may read is `access`'s decision, made on what the engine's own
//! parser sees in it; here the request is read and the answer written.

mod request;
mod show;
mod tools;

use crate::api::error::engine_error;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use service::ApiError;

use crate::access::{Access, AccessError, Readable};
use crate::api::answers::endpoint::{fixed_parameter, hide_from_jwt, respond};
use crate::api::answers::explain::explained;
use crate::api::answers::format::QUERY_FORMATS;
use crate::api::answers::told::Told;
use crate::api::error::refused;
use crate::api::request::auth::Caller;
use crate::api::state::{Api, Named, Served};
use crate::project::sql::compose::reads;
use crate::query::{OutsideQuery, Parameters, Tenant, prepare_outside};
use crate::service_data;
use datafile::Pipe;
use engine::guard::{Catalog, Inspection, Refusal, StatementKind, canonical};
use engine::{EngineError, Statement, sql};
use request::SqlRequest;
use show::ShowTables;
use template::{RenderContext, Template};

/// The format of an answer whose query asks for none.
const DEFAULT_FORMAT: &str = "TabSeparated";
/// ClickHouse's code for a table it does not know.
const UNKNOWN_TABLE: i32 = 60;

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/sql", get(query).post(query))
        .merge(tools::router())
}

async fn query(
    State(api): State<Api>,
    Caller(access): Caller,
    request: SqlRequest,
) -> Result<Response, ApiError> {
    let served = api.served();
    let pipeline = match &request.pipeline {
        Some(name) => Some(visible_pipe(&served, &access, name)?.item.with_result()),
        None => None,
    };
    let text = rendered(&request)?;
    let inspected = api.guard().inspect(api.engine().as_ref(), &text, &[]).await;
    let inspection = inspected.map_err(|error| match access.is_jwt() {
        true => Told::new(&access, &served, Some(&text), &request.parameters).failed(error),
        false => not_inspected(error),
    })?;
    let readable = Readable::new(
        &access,
        &served.project,
        api.authority().workspace_id(),
        api.database(),
        served.tables(&api).await?,
        pipeline.as_ref(),
    )
    .outside();
    if inspection.kind == StatementKind::Show {
        return show_tables(&api, &inspection, &readable).await;
    }
    let format = known_format(inspection.format.as_deref())?;
    inspection
        .check_outside(&readable)
        .map_err(|refusal| outside_refused(&refusal))?;
    if reads_service_data(&inspection) {
        return service_data(&api, &inspection, format).await;
    }
    if access.is_jwt() {
        inspection
            .check_blocks()
            .map_err(|refusal| refused(&refusal))?;
    }
    let fixed = readable.fixed(&inspection)?;
    let conditions = readable.conditions();
    for (data_source, filters) in &conditions {
        for filter in filters {
            check_filter(&api, data_source, filter, &readable).await?;
        }
    }
    let (sql, is_description) = readable_sql(&inspection, &readable);
    let params: Parameters = fixed
        .params
        .clone()
        .into_iter()
        .map(fixed_parameter)
        .collect();
    let query = OutsideQuery {
        project: &served.project,
        database: api.database(),
        sql,
        pipe: pipeline.as_ref(),
        given: request.parameters,
        tenant: if access.is_jwt() {
            Tenant::Fixed(params.clone())
        } else {
            Tenant::All
        },
        may_bring_sql: fixed.sql,
        sees_inner_nodes: readable.sees_inner_nodes(),
        fixed: params,
        readable: readable.open_names(),
        closed: readable.closed(&fixed),
        conditions,
        secrets: api.secrets(),
        format,
        limits: api.query_limits(),
    };
    let told = Told::new(&access, &served, Some(&query.sql), &query.given);
    let prepared = prepare_outside(api.engine().as_ref(), api.guard(), query).await;
    let mut statement = prepared.map_err(|error| told.refused(error))?.statement;
    let told = told.of(&statement);
    if let Some(pipe) = pipeline.as_ref().filter(|_| !access.is_admin())
        && names_inner_nodes(pipe, &inspection)
    {
        check_whole_pipe(&api, &served, &access, &statement).await?;
    }
    if request.explain && inspection.kind == StatementKind::Select {
        let explained = explained(&api, &served, &access, statement).await?;
        return Ok(explained.into_response());
    }
    if is_description {
        statement.sql = format!("DESCRIBE ({}\n)", statement.sql);
    }
    let answer = api
        .engine()
        .query(statement)
        .await
        .map_err(|error| match error {
            EngineError::Query {
                code: UNKNOWN_TABLE,
                ..
            } => unknown_table(&inspection, &readable),
            error => told.failed(error),
        })?;
    Ok(told.answered(answer, format))
}

/// Whether SQL names a node before a pipe's last one.
fn names_inner_nodes(pipe: &Pipe, inspection: &Inspection) -> bool {
    let last = pipe.output().map(|node| &node.name);
    let is_result = |name: &String| name == Pipe::RESULT || Some(name) == last;
    let is_inner = |name: &String| pipe.node(name).is_some() && !is_result(name);
    inspection.tables.iter().any(|name| is_inner(&name.table))
}

/// A pipe's inner nodes are for those who may read all that the pipe reads: a
/// scope for the pipe is one for its result.
async fn check_whole_pipe(
    api: &Api,
    served: &Served,
    access: &Access,
    statement: &Statement,
) -> Result<(), ApiError> {
    let inspection = api
        .guard()
        .inspect(api.engine().as_ref(), &statement.sql, &statement.parameters)
        .await
        .map_err(engine_error)?;
    let readable = Readable::new(
        access,
        &served.project,
        api.authority().workspace_id(),
        api.database(),
        served.tables(api).await?,
        None,
    );
    if inspection.reads_only(&readable) {
        return Ok(());
    }
    let message = "the token has no scope that allows this: a pipe's inner nodes need READ on \
                   everything that the pipe reads";
    Err(ApiError::forbidden("token_out_of_scope", message))
}

/// The pipe whose nodes a request names, for those who may read it. A JWT
/// learns nothing about others, not even that they do not exist.
fn visible_pipe(served: &Served, access: &Access, name: &str) -> Result<Named<Pipe>, ApiError> {
    let pipe = served
        .require_pipe(name)
        .map_err(|missing| hide_from_jwt(access, name, missing))?;
    if access.is_jwt() {
        access.pipe(pipe.resource())?;
    }
    Ok(pipe)
}

/// Refuses a token's filter that is not one condition, or reaches further than
/// SQL from outside may.
pub(crate) async fn check_filter(
    api: &Api,
    data_source: &str,
    filter: &str,
    readable: &Readable<'_>,
) -> Result<(), AccessError> {
    let refusal = |reason: String| AccessError::Filter {
        data_source: data_source.to_owned(),
        reason,
    };
    let inspection = api
        .guard()
        .inspect_expression(api.engine().as_ref(), filter)
        .await
        .map_err(|_| refusal("it cannot stand in brackets".to_owned()))?;
    inspection
        .check_outside(readable)
        .and_then(|()| inspection.check_blocks())
        .map_err(|found| refusal(found.to_string()))
}

/// The SQL of a request: itself, or rendered when it begins with `%`. Such a
/// template binds no secrets: who only reads must not read those of the
/// workspace by writing a template.
fn rendered(request: &SqlRequest) -> Result<String, ApiError> {
    let text = request.text()?;
    let Some(source) = text.strip_prefix('%') else {
        return Ok(text.to_owned());
    };
    let template = Template::parse(source)
        .map_err(|error| ApiError::bad_request("template_failed", error.to_string()))?;
    let rendered = template.render(&request.parameters, &RenderContext::default());
    Ok(rendered.map_err(crate::api::error::template_error)?.sql)
}

/// What pipes are joined to: the request's SELECT, or one that stands for the
/// table, pipe or node which the request wants described (the second value).
fn readable_sql(inspection: &Inspection, readable: &Readable<'_>) -> (String, bool) {
    let described = inspection
        .tables
        .iter()
        .find(|name| inspection.kind == StatementKind::Describe && readable.may_read(&name.table));
    match described {
        Some(name) => (
            format!("SELECT * FROM {}", sql::identifier(&name.table)),
            true,
        ),
        None => (inspection.body.clone(), false),
    }
}

async fn inspect(api: &Api, text: &str) -> Result<Arc<Inspection>, ApiError> {
    let inspected = api.guard().inspect(api.engine().as_ref(), text, &[]).await;
    inspected.map_err(not_inspected)
}

fn not_inspected(error: EngineError) -> ApiError {
    match error {
        EngineError::Query { message, .. } => {
            ApiError::bad_request("query_invalid", format!("DB::Exception: {message}"))
        }
        error => engine_error(error),
    }
}

fn known_format(asked: Option<&str>) -> Result<&'static str, ApiError> {
    let Some(format) = asked else {
        return Ok(DEFAULT_FORMAT);
    };
    let known = QUERY_FORMATS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(format));
    known.copied().ok_or_else(|| {
        let message = format!(
            "FORMAT {format} is not available; the formats are {}",
            QUERY_FORMATS.join(", ")
        );
        ApiError::forbidden("format_not_allowed", message)
    })
}

/// Of all SHOW statements the one that clients send: the names that the caller
/// may read.
async fn show_tables(
    api: &Api,
    inspection: &Inspection,
    readable: &Readable<'_>,
) -> Result<Response, ApiError> {
    let canonical = canonical(api.engine().as_ref(), &inspection.body)
        .await
        .map_err(engine_error)?;
    let Some(show) = ShowTables::read(&canonical) else {
        let refusal = inspection.check_outside(readable);
        return Err(refusal.map_or_else(|refusal| outside_refused(&refusal), |()| not_found("")));
    };
    let format = known_format(show.format.as_deref())?;
    let answer = api
        .engine()
        .query(show.statement(readable, format)?)
        .await
        .map_err(engine_error)?;
    Ok(respond(answer, format))
}

fn reads_service_data(inspection: &Inspection) -> bool {
    inspection
        .tables
        .iter()
        .any(|name| name.database.as_deref() == Some(service_data::DATABASE))
}

/// A query of an administrator on service data and data sources; pipes are not
/// joined to it.
async fn service_data(
    api: &Api,
    inspection: &Inspection,
    format: &str,
) -> Result<Response, ApiError> {
    api.service_data().flush().await;
    let statement = Statement {
        database: Some(api.database().to_owned()),
        limits: api.query_limits(),
        ..Statement::read(inspection.body.clone(), format)
    };
    let answer = api.engine().query(statement).await.map_err(engine_error)?;
    Ok(respond(answer, format))
}

fn outside_refused(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::Table(_) => not_found(&refusal.to_string()),
        refusal => refused(refusal),
    }
}

fn not_found(message: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "resource_not_found", message)
}

/// Hidden and missing tables look alike.
fn unknown_table(inspection: &Inspection, readable: &Readable<'_>) -> ApiError {
    let own = reads(&inspection.body).own;
    let hidden = || {
        let tables = inspection.tables.iter();
        tables.filter(|name| !readable.may_read(&name.table))
    };
    // A CTE's name may stand where the CTE does not reach.
    let unknown = hidden().find(|name| !own.contains(&name.table));
    let name = unknown.or_else(|| hidden().next());
    let name = name.map(ToString::to_string).unwrap_or_default();
    not_found(&Refusal::Table(name).to_string())
}

/// Checks a condition on one data source that came from outside, as part of
/// `statement`, which reads nothing else.
pub(crate) async fn check_condition(
    api: &Api,
    statement: &str,
    data_source: &str,
) -> Result<(), ApiError> {
    let inspection = inspect(api, statement).await?;
    let only = OnlyTable {
        database: api.database(),
        table: data_source,
    };
    inspection
        .check_outside(&only)
        .map_err(|refusal| outside_refused(&refusal))
}

/// All that a condition may read.
struct OnlyTable<'a> {
    database: &'a str,
    table: &'a str,
}

impl Catalog for OnlyTable<'_> {
    fn database(&self) -> &str {
        self.database
    }

    fn may_read(&self, name: &str) -> bool {
        name == self.table
    }

    fn exists(&self, _name: &str) -> bool {
        true
    }
}
