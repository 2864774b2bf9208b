//! What all handlers share: the parts of the running site.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use service::Secret;

use crate::checks::Checks;
use crate::clock::Clock;
use crate::ending::Ending;
use crate::grant::Grants;
use crate::oidc::RelyingParty;
use crate::origin::Origin;
use crate::revocations::Revoked;
use crate::session::Sessions;

/// The running site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) origin: Origin,
    pub(crate) analytics_origin: Origin,
    pub(crate) sessions: Sessions,
    pub(crate) grants: Grants,
    pub(crate) oidc: RelyingParty,
    pub(crate) checks: Checks,
    pub(crate) revoked: Arc<Revoked>,
    pub(crate) ending: Ending,
    pub(crate) admin_token: Option<Secret>,
    pub(crate) clock: Clock,
}

/// The site as handlers get it.
pub(crate) type Shared = Arc<Site>;

/// `303 See Other`: whatever brought the browser here, it goes on with a GET.
pub(crate) fn see_other(address: &str) -> Response {
    let address = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
}
