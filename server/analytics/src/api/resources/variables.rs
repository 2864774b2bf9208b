//! Secrets that templates read with `tb_secret`: set through the API, never
//! given out again.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use service::ApiError;
use sqlx::{FromRow, SqlitePool};
use time::OffsetDateTime;

use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::state::Api;
use crate::api::timestamp;

/// Secrets a workspace may have.
const MOST: usize = 100;
const LONGEST_NAME: usize = 128;
const LONGEST_VALUE: usize = 8 * 1024;

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/variables", get(list).post(create))
        .route("/v0/variables/", get(list).post(create))
        .route(
            "/v0/variables/{name}",
            get(detail).put(update).delete(remove),
        )
}

/// The secrets in the database over the configured ones, with a copy of all
/// values in memory.
#[derive(Clone)]
pub(crate) struct Variables {
    pool: SqlitePool,
    configured: BTreeMap<String, String>,
    values: Arc<RwLock<Arc<BTreeMap<String, String>>>>,
}

#[derive(FromRow)]
struct Row {
    name: String,
    value: String,
    created_at: i64,
    updated_at: i64,
}

impl Variables {
    /// Reads the secrets of a database whose migrations have run.
    pub(crate) async fn load(
        pool: SqlitePool,
        configured: BTreeMap<String, String>,
    ) -> Result<Self, sqlx::Error> {
        let variables = Self {
            pool,
            configured,
            values: Arc::default(),
        };
        variables.reload().await?;
        Ok(variables)
    }

    /// All values by name.
    pub(crate) fn values(&self) -> Arc<BTreeMap<String, String>> {
        Arc::clone(&self.values.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn rows(&self) -> Result<Vec<Row>, sqlx::Error> {
        sqlx::query_as("SELECT * FROM analytics_variables ORDER BY name")
            .fetch_all(&self.pool)
            .await
    }

    async fn row(&self, name: &str) -> Result<Row, ApiError> {
        let rows = self.rows().await.map_err(ApiError::internal)?;
        rows.into_iter()
            .find(|row| row.name == name)
            .ok_or_else(|| not_found(name))
    }

    async fn reload(&self) -> Result<(), sqlx::Error> {
        let mut values = self.configured.clone();
        let rows = self.rows().await?.into_iter();
        values.extend(rows.map(|row| (row.name, row.value)));
        *self.values.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(values);
        Ok(())
    }

    async fn set(&self, name: &str, value: &str) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO analytics_variables (name, value, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (name) DO UPDATE SET value = ?2, updated_at = ?3",
        )
        .bind(name)
        .bind(value)
        .bind(now_microseconds())
        .execute(&self.pool)
        .await?;
        self.reload().await
    }

    async fn delete(&self, name: &str) -> Result<bool, sqlx::Error> {
        let result = sqlx::query("DELETE FROM analytics_variables WHERE name = ?")
            .bind(name)
            .execute(&self.pool)
            .await?;
        self.reload().await?;
        Ok(result.rows_affected() > 0)
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Variables(hidden)")
    }
}

async fn list(State(api): State<Api>, Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let rows = api.variables().rows().await.map_err(ApiError::internal)?;
    let variables: Vec<Value> = rows.iter().map(describe).collect();
    Ok(Json(json!({ "variables": variables })))
}

async fn create(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let (name, value) = (input.required("name")?, input.required("value")?);
    check_name(name)?;
    if input.text("type").is_some_and(|kind| kind != "secret") {
        return Err(ApiError::bad_request(
            "invalid_type",
            "the only type of variables is `secret`",
        ));
    }
    let rows = api.variables().rows().await.map_err(ApiError::internal)?;
    if rows.iter().any(|row| row.name == name) {
        let message = format!("there is a variable `{name}` already; change it with PUT");
        return Err(ApiError::conflict("variable_exists", message));
    }
    if rows.len() >= MOST {
        let message = format!("a workspace has at most {MOST} variables");
        return Err(ApiError::bad_request("too_many_variables", message));
    }
    store(&api, name, value).await
}

async fn detail(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    Ok(Json(describe(&api.variables().row(&name).await?)))
}

async fn update(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    let value = input.required("value")?;
    api.variables().row(&name).await?;
    store(&api, &name, value).await
}

async fn remove(
    State(api): State<Api>,
    Caller(access): Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    access.deploy()?;
    if !api
        .variables()
        .delete(&name)
        .await
        .map_err(ApiError::internal)?
    {
        return Err(not_found(&name));
    }
    api.workspace().set_secrets((*api.secrets()).clone());
    Ok(Json(json!({ "ok": true })))
}

async fn store(api: &Api, name: &str, value: &str) -> Result<Json<Value>, ApiError> {
    if value.len() > LONGEST_VALUE {
        let message = format!("a value has at most {LONGEST_VALUE} bytes");
        return Err(ApiError::bad_request("value_too_long", message));
    }
    api.variables()
        .set(name, value)
        .await
        .map_err(ApiError::internal)?;
    api.workspace().set_secrets((*api.secrets()).clone());
    Ok(Json(describe(&api.variables().row(name).await?)))
}

/// Names are words, so that they can stand in `tb_secret("…")` and in SQL.
fn check_name(name: &str) -> Result<(), ApiError> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.len() <= LONGEST_NAME && name.bytes().all(is_word) {
        return Ok(());
    }
    let message = format!("a name has up to {LONGEST_NAME} letters, digits and underscores");
    Err(ApiError::bad_request("invalid_name", message))
}

fn not_found(name: &str) -> ApiError {
    ApiError::not_found(
        "variable_not_found",
        format!("there is no variable `{name}`"),
    )
}

fn describe(row: &Row) -> Value {
    let time = |microseconds: i64| {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(microseconds) * 1000)
            .map_or_else(|_| String::new(), timestamp)
    };
    json!({ "name": row.name, "type": "secret",
        "created_at": time(row.created_at), "updated_at": time(row.updated_at) })
}

fn now_microseconds() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}
