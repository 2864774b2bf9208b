//! The token endpoint (RFC 6749, section 4.1.3; OpenID Connect Core, 3.1.3): a
//! client redeems a code, once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::claims::IdToken;
use crate::client::Client;
use crate::keys::SignError;
use crate::notices::session_name;
use crate::parameters::{Form, FormRejection, Parameters};
use crate::provider::Provider;
use crate::scope::Scope;
use crate::secret;
use crate::store::{Redeemed, Redemption, StoreError};

/// An error of RFC 6749, section 5.2.
#[derive(Debug, thiserror::Error)]
enum TokenError {
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("client authentication failed")]
    InvalidClient,
    #[error("{0}")]
    InvalidGrant(&'static str),
    #[error("grant_type must be authorization_code")]
    UnsupportedGrantType,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// `POST /token`
pub(crate) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Result<Form, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        let error = "the body must be application/x-www-form-urlencoded in UTF-8";
        return TokenError::InvalidRequest(error).into_response();
    };
    redeem(&provider, &headers, &form)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn redeem(
    provider: &Provider,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Response, TokenError> {
    if form.has_duplicates() {
        return Err(TokenError::InvalidRequest(
            "a parameter is sent more than once",
        ));
    }
    let client = authenticate(provider, headers, form)?;
    match form.get("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return Err(TokenError::UnsupportedGrantType),
        None => return Err(TokenError::InvalidRequest("grant_type is missing")),
    }
    let code = form
        .get("code")
        .ok_or(TokenError::InvalidRequest("code is missing"))?;
    let code_hash = secret::digest(code);
    let now = crate::unix_now();
    let redemption = provider
        .store
        .redeem_code(&code_hash, &client.client_id, now)
        .await?;
    let redeemed = match redemption {
        Redemption::First(redeemed) => redeemed,
        Redemption::Again => {
            tracing::warn!(
                client = client.client_id,
                "a code was used twice; its token is revoked"
            );
            return Err(TokenError::InvalidGrant("the code was used before"));
        }
        Redemption::Unknown => return Err(TokenError::InvalidGrant("the code is not known")),
    };
    check(&redeemed, form, now)?;
    answer(provider, client, &redeemed, &code_hash, now).await
}

/// RFC 6749, section 2.3.1: by header, or in the body, and not both.
fn authenticate<'a>(
    provider: &'a Provider,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<&'a Client, TokenError> {
    let in_body = form.get("client_secret");
    let (id, secret) = match headers.get(header::AUTHORIZATION) {
        Some(_) if in_body.is_some() => {
            return Err(TokenError::InvalidRequest(
                "authenticate by header or in the body, not both",
            ));
        }
        Some(value) => basic_credentials(value).ok_or(TokenError::InvalidClient)?,
        None => (
            form.get("client_id").unwrap_or_default().to_owned(),
            in_body.unwrap_or_default().to_owned(),
        ),
    };
    if form.get("client_id").is_some_and(|named| named != id) {
        return Err(TokenError::InvalidClient);
    }
    provider
        .clients
        .authenticate(&id, &secret)
        .ok_or(TokenError::InvalidClient)
}

/// Both parts are form-encoded before they are joined.
fn basic_credentials(value: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let pair = Parameters::parse(&format!("id={id}&secret={secret}")).ok()?;
    Some((pair.get("id")?.to_owned(), pair.get("secret")?.to_owned()))
}

/// That the code was meant for this request. It is used up either way.
fn check(redeemed: &Redeemed, form: &Parameters, now: i64) -> Result<(), TokenError> {
    if redeemed.code_expires_at <= now {
        return Err(TokenError::InvalidGrant("the code has expired"));
    }
    if form.get("redirect_uri") != Some(redeemed.redirect_uri.as_str()) {
        return Err(TokenError::InvalidGrant(
            "redirect_uri is not the one of the authorization request",
        ));
    }
    let verifier = form.get("code_verifier").map(secret::base64_digest);
    // Without a challenge there must be no verifier either: else PKCE could be
    // stripped from the first request unnoticed (RFC 9700, section 2.1.1).
    match (redeemed.code_challenge.as_deref(), verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(digest)) if secret::equal(challenge, &digest) => Ok(()),
        _ => Err(TokenError::InvalidGrant(
            "code_verifier does not fit the authorization request",
        )),
    }
}

async fn answer(
    provider: &Provider,
    client: &Client,
    redeemed: &Redeemed,
    code_hash: &[u8],
    now: i64,
) -> Result<Response, TokenError> {
    let person = provider
        .store
        .person(&redeemed.user_id)
        .await?
        .ok_or(TokenError::InvalidGrant("the person is gone"))?;
    let settings = &provider.settings;
    let access_token = secret::random();
    let scope = Scope::parse(&redeemed.scope);
    let session = session_name(&redeemed.session_hash);
    let id_token = IdToken {
        issuer: provider.issuer.as_str(),
        client_id: &client.client_id,
        issued_at: now,
        expires_at: now + settings.id_token_lifetime_seconds,
        auth_time: redeemed.auth_time,
        session: &session,
        nonce: redeemed.nonce.as_deref(),
        access_token: &access_token,
    };
    let id_token = id_token.sign(
        &person,
        &scope,
        &provider.keys.current(),
        settings.id_token_algorithm,
    )?;
    let lifetime = settings.access_token_lifetime_seconds;
    provider
        .store
        .add_access_token(code_hash, &secret::digest(&access_token), now + lifetime)
        .await?;
    let body = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": lifetime,
        "scope": scope.to_string(),
        "id_token": id_token,
    });
    Ok((NO_STORE, Json(body)).into_response())
}

const NO_STORE: [(header::HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::PRAGMA, "no-cache"),
];

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let (status, code) = match self {
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::InvalidClient => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::InvalidGrant(_) => (StatusCode::BAD_REQUEST, "invalid_grant"),
            Self::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::Store(_) | Self::Sign(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        };
        let description = if status.is_server_error() {
            tracing::error!(error = crate::chain(&self), "the token endpoint failed");
            "something went wrong on the server".to_owned()
        } else {
            self.to_string()
        };
        let body = Json(json!({"error": code, "error_description": description}));
        let mut response = (status, NO_STORE, body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(header: &str) -> Option<(String, String)> {
        basic_credentials(&HeaderValue::from_str(header).unwrap())
    }

    #[test]
    fn basic_credentials_are_form_encoded_inside() {
        let encoded = STANDARD.encode("my%3Aclient:a+b%26c");
        assert_eq!(
            credentials(&format!("Basic {encoded}")),
            Some(("my:client".to_owned(), "a b&c".to_owned()))
        );
        assert_eq!(credentials(&format!("Bearer {encoded}")), None);
        assert_eq!(credentials("Basic !"), None);
        assert_eq!(credentials("Basic"), None);
    }

    #[test]
    fn an_ampersand_cannot_smuggle_another_secret_in() {
        let encoded = STANDARD.encode("id:wrong&secret=right");
        assert_eq!(credentials(&format!("Basic {encoded}")), None);
    }
}
