//! Refuses requests that other sites make in a visitor's name.
//!
//! There is no hidden form field: browsers say where a request comes from in
//! `Sec-Fetch-Site` and `Origin`, which a page cannot forge.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, header};

use crate::problem::{Next as Onward, Problem, Reader};
use crate::site::Shared;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Lets a request through that changes nothing, or that one of this site's own
/// pages made.
pub(crate) async fn refuse_other_sites(
    State(site): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    if changes_nothing(request.method()) || own_page(request.headers(), site.origin.as_str()) {
        next.run(request).await
    } else {
        Reader::of(request.headers(), request.extensions()).tell(&CROSS_SITE)
    }
}

const CROSS_SITE: Problem = Problem {
    status: StatusCode::FORBIDDEN,
    code: "cross_site",
    title: "This did not come from a page of this site",
    text: "Forms have to be sent from this site's own pages: the headers Origin and Sec-Fetch-Site say this one was not. Nothing was changed. Go to the start page and try it from there.",
    next: Onward::Home,
};

fn changes_nothing(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A browser that sends neither header predates both; none that can show the
/// pages does.
fn own_page(headers: &HeaderMap, own_origin: &str) -> bool {
    let site = headers
        .get(SEC_FETCH_SITE)
        .map(|value| value == "same-origin");
    let origin = headers.get(header::ORIGIN).map(|value| value == own_origin);
    let hidden = headers
        .get(header::ORIGIN)
        .is_some_and(|value| value == "null");
    match (site, origin) {
        // A page whose policy keeps its address from forms says `null`.
        (Some(site), Some(_)) if hidden => site,
        (Some(site), Some(origin)) => site && origin,
        (Some(known), None) | (None, Some(known)) => known,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn is_own(site: Option<&'static str>, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(site) = site {
            headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
        }
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        own_page(&headers, "https://app.example.com")
    }

    #[test]
    fn own_pages_are_known_by_either_header() {
        let own = Some("https://app.example.com");
        assert!(is_own(Some("same-origin"), own));
        assert!(is_own(Some("same-origin"), None));
        assert!(is_own(None, own));
    }

    #[test]
    fn an_origin_that_is_kept_back_leaves_the_decision_to_the_browsers_other_word() {
        assert!(is_own(Some("same-origin"), Some("null")));
        assert!(!is_own(Some("cross-site"), Some("null")));
        assert!(!is_own(Some("none"), Some("null")));
    }

    #[test]
    fn anything_else_is_another_site() {
        let own = Some("https://app.example.com");
        assert!(!is_own(None, None));
        assert!(!is_own(Some("same-site"), own));
        assert!(!is_own(Some("cross-site"), None));
        assert!(!is_own(Some("none"), None));
        assert!(!is_own(None, Some("null")));
        assert!(!is_own(None, Some("https://app.example.com.evil.example")));
        assert!(!is_own(Some("same-origin"), Some("http://rebound.example")));
    }
}
