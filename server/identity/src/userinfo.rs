//! The userinfo endpoint (OpenID Connect Core, section 5.3), opened by an
//! access token as RFC 6750 says.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::claims;
use crate::parameters::{Form, FormRejection};
use crate::provider::Provider;
use crate::scope::Scope;
use crate::secret;
use crate::session;
use crate::store::StoreError;

/// An error of RFC 6750, section 3.1.
#[derive(Debug, thiserror::Error)]
enum UserinfoError {
    /// No token at all: the answer names no error.
    #[error("send the access token as `Authorization: Bearer`")]
    NoToken,
    #[error("the access token is unknown, expired or revoked")]
    InvalidToken,
    #[error("send the access token once, in the header or in a form")]
    InvalidRequest,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `GET /userinfo`
pub(crate) async fn get(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    respond(&provider, from_header(&headers)).await
}

/// `POST /userinfo`, with the token in the header or in a form.
pub(crate) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Result<Form, FormRejection>,
) -> Response {
    let in_header = from_header(&headers);
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let token = match (in_header, form.get("access_token")) {
        _ if form.has_duplicates() => Err(UserinfoError::InvalidRequest),
        (Ok(_), Some(_)) => Err(UserinfoError::InvalidRequest),
        (Err(UserinfoError::NoToken), Some(token)) => Ok(token.to_owned()),
        (in_header, _) => in_header,
    };
    respond(&provider, token).await
}

fn from_header(headers: &HeaderMap) -> Result<String, UserinfoError> {
    let value = headers
        .get(header::AUTHORIZATION)
        .ok_or(UserinfoError::NoToken)?;
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(UserinfoError::InvalidRequest)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim().to_owned())
    } else {
        Err(UserinfoError::NoToken)
    }
}

async fn respond(provider: &Provider, token: Result<String, UserinfoError>) -> Response {
    let answer = async { claims_for(provider, &token?).await };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn claims_for(provider: &Provider, token: &str) -> Result<Response, UserinfoError> {
    let now = crate::unix_now();
    let settings = &provider.settings;
    let grant = provider
        .store
        .token_grant(
            &secret::digest(token),
            now,
            now - settings.session_lifetime_seconds,
            now - settings.session_idle_seconds,
        )
        .await?
        .ok_or(UserinfoError::InvalidToken)?;
    // A client that asks on behalf of a person uses the person's session.
    session::touch(provider, &grant.session_hash, grant.last_seen_at, now).await?;
    let person = provider
        .store
        .person(&grant.user_id)
        .await?
        .ok_or(UserinfoError::InvalidToken)?;
    let claims = claims::about(&person, &Scope::parse(&grant.scope));
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response())
}

impl IntoResponse for UserinfoError {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, None),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, Some("invalid_request")),
            Self::Store(error) => {
                tracing::error!(error = crate::chain(&error), "the userinfo endpoint failed");
                let body = json!({
                    "error": "server_error",
                    "error_description": "something went wrong on the server",
                });
                return (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response();
            }
        };
        let challenge = match code {
            None => "Bearer realm=\"userinfo\"".to_owned(),
            Some(code) => format!(
                "Bearer realm=\"userinfo\", error=\"{code}\", error_description=\"{}\"",
                self.to_string().replace('`', "'")
            ),
        };
        let headers = [
            (
                header::WWW_AUTHENTICATE,
                HeaderValue::from_str(&challenge).expect("our own words are ASCII"),
            ),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let body = json!({
            "error": code.unwrap_or("invalid_request"),
            "error_description": self.to_string(),
        });
        (status, headers, Json(body)).into_response()
    }
}
