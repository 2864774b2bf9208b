//! The response headers that tell browsers what a page may do, first of all
//! the Content Security Policy with a fresh nonce for each page.
//!
//! Caching headers belong to what is sent and are set there.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use rand::RngCore as _;

use crate::origin::Origin;

/// A year, which is what browsers' lists of https-only sites ask for.
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The nonce of the page that answers a request, as a request extension.
#[derive(Debug, Clone)]
pub(crate) struct PageNonce(pub(crate) Arc<str>);

/// The policy of this site's pages.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// The Content Security Policy around its two nonces.
    parts: Arc<[String; 3]>,
    https: bool,
}

impl Policy {
    /// The policy of pages on `origin` that call the analytics server at
    /// `analytics`. With a reload port, pages may also listen to the
    /// development loop.
    pub(crate) fn new(origin: &Origin, analytics: &Origin, reload_port: Option<u16>) -> Self {
        let mut connect = format!("'self' {}", analytics.as_str());
        if let Some(port) = reload_port {
            let scheme = if origin.is_https() { "wss" } else { "ws" };
            write!(connect, " {scheme}://{}:{port}", origin.host())
                .expect("writing to a string cannot fail");
        }
        Self {
            parts: Arc::new([
                "default-src 'none'; script-src 'nonce-".to_owned(),
                "' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self' 'nonce-".to_owned(),
                format!(
                    "'; connect-src {connect}; img-src 'self' data:; font-src 'self'; \
                     manifest-src 'self'; base-uri 'none'; form-action 'self'; \
                     frame-ancestors 'none'"
                ),
            ]),
            https: origin.is_https(),
        }
    }

    fn content_security_policy(&self, nonce: &str) -> HeaderValue {
        let [scripts, styles, rest] = &*self.parts;
        HeaderValue::from_str(&[scripts, nonce, styles, nonce, rest].concat())
            .expect("origins and nonces are printable ASCII")
    }

    fn write(&self, nonce: &str, headers: &mut HeaderMap) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            self.content_security_policy(nonce),
        );
        // `no-referrer` would make forms send `Origin: null`.
        headers.insert(
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        );
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(
            PERMISSIONS_POLICY,
            HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
        );
        self.write_for_files(headers);
    }

    /// What static files carry, too.
    pub(crate) fn write_for_files(&self, headers: &mut HeaderMap) {
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if self.https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
        }
    }
}

/// Gives the page a nonce and its answer the headers.
pub(crate) async fn protect(
    State(policy): State<Policy>,
    mut request: Request,
    next: Next,
) -> Response {
    let nonce = PageNonce(fresh_nonce());
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    policy.write(&nonce.0, headers);
    if is_refusal {
        // Whatever refused it, a route or the router: nobody keeps refusals.
        let entry = headers.entry(header::CACHE_CONTROL);
        entry.or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

/// 128 random bits.
fn fresh_nonce() -> Arc<str> {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    STANDARD_NO_PAD.encode(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(reload_port: Option<u16>) -> String {
        let origin = Origin::public("http://localhost:3000").unwrap();
        let analytics = Origin::public("http://localhost:7181").unwrap();
        Policy::new(&origin, &analytics, reload_port)
            .content_security_policy("N")
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn pages_may_do_what_they_need_and_nothing_else() {
        assert_eq!(
            policy(None),
            "default-src 'none'; script-src 'nonce-N' 'strict-dynamic' 'wasm-unsafe-eval'; \
             style-src 'self' 'nonce-N'; connect-src 'self' http://localhost:7181; \
             img-src 'self' data:; font-src 'self'; manifest-src 'self'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'"
        );
    }

    #[test]
    fn only_the_development_loop_opens_the_reload_socket() {
        assert!(policy(Some(3001)).contains(" ws://localhost:3001;"));
        assert!(!policy(None).contains("ws:"));
    }

    #[test]
    fn no_two_pages_share_a_nonce() {
        assert_ne!(fresh_nonce(), fresh_nonce());
    }
}
