//! The sign-in form. It carries the authorization request that it interrupts,
//! so nothing is stored for people who never finish; the request is checked
//! again when it comes back.

use std::sync::Arc;

use axum::extract::FromRequest;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::authorize::answer::Refusal;
use crate::authorize::request::AuthorizationRequest;
use crate::authorize::{self, with_cookie};
use crate::cookies::Cookie;
use crate::directory;
use crate::forgery::{self, FormSecret};
use crate::pages;
use crate::parameters::{Form, FormRejection, Parameters};
use crate::provider::Provider;
use crate::session;
use crate::store::StoreError;
use crate::throttle;

/// The same for an unknown address and a wrong password.
const WRONG: &str = "That e-mail address and password do not belong together.";
const STALE: &str = "This page was open for too long. Please sign in again.";

/// What the form says when it comes back unanswered.
#[derive(Debug)]
pub(crate) struct Rejection {
    status: StatusCode,
    text: String,
    retry_after: Option<i64>,
}

impl Rejection {
    fn new(status: StatusCode, text: &str) -> Self {
        Self {
            status,
            text: text.to_owned(),
            retry_after: None,
        }
    }

    fn wait(seconds: i64) -> Self {
        let unit = if seconds == 1 { "second" } else { "seconds" };
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            text: format!("Too many attempts. Please try again in {seconds} {unit}."),
            retry_after: Some(seconds),
        }
    }
}

/// The sign-in page for a request.
pub(crate) async fn show(
    provider: &Provider,
    headers: &HeaderMap,
    parameters: &Parameters,
    request: &AuthorizationRequest<'_>,
    email: &str,
    rejection: Option<Rejection>,
) -> Result<Response, StoreError> {
    let secret = FormSecret::of(&provider.issuer, headers);
    let demo_people = match provider.demo {
        true => provider.store.demo_people().await?,
        false => Vec::new(),
    };
    let page = pages::SignIn {
        request: &parameters.encode(),
        redirect_uri: request.target.redirect_uri,
        form_secret: &secret.value,
        email,
        demo_people: &demo_people,
        error: rejection.as_ref().map(|rejection| rejection.text.as_str()),
    };
    let status = rejection
        .as_ref()
        .map_or(StatusCode::OK, |rejection| rejection.status);
    let mut response = pages::sign_in(provider, status, &page);
    if let Some(seconds) = rejection.and_then(|rejection| rejection.retry_after) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if secret.fresh {
        let cookie = Cookie::Form.set(&provider.issuer, &secret.value, None);
        return Ok(with_cookie(response, cookie));
    }
    Ok(response)
}

/// `GET /sign-in`: somebody reloaded the form's address.
pub(crate) async fn get(State(provider): State<Arc<Provider>>) -> Response {
    pages::bad_request(
        &provider,
        "Go back to the application and start the sign-in there.",
    )
}

/// `POST /sign-in`
pub(crate) async fn post(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let headers = request.headers().clone();
    if !forgery::is_same_origin(&provider.issuer, &headers) {
        return pages::foreign_form(&provider);
    }
    let trusted = &provider.settings.trusted_proxies;
    let address = throttle::client_address(request.extensions(), &headers, trusted);
    let form = match Form::from_request(request, &()).await {
        Ok(Form(form)) => form,
        Err(FormRejection(error)) => return pages::bad_request(&provider, &error.to_string()),
    };
    let Ok(parameters) = Parameters::parse(form.get("request").unwrap_or_default()) else {
        return pages::bad_request(&provider, "The sign-in form is damaged.");
    };
    let submission = Submission {
        provider: &provider,
        headers: &headers,
        parameters: &parameters,
        form: &form,
        address,
    };
    submission
        .answer()
        .await
        .unwrap_or_else(|error| pages::server_error(&provider, &error))
}

struct Submission<'a> {
    provider: &'a Provider,
    headers: &'a HeaderMap,
    /// The authorization request.
    parameters: &'a Parameters,
    /// The fields of the form.
    form: &'a Parameters,
    address: Option<std::net::IpAddr>,
}

impl Submission<'_> {
    async fn answer(&self) -> Result<Response, StoreError> {
        let provider = self.provider;
        let request = match AuthorizationRequest::read(self.parameters, &provider.clients) {
            Ok(request) => request,
            Err(refusal) => return Ok(authorize::refuse(provider, &refusal)),
        };
        let expected = match authorize::expected_person(provider, &request) {
            Ok(expected) => expected,
            Err(refusal) => return Ok(authorize::refuse(provider, &refusal)),
        };
        let secret = FormSecret::of(&provider.issuer, self.headers);
        if !secret.is_returned_by(self.form.get("form_secret")) {
            let stale = Rejection::new(StatusCode::FORBIDDEN, STALE);
            return self.show(&request, stale).await;
        }
        let user_id = match self.authenticate().await? {
            Ok(user_id) => user_id,
            Err(rejection) => return self.show(&request, rejection).await,
        };
        if expected.is_some_and(|person| person != user_id) {
            let refusal = Refusal::login_required(request.target);
            return Ok(authorize::refuse(provider, &refusal));
        }
        let now = crate::unix_now();
        tracing::info!(user = user_id, "signed in");
        let (session, cookie) = session::begin(provider, self.headers, user_id, now).await?;
        let response = authorize::grant(provider, &request, &session, now).await?;
        Ok(with_cookie(response, cookie))
    }

    async fn show(
        &self,
        request: &AuthorizationRequest<'_>,
        rejection: Rejection,
    ) -> Result<Response, StoreError> {
        let email = self.form.get("email").unwrap_or_default();
        show(
            self.provider,
            self.headers,
            self.parameters,
            request,
            email,
            Some(rejection),
        )
        .await
    }

    /// The id of whoever this is.
    async fn authenticate(&self) -> Result<Result<String, Rejection>, StoreError> {
        match self.form.get("demo_account") {
            Some(user_id) => self.enter_demo_account(user_id).await,
            None => self.check_password().await,
        }
    }

    /// Their passwords are public knowledge, so a click is as good.
    async fn enter_demo_account(
        &self,
        user_id: &str,
    ) -> Result<Result<String, Rejection>, StoreError> {
        let provider = self.provider;
        if provider.demo && provider.store.is_demo(user_id).await? {
            return Ok(Ok(user_id.to_owned()));
        }
        Ok(Err(Rejection::new(StatusCode::FORBIDDEN, WRONG)))
    }

    async fn check_password(&self) -> Result<Result<String, Rejection>, StoreError> {
        let store = &self.provider.store;
        let email = directory::normalize(self.form.get("email").unwrap_or_default());
        let password = self.form.get("password").unwrap_or_default();
        let now = crate::unix_now();
        let attempt = match throttle::begin(store, &email, self.address, now).await? {
            Ok(attempt) => attempt,
            Err(seconds) => return Ok(Err(Rejection::wait(seconds))),
        };
        let (user_id, hash) = match store.credentials(&email).await? {
            Some((user_id, hash)) => (Some(user_id), hash),
            None => (None, None),
        };
        let fits = self
            .provider
            .passwords
            .check(password.to_owned(), hash)
            .await;
        match user_id.filter(|_| fits) {
            Some(user_id) => {
                attempt.succeeded(store).await?;
                Ok(Ok(user_id))
            }
            None => {
                tracing::info!("a sign-in failed");
                Ok(Err(Rejection::new(StatusCode::FORBIDDEN, WRONG)))
            }
        }
    }
}
