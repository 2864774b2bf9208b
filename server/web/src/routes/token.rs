//! `GET /api/token[?org=<slug>]`: a token for a page that has been open for a
//! while.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use service::ApiError;
use token::MintError;

use crate::session::Account;
use crate::site::Shared;
use crate::visitor::{Carries, Visitor};

#[derive(Deserialize)]
pub(crate) struct Asked {
    org: Option<String>,
}

/// The token for the active organization, or for another one of the person's.
pub(crate) async fn token(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let (id, account) = visitor.signed_in.ok_or_else(|| {
        ApiError::unauthorized("signed_out", "nobody is signed in: sign in at /sign-in")
    })?;
    let Query(asked) = asked.map_err(|_| {
        ApiError::bad_request(
            "invalid_query",
            "name at most one organization: ?org=<slug>",
        )
    })?;
    let membership = match asked.org.as_deref() {
        None => account.active_membership(),
        Some(slug) => Some(
            account
                .membership(slug)
                .ok_or_else(|| not_a_member(&account))?,
        ),
    };
    let grant = site
        .grants
        .of(id, &account, membership)
        .map_err(|error| match error {
            MintError::NoOrganization => no_organization(),
            other => ApiError::internal(other),
        })?;
    let mut response = Json(&grant.token).into_response();
    response.extensions_mut().insert(Carries(Some(grant)));
    Ok(response)
}

fn not_a_member(account: &Account) -> ApiError {
    if account.memberships.is_empty() {
        no_organization()
    } else {
        ApiError::forbidden(
            "not_a_member",
            "you do not belong to this organization: name one of yours in ?org=",
        )
    }
}

fn no_organization() -> ApiError {
    ApiError::forbidden(
        "no_organization",
        "you do not belong to an organization yet: ask an administrator to add you, then sign in again",
    )
}
