//! `GET /api/token[?org=<slug>]`: a token for a page that has been open for a
//! while.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::Deserialize;
use service::ApiError;
use token::MintError;

use crate::checks::{RETRY, Standing};
use crate::problem::retry_after;
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
    let open = visitor.signed_in.ok_or_else(signed_out)?;
    let Query(asked) = asked.map_err(|_| {
        ApiError::bad_request(
            "invalid_query",
            "name at most one organization: ?org=<slug>",
        )
    })?;
    let slug = asked.org.or_else(|| open.account.active.clone());
    let standing = site
        .standing(open, slug.as_deref())
        .await
        .map_err(ApiError::unavailable)?;
    let open = match standing {
        Standing::Good(open) => open,
        Standing::Unconfirmed(_) => return Ok(unconfirmed()),
        Standing::Ended => return Err(signed_out()),
    };
    let account = &open.account;
    let membership = match slug.as_deref() {
        None => None,
        Some(slug) => Some(
            account
                .membership(slug)
                .ok_or_else(|| not_a_member(account))?,
        ),
    };
    let grant = site
        .grants
        .of(open.handle, account, membership)
        .map_err(|error| match error {
            MintError::NoOrganization => no_organization(),
            other => ApiError::internal(other),
        })?;
    let mut response = Json(&grant.token).into_response();
    response.extensions_mut().insert(Carries(Some(grant)));
    Ok(response)
}

fn signed_out() -> ApiError {
    ApiError::unauthorized("signed_out", "nobody is signed in: sign in at /sign-in")
}

/// The provider cannot be asked, and its last answer is too old.
fn unconfirmed() -> Response {
    let error = ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "provider_unreachable",
        "the sign-in provider cannot be asked whether you may still see your data: try again in a moment",
    );
    retry_after(
        error.into_response(),
        RETRY.unsigned_abs().try_into().unwrap_or(u32::MAX),
    )
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
        "you do not belong to an organization yet: ask an administrator to add you",
    )
}
