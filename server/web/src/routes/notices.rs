//! What providers tell without being asked: `POST /auth/backchannel-logout`,
//! `GET /auth/frontchannel-logout` and `POST /auth/events`.
//!
//! No browser's session is read here; who sent a message is in its signature.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use service::ApiError;
use tower_sessions::session::Error as SessionError;

use crate::oidc::{Message, Notice, NoticeError};
use crate::session::Whose;
use crate::site::{Shared, Site};

#[derive(Deserialize)]
pub(crate) struct Logout {
    logout_token: String,
}

/// A session at the provider has ended: so do those that began with it.
pub(crate) async fn backchannel_logout(
    State(site): State<Shared>,
    form: Result<Form<Logout>, FormRejection>,
) -> Response {
    let Ok(Form(Logout { logout_token })) = form else {
        return refuse("send a form with the field `logout_token`");
    };
    answer(&site, site.oidc.hear_logout(&logout_token).await).await
}

/// Something about a person has changed: their provider is asked again.
pub(crate) async fn event(
    State(site): State<Shared>,
    headers: HeaderMap,
    token: String,
) -> Response {
    if headers.get(header::CONTENT_TYPE) != Some(&SECURITY_EVENT) {
        return refuse("send one security event token, as application/secevent+jwt");
    }
    answer(&site, site.oidc.hear_event(token.trim()).await).await
}

const SECURITY_EVENT: HeaderValue = HeaderValue::from_static("application/secevent+jwt");

#[derive(Deserialize)]
pub(crate) struct FrontChannel {
    iss: String,
    sid: String,
}

/// The same as a back-channel logout, told by the browser that signed out at
/// the provider. The name of the provider's session is the proof: browsers keep
/// our cookie from a page inside the provider's.
pub(crate) async fn frontchannel_logout(
    State(site): State<Shared>,
    query: Result<Query<FrontChannel>, QueryRejection>,
) -> Response {
    let Ok(Query(told)) = query else {
        return refuse("name the provider and its session: ?iss=…&sid=…");
    };
    if told.iss != site.oidc.issuer() {
        return refuse("this provider is not one of this site");
    }
    heeded(site.heed(&Notice::SessionEnded(told.sid)).await)
}

async fn answer(site: &Site, message: Result<Message, NoticeError>) -> Response {
    let message = match message {
        Ok(message) => message,
        Err(NoticeError::Refused(reason)) => {
            tracing::info!(reason, "a notice of the provider is not accepted");
            return refuse(reason);
        }
        Err(NoticeError::Provider(error)) => return no_store(ApiError::unavailable(error)),
    };
    let outcome = site.heed(&message.notice).await;
    if outcome.is_ok() {
        site.oidc.heeded(message);
    }
    heeded(outcome)
}

fn heeded(outcome: Result<(), SessionError>) -> Response {
    match outcome {
        Ok(()) => no_store(StatusCode::OK),
        Err(error) => no_store(ApiError::unavailable(error)),
    }
}

/// OpenID Connect Back-Channel Logout 1.0, section 2.8; RFC 8935, section 2.3,
/// has the same codes.
fn refuse(reason: &'static str) -> Response {
    no_store(ApiError::bad_request("invalid_request", reason))
}

fn no_store(answer: impl IntoResponse) -> Response {
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, answer).into_response()
}

impl Site {
    async fn heed(&self, notice: &Notice) -> Result<(), SessionError> {
        let issuer = self.oidc.issuer();
        let whose = match notice {
            Notice::SessionEnded(id) => Whose::ProviderSession { issuer, id },
            Notice::PersonLeft(subject) => Whose::Person { issuer, subject },
            Notice::PersonChanged(subject) => return self.doubt(issuer, subject).await,
        };
        let ended = self.end_all(whose).await?;
        tracing::info!(ended, "the provider ended sessions");
        Ok(())
    }
}
