//! Web origins: scheme, host and port (RFC 6454), and the rule that plain
//! HTTP is for the loopback only.
//!
//! Addresses come from the configuration, never from a request's `Host`.

use std::net::IpAddr;

use url::{Host, Url};

/// An address in the configuration that is not a usable origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Not a URL at all.
    #[error("`{0}` is not an address: write it like https://app.example.com")]
    NotAnAddress(String),
    /// More than scheme, host and port.
    #[error(
        "`{0}` is more than an origin: keep scheme, host and port, such as https://app.example.com"
    )]
    MoreThanOrigin(String),
    /// Plain HTTP on a network.
    #[error(
        "`{0}` is plain HTTP: cookies and tokens would travel in the clear; use https, or a loopback address while developing"
    )]
    Insecure(String),
}

/// A web origin, such as `https://app.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    url: Url,
    text: String,
}

impl Origin {
    /// Reads an origin that may be reached in the clear, because only this
    /// house's servers use it.
    pub(crate) fn internal(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| OriginError::NotAnAddress(text.to_owned()))?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return Err(OriginError::MoreThanOrigin(text.to_owned()));
        }
        let text = url.origin().ascii_serialization();
        Ok(Self { url, text })
    }

    /// Reads an origin that browsers use: https, or http on the loopback.
    pub(crate) fn public(text: &str) -> Result<Self, OriginError> {
        let origin = Self::internal(text)?;
        if is_secure(&origin.url) {
            Ok(origin)
        } else {
            Err(OriginError::Insecure(text.to_owned()))
        }
    }

    /// Scheme, host and port without a trailing slash, as in the header
    /// `Origin`.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is served over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether `url` lies on this origin.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }

    /// The host without its port; IPv6 in brackets.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The address of `path`, which starts with a slash.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Whether a request that named `authority` as its host reached this
    /// loopback origin by another of the loopback's names, such as
    /// `127.0.0.1:3000` for `localhost:3000`. Cookies do not carry over.
    pub(crate) fn is_alias(&self, authority: &str) -> bool {
        let Ok(other) = Url::parse(&format!("{}://{authority}/", self.url.scheme())) else {
            return false;
        };
        is_loopback(&self.url)
            && is_loopback(&other)
            && self.url.port_or_known_default() == other.port_or_known_default()
            && self.url.host_str() != other.host_str()
    }
}

/// Whether `url` is https, or http to the loopback.
pub(crate) fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether `url` names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_and_a_default_port_do_not_matter() {
        let origin = Origin::public("https://App.example.com:443/").unwrap();
        assert_eq!(origin.as_str(), "https://app.example.com");
        assert_eq!(origin.at("/sign-in"), "https://app.example.com/sign-in");
    }

    #[test]
    fn plain_http_is_for_the_loopback_only() {
        for good in [
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:3000",
            "http://web.localhost",
        ] {
            assert!(Origin::public(good).is_ok(), "{good}");
        }
        for bad in [
            "http://app.example.com",
            "http://192.168.1.4:3000",
            "http://localhost.example",
        ] {
            assert_eq!(
                Origin::public(bad),
                Err(OriginError::Insecure(bad.to_owned())),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_origin_has_no_path_and_no_credentials() {
        for bad in [
            "https://a.example/app",
            "https://a.example/?x",
            "https://me@a.example",
        ] {
            assert_eq!(
                Origin::internal(bad),
                Err(OriginError::MoreThanOrigin(bad.to_owned()))
            );
        }
        for bad in ["a.example", "ftp://a.example", "data:text/plain,x", ""] {
            assert_eq!(
                Origin::internal(bad),
                Err(OriginError::NotAnAddress(bad.to_owned()))
            );
        }
    }

    #[test]
    fn other_names_of_the_loopback_are_aliases() {
        let origin = Origin::public("http://localhost:3000").unwrap();
        assert!(origin.is_alias("127.0.0.1:3000"));
        assert!(origin.is_alias("[::1]:3000"));
        assert!(!origin.is_alias("localhost:3000"));
        assert!(!origin.is_alias("127.0.0.1:4000"));
        assert!(!origin.is_alias("evil.example:3000"));
        let public = Origin::public("https://app.example.com").unwrap();
        assert!(!public.is_alias("127.0.0.1:443"));
    }
}
