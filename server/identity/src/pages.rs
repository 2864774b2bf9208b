//! What people see: the sign-in page, the sign-out pages and plain messages.
//!
//! Server-rendered, without scripts; texts from outside only ever appear
//! escaped, and messages never repeat the request. One stylesheet, served under
//! the digest of its content.

use std::error::Error;
use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, html};
use url::Url;

use crate::provider::Provider;
use crate::secret;
use crate::store::DemoPerson;

const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");

pub(crate) const STYLE_ROUTE: &str = "/style.css";
pub(crate) const ICON_ROUTE: &str = "/icon.svg";

const MOTTO: &str = "Each nest sees only its own.";

/// `GET /style.css`
pub(crate) async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", STYLE)
}

/// `GET /icon.svg`
pub(crate) async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", ICON)
}

/// The address of an asset changes with its content, so it may be kept.
fn asset(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content)
}

/// The sign-in page's content.
#[derive(Debug)]
pub(crate) struct SignIn<'a> {
    /// The authorization request, as a query.
    pub(crate) request: &'a str,
    /// Where the browser goes once the form is answered.
    pub(crate) redirect_uri: &'a str,
    pub(crate) form_secret: &'a str,
    /// What the address field shows.
    pub(crate) email: &'a str,
    pub(crate) demo_people: &'a [DemoPerson],
    pub(crate) error: Option<&'a str>,
}

pub(crate) fn sign_in(provider: &Provider, status: StatusCode, page: &SignIn<'_>) -> Response {
    let action = provider.issuer.path("/sign-in");
    let content = html! {
        form method="post" action=(action) {
            (hidden_fields(page))
            @if let Some(error) = page.error {
                p.error #error role="alert" { (error) }
            }
            label for="email" { "E-mail address" }
            input #email name="email" type="email" autocomplete="username" required
                autocapitalize="none" spellcheck="false" maxlength="254" value=(page.email)
                autofocus[page.email.is_empty()] aria-invalid=[page.error.map(|_| "true")]
                aria-describedby=[page.error.map(|_| "error")];
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password"
                required maxlength="1024" autofocus[!page.email.is_empty()]
                aria-invalid=[page.error.map(|_| "true")]
                aria-describedby=[page.error.map(|_| "error")];
            button.primary type="submit" { "Sign in" }
        }
        @if !page.demo_people.is_empty() {
            (demo_accounts(&action, page))
        }
    };
    let markup = layout(provider, "Sign in", &content);
    respond(status, Some(page.redirect_uri), markup)
}

fn demo_accounts(action: &str, page: &SignIn<'_>) -> Markup {
    html! {
        section.demo aria-labelledby="demo" {
            h2 #demo { "Or look around as" }
            form method="post" action=(action) {
                (hidden_fields(page))
                ul {
                    @for person in page.demo_people {
                        li {
                            button.account type="submit" name="demo_account" value=(person.id) {
                                span.initial aria-hidden="true" { (initial(&person.name)) }
                                span.who { (person.name) }
                                @for place in places(person) {
                                    span.where { (place) }
                                }
                            }
                        }
                    }
                }
            }
            p.note { "Demo accounts, offered on this machine only." }
        }
    }
}

fn hidden_fields(page: &SignIn<'_>) -> Markup {
    html! {
        input type="hidden" name="request" value=(page.request);
        input type="hidden" name="form_secret" value=(page.form_secret);
    }
}

fn initial(name: &str) -> String {
    name.chars().take(1).collect()
}

/// `Delta Air Lines Inc. · admin`
fn places(person: &DemoPerson) -> Vec<String> {
    if person.memberships.is_empty() {
        return vec!["in no organization".to_owned()];
    }
    person
        .memberships
        .iter()
        .map(|(organization, role)| format!("{organization} · {role}"))
        .collect()
}

/// Asks whether to sign out, where the client has not shown whom it means.
pub(crate) fn confirm_sign_out(
    provider: &Provider,
    request: &str,
    return_to: Option<&str>,
) -> Response {
    let content = html! {
        p { "An application asks to end your session here. You will have to sign in again afterwards." }
        form method="post" action=(provider.issuer.path("/sign-out")) {
            input type="hidden" name="request" value=(request);
            button.primary type="submit" { "Sign out" }
        }
    };
    let markup = layout(provider, "Sign out?", &content);
    respond(StatusCode::OK, return_to, markup)
}

