//! The end-session endpoint (OpenID Connect RP-Initiated Logout 1.0): ends the
//! provider's session and sends the browser back to the client.
//!
//! A client that shows an ID token of the person who is signed in is believed;
//! anybody else's request is put to the person first.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;

use crate::authorize::answer::{again_by_get, see_other, with_query};
use crate::authorize::with_cookie;
use crate::claims::Hint;
use crate::client::Client;
use crate::cookies::Cookie;
use crate::parameters::{self, Form, FormRejection, Parameters};
use crate::provider::Provider;
use crate::store::StoreError;
use crate::{forgery, pages, session};

/// `GET /end_session`
pub(crate) async fn get(
    State(provider): State<Arc<Provider>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    respond(
        &provider,
        &headers,
        query.as_deref().unwrap_or_default(),
        Asked::No,
    )
    .await
}

/// `POST /end_session`: the same request by GET.
pub(crate) async fn post(
    State(provider): State<Arc<Provider>>,
    form: Result<Form, FormRejection>,
) -> Response {
    again_by_get(&provider, "/end_session", form)
}

/// `POST /sign-out`: the person has confirmed on our page.
pub(crate) async fn confirmed(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Result<Form, FormRejection>,
) -> Response {
    if !forgery::is_same_origin(&provider.issuer, &headers) {
        return pages::foreign_form(&provider);
    }
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let query = form.get("request").unwrap_or_default();
    respond(&provider, &headers, query, Asked::Yes).await
}

/// Whether the person has been asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    Yes,
    No,
}

async fn respond(provider: &Provider, headers: &HeaderMap, query: &str, asked: Asked) -> Response {
    let parameters = match Parameters::parse(query) {
        Ok(parameters) => parameters,
        Err(error) => return pages::bad_request(provider, &error.to_string()),
    };
    let request = match SignOutRequest::read(provider, &parameters) {
        Ok(request) => request,
        Err(problem) => return pages::bad_request(provider, problem),
    };
    end(provider, headers, &parameters, &request, asked)
        .await
        .unwrap_or_else(|error| pages::server_error(provider, &error))
}

async fn end(
    provider: &Provider,
    headers: &HeaderMap,
    parameters: &Parameters,
    request: &SignOutRequest<'_>,
    asked: Asked,
) -> Result<Response, StoreError> {
    let session = session::current(provider, headers, crate::unix_now()).await?;
    if let Some(session) = session {
        let shown = request.person.as_deref() == Some(session.user_id.as_str());
        if !shown && asked == Asked::No {
            let encoded = parameters.encode();
            return Ok(pages::confirm_sign_out(
                provider,
                &encoded,
                request.return_to,
            ));
        }
        session::end(provider, &session.id_hash).await?;
        tracing::info!(user = session.user_id, "signed out");
    }
    let response = match request.location() {
        Some(location) => see_other(&location),
        None => pages::signed_out(provider),
    };
    Ok(with_cookie(
        response,
        Cookie::Session.clear(&provider.issuer),
    ))
}

#[derive(Debug)]
struct SignOutRequest<'a> {
    /// Whom the client means.
    person: Option<String>,
    /// A registered URI.
    return_to: Option<&'a str>,
    state: Option<&'a str>,
}

impl<'a> SignOutRequest<'a> {
    /// Section 2 of the specification. A hint that is not ours proves nothing
    /// and is passed over: a key may have been replaced since.
    fn read(provider: &Provider, parameters: &'a Parameters) -> Result<Self, &'static str> {
        if parameters.has_duplicates() {
            return Err("The sign-out request is damaged: a parameter is sent more than once.");
        }
        let hint: Option<Hint> = parameters.get("id_token_hint").and_then(|token| {
            provider
                .keys
                .current()
                .verify(token, provider.issuer.as_str())
        });
        let named = parameters.get("client_id");
        if let (Some(hint), Some(named)) = (&hint, named)
            && hint.aud != named
        {
            return Err("The sign-out request names one application and shows proof of another.");
        }
        let client_id = hint.as_ref().map(|hint| hint.aud.as_str()).or(named);
        let client = client_id.and_then(|client_id| provider.clients.get(client_id));
        Ok(Self {
            return_to: return_to(parameters, client)?,
            state: parameters.get("state"),
            person: hint.map(|hint| hint.sub),
        })
    }

    fn location(&self) -> Option<String> {
        let uri = self.return_to?;
        Some(match self.state {
            Some(state) => with_query(uri, &parameters::encode([("state", state)].into_iter())),
            None => uri.to_owned(),
        })
    }
}

fn return_to<'a>(
    parameters: &'a Parameters,
    client: Option<&Client>,
) -> Result<Option<&'a str>, &'static str> {
    let Some(uri) = parameters.get("post_logout_redirect_uri") else {
        return Ok(None);
    };
    let registered = client.is_some_and(|client| {
        client
            .post_logout_redirect_uris
            .iter()
            .any(|known| known == uri)
    });
    if registered {
        Ok(Some(uri))
    } else {
        Err("The sign-out request asks to go on to an address that is not registered.")
    }
}
