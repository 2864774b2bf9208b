//! How the browser names its session, and cookies in general: names that
//! follow from the origin, and removals that browsers obey.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use tower_sessions::cookie::{Cookie, SameSite, time::Duration};

use crate::origin::Origin;

/// The prefix that makes browsers insist on `Secure`, `Path=/` and no
/// `Domain` (RFC 6265bis, section 4.1.3.2). Plain http cannot have it.
const HOST_PREFIX: &str = "__Host-";

/// A cookie name for `origin`.
pub(crate) fn name_on(origin: &Origin, name: &str) -> String {
    if origin.is_https() {
        format!("{HOST_PREFIX}{name}")
    } else {
        name.to_owned()
    }
}

/// A `Set-Cookie` that lives for `max_age` seconds; zero removes the cookie.
pub(crate) fn set_cookie(origin: &Origin, name: &str, value: &str, max_age: i64) -> HeaderValue {
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(origin.is_https())
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(max_age))
        .build();
    HeaderValue::from_str(&cookie.to_string()).expect("names and values are plain ASCII")
}

/// The cookies of a request, in its order; broken ones are left out.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
}

/// The cookie that names the session.
#[derive(Debug)]
pub(crate) struct SessionCookie {
    name: String,
    secure: bool,
    removal: HeaderValue,
}

impl SessionCookie {
    /// The session cookie of `origin`.
    pub(crate) fn new(origin: &Origin) -> Self {
        let name = name_on(origin, "rookery_session");
        let removal = set_cookie(origin, &name, "", 0);
        Self {
            name,
            secure: origin.is_https(),
            removal,
        }
    }

    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }

    pub(crate) fn secure(&self) -> bool {
        self.secure
    }

    /// Replaces the removal that tower-sessions sends: it lacks `Secure`, and
    /// browsers ignore a cookie with the host prefix that lacks it, so that the
    /// dead cookie would stay.
    pub(crate) fn mend_removal(&self, mut response: Response) -> Response {
        let set = response.headers().get_all(header::SET_COOKIE);
        if !set.iter().any(|value| self.is_removal(value)) {
            return response;
        }
        let mended: Vec<HeaderValue> = set
            .iter()
            .map(|value| {
                if self.is_removal(value) {
                    &self.removal
                } else {
                    value
                }
            })
            .cloned()
            .collect();
        response.headers_mut().remove(header::SET_COOKIE);
        for value in mended {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
        response
    }

    fn is_removal(&self, set_cookie: &HeaderValue) -> bool {
        set_cookie
            .as_bytes()
            .strip_prefix(self.name.as_bytes())
            .is_some_and(|rest| rest.starts_with(b"=;"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    fn https() -> Origin {
        Origin::public("https://app.example.com").unwrap()
    }

    fn http() -> Origin {
        Origin::public("http://localhost:3000").unwrap()
    }

    #[test]
    fn only_https_gets_the_host_prefix_and_secure() {
        assert_eq!(name_on(&https(), "x"), "__Host-x");
        assert_eq!(name_on(&http(), "x"), "x");
        let secure = set_cookie(&https(), "__Host-x", "1", 60);
        assert_eq!(
            secure,
            "__Host-x=1; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
        );
        let plain = set_cookie(&http(), "x", "1", 60);
        assert_eq!(plain, "x=1; HttpOnly; SameSite=Lax; Path=/; Max-Age=60");
    }

    #[test]
    fn a_removal_carries_what_the_host_prefix_demands() {
        let cookie = SessionCookie::new(&https());
        let theirs = "__Host-rookery_session=; Path=/; Max-Age=0";
        let response = [
            (header::SET_COOKIE, "other=1; Path=/"),
            (header::SET_COOKIE, theirs),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in response {
            headers.append(name, HeaderValue::from_static(value));
        }
        let response = cookie.mend_removal((headers, "").into_response());
        let set: Vec<&str> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(
            set,
            [
                "other=1; Path=/",
                "__Host-rookery_session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
            ]
        );
    }

    #[test]
    fn a_broken_cookie_does_not_hide_the_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("broken; a=1; b=2"));
        let names: Vec<String> = cookies(&headers)
            .map(|each| each.name().to_owned())
            .collect();
        assert_eq!(names, ["a", "b"]);
    }
}
