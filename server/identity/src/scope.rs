//! Scopes: what a client may learn about a person.

use std::fmt;

/// The scopes that the provider knows, in the order they are written.
const KNOWN: [&str; 4] = ["openid", "profile", "email", "organizations"];

/// The known scopes of a request. Unknown ones are left out, not refused
/// (OpenID Connect Core, section 3.1.2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Scope(Vec<&'static str>);

impl Scope {
    /// Every scope that can be granted.
    pub(crate) const SUPPORTED: [&'static str; 4] = KNOWN;

    pub(crate) fn parse(text: &str) -> Self {
        Self(
            KNOWN
                .into_iter()
                .filter(|known| text.split(' ').any(|asked| asked == *known))
                .collect(),
        )
    }

    pub(crate) fn contains(&self, scope: &str) -> bool {
        self.0.contains(&scope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_repeated_scopes_fall_away() {
        let scope = Scope::parse("email openid  address email offline_access");
        assert_eq!(scope.to_string(), "openid email");
        assert!(scope.contains("email") && !scope.contains("profile"));
    }
}
