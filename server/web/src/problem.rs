//! What a person reads when something they did cannot be done: a small page of
//! its own, or the error envelope for programs.
//!
//! Every text is fixed. Nothing of a request is repeated on the page but a
//! checked `return_to`, inside an address.

use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Response};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use service::ApiError;
use std::convert::Infallible;
use time::OffsetDateTime;
use url::form_urlencoded::byte_serialize;

use crate::control::SessionSummary;
use crate::return_to::ReturnTo;
use crate::security::PageNonce;

/// A refusal with its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    /// What happened and what to do about it.
    pub(crate) text: &'static str,
    pub(crate) next: Next,
}

/// The button below the explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    Home,
    SignIn(ReturnTo),
    /// An address of the provider, from its discovery document.
    Provider(String),
}

impl Next {
    fn label(&self) -> &'static str {
        match self {
            Self::Home => "Go to the start page",
            Self::SignIn(_) => "Sign in again",
            Self::Provider(_) => "Go on",
        }
    }

    fn address(&self) -> String {
        match self {
            Self::Home => "/".to_owned(),
            Self::SignIn(return_to) => sign_in_address(return_to),
            Self::Provider(address) => address.clone(),
        }
    }
}

/// The address that starts a sign-in which ends at `return_to`.
pub(crate) fn sign_in_address(return_to: &ReturnTo) -> String {
    let target: String = byte_serialize(return_to.as_str().as_bytes()).collect();
    format!("/sign-in?return_to={target}")
}

/// Who asked: a person looking at a page, or a program.
#[derive(Debug)]
pub(crate) struct Reader {
    nonce: Option<PageNonce>,
    wants_page: bool,
}

/// Whether a person is to read the answer.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|accepted| accepted.contains("text/html"))
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, &parts.extensions))
    }
}

impl Reader {
    /// Who sent a request with these.
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        Self {
            nonce: extensions.get().cloned(),
            wants_page: wants_page(headers),
        }
    }

    /// The problem, as the reader can make use of it.
    pub(crate) fn tell(&self, problem: &Problem) -> Response {
        if self.wants_page {
            let page = Html(self.page(problem.title, problem.text, &problem.next, ""));
            let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (problem.status, headers, page).into_response()
        } else {
            ApiError::new(problem.status, problem.code, problem.text).into_response()
        }
    }

    /// A page that goes on by itself to end the session at the provider. The
    /// answer to a form cannot redirect there: browsers hold it, and wherever
    /// the provider redirects to in turn, to the page's policy for forms.
    pub(crate) fn sign_out_at(&self, address: &str) -> Response {
        let refresh = format!(
            "<meta http-equiv=\"refresh\" content=\"0;url={}\">",
            escape(address)
        );
        let text = "You are signed out here. Your sign-in provider comes next.";
        let next = Next::Provider(address.to_owned());
        Html(self.page("Signing out", text, &next, &refresh)).into_response()
    }

    /// Where a person is signed in; `current` is the session they look with.
    pub(crate) fn sessions(&self, sessions: &[SessionSummary], current: &str) -> Response {
        let items: String = sessions.iter().map(|each| item(each, current)).collect();
        let content = format!(
            "<h1>Where you are signed in</h1><ul>{items}</ul>\
             <form method=\"post\" action=\"/sessions/end-all\"><button>Sign out everywhere</button></form>\
             <p><a href=\"/\">{}</a></p>",
            Next::Home.label()
        );
        Html(self.document("Where you are signed in", "", &content)).into_response()
    }

    fn page(&self, title: &str, text: &str, next: &Next, head: &str) -> String {
        let content = format!(
            "<h1>{title}</h1><p>{text}</p><a href=\"{address}\">{label}</a>",
            title = escape(title),
            text = escape(text),
            address = escape(&next.address()),
            label = next.label(),
        );
        self.document(title, head, &content)
    }

    /// A whole page; `head` and `content` are markup.
    fn document(&self, title: &str, head: &str, content: &str) -> String {
        let nonce = self.nonce.as_ref().map_or("", |nonce| &nonce.0);
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{head}\
             <title>{title} · Rookery</title><style nonce=\"{nonce}\">{STYLE}</style></head>\
             <body><main>{content}</main></body></html>",
            title = escape(title),
        )
    }
}

/// The page stands alone: it has to work when nothing else does.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:1rem/1.6 system-ui,sans-serif;\
background:light-dark(#f7f7f5,#16181b);color:light-dark(#1d2023,#e8e8e6)}\
main{max-width:30rem;padding:2rem}\
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}\
p{margin:0 0 1rem}\
ul{list-style:none;margin:0 0 1rem;padding:0}\
li{padding:.75rem 0;border-top:1px solid light-dark(#d5d5d0,#3a3d42)}\
li small{display:block}\
button{font:inherit;border:0;cursor:pointer}\
a,button{display:inline-block;margin-top:.5rem;padding:.5rem 1rem;border-radius:.5rem;text-decoration:none;\
background:light-dark(#1d2023,#e8e8e6);color:light-dark(#fff,#16181b)}\
a:focus-visible,button:focus-visible{outline:3px solid #3b82f6;outline-offset:2px}";

/// One session on the page of them.
fn item(session: &SessionSummary, current: &str) -> String {
    let id = escape(&session.id);
    let browser = match session.browser.as_str() {
        "" => "A browser without a name",
        name => name,
    };
    let end = if session.id == current {
        "<strong>This browser</strong>".to_owned()
    } else {
        format!(
            "<form method=\"post\" action=\"/sessions/end\">\
             <input type=\"hidden\" name=\"session\" value=\"{id}\"><button>Sign out there</button></form>"
        )
    };
    format!(
        "<li>{}<small>Signed in {}, last used {}</small>{end}</li>",
        escape(browser),
        moment(session.signed_in_at),
        moment(session.seen_at),
    )
}

/// A unix second as a person reads it.
fn moment(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute) = (moment.hour(), moment.minute());
    format!("{} {hour:02}:{minute:02} UTC", moment.date())
}

/// An error with its causes, for the log.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// `503` answers may be tried again.
pub(crate) fn retry_after(mut response: Response, seconds: u32) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_survives_the_detour() {
        let return_to = ReturnTo::new(Some("/dashboard?from=2026-01-01&to=2026-01-31"));
        assert_eq!(
            sign_in_address(&return_to),
            "/sign-in?return_to=%2Fdashboard%3Ffrom%3D2026-01-01%26to%3D2026-01-31"
        );
    }

    #[test]
    fn nothing_breaks_out_of_the_page() {
        let reader = Reader {
            nonce: None,
            wants_page: true,
        };
        let page = reader.page("<b>", "\"&'", &Next::Home, "");
        assert!(
            page.contains("<h1>&lt;b&gt;</h1><p>&quot;&amp;&#39;</p>"),
            "{page}"
        );
    }
}
