//! The handlers of this server's own addresses. Pages are `app`'s, and
//! [`crate::pages`] renders them.

pub(crate) mod organization;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod token;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;

use crate::oidc::CALLBACK;
use crate::problem::{Next, Problem, Reader};
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

/// Answers a method that an address does not take, such as following a link to
/// `/sign-out`.
pub(crate) async fn method_not_allowed(reader: Reader) -> Response {
    reader.tell(&Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method_not_allowed",
        title: "This address cannot be opened",
        text: "It is used by the buttons of this site and takes no other kind of request.",
        next: Next::Home,
    })
}
