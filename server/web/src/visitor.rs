//! Recognizes who sent a request, gives the handlers their token, and puts it
//! into the response headers.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use token::MintError;
use tower_sessions::Session;
use tower_sessions::session::Error as SessionError;

use crate::checks::Standing;
use crate::grant::{Grant, write_headers};
use crate::problem::{Next as Onward, Problem, Reader, retry_after, wants_page};
use crate::session::{Account, Handle, Open};
use crate::site::{Shared, Site};

/// Who sent the request, as a request extension.
#[derive(Debug, Clone, Default)]
pub(crate) struct Visitor {
    /// The session, when signed in.
    pub(crate) signed_in: Option<Open>,
    /// Whether the provider cannot be asked about them, so that there is no
    /// token.
    pub(crate) unconfirmed: bool,
    /// The token for the active organization, or the public one.
    pub(crate) grant: Option<Arc<Grant>>,
}

impl Visitor {
    /// The person, when signed in.
    pub(crate) fn account(&self) -> Option<&Account> {
        self.signed_in.as_ref().map(|open| &*open.account)
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
    let is_page = request.method() == Method::GET && wants_page(request.headers());
    let visitor = match site.visitor(&session, is_page).await {
        Ok(visitor) => visitor,
        Err(error) => {
            tracing::error!(%error, "sessions cannot be read");
            let reader = Reader::of(request.headers(), request.extensions());
            return for_one_visitor(retry_after(reader.tell(&UNAVAILABLE), RETRY));
        }
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

/// What can be told when the database of sessions does not answer.
const UNAVAILABLE: Problem = Problem {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "unavailable",
    title: "This site cannot answer right now",
    text: "Who you are could not be looked up, so nothing is shown. You are still signed in; try again in a moment.",
    next: Onward::Home,
};

/// A database that does not answer is worth another try after so many seconds.
const RETRY: u32 = 5;

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
    async fn visitor(&self, session: &Session, is_page: bool) -> Result<Visitor, SessionError> {
        let found = self.sessions.open(session).await?;
        let Some(open) = found else {
            return Ok(self.stranger());
        };
        let slug = open.account.active.clone();
        let standing = self.standing(open, slug.as_deref()).await?;
        let mut open = match standing {
            Standing::Good(open) => open,
            Standing::Unconfirmed(open) => {
                return Ok(Visitor {
                    signed_in: Some(open),
                    unconfirmed: true,
                    grant: None,
                });
            }
            Standing::Ended => {
                session.flush().await?;
                return Ok(self.stranger());
            }
        };
        // With a page, whose own requests come after it: of requests at the same
        // time, the others would still name the former id.
        if open.renew && is_page {
            open = self.renewed(session, open).await?;
        }
        let grant =
            match self
                .grants
                .of(open.handle, &open.account, open.account.active_membership())
            {
                Ok(grant) => Some(grant),
                Err(MintError::NoOrganization) => None,
                Err(error) => {
                    // The page can still be shown; asking for a token tells more.
                    tracing::error!(%error, "no token can be made");
                    None
                }
            };
        Ok(Visitor {
            signed_in: Some(open),
            unconfirmed: false,
            grant,
        })
    }

    fn stranger(&self) -> Visitor {
        Visitor {
            signed_in: None,
            unconfirmed: false,
            grant: self.grants.public(),
        }
    }

    /// The same session under another id.
    async fn renewed(&self, session: &Session, open: Open) -> Result<Open, SessionError> {
        self.sessions.renew(session, &open.account).await?;
        let handle = session.id().map_or(open.handle, |id| Handle::of(&id));
        self.grants.forget(open.handle);
        Ok(Open {
            handle,
            renew: false,
            ..open
        })
    }
}
