//! Whether a form post comes from one of our own pages, in the browser that the
//! page was sent to. Without this, another site could sign a person in as
//! somebody else, or out.

use http::{HeaderMap, header};

use crate::cookies::Cookie;
use crate::issuer::Issuer;
use crate::secret;

/// By `Sec-Fetch-Site` where the browser sends it, else by `Origin`. A request
/// with neither is refused.
pub(crate) fn is_same_origin(issuer: &Issuer, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == issuer.origin(),
        (None, None) => false,
    }
}

/// The secret of this browser's forms. One per browser rather than per form:
/// several tabs may have one open.
#[derive(Debug)]
pub(crate) struct FormSecret {
    pub(crate) value: String,
    /// Whether the browser does not have it yet.
    pub(crate) fresh: bool,
}

impl FormSecret {
    pub(crate) fn of(issuer: &Issuer, headers: &HeaderMap) -> Self {
        match Cookie::Form
            .read(issuer, headers)
            .filter(|value| is_ours(value))
        {
            Some(value) => Self {
                value,
                fresh: false,
            },
            None => Self {
                value: secret::random(),
                fresh: true,
            },
        }
    }

    /// Whether a form brought the secret back.
    pub(crate) fn is_returned_by(&self, sent: Option<&str>) -> bool {
        !self.fresh && sent.is_some_and(|sent| secret::equal(sent, &self.value))
    }
}

/// Shaped as [`secret::random`] makes them: safe to send back in a cookie.
fn is_ours(value: &str) -> bool {
    value.len() == 43
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    #[test]
    fn only_our_own_pages_may_post() {
        let issuer = Issuer::parse("https://id.example/idp").unwrap();
        let same = |pairs: &[(&'static str, &str)]| is_same_origin(&issuer, &headers(pairs));
        assert!(same(&[("sec-fetch-site", "same-origin")]));
        assert!(same(&[("origin", "https://id.example")]));
        assert!(!same(&[]));
        assert!(!same(&[("origin", "null")]));
        assert!(!same(&[("origin", "https://id.example.evil.example")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(
                !same(&[("sec-fetch-site", site), ("origin", "https://id.example")]),
                "{site}"
            );
        }
    }

    #[test]
    fn a_form_must_bring_the_browsers_own_secret() {
        let issuer = Issuer::parse("http://localhost:3000").unwrap();
        let fresh = FormSecret::of(&issuer, &HeaderMap::new());
        assert!(!fresh.is_returned_by(Some(&fresh.value)), "no cookie yet");

        let cookie = format!("rookery_identity_form={}", fresh.value);
        let known = FormSecret::of(&issuer, &headers(&[("cookie", &cookie)]));
        assert!(known.is_returned_by(Some(&fresh.value)));
        assert!(!known.is_returned_by(None));
        assert!(!known.is_returned_by(Some(&secret::random())));
    }

    #[test]
    fn a_planted_cookie_of_another_shape_is_replaced() {
        let issuer = Issuer::parse("http://localhost:3000").unwrap();
        let planted = headers(&[("cookie", "rookery_identity_form=x")]);
        assert!(FormSecret::of(&issuer, &planted).fresh);
    }
}
