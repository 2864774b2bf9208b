//! Answers that travel to the client through the browser: a redirect with
//! `code` or `error`, the client's `state` and our `iss` (RFC 6749, section
//! 4.1.2; RFC 9207).

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::issuer::Issuer;
use crate::pages;
use crate::parameters::{self, Form, FormRejection};
use crate::provider::Provider;

/// Where an answer goes. Only made once the URI was found to be registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) redirect_uri: &'a str,
    pub(crate) state: Option<&'a str>,
}

/// Why there is no code.
#[derive(Debug)]
pub(crate) enum Refusal<'a> {
    /// Nobody to tell but the person: the client or its URI is not known.
    Page(&'static str),
    /// An error of RFC 6749, section 4.1.2.1, or OpenID Connect Core, 3.1.2.6.
    Redirect {
        target: Target<'a>,
        error: &'static str,
        description: &'static str,
    },
}

impl<'a> Refusal<'a> {
    pub(crate) fn redirect(
        target: Target<'a>,
        error: &'static str,
        description: &'static str,
    ) -> Self {
        Self::Redirect {
            target,
            error,
            description,
        }
    }

    /// The person would have to sign in, and may not be asked or is another.
    pub(crate) fn login_required(target: Target<'a>) -> Self {
        Self::redirect(target, "login_required", "the person must sign in")
    }
}

/// Lets the browser make a posted request again by GET: a form posted from the
/// client's site comes without our `SameSite=Lax` cookie, a redirect brings it.
pub(crate) fn again_by_get(
    provider: &Provider,
    path: &str,
    form: Result<Form, FormRejection>,
) -> Response {
    match form {
        Ok(Form(parameters)) => {
            let path = provider.issuer.path(path);
            see_other(&format!("{path}?{}", parameters.encode()))
        }
        Err(FormRejection(error)) => pages::bad_request(provider, &error.to_string()),
    }
}

pub(crate) fn success(issuer: &Issuer, target: Target<'_>, code: &str) -> Response {
    send(issuer, target, &[("code", code)])
}

pub(crate) fn failure(
    issuer: &Issuer,
    target: Target<'_>,
    error: &str,
    description: &str,
) -> Response {
    send(
        issuer,
        target,
        &[("error", error), ("error_description", description)],
    )
}

fn send(issuer: &Issuer, target: Target<'_>, pairs: &[(&str, &str)]) -> Response {
    let own = [("iss", issuer.as_str())];
    let state = target.state.map(|state| ("state", state));
    let answer = pairs.iter().copied().chain(state).chain(own);
    see_other(&with_query(
        target.redirect_uri,
        &parameters::encode(answer),
    ))
}

/// The URI as registered, with more parameters.
pub(crate) fn with_query(uri: &str, query: &str) -> String {
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{query}")
}

/// 303 after GET and POST alike: a 307 would send the password on (RFC 9700,
/// section 4.12). Nothing may keep it: codes are in it.
pub(crate) fn see_other(location: &str) -> Response {
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_uri_stays_as_it_is() {
        assert_eq!(
            with_query("https://a.example", "x=1"),
            "https://a.example?x=1"
        );
        assert_eq!(
            with_query("https://a.example/cb?tenant=2", "x=1"),
            "https://a.example/cb?tenant=2&x=1"
        );
    }
}
