//! `GET /api/token[?org=<slug>]`: a token for a page that has been open for a
//! while.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::Deserialize;
use service::ApiError;
use token::MintError;

use crate::checks::{RETRY, Standing};
use crate::grant::Grant;
use crate::problem::retry_after;
use crate::session::Account;
use crate::site::Shared;
use crate::visitor::{Carries, Visitor};

#[derive(Deserialize)]
pub(crate) struct Asked {
    org: Option<String>,
}

/// The token for the active organization, or for another one of the person's.
/// A person who is refused gets none at all: the header is part of the answer.
pub(crate) async fn token(
    site: State<Shared>,
    visitor: Extension<Visitor>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let is_person = visitor.signed_in.is_some();
    let (mut response, carried) = match granted(site, visitor, asked).await {
        Ok(grant) => (Json(&grant.token).into_response(), Some(Some(grant))),
        Err(refusal) => (refusal, is_person.then_some(None)),
    };
    if let Some(grant) = carried {
        response.extensions_mut().insert(Carries(grant));
    }
    response
}

async fn granted(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Arc<Grant>, Response> {
    let open = visitor
        .signed_in
        .ok_or_else(|| signed_out().into_response())?;
    let Query(asked) = asked.map_err(|_| {
        let message = "name at most one organization: ?org=<slug>";
        ApiError::bad_request("invalid_query", message).into_response()
    })?;
    let slug = asked.org.or_else(|| open.account.active.clone());
    let standing = site
        .standing(open, slug.as_deref())
        .await
        .map_err(|error| ApiError::unavailable(error).into_response())?;
    let open = match standing {
        Standing::Good(open) => open,
        Standing::Unconfirmed(_) => return Err(unconfirmed()),
        Standing::Ended => return Err(signed_out().into_response()),
    };
    let account = &open.account;
    let membership = match slug.as_deref() {
        None => None,
        Some(slug) => Some(
            account
                .membership(slug)
                .ok_or_else(|| not_a_member(account).into_response())?,
        ),
    };
    site.grants
        .of(open.handle, account, membership)
        .map_err(|error| match error {
            MintError::NoOrganization => no_organization().into_response(),
            other => ApiError::internal(other).into_response(),
        })
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
