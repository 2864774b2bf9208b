//! The handlers of this server's own addresses. Pages are `app`'s, and
//! [`crate::pages`] renders them.

mod notices;
pub(crate) mod organization;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod token;

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Router, middleware};
use http::StatusCode;

use crate::oidc::CALLBACK;
use crate::problem::{Next, Problem, Reader};
use crate::site::Shared;

type Table = Vec<(&'static str, MethodRouter<Shared>)>;

/// Signing in and out, switching the organization, renewing the token, and where
/// one is signed in.
fn for_visitors() -> Table {
    vec![
        ("/sign-in", get(sign_in::start)),
        (CALLBACK, get(sign_in::finish)),
        ("/sign-out", post(sign_out::sign_out)),
        ("/organization", post(organization::switch)),
        ("/api/token", get(token::token)),
        (sessions::PAGE, get(sessions::page)),
        ("/sessions/end", post(sessions::end_by_form)),
        ("/sessions/end-all", post(sessions::end_all_by_form)),
        (
            "/api/sessions",
            get(sessions::list).delete(sessions::end_all),
        ),
        ("/api/sessions/{id}", delete(sessions::end)),
    ]
}

/// What programs of an administrator ask and do: with a token of its own, so
/// there is no session here.
fn for_administrators() -> Table {
    vec![
        (
            "/api/admin/v1/sessions",
            get(sessions::list_for_administrators).delete(sessions::end_of_user),
        ),
        (
            "/api/admin/v1/sessions/{id}",
            delete(sessions::end_by_administrator),
        ),
    ]
}

/// Where providers tell what happened there. Whoever sends it is no visitor of
/// this site, so there is no session and no page here.
fn for_providers() -> Table {
    vec![
        (
            "/auth/backchannel-logout",
            post(notices::backchannel_logout),
        ),
        (
            "/auth/frontchannel-logout",
            get(notices::frontchannel_logout),
        ),
        ("/auth/events", post(notices::event)),
    ]
}

/// Every address of the tables.
pub(crate) fn addresses() -> impl Iterator<Item = &'static str> {
    [for_visitors(), for_administrators(), for_providers()]
        .into_iter()
        .flatten()
        .map(|(address, _)| address)
}

fn from_table(table: Table) -> Router<Shared> {
    let add = |router: Router<Shared>, (address, methods)| router.route(address, methods);
    table.into_iter().fold(Router::new(), add)
}

/// The routes of visitors.
pub(crate) fn router(site: Shared) -> Router {
    from_table(for_visitors()).with_state(site)
}

/// The routes of administrators.
pub(crate) fn administration(site: Shared) -> Router {
    from_table(for_administrators())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            sessions::administrators_only,
        ))
        .with_state(site)
}

/// The routes of providers.
pub(crate) fn notices(site: Shared) -> Router {
    from_table(for_providers()).with_state(site)
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
