//! Calling endpoints: `GET` or `POST /v0/pipes/<name>.<format>`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use service::ApiError;

use crate::access::{Access, PipeGrant, Resource};
use crate::api::STATISTICS;
use crate::api::answers::explain::explained;
use crate::api::answers::format::{Format, media_type};
use crate::api::answers::told::Told;
use crate::api::request::input::{Given, Input};
use crate::api::state::{Api, Served, no_endpoint};
use crate::query::{Call, Parameter, Parameters, Tenant, prepare};
use crate::service_data;
use datafile::{Node, Pipe};
use engine::{Answer, Statistics};
use template::ParameterDeclaration;

/// Runs an endpoint for a caller.
pub(crate) async fn call(
    api: &Api,
    access: &Access,
    name: &str,
    format: Format,
    input: Input,
) -> Result<Response, ApiError> {
    let served = api.served();
    let pipe = served
        .require_pipe(name)
        .map_err(|missing| hide_from_jwt(access, name, missing))?;
    let grant = access.pipe(pipe.resource())?;
    // Whoever may read the pipe may learn that it is no endpoint.
    if pipe.item.endpoint().is_none() {
        return Err(no_endpoint(name));
    }
    let is_explained = input.flag("explain");
    if is_explained {
        access.metadata()?;
    }
    let may_bring_sql = grant.sql;
    let (fixed, tenant) = fixed_and_tenant(grant);
    let sql = input.text("q").map(str::to_owned);
    let call = Call {
        fixed,
        tenant,
        may_bring_sql,
        format: format.clickhouse(),
        ..unrestricted_call(api, &served, &pipe.item, input)
    };
    let told = Told::new(access, &served, sql.as_deref(), &call.given);
    let engine = api.engine().as_ref();
    let prepared = prepare(engine, api.guard(), call).await;
    let statement = prepared.map_err(|error| told.refused(error))?.statement;
    if is_explained {
        let explained = explained(api, &served, access, statement).await?;
        return Ok(explained.into_response());
    }
    if service_data::is_read_by(&statement.sql) {
        api.service_data().flush().await;
    }
    let told = told.of(&statement);
    let answer = engine.query(statement).await;
    let answer = answer.map_err(|error| told.failed(error))?;
    Ok(told.answered(answer, format.clickhouse()))
}

/// A call with what a request gives, by somebody whom nothing restricts.
pub(crate) fn unrestricted_call<'a>(
    api: &Api,
    served: &'a Served,
    pipe: &'a Pipe,
    input: Input,
) -> Call<'a> {
    Call {
        project: &served.project,
        database: api.database(),
        pipe,
        given: parameters(input),
        fixed: Parameters::new(),
        tenant: Tenant::All,
        may_bring_sql: true,
        secrets: api.secrets(),
        format: Format::Json.clickhouse(),
        limits: api.query_limits(),
    }
}

/// A JWT learns nothing about names outside its scopes, not even that they do
/// not exist.
pub(crate) fn hide_from_jwt(access: &Access, name: &str, missing: ApiError) -> ApiError {
    let unknown = Resource { name, id: name };
    match access.is_jwt().then(|| access.pipe(unknown)) {
        Some(Err(refusal)) => refusal.into(),
        Some(Ok(_)) | None => missing,
    }
}

/// What a grant means to a query.
pub(crate) fn fixed_and_tenant(grant: PipeGrant) -> (Parameters, Tenant) {
    let fixed: Parameters = grant
        .fixed_params
        .into_iter()
        .map(fixed_parameter)
        .collect();
    let tenant = if grant.all_tenants {
        Tenant::All
    } else {
        Tenant::Fixed(fixed.clone())
    };
    (fixed, tenant)
}

/// A fixed value as a request would have given it: templates see no
/// difference between `5` in a token and `?limit=5`.
pub(crate) fn fixed_parameter((name, value): (String, Value)) -> (String, Parameter) {
    let value = match crate::api::request::input::given(value.clone()) {
        Some(Given::Text(text)) => Parameter::Text(text),
        Some(Given::List(texts)) => Parameter::List(texts),
        Some(Given::Json(_)) | None => Parameter::Json(value),
    };
    (name, value)
}

/// What the caller gave, as templates read it.
pub(crate) fn parameters(input: Input) -> Parameters {
    let parameter = |given| match given {
        Given::Text(text) => Parameter::Text(text),
        Given::List(texts) => Parameter::List(texts),
        Given::Json(json) => Parameter::Json(json),
    };
    input
        .into_values()
        .map(|(name, given)| (name, parameter(given)))
        .collect()
}

/// The answer to a query, with what it took in a header for the formats that
/// have no room for it.
pub(crate) fn respond(answer: Answer, format: &str) -> Response {
    let mut response = answer.body.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(format)),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(STATISTICS, statistics_header(answer.statistics));
    response.extensions_mut().insert(answer.statistics);
    response
}

fn statistics_header(statistics: Statistics) -> HeaderValue {
    let Statistics {
        elapsed,
        rows_read,
        bytes_read,
    } = statistics;
    let json = json!({ "elapsed": elapsed, "rows_read": rows_read, "bytes_read": bytes_read });
    HeaderValue::from_str(&json.to_string()).unwrap_or_else(|_| HeaderValue::from_static("{}"))
}

/// The parameters of one node, as the description of a pipe shows them.
pub(crate) fn described_parameters(served: &Served, pipe: &Pipe, node: &Node) -> Vec<Value> {
    let template = served.project.template(&pipe.name, &node.name);
    let declared = template
        .map(|template| template.parameters())
        .unwrap_or_default();
    declared.iter().map(describe).collect()
}

fn describe(parameter: &ParameterDeclaration) -> Value {
    let mut description = Map::new();
    description.insert("name".to_owned(), parameter.name.as_str().into());
    description.insert("type".to_owned(), parameter.parameter_type.as_str().into());
    description.insert("required".to_owned(), parameter.required.into());
    for (member, value) in [
        ("default", parameter.default.clone()),
        (
            "description",
            parameter.description.clone().map(Value::String),
        ),
        ("enum", parameter.allowed.clone()),
        ("example", parameter.example.clone()),
        ("format", parameter.format.clone().map(Value::String)),
    ] {
        if let Some(value) = value {
            description.insert(member.to_owned(), value);
        }
    }
    Value::Object(description)
}
