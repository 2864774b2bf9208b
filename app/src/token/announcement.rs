//! What the tabs of one browser tell each other about the session: who is
//! signed in where, and never a token.

use crate::session::Viewer;

/// The name of the `BroadcastChannel`.
#[cfg(feature = "hydrate")]
pub(super) const CHANNEL: &str = "rookery:session";

/// A message between tabs. Every page announces its own state when it becomes
/// alive; the sign-out button announces the end before the request is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Nobody is signed in any more.
    SignedOut,
    /// This person, in this organization.
    SignedIn {
        /// Subject identifier.
        id: String,
        /// Slug of the active organization, empty for none.
        organization: String,
    },
}

/// What an announcement means to the tab that hears it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Drop the token and everything that needs it.
    SignedOut,
    /// Somebody signed in, or somebody else than here: this page is stale.
    OtherPerson,
    /// The same person went on with another organization; this page stays
    /// with its own. Carries the other's slug.
    OtherOrganization(String),
}

impl Announcement {
    /// What a page with this viewer announces.
    pub fn of(viewer: Option<&Viewer>) -> Self {
        match viewer {
            None => Self::SignedOut,
            Some(viewer) => Self::SignedIn {
                id: viewer.id.clone(),
                organization: viewer.active_organization.clone().unwrap_or_default(),
            },
        }
    }

    /// The text that is posted.
    pub fn encode(&self) -> String {
        match self {
            Self::SignedOut => "out".to_owned(),
            Self::SignedIn { id, organization } => format!("in\n{id}\n{organization}"),
        }
    }

    /// Reads a posted text; `None` for one of another version of this page.
    pub fn decode(text: &str) -> Option<Self> {
        if text == "out" {
            return Some(Self::SignedOut);
        }
        let (id, organization) = text.strip_prefix("in\n")?.split_once('\n')?;
        Some(Self::SignedIn {
            id: id.to_owned(),
            organization: organization.to_owned(),
        })
    }

    /// What is to be known of the other tabs on a page with this viewer, where
    /// `before` was known: `None` once both agree. A page that was signed out
    /// keeps saying why.
    pub fn heard_by(self, viewer: Option<&Viewer>, before: Option<Elsewhere>) -> Option<Elsewhere> {
        match (self, viewer) {
            (Self::SignedOut, None) => before,
            (Self::SignedOut, Some(_)) => Some(Elsewhere::SignedOut),
            (Self::SignedIn { .. }, None) => Some(Elsewhere::OtherPerson),
            (Self::SignedIn { id, .. }, Some(viewer)) if id != viewer.id => {
                Some(Elsewhere::OtherPerson)
            }
            (Self::SignedIn { organization, .. }, Some(viewer)) => {
                let own = viewer.active_organization.as_deref().unwrap_or_default();
                (organization != own).then_some(Elsewhere::OtherOrganization(organization))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleo(organization: &str) -> Viewer {
        Viewer {
            id: "cleo".into(),
            active_organization: Some(organization.into()),
            ..Viewer::default()
        }
    }

    /// What a tab of `hearing` understands when one of `announcing` speaks.
    fn heard(announcing: Option<&Viewer>, hearing: Option<&Viewer>) -> Option<Elsewhere> {
        heard_after(None, announcing, hearing)
    }

    fn heard_after(
        before: Option<Elsewhere>,
        announcing: Option<&Viewer>,
        hearing: Option<&Viewer>,
    ) -> Option<Elsewhere> {
        let posted = Announcement::of(announcing).encode();
        Announcement::decode(&posted)
            .unwrap()
            .heard_by(hearing, before)
    }

    #[test]
    fn tabs_that_agree_say_nothing() {
        assert_eq!(heard(None, None), None);
        assert_eq!(heard(Some(&cleo("dl")), Some(&cleo("dl"))), None);
    }

    #[test]
    fn a_tab_that_switched_back_is_forgotten() {
        let other = Some(Elsewhere::OtherOrganization("9e".into()));
        assert_eq!(
            heard_after(other, Some(&cleo("dl")), Some(&cleo("dl"))),
            None
        );
    }

    #[test]
    fn sign_out_reaches_every_signed_in_tab_and_stays_explained() {
        assert_eq!(heard(None, Some(&cleo("dl"))), Some(Elsewhere::SignedOut));
        // The button spoke first, then the page after it, when nobody is left.
        let before = Some(Elsewhere::SignedOut);
        assert_eq!(heard_after(before.clone(), None, None), before);
    }

    #[test]
    fn another_organization_is_told_apart_from_another_person() {
        assert_eq!(
            heard(Some(&cleo("9e")), Some(&cleo("dl"))),
            Some(Elsewhere::OtherOrganization("9e".into()))
        );
        let ben = Viewer {
            id: "ben".into(),
            ..cleo("dl")
        };
        assert_eq!(
            heard(Some(&ben), Some(&cleo("dl"))),
            Some(Elsewhere::OtherPerson)
        );
        assert_eq!(heard(Some(&ben), None), Some(Elsewhere::OtherPerson));
    }

    #[test]
    fn unknown_messages_are_ignored() {
        for text in ["", "in", "in\nada", "bye"] {
            assert_eq!(Announcement::decode(text), None);
        }
    }
}
