//! Revoking JWTs by their id, name or user. Tinybird has nothing like it: there
//! the only way is to change the key of all.

use axum::extract::{Path, State};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};
use service::ApiError;

use crate::access::{Revocation, RevocationKind};
use crate::api::request::auth::Caller;
use crate::api::request::input::Input;
use crate::api::state::Api;
use crate::api::unix_now;

const KINDS: [RevocationKind; 3] = [
    RevocationKind::Jti,
    RevocationKind::Name,
    RevocationKind::User,
];

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/v0/tokens/revocations", get(list).post(revoke))
        .route("/v0/tokens/revocations/{kind}/{value}", delete(lift))
}

async fn list(State(api): State<Api>, Caller(access): Caller) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let revocations = api.authority().store().revocations().await?;
    let revocations: Vec<Value> = revocations.iter().map(describe).collect();
    Ok(Json(json!({ "revocations": revocations })))
}

/// Revokes what `jti`, `name` or `user` names; exactly one of them.
async fn revoke(
    State(api): State<Api>,
    Caller(access): Caller,
    input: Input,
) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let mut given: Vec<Revocation> = KINDS
        .into_iter()
        .filter_map(|kind| {
            let value = input
                .text(kind.as_str())
                .filter(|value| !value.is_empty())?
                .to_owned();
            Some(Revocation {
                kind,
                value,
                revoked_at: unix_now(),
            })
        })
        .collect();
    let [revocation] = given.as_mut_slice() else {
        let message = "say what to revoke: one of `jti`, `name` and `user`";
        return Err(ApiError::bad_request("missing_parameter", message));
    };
    revocation.revoked_at = api.authority().store().revoke(revocation).await?;
    api.authority().refresh().await?;
    Ok(Json(describe(revocation)))
}

async fn lift(
    State(api): State<Api>,
    Caller(access): Caller,
    Path((kind, value)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    access.tokens()?;
    let kind = RevocationKind::named(&kind);
    let lifted = match kind {
        Some(kind) => api.authority().store().lift(kind, &value).await?,
        None => false,
    };
    if !lifted {
        return Err(ApiError::not_found(
            "revocation_not_found",
            "there is no such revocation",
        ));
    }
    api.authority().refresh().await?;
    Ok(Json(json!({ "ok": true })))
}

fn describe(revocation: &Revocation) -> Value {
    json!({ revocation.kind.as_str(): revocation.value, "revoked_at": revocation.revoked_at })
}
