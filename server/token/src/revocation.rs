//! Genuine tokens that are refused all the same: who signs must not hand out
//! what the verifier refuses, so both read the list here.
//!
//! Where the list is kept is the analytics server's business.

use std::collections::HashMap;

use crate::claims::Claims;

/// What a revocation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationKind {
    /// One token, by its claim `jti`.
    Jti,
    /// Every token of a name signed so far.
    Name,
    /// Every token of a user (claim `sub`) signed so far.
    User,
}

impl RevocationKind {
    /// The name it has in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Name => "name",
            Self::User => "user",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Jti, Self::Name, Self::User]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// Tokens that are refused although they are genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What `value` is.
    pub kind: RevocationKind,
    /// The `jti`, name or user.
    pub value: String,
    /// Unix seconds. By name and user, only tokens signed up to then (and
    /// those that do not say when) are refused.
    pub revoked_at: i64,
}

/// All revocations at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    ids: HashMap<String, i64>,
    names: HashMap<String, i64>,
    users: HashMap<String, i64>,
}

impl FromIterator<Revocation> for Revocations {
    fn from_iter<All: IntoIterator<Item = Revocation>>(all: All) -> Self {
        let mut revocations = Self::default();
        for revocation in all {
            let by_value = match revocation.kind {
                RevocationKind::Jti => &mut revocations.ids,
                RevocationKind::Name => &mut revocations.names,
                RevocationKind::User => &mut revocations.users,
            };
            by_value.insert(revocation.value, revocation.revoked_at);
        }
        revocations
    }
}

impl Revocations {
    /// Whether a genuine token with these claims is refused.
    #[must_use]
    pub fn refuse(&self, claims: &Claims) -> bool {
        let by_id = claims
            .jti
            .as_ref()
            .is_some_and(|id| self.ids.contains_key(id));
        let until = self.until(claims.sub.as_deref(), &claims.name);
        by_id || until.is_some_and(|until| claims.iat.is_none_or(|signed| signed <= until))
    }

    /// Tokens of `user` called `name` that were signed up to this unix second
    /// are refused; `None` where none is.
    #[must_use]
    pub fn until(&self, user: Option<&str>, name: &str) -> Option<i64> {
        let by_user = user.and_then(|user| self.user(user));
        by_user.max(self.names.get(name).copied())
    }

    /// When the tokens of this user were revoked last, in unix seconds.
    #[must_use]
    pub fn user(&self, user: &str) -> Option<i64> {
        self.users.get(user).copied()
    }

    /// Every user whose tokens were revoked, and when, in unix seconds.
    pub fn users(&self) -> impl Iterator<Item = (&str, i64)> {
        self.users.iter().map(|(user, at)| (user.as_str(), *at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revoked(kind: RevocationKind, value: &str) -> Revocations {
        let revocation = Revocation {
            kind,
            value: value.to_owned(),
            revoked_at: 100,
        };
        [revocation].into_iter().collect()
    }

    fn claims(signed: Option<i64>) -> Claims {
        Claims {
            name: "frontend".to_owned(),
            jti: Some("token-1".to_owned()),
            sub: Some("ada".to_owned()),
            iat: signed,
            ..Claims::default()
        }
    }

    #[test]
    fn by_id_one_token_is_refused_whenever_it_was_signed() {
        let revocations = revoked(RevocationKind::Jti, "token-1");
        assert!(revocations.refuse(&claims(Some(101))));
        assert!(!revoked(RevocationKind::Jti, "token-2").refuse(&claims(Some(1))));
    }

    #[test]
    fn by_name_and_user_what_was_signed_up_to_then_is_refused() {
        for (kind, value) in [
            (RevocationKind::Name, "frontend"),
            (RevocationKind::User, "ada"),
        ] {
            let revocations = revoked(kind, value);
            assert!(revocations.refuse(&claims(Some(100))), "{kind:?}");
            assert!(revocations.refuse(&claims(None)), "{kind:?}");
            assert!(!revocations.refuse(&claims(Some(101))), "{kind:?}");
            assert!(!revoked(kind, "another").refuse(&claims(Some(1))));
        }
    }
}
