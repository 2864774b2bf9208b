//! A browser: keeps cookies, says where requests come from, follows nothing by
//! itself.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// A browser on one site.
#[derive(Clone)]
pub(crate) struct Browser {
    site: Router,
    origin: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// What the site answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// A header's text; empty when it is empty or absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Where it redirects to; panics when it does not.
    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header("location")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        self.headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }
}

impl Browser {
    pub(crate) fn new(site: Router, origin: &str) -> Self {
        Self {
            site,
            origin: origin.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    pub(crate) async fn get(&mut self, address: &str) -> Answer {
        self.send(Method::GET, address, "", &[("accept", "text/html")])
            .await
    }

    /// Submits a form of one of the site's own pages.
    pub(crate) async fn post(&mut self, address: &str, form: &str) -> Answer {
        let origin = self.origin.clone();
        let own = [
            ("accept", "text/html"),
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::POST, address, form, &own).await
    }

    /// Sends a request with the cookies; `address` may carry this site's origin.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        address: &str,
        form: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let path = address.strip_prefix(&self.origin).unwrap_or(address);
        let host = self.origin.split_once("://").unwrap().1;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .body(Body::from(form.to_owned()))
            .unwrap();
        if !form.is_empty() {
            request.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request
                .headers_mut()
                .insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let response = self.site.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        self.keep(&answer);
        answer
    }

    /// The cookie that names the session.
    pub(crate) fn session(&self) -> Option<&String> {
        self.cookies
            .iter()
            .find(|(name, _)| name.ends_with("rookery_session"))
            .map(|(_, value)| value)
    }

    fn keep(&mut self, answer: &Answer) {
        for set in answer.set_cookies() {
            let (pair, attributes) = set.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let secure = attributes.contains("Secure") && attributes.contains("Path=/");
            if name.starts_with("__Host-") && !secure {
                continue;
            }
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
