//! Recognizes who sent a request, gives the handlers their token, and puts it
//! into the response headers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use service::ApiError;
use token::MintError;
use tower_sessions::Session;
use tower_sessions::session::Id;

use crate::grant::{Grant, write_headers};
use crate::session::Account;
use crate::site::{Shared, Site};

/// Who sent the request, as a request extension.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visitor {
    /// The session, with the person it belongs to.
    pub(crate) signed_in: Option<(Id, Arc<Account>)>,
    /// The token for the active organization, or the public one.
    pub(crate) grant: Option<Arc<Grant>>,
}

impl Visitor {
    /// The person, when signed in.
    pub(crate) fn account(&self) -> Option<&Account> {
        self.signed_in.as_ref().map(|(_, account)| &**account)
    }
}

/// A response extension: the headers carry this token instead of the visitor's.
#[derive(Debug, Clone)]
pub(crate) struct Carries(pub(crate) Option<Arc<Grant>>);

/// Recognizes the visitor for the handlers inside; what they answer carries the
/// token and is for this visitor alone.
pub(crate) async fn recognize(
    State(site): State<Shared>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let visitor = match site.visitor(&session).await {
        Ok(visitor) => visitor,
        Err(error) => return for_one_visitor(axum::response::IntoResponse::into_response(error)),
    };
    let grant = visitor.grant.clone();
    request.extensions_mut().insert(visitor);

    let mut response = next.run(request).await;
    let carried = match response.extensions_mut().remove::<Carries>() {
        Some(Carries(grant)) => grant,
        None => grant,
    };
    write_headers(carried.as_deref(), response.headers_mut());
    for_one_visitor(response)
}

fn for_one_visitor(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, private"),
    );
    headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    response
}

impl Site {
    async fn visitor(&self, session: &Session) -> Result<Visitor, ApiError> {
        let found = self
            .sessions
            .account(session)
            .await
            .map_err(ApiError::unavailable)?;
        let Some((id, account)) = found else {
            return Ok(Visitor {
                signed_in: None,
                grant: self.grants.public(),
            });
        };
        let grant = match self.grants.of(id, &account, account.active_membership()) {
            Ok(grant) => Some(grant),
            Err(MintError::NoOrganization) => None,
            Err(error) => {
                // The page can still be shown; asking for a token tells more.
                tracing::error!(%error, "no token can be made");
                None
            }
        };
        Ok(Visitor {
            signed_in: Some((id, Arc::new(account))),
            grant,
        })
    }
}
