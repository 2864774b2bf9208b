//! The authorization endpoint (OpenID Connect Core, section 3.1.2): who is in
//! front of the browser, and may the client know?
//!
//! What a request must look like is in [`request`], how answers go back to the
//! client in [`answer`], the sign-in form in [`crate::sign_in`].

pub(crate) mod answer;
pub(crate) mod request;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use crate::claims::Hint;
use crate::pages;
use crate::parameters::{Form, FormRejection, Parameters};
use crate::provider::Provider;
use crate::store::{Authorization, Session, StoreError};
use crate::{secret, session, sign_in};

use answer::Refusal;
use request::AuthorizationRequest;

/// `GET /authorize`
pub(crate) async fn get(
    State(provider): State<Arc<Provider>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let parameters = match Parameters::parse(query.as_deref().unwrap_or_default()) {
        Ok(parameters) => parameters,
        Err(error) => return pages::bad_request(&provider, &error.to_string()),
    };
    decide(&provider, &parameters, &headers)
        .await
        .unwrap_or_else(|error| pages::server_error(&provider, &error))
}

/// `POST /authorize`: the same request by GET.
pub(crate) async fn post(
    State(provider): State<Arc<Provider>>,
    form: Result<Form, FormRejection>,
) -> Response {
    answer::again_by_get(&provider, "/authorize", form)
}

async fn decide(
    provider: &Provider,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Response, StoreError> {
    let request = match AuthorizationRequest::read(parameters, &provider.clients) {
        Ok(request) => request,
        Err(refusal) => return Ok(refuse(provider, &refusal)),
    };
    let expected = match expected_person(provider, &request) {
        Ok(expected) => expected,
        Err(refusal) => return Ok(refuse(provider, &refusal)),
    };
    let now = crate::unix_now();
    let session = session::current(provider, headers, now)
        .await?
        .filter(|session| suffices(session, &request, expected.as_deref(), now));
    match session {
        Some(session) => grant(provider, &request, &session, now).await,
        None if request.prompt.none => {
            let refusal = Refusal::login_required(request.target);
            Ok(refuse(provider, &refusal))
        }
        None => {
            let hint = request.login_hint.unwrap_or_default();
            sign_in::show(provider, headers, parameters, &request, hint, None).await
        }
    }
}

/// Whether a session answers the request without asking the person again.
fn suffices(
    session: &Session,
    request: &AuthorizationRequest<'_>,
    expected: Option<&str>,
    now: i64,
) -> bool {
    let recent = request
        .max_age
        .is_none_or(|max_age| max_age > 0 && now - session.auth_time < max_age);
    !request.prompt.login && recent && expected.is_none_or(|person| person == session.user_id)
}

/// The person whom `id_token_hint` names.
pub(crate) fn expected_person<'a>(
    provider: &Provider,
    request: &AuthorizationRequest<'a>,
) -> Result<Option<String>, Refusal<'a>> {
    let Some(token) = request.id_token_hint else {
        return Ok(None);
    };
    let hint: Option<Hint> = provider
        .keys
        .current()
        .verify(token, provider.issuer.as_str());
    hint.map(|hint| Some(hint.sub)).ok_or_else(|| {
        Refusal::redirect(
            request.target,
            "invalid_request",
            "id_token_hint is not an ID token of this provider",
        )
    })
}

/// Sends the client a code for the person of the session.
pub(crate) async fn grant(
    provider: &Provider,
    request: &AuthorizationRequest<'_>,
    session: &Session,
    now: i64,
) -> Result<Response, StoreError> {
    let code = secret::random();
    let authorization = Authorization {
        session_hash: session.id_hash.clone(),
        user_id: session.user_id.clone(),
        client_id: request.client.client_id.clone(),
        redirect_uri: request.target.redirect_uri.to_owned(),
        scope: request.scope.to_string(),
        nonce: request.nonce.map(str::to_owned),
        code_challenge: request.code_challenge.map(str::to_owned),
        auth_time: session.auth_time,
        code_expires_at: now + provider.settings.code_lifetime_seconds,
    };
    provider
        .store
        .add_code(&secret::digest(&code), &authorization)
        .await?;
    Ok(answer::success(&provider.issuer, request.target, &code))
}

/// Tells the client, or, where the request does not say safely whom to tell,
/// the person.
pub(crate) fn refuse(provider: &Provider, refusal: &Refusal<'_>) -> Response {
    match refusal {
        Refusal::Page(problem) => pages::bad_request(provider, problem),
        Refusal::Redirect {
            target,
            error,
            description,
        } => answer::failure(&provider.issuer, *target, error, description),
    }
}

/// Adds a cookie to an answer.
pub(crate) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}
