//! `POST /sign-out`: ends the session here, then at the provider.

use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::Response;
use serde::Deserialize;
use service::ApiError;
use tower_sessions::Session;
use tower_sessions::session::Error as SessionError;
use url::Url;

use crate::problem::Reader;
use crate::return_to::ReturnTo;
use crate::session::Open;
use crate::site::{Shared, Site, see_other};
use crate::visitor::{Carries, Visitor};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Leaving {
    return_to: Option<String>,
}

/// Signs out. The session here ends first: whatever the provider does, nobody
/// goes on with it.
pub(crate) async fn sign_out(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
    reader: Reader,
    form: Result<Form<Leaving>, FormRejection>,
) -> Result<Response, ApiError> {
    // Leaving must not fail for want of a well-made form.
    let leaving = form.map(|Form(leaving)| leaving).unwrap_or_default();
    let mut response = if let Some(open) = visitor.signed_in {
        let id_token = site
            .leave(&session, &open)
            .await
            .map_err(ApiError::unavailable)?;
        match site.oidc.end_session(id_token.as_deref()).await {
            Some(address) if site.origin.contains(&address) && fits(&address) => {
                see_other(address.as_str())
            }
            Some(address) => reader.sign_out_at(address.as_str()),
            None => see_other(ReturnTo::new(leaving.return_to.as_deref()).as_str()),
        }
    } else {
        see_other(ReturnTo::new(leaving.return_to.as_deref()).as_str())
    };
    response.extensions_mut().insert(Carries(None));
    Ok(response)
}

/// Whether an address can be in a header: with the person's organizations in the
/// ID token it may be long.
fn fits(address: &Url) -> bool {
    address.as_str().len() <= LONGEST_HEADER
}

/// Response headers are to stay below 4 KB in all.
const LONGEST_HEADER: usize = 2048;

impl Site {
    /// Ends the session of a request, and gives back the ID token that ends the
    /// provider's.
    async fn leave(&self, session: &Session, open: &Open) -> Result<Option<String>, SessionError> {
        let credentials = self.sessions.credentials(open.handle).await?;
        self.end(open).await?;
        session.flush().await?;
        Ok(credentials.map(|credentials| credentials.id_token))
    }
}