pub(crate) fn signed_out(provider: &Provider) -> Response {
    let content = html! {
        p { "You can close this page, or go back to the application to sign in again." }
    };
    respond(
        StatusCode::OK,
        None,
        layout(provider, "You are signed out", &content),
    )
}

/// A request that no client can be told about.
pub(crate) fn bad_request(provider: &Provider, problem: &str) -> Response {
    let content = html! { p role="alert" { (problem) } };
    respond(
        StatusCode::BAD_REQUEST,
        None,
        layout(provider, "This does not work", &content),
    )
}

/// A form post that did not come from our own pages.
pub(crate) fn foreign_form(provider: &Provider) -> Response {
    let content = html! {
        p role="alert" {
            "This form was sent from another site, or your browser does not say from where. "
            "Go back to the application and start again."
        }
    };
    respond(
        StatusCode::FORBIDDEN,
        None,
        layout(provider, "This does not work", &content),
    )
}

pub(crate) fn server_error(provider: &Provider, error: &dyn Error) -> Response {
    tracing::error!(error = crate::chain(error), "a page could not be made");
    let content = html! {
        p role="alert" { "Something went wrong on our side. Please try again in a moment." }
        @if let Some(id) = service::current_request_id() {
            p.note { "The log has it under " code { (id) } "." }
        }
    };
    respond(
        StatusCode::INTERNAL_SERVER_ERROR,
        None,
        layout(provider, "Something went wrong", &content),
    )
}

fn layout(provider: &Provider, title: &str, content: &Markup) -> Markup {
    let issuer = &provider.issuer;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Rookery" }
                link rel="icon" type="image/svg+xml" href=(asset_path(issuer.path(ICON_ROUTE), &ICON_VERSION));
                link rel="stylesheet" href=(asset_path(issuer.path(STYLE_ROUTE), &STYLE_VERSION));
            }
            body {
                main {
                    header {
                        img src=(asset_path(issuer.path(ICON_ROUTE), &ICON_VERSION)) alt="" width="40" height="40";
                        p.brand { "Rookery" }
                        p.motto { (MOTTO) }
                    }
                    div.card {
                        h1 { (title) }
                        (content)
                    }
                }
            }
        }
    }
}

static STYLE_VERSION: LazyLock<String> = LazyLock::new(|| version(STYLE));
static ICON_VERSION: LazyLock<String> = LazyLock::new(|| version(ICON));

fn version(content: &str) -> String {
    secret::base64_digest(content).chars().take(12).collect()
}

fn asset_path(path: String, version: &str) -> String {
    format!("{path}?v={version}")
}

/// A page with the headers that keep it apart from other sites and out of
/// caches.
fn respond(status: StatusCode, form_target: Option<&str>, markup: Markup) -> Response {
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            content_security_policy(form_target),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // `no-referrer` would make browsers send `Origin: null` with our forms.
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (status, headers, Html(markup.into_string())).into_response()
}

/// Chromium holds the redirect after a form post to `form-action` too, so the
/// client's origin is in it.
fn content_security_policy(form_target: Option<&str>) -> HeaderValue {
    let target = form_target
        .and_then(|uri| Url::parse(uri).ok())
        .map(|url| match url.origin().is_tuple() {
            true => format!(" {}", url.origin().ascii_serialization()),
            false => format!(" {}:", url.scheme()),
        })
        .unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'{target}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("an origin is ASCII without control characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_may_lead_to_the_client_and_nowhere_else() {
        let policy = |uri| content_security_policy(uri).to_str().unwrap().to_owned();
        assert!(policy(None).contains("form-action 'self';"));
        assert!(
            policy(Some("https://app.example:8443/cb?x=1"))
                .contains("form-action 'self' https://app.example:8443;")
        );
        assert!(
            policy(Some("com.example.app:/cb")).contains("form-action 'self' com.example.app:;")
        );
    }

    #[test]
    fn the_style_uses_nothing_from_outside() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(STYLE.contains("light-dark("));
    }
}
