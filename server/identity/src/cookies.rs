//! The provider's two cookies: the session, and the secret that ties a sign-in
//! form to the browser it was sent to.

use http::{HeaderMap, HeaderValue, header};

use crate::issuer::Issuer;

/// One of our cookies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cookie {
    /// Who is signed in at the provider.
    Session,
    /// Shown again by the sign-in form.
    Form,
}

impl Cookie {
    /// The `__Host-` prefix keeps other hosts and plain http from setting the
    /// cookie; browsers take it with `Secure` only.
    fn name(self, issuer: &Issuer) -> String {
        let prefix = if issuer.is_secure() { "__Host-" } else { "" };
        let name = match self {
            Self::Session => "rookery_identity",
            Self::Form => "rookery_identity_form",
        };
        format!("{prefix}{name}")
    }

    /// The value that the browser sent.
    pub(crate) fn read(self, issuer: &Issuer, headers: &HeaderMap) -> Option<String> {
        let name = self.name(issuer);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(sent, value)| *sent == name && !value.is_empty())
            .map(|(_, value)| value.to_owned())
    }

    /// `Set-Cookie` for `seconds`, or for as long as the browser is open.
    pub(crate) fn set(self, issuer: &Issuer, value: &str, seconds: Option<i64>) -> HeaderValue {
        let secure = if issuer.is_secure() { "; Secure" } else { "" };
        let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        let cookie = format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}",
            self.name(issuer)
        );
        HeaderValue::from_str(&cookie).expect("our cookie values are base64url")
    }

    /// `Set-Cookie` that removes it.
    pub(crate) fn clear(self, issuer: &Issuer) -> HeaderValue {
        self.set(issuer, "", Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::parse(text).unwrap()
    }

    #[test]
    fn cookies_are_bound_to_the_host_on_https_and_plain_on_loopback() {
        let secure = Cookie::Session.set(&issuer("https://id.example"), "v", Some(60));
        assert_eq!(
            secure,
            "__Host-rookery_identity=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"
        );
        let plain = Cookie::Form.set(&issuer("http://localhost:3000/idp"), "v", None);
        assert_eq!(
            plain,
            "rookery_identity_form=v; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            "a=1; rookery_identity_form=f; rookery_identity=s"
                .parse()
                .unwrap(),
        );
        let local = issuer("http://localhost:3000/idp");
        assert_eq!(Cookie::Session.read(&local, &headers).unwrap(), "s");
        assert_eq!(Cookie::Form.read(&local, &headers).unwrap(), "f");
        let secure = issuer("https://id.example");
        assert_eq!(Cookie::Session.read(&secure, &headers), None);
    }
}
