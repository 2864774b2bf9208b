//! The handlers of this server's own addresses. Pages are `app`'s, and
//! [`crate::pages`] renders them.

pub(crate) mod organization;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod token;

use axum::Router;
use axum::routing::{get, post};

use crate::oidc::CALLBACK;
use crate::site::Shared;

/// Signing in and out, switching the organization, renewing the token.
pub(crate) fn router(site: Shared) -> Router {
    Router::new()
        .route("/sign-in", get(sign_in::start))
        .route(CALLBACK, get(sign_in::finish))
        .route("/sign-out", post(sign_out::sign_out))
        .route("/organization", post(organization::switch))
        .route("/api/token", get(token::token))
        .with_state(site)
}
