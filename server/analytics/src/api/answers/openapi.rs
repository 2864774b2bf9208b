//! The description of all endpoints a caller may read, as OpenAPI 3.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::api::request::auth::Caller;
use crate::api::state::{Api, Served};
use crate::query::endpoint_parameters;
use datafile::Pipe;
use template::ParameterDeclaration;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/v0/pipes/openapi.json", get(document))
}

async fn document(State(api): State<Api>, Caller(access): Caller) -> Json<Value> {
    let served = api.served();
    let mut paths = Map::new();
    for (pipe, _) in served.project.endpoints() {
        let Some(named) = served.pipe(&pipe.name) else {
            continue;
        };
        // What the token fixes cannot be chosen, so it is not offered.
        if let Ok(grant) = access.pipe(named.resource()) {
            let is_free = |parameter: &ParameterDeclaration| {
                !grant.fixed_params.contains_key(&parameter.name)
            };
            paths.insert(
                format!("/v0/pipes/{}.json", pipe.name),
                path(&served, pipe, is_free),
            );
        }
    }
    Json(json!({
        "openapi": "3.0.3",
        "info": { "title": api.workspace_name(), "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": api.settings().origin() }],
        "security": [{ "bearer": [] }, { "query": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "query": { "type": "apiKey", "in": "query", "name": "token" },
            },
            "schemas": { "Error": error_schema() },
        },
    }))
}

fn path(served: &Served, pipe: &Pipe, is_free: impl Fn(&ParameterDeclaration) -> bool) -> Value {
    let parameters: Vec<Value> = endpoint_parameters(&served.project, pipe)
        .into_iter()
        .filter(is_free)
        .map(parameter)
        .collect();
    let refusal = |description: &str| {
        json!({
            "description": description,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
        })
    };
    json!({ "get": {
        "operationId": pipe.name,
        "summary": pipe.description.as_deref().unwrap_or(&pipe.name),
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The rows",
                "content": { "application/json": { "schema": {
                    "type": "object",
                    "properties": {
                        "meta": { "type": "array", "items": { "type": "object", "properties": {
                            "name": { "type": "string" }, "type": { "type": "string" },
                        } } },
                        "data": { "type": "array", "items": { "type": "object" } },
                        "rows": { "type": "integer" },
                        "statistics": { "type": "object" },
                    },
                } } },
            },
            "400": refusal("A parameter is wrong, or the query failed"),
            "403": refusal("The token is missing, wrong, or not for this endpoint"),
            "408": refusal("The query took too long"),
            "429": refusal("Too many requests"),
        },
    } })
}

fn parameter(declaration: ParameterDeclaration) -> Value {
    let ParameterDeclaration {
        name,
        parameter_type,
        default,
        required,
        description,
        allowed,
        example,
        format,
    } = declaration;
    let mut schema = schema(&parameter_type);
    for (member, value) in [
        ("default", default),
        ("enum", allowed),
        ("example", example),
    ] {
        if let Some(value) = value {
            schema[member] = value;
        }
    }
    if let Some(format) = format {
        schema["format"] = format.into();
    }
    let mut parameter = json!({ "name": name, "in": "query", "required": required,
        "schema": schema });
    if let Some(description) = description {
        parameter["description"] = description.into();
    }
    parameter
}

fn schema(parameter_type: &str) -> Value {
    if let Some(element) = parameter_type.strip_prefix("Array(") {
        let element = element.trim_end_matches(')');
        return json!({ "type": "array", "items": schema(element) });
    }
    match parameter_type {
        name if name.starts_with("Int") || name.starts_with("UInt") => json!({ "type": "integer" }),
        name if name.starts_with("Float") => json!({ "type": "number" }),
        "Boolean" | "bool" => json!({ "type": "boolean" }),
        "Date" => json!({ "type": "string", "format": "date" }),
        "DateTime" | "DateTime64" => json!({ "type": "string", "format": "date-time" }),
        "JSON" => json!({ "type": "object" }),
        _ => json!({ "type": "string" }),
    }
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error", "code"],
        "properties": {
            "error": { "description": "What went wrong; usually text" },
            "code": { "type": "string", "description": "Stable, for programs" },
            "documentation": { "type": "string" },
            "request_id": { "type": "string" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_described_as_json_schema_knows_them() {
        for (parameter_type, expected) in [
            ("UInt64", json!({ "type": "integer" })),
            (
                "Array(Int32)",
                json!({ "type": "array", "items": { "type": "integer" } }),
            ),
            ("Date", json!({ "type": "string", "format": "date" })),
            ("Column", json!({ "type": "string" })),
        ] {
            assert_eq!(schema(parameter_type), expected, "{parameter_type}");
        }
    }
}
