//! `return_to`: where a visitor goes after signing in or out.
//!
//! It comes from a link anybody can write, so it can only name a page of this
//! site. What does not is replaced by the landing page, without an error.

use serde::{Deserialize, Serialize};
use url::Url;

/// Longer addresses are no page of ours. One travels in cookies and redirects,
/// and response headers are to stay below 4 KB.
const LONGEST: usize = 900;

/// Never resolved; stands for this site while an address is normalized.
const BASE: &str = "http://this.invalid";

/// Going back there would start or end a session again.
const LOOPS: [&str; 4] = ["/auth", "/sign-in", "/sign-out", "/organization"];

/// A path with query on this site: starts with exactly one slash and is fit
/// for a `Location` header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReturnTo(String);

impl ReturnTo {
    /// The page asked for, or the landing page.
    pub(crate) fn new(candidate: Option<&str>) -> Self {
        candidate
            .and_then(normalize)
            .map_or_else(|| Self("/".to_owned()), Self)
    }

    /// The path with its query.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// `candidate` as a browser would resolve it, if it stays on the site.
fn normalize(candidate: &str) -> Option<String> {
    // Browsers read a backslash as a slash and drop control characters and
    // white space, so none of them may be there.
    let plain = candidate.len() <= LONGEST
        && stays_below_root(candidate)
        && !candidate
            .chars()
            .any(|each| each == '\\' || each.is_control() || each.is_whitespace());
    if !plain {
        return None;
    }
    let base = Url::parse(BASE).ok()?;
    let url = base.join(candidate).ok()?;
    if url.origin() != base.origin() {
        return None;
    }
    let text = &url[url::Position::BeforePath..];
    // `/.//evil.example` is only now `//evil.example`.
    (stays_below_root(text) && !loops(url.path())).then(|| text.to_owned())
}

fn stays_below_root(path: &str) -> bool {
    path.strip_prefix('/')
        .is_some_and(|rest| !rest.starts_with(['/', '\\']))
}

fn loops(path: &str) -> bool {
    LOOPS.iter().any(|start| {
        path.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn pages_of_the_site_are_kept() {
        for page in [
            "/",
            "/dashboard?period=all",
            "/token#claims",
            "/a/b?x=%2F%2Fy",
        ] {
            assert_eq!(ReturnTo::new(Some(page)).as_str(), page);
        }
        assert_eq!(ReturnTo::new(Some("/münchen")).as_str(), "/m%C3%BCnchen");
    }

    #[test]
    fn everything_else_becomes_the_landing_page() {
        for elsewhere in [
            "",
            "dashboard",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/%2e//evil.example",
            "javascript:alert(1)",
            "/x\r\nSet-Cookie: a=b",
            "/sign-in?return_to=/",
            "/auth/callback?code=1",
            "/./auth/callback",
        ] {
            assert_eq!(ReturnTo::new(Some(elsewhere)).as_str(), "/", "{elsewhere}");
        }
        assert_eq!(ReturnTo::new(None).as_str(), "/");
    }

    /// Text made of what open redirects are made of.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/".to_owned()),
            Just("\\".to_owned()),
            Just("//evil.example".to_owned()),
            Just("..".to_owned()),
            Just(".".to_owned()),
            Just("%2e".to_owned()),
            Just("%2f".to_owned()),
            Just("http:".to_owned()),
            Just("@evil.example".to_owned()),
            Just("\t".to_owned()),
            Just("?".to_owned()),
            Just("#".to_owned()),
            any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_leaves_the_site(candidate in prop_oneof![hostile(), any::<String>()]) {
            let target = ReturnTo::new(Some(&candidate));
            for site in ["https://app.example.com/auth/callback", "http://localhost:3000/sign-in"] {
                let site = Url::parse(site).unwrap();
                prop_assert_eq!(site.join(target.as_str()).unwrap().origin(), site.origin());
            }
            prop_assert!(target.as_str().starts_with('/'));
            prop_assert!(!target.as_str().starts_with("//"));
            prop_assert!(HeaderValue::from_str(target.as_str()).is_ok());
        }

        #[test]
        fn reading_it_again_changes_nothing(candidate in prop_oneof![hostile(), any::<String>()]) {
            let once = ReturnTo::new(Some(&candidate));
            prop_assert_eq!(ReturnTo::new(Some(once.as_str())), once);
        }
    }
}
