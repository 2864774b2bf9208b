//! The issuer's URL and what follows from it: endpoint addresses, the origin
//! that forms must come from, and how cookies are named.

use url::{Host, Url};

use crate::settings::SettingsError;

/// The issuer of the demo: the provider mounted at `/idp` of the web origin.
pub const DEFAULT_ISSUER: &str = "http://localhost:3000/idp";

#[derive(Debug)]
pub(crate) struct Issuer {
    text: String,
    origin: String,
    path: String,
    secure: bool,
    loopback: bool,
}

impl Issuer {
    /// Reads an issuer identifier (OpenID Connect Discovery 1.0, section 3).
    /// The text is kept to the byte: relying parties compare it so.
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let wrong = |problem: &str| SettingsError::new("issuer", format!("`{text}` {problem}"));
        let url = Url::parse(text).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("must have neither a query nor a fragment"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("must not contain a user name"));
        }
        if text.ends_with('/') {
            return Err(wrong("must not end with a slash"));
        }
        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(wrong("must be https; http is for loopback hosts only")),
        }
        Ok(Self {
            text: text.to_owned(),
            origin: url.origin().ascii_serialization(),
            path: url.path().trim_end_matches('/').to_owned(),
            secure: url.scheme() == "https",
            loopback,
        })
    }

    /// The identifier, as configured.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The path that the router is mounted at; empty for the root.
    pub(crate) fn mount_path(&self) -> &str {
        &self.path
    }

    /// The absolute URL of one of the router's paths.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// The same without scheme and host, for links and forms of our pages.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// Whether cookies can be `Secure`.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the host is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }
}

/// Whether a URL's host can only be this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_to_the_byte_and_taken_apart() {
        let issuer = Issuer::parse(DEFAULT_ISSUER).unwrap();
        assert_eq!(issuer.as_str(), DEFAULT_ISSUER);
        assert_eq!(issuer.origin(), "http://localhost:3000");
        assert_eq!(issuer.mount_path(), "/idp");
        assert_eq!(issuer.path("/sign-in"), "/idp/sign-in");
        assert_eq!(issuer.url("/token"), "http://localhost:3000/idp/token");
    }

    #[test]
    fn an_issuer_at_the_root_has_no_path() {
        let issuer = Issuer::parse("https://id.example.com").unwrap();
        assert_eq!(issuer.mount_path(), "");
        assert_eq!(issuer.url("/token"), "https://id.example.com/token");
        assert!(issuer.is_secure() && !issuer.is_loopback());
    }

    #[test]
    fn plain_http_is_refused_off_the_machine() {
        assert!(Issuer::parse("http://127.0.0.1:3000/idp").is_ok());
        assert!(Issuer::parse("http://[::1]:3000").is_ok());
        let error = Issuer::parse("http://id.example.com").unwrap_err();
        assert!(error.to_string().starts_with("identity.issuer:"), "{error}");
        assert!(Issuer::parse("http://localhost.example.com").is_err());
    }

    #[test]
    fn what_relying_parties_would_stumble_over_is_refused() {
        for text in [
            "https://id.example.com/",
            "https://id.example.com?tenant=1",
            "https://id.example.com#top",
            "https://ada@id.example.com",
            "id.example.com",
        ] {
            assert!(Issuer::parse(text).is_err(), "{text}");
        }
    }
}
