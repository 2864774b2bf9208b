//! `GET /sign-in` leaves for the provider, `GET /auth/callback` comes back
//! from it.

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use tower_sessions::Session;
use tower_sessions::session::Error as SessionError;

use crate::oidc::{Callback, Refusal, SignInError, SignedIn, TransactionError};
use crate::problem::{Next, Problem, Reader, retry_after, sign_in_address, with_causes};
use crate::return_to::ReturnTo;
use crate::session::Begin;
use crate::site::{Shared, Site, see_other};
use crate::visitor::{Carries, Visitor};

/// A provider that is down is worth another try after this many seconds.
const RETRY: u32 = 5;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Start {
    return_to: Option<String>,
}

/// Leaves for the provider.
pub(crate) async fn start(
    State(site): State<Shared>,
    reader: Reader,
    headers: HeaderMap,
    start: Result<Query<Start>, QueryRejection>,
) -> Response {
    let start = start.map(|Query(start)| start).unwrap_or_default();
    let return_to = ReturnTo::new(start.return_to.as_deref());
    if let Some(address) = site.canonical(&headers, &return_to) {
        return see_other(&address);
    }
    match site.oidc.start(return_to.clone(), &headers).await {
        Ok((address, cookies)) => {
            let mut response = see_other(address.as_str());
            for cookie in cookies {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => explain(&error, return_to, &reader),
    }
}

/// Comes back from the provider.
pub(crate) async fn finish(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
    reader: Reader,
    headers: HeaderMap,
    callback: Result<Query<Callback>, QueryRejection>,
) -> Response {
    let home = ReturnTo::new(None);
    let Ok(Query(callback)) = callback else {
        return explain(
            &SignInError::Transaction(TransactionError::Unknown),
            home,
            &reader,
        );
    };
    let forget = site.oidc.forget(&callback);
    let mut response = match site.oidc.finish(callback, &headers).await {
        // The back button or a second click: all is well already.
        Err(SignInError::Transaction(_)) if visitor.signed_in.is_some() => see_other("/"),
        Err(error) => explain(&error, home, &reader),
        Ok(signed_in) => match site.welcome(&session, &signed_in, &headers).await {
            Ok(()) => {
                let mut response = see_other(signed_in.return_to.as_str());
                response.extensions_mut().insert(Carries(None));
                response
            }
            Err(error) => {
                tracing::error!(%error, "a session cannot be stored");
                reader.tell(&NOT_STORED)
            }
        },
    };
    if let Some(cookie) = forget {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

impl Site {
    /// Begins the session of somebody who has just signed in.
    async fn welcome(
        &self,
        session: &Session,
        signed_in: &SignedIn,
        headers: &HeaderMap,
    ) -> Result<(), SessionError> {
        // What was revoked before does not concern the new session.
        if let Err(error) = self.revoked.refresh().await {
            tracing::error!(%error, "revoked tokens cannot be read");
        }
        let account = &signed_in.account;
        let browser = headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        let begin = Begin {
            account,
            credentials: &signed_in.credentials,
            provider_session: signed_in.provider_session.as_deref(),
            spared: self
                .revoked
                .now()
                .user(&account.profile.subject)
                .unwrap_or_default(),
            browser: browser.unwrap_or_default(),
        };
        self.sessions.begin(session, &begin).await
    }

    /// The sign-in address under the configured name, for a browser that came
    /// by another name of the loopback: the callback goes to the configured
    /// one, where the cookies of this one are not sent.
    fn canonical(&self, headers: &HeaderMap, return_to: &ReturnTo) -> Option<String> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        self.origin
            .is_alias(host)
            .then(|| self.origin.at(&sign_in_address(return_to)))
    }
}

/// Logs the error for the operator and tells the person what to do.
fn explain(error: &SignInError, return_to: ReturnTo, reader: &Reader) -> Response {
    let problem = Problem {
        next: Next::SignIn(return_to),
        ..problem(error)
    };
    if problem.status.is_server_error() {
        let error = with_causes(error);
        tracing::warn!(error, code = problem.code, "nobody can sign in");
    } else {
        tracing::info!(%error, code = problem.code, "a sign-in failed");
    }
    let response = reader.tell(&problem);
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        retry_after(response, RETRY)
    } else {
        response
    }
}

fn problem(error: &SignInError) -> Problem {
    use crate::oidc::ProviderError;

    let (status, code, title, text) = match error {
        SignInError::Provider(ProviderError::Unreachable { .. })
        | SignInError::Refused(Refusal::TemporarilyUnavailable) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "provider_unreachable",
            "Signing in is not possible right now",
            "The sign-in provider does not answer. This usually passes; try again in a moment. Nothing about your account has changed.",
        ),
        SignInError::Transaction(_) | SignInError::CodeExpired => (
            StatusCode::BAD_REQUEST,
            "sign_in_expired",
            "This sign-in has expired",
            "It was started too long ago, in another browser, or has been used already. Sign in again; if this page comes back, allow cookies for this site.",
        ),
        SignInError::Refused(Refusal::AccessDenied) => (
            StatusCode::FORBIDDEN,
            "access_denied",
            "You were not signed in",
            "The sign-in was cancelled, or the sign-in provider does not let your account in here.",
        ),
        SignInError::Claims(_) => (
            StatusCode::FORBIDDEN,
            "organizations_unknown",
            "Your organizations could not be read",
            "The sign-in provider did not tell which organizations you belong to in the way this site expects. An administrator of this site finds the reason in its log.",
        ),
        SignInError::MixedUp
        | SignInError::NoCode
        | SignInError::Verification(_)
        | SignInError::Userinfo(_) => (
            StatusCode::BAD_GATEWAY,
            "answer_not_accepted",
            "The sign-in could not be verified",
            "The answer of the sign-in provider did not pass the checks that protect your account. Sign in again; if it happens again, tell an administrator of this site.",
        ),
        SignInError::Provider(ProviderError::Unusable { .. })
        | SignInError::TokenRequest(_)
        | SignInError::Refused(Refusal::Other) => (
            StatusCode::BAD_GATEWAY,
            "provider_misconfigured",
            "Signing in does not work at present",
            "This site and its sign-in provider do not agree on how to talk to each other. An administrator of this site finds the reason in its log.",
        ),
    };
    Problem {
        status,
        code,
        title,
        text,
        next: Next::Home,
    }
}

const NOT_STORED: Problem = Problem {
    status: StatusCode::SERVICE_UNAVAILABLE,
    code: "session_not_stored",
    title: "You could not be signed in",
    text: "Your sign-in was good, but the session could not be stored. Try again in a moment.",
    next: Next::Home,
};
