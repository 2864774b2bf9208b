//! The Tokens API: static tokens, and JWTs made on request.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use service::ApiError;
use time::OffsetDateTime;
use token::{Claims, Limits, Scope};

use crate::access::{Access, InvalidScope, StaticScope, StaticToken, StaticTokenText};
use crate::api::request::auth::Caller;
use crate::api::request::input::{Given, Input};
use crate::api::state::Api;
use crate::api::{timestamp, unix_now};

/// Names that stand for routes below `/v0/tokens`.
const RESERVED_NAMES: [&str; 1] = ["revocations"];

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/tokens", get(list).post(create))
        .route("/v0/tokens/", get(list).post(create))
        .route("/v0/tokens/{token}", get(detail).put(update).delete(delete))
        .route("/v0/tokens/{token}/refresh", post(refresh))
}

async fn list(State(api): State<Api>, Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let mut tokens = vec![describe_admin(&api, &access)];
    let stored = api.authority().store().tokens().await?;
    tokens.extend(stored.iter().map(|token| describe(&api, &access, token)));
    Ok(Json(json!({ "tokens": tokens })))
}

async fn detail(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(token): Path<String>,
) -> Result<Json<Value>, ApiError> {
    // `GET /v0/tokens/<id>.token` is a file name that clients save under.
    let wanted = token.strip_suffix(".token").unwrap_or(&token);
    let is_own = access.token_id.as_deref() == Some(wanted) && !access.is_jwt();
    if !is_own {
        access.tokens()?;
    }
    let admin = describe_admin(&api, &access);
    if admin["id"] == wanted || admin["name"] == wanted {
        return Ok(Json(admin));
    }
    let stored = api.authority().store().find(wanted).await?;
    Ok(Json(describe(&api, &access, &stored)))
}

/// Makes a static token, or a JWT when an expiration time is given.
async fn create(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let name = input.required("name")?;
    if input.get("expiration_time").is_some() {
        return create_jwt(&api, name, &input);
    }
    if RESERVED_NAMES.contains(&name) || name == admin_name() {
        return Err(ApiError::bad_request(
            "invalid_name",
            format!("the name `{name}` is reserved"),
        ));
    }
    let scopes = scopes(&input)?;
    may_grant(&access, &scopes)?;
    let description = input.text("description").unwrap_or_default();
    let token = api
        .authority()
        .store()
        .create(name, description, &scopes)
        .await?;
    api.authority().refresh().await?;
    Ok(Json(describe(&api, &access, &token)))
}

fn create_jwt(api: &Api, name: &str, input: &Input) -> Result<Json<Value>, ApiError> {
    let invalid = |message: String| ApiError::bad_request("invalid_jwt", message);
    let now = unix_now();
    let exp = input
        .text("expiration_time")
        .and_then(|text| text.parse::<i64>().ok())
        .filter(|exp| *exp > now)
        .ok_or_else(|| invalid("expiration_time must be unix seconds in the future".into()))?;
    let scopes: Vec<Scope> = match input.get("scopes") {
        Some(Given::Json(scopes)) => serde_json::from_value(scopes.clone())
            .map_err(|error| invalid(format!("scopes: {error}")))?,
        _ => {
            return Err(invalid(
                "the body must have `scopes`, a list of JWT scopes".into(),
            ));
        }
    };
    let limits: Option<Limits> = match input.get("limits") {
        None => None,
        Some(Given::Json(limits)) => Some(
            serde_json::from_value(limits.clone())
                .map_err(|error| invalid(format!("limits: {error}")))?,
        ),
        Some(_) => {
            return Err(invalid(
                "limits must be an object such as {\"rps\": 10}".into(),
            ));
        }
    };
    let claims = Claims {
        workspace_id: api.authority().workspace_id().to_owned(),
        name: name.to_owned(),
        exp,
        iat: Some(now),
        jti: Some(uuid::Uuid::new_v4().to_string()),
        scopes,
        limits,
        ..Claims::default()
    };
    let token =
        token::sign(&claims, api.signing_key()).map_err(|error| invalid(error.to_string()))?;
    Ok(Json(json!({ "token": token, "jti": claims.jti })))
}

async fn update(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(token): Path<String>,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let stored = changeable(&api, &access, &token).await?;
    let are_scopes_given = input.get("scope").is_some() || input.get("scopes").is_some();
    let scopes = are_scopes_given.then(|| scopes(&input)).transpose()?;
    if let Some(scopes) = &scopes {
        may_grant(&access, scopes)?;
    }
    let name = input.text("name").filter(|name| !name.is_empty());
    let description = input.text("description");
    let store = api.authority().store();
    let updated = store
        .update(&stored.id, name, description, scopes.as_deref())
        .await?;
    api.authority().refresh().await?;
    Ok(Json(describe(&api, &access, &updated)))
}

async fn delete(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(token): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let stored = changeable(&api, &access, &token).await?;
    api.authority().store().delete(&stored.id).await?;
    api.authority().refresh().await?;
    Ok(Json(json!({ "ok": true })))
}

async fn refresh(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(token): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let stored = changeable(&api, &access, &token).await?;
    let refreshed = api.authority().store().refresh(&stored.id).await?;
    api.authority().refresh().await?;
    Ok(Json(describe(&api, &access, &refreshed)))
}

/// A stored token that this caller may change.
async fn changeable(api: &Api, access: &Access, wanted: &str) -> Result<StaticToken, ApiError> {
    if wanted == admin_name() || Some(wanted) == admin_id(api).as_deref() {
        return Err(ApiError::conflict(
            "admin_token",
            "the workspace admin token is a secret of the installation and signs JWTs; change it \
             there and restart",
        ));
    }
    let stored = api.authority().store().find(wanted).await?;
    let scopes: Vec<StaticScope> = stored.all_scopes().cloned().collect();
    may_grant(access, &scopes)?;
    Ok(stored)
}

/// The scopes of a static token: `scope=…` as often as there are, or a list in
/// JSON as the SDK sends it.
fn scopes(input: &Input) -> Result<Vec<StaticScope>, ApiError> {
    /// A scope as JSON; the Tokens API describes scopes like this, too.
    #[derive(Deserialize)]
    struct Described {
        #[serde(rename = "type")]
        kind: String,
        resource: Option<String>,
        #[serde(default)]
        filter: String,
    }
    let invalid = |error: String| ApiError::bad_request("invalid_scope", error);
    let mut scopes = Vec::new();
    for text in input.texts("scope") {
        scopes.push(
            text.parse()
                .map_err(|error: InvalidScope| invalid(error.to_string()))?,
        );
    }
    if let Some(Given::Json(json)) = input.get("scopes") {
        let described: Vec<Described> = serde_json::from_value(json.clone())
            .map_err(|error| invalid(format!("scopes: {error}")))?;
        for scope in described {
            if !scope.filter.is_empty() {
                return Err(invalid(InvalidScope::Filter(scope.kind).to_string()));
            }
            let scope = StaticScope::new(&scope.kind, scope.resource.as_deref());
            scopes.push(scope.map_err(|error| invalid(error.to_string()))?);
        }
    }
    Ok(scopes)
}

/// Who manages tokens without being an administrator cannot become one.
fn may_grant(access: &Access, scopes: &[StaticScope]) -> Result<(), ApiError> {
    if scopes.iter().any(is_administrative) {
        access.administer()?;
    }
    Ok(())
}

fn is_administrative(scope: &StaticScope) -> bool {
    matches!(
        scope,
        StaticScope::Admin | StaticScope::AdminUser | StaticScope::Deploy
    )
}

fn describe(api: &Api, access: &Access, token: &StaticToken) -> Value {
    let scopes: Vec<Value> = token.all_scopes().map(describe_scope).collect();
    let mut description = json!({
        "id": token.id,
        "name": token.name,
        "description": token.description,
        "scopes": scopes,
        "created_at": timestamp(token.created_at),
        "updated_at": timestamp(token.updated_at),
    });
    // The value of a token is as good as the token.
    if access.is_admin() || !token.all_scopes().any(is_administrative) {
        let text = StaticTokenText {
            workspace_id: api.authority().workspace_id().to_owned(),
            id: token.id.clone(),
            secret: token.secret.clone(),
        };
        description["token"] = text.to_string().into();
    }
    description
}

fn describe_admin(api: &Api, access: &Access) -> Value {
    let unknown = timestamp(OffsetDateTime::UNIX_EPOCH);
    let mut description = json!({
        "id": admin_id(api),
        "name": admin_name(),
        "description": "The workspace admin token; it signs JWTs",
        "scopes": [describe_scope(&StaticScope::Admin)],
        "created_at": unknown,
        "updated_at": unknown,
    });
    if access.is_admin() {
        description["token"] = api.authority().admin_token().into();
    }
    description
}

fn admin_name() -> &'static str {
    "admin token"
}

fn admin_id(api: &Api) -> Option<String> {
    StaticTokenText::parse(api.authority().admin_token()).map(|text| text.id)
}

fn describe_scope(scope: &StaticScope) -> Value {
    match scope.resource() {
        Some(resource) => json!({ "type": scope.kind(), "resource": resource, "filter": "" }),
        None => json!({ "type": scope.kind() }),
    }
}
