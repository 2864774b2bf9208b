//! What a page knows about the person who opened it: the types that `web`
//! fills for every request and the browser reads back when it hydrates, and
//! the [`Session`] that components find in their context.
//!
//! Renewing the token lives in [`crate::token`]; asking the analytics server
//! for data lives in [`crate::analytics`].

use leptos::prelude::*;
use serde::Serialize;

pub use crate::token::use_session;
use crate::{
    json::{Json, PageData},
    token::Elsewhere,
};

/// Everything a page needs from its request. `web` provides it as a context;
/// where none is provided (while routes are listed) the default stands in: a
/// signed-out visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PageContext {
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// The analytics token for this page; `None` when signed out without a
    /// public token, or signed in without an organization.
    pub grant: Option<TokenGrant>,
    /// Whether the provider cannot be asked about the viewer, so that there is no
    /// token although there should be one.
    pub unconfirmed: bool,
    /// Scheme, host and port of the analytics server as the browser reaches
    /// it, such as `http://localhost:7181`, without a trailing slash.
    pub analytics_origin: String,
    /// The server's clock when the page was rendered, in unix seconds.
    pub now: i64,
    /// `dark` or `light` when the visitor chose one, else the system decides.
    pub theme: Option<String>,
}

/// A signed-in person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Viewer {
    /// The subject identifier.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// The mail address, when the provider tells it.
    pub email: Option<String>,
    /// The organizations this person belongs to.
    pub organizations: Vec<Organization>,
    /// Slug of the organization this page shows; `None` for people in none.
    pub active_organization: Option<String>,
}

impl Viewer {
    /// The organization this page shows.
    pub fn active(&self) -> Option<&Organization> {
        let slug = self.active_organization.as_deref()?;
        self.organizations
            .iter()
            .find(|organization| organization.slug == slug)
    }
}

/// An organization as one of its members sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Organization {
    /// Short name in addresses and in the token's fixed parameters.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// The viewer's role in it, such as `admin` or `member`.
    pub role: String,
}

/// A token for the analytics server; exactly the JSON of `GET /api/token`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenGrant {
    /// The signed token, sent as `Authorization: Bearer`.
    pub token: String,
    /// When it stops being accepted, in unix seconds.
    pub expires_at: i64,
    /// Slug of the organization whose rows it reads; `None` for a public
    /// token.
    pub org: Option<String>,
}

impl PageData for PageContext {
    #[cfg(feature = "ssr")]
    fn pack(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    fn unpack(json: &Json) -> Option<Self> {
        Some(Self {
            viewer: Viewer::read(&json.field("viewer")),
            grant: TokenGrant::read(&json.field("grant")),
            unconfirmed: json.field("unconfirmed").truth()?,
            analytics_origin: json.field("analytics_origin").text()?,
            now: json.field("now").integer()?,
            theme: json.field("theme").text(),
        })
    }
}

impl Viewer {
    fn read(json: &Json) -> Option<Self> {
        let organizations = json.field("organizations").items()?;
        Some(Self {
            id: json.field("id").text()?,
            name: json.field("name").text()?,
            email: json.field("email").text(),
            organizations: organizations
                .iter()
                .filter_map(Organization::read)
                .collect(),
            active_organization: json.field("active_organization").text(),
        })
    }
}

impl Organization {
    fn read(json: &Json) -> Option<Self> {
        Some(Self {
            slug: json.field("slug").text()?,
            name: json.field("name").text()?,
            role: json.field("role").text()?,
        })
    }
}

impl TokenGrant {
    /// Reads the JSON of `GET /api/token`; `None` when it is not that.
    pub(crate) fn read(json: &Json) -> Option<Self> {
        Some(Self {
            token: json.field("token").text()?,
            expires_at: json.field("expires_at").integer()?,
            org: json.field("org").text(),
        })
    }
}

/// What a page can show to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody is signed in.
    SignedOut,
    /// Signed in, but in no organization: there are no rows to show.
    NoOrganization,
    /// Signed in, with an organization.
    Member,
}

impl Standing {
    fn of(viewer: Option<&Viewer>) -> Self {
        match viewer {
            None => Self::SignedOut,
            Some(viewer) if viewer.active().is_none() => Self::NoOrganization,
            Some(_) => Self::Member,
        }
    }
}

/// The page's session, in the context of every component. The person can
/// disappear while the page is open, when another tab signs out.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Who is signed in.
    pub viewer: RwSignal<Option<Viewer>>,
    /// What can be shown to them.
    pub standing: Memo<Standing>,
    /// What other tabs did to the session, when it concerns this one.
    pub elsewhere: RwSignal<Option<Elsewhere>>,
    /// Counts how often the network came back since the page was opened.
    pub reconnections: RwSignal<u32>,
    /// Where the analytics server is, as the browser reaches it.
    pub analytics_origin: StoredValue<String>,
    /// The server's clock when the page was rendered, in unix seconds.
    pub rendered_at: i64,
}

impl Session {
    /// The session of a page that was just rendered or hydrated.
    pub fn new(viewer: Option<Viewer>, analytics_origin: String, rendered_at: i64) -> Self {
        let viewer = RwSignal::new(viewer);
        Self {
            viewer,
            standing: Memo::new(move |_| viewer.with(|viewer| Standing::of(viewer.as_ref()))),
            elsewhere: RwSignal::new(None),
            reconnections: RwSignal::new(0),
            analytics_origin: StoredValue::new(analytics_origin),
            rendered_at,
        }
    }

    /// Name of the person, empty for nobody; follows the viewer.
    pub fn viewer_name(self) -> String {
        let name = |viewer: &Option<Viewer>| viewer.as_ref().map(|viewer| viewer.name.clone());
        self.viewer.with(name).unwrap_or_default()
    }

    /// Name of the organization this page shows; follows the viewer.
    pub fn organization_name(self) -> Option<String> {
        self.viewer
            .with(|viewer| Some(viewer.as_ref()?.active()?.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use codee::{Decoder, Encoder};

    use super::*;
    use crate::json::Packed;

    #[test]
    fn a_page_context_survives_the_way_into_the_browser() {
        let organization = Organization {
            slug: "dl".into(),
            name: "Delta".into(),
            role: "admin".into(),
        };
        let full = PageContext {
            viewer: Some(Viewer {
                id: "cleo".into(),
                name: "Cleo \"C\" </script>".into(),
                email: Some("cleo@delta.example".into()),
                organizations: vec![organization],
                active_organization: Some("dl".into()),
            }),
            grant: Some(TokenGrant {
                token: "t".into(),
                expires_at: 1_764,
                org: Some("dl".into()),
            }),
            unconfirmed: true,
            analytics_origin: "http://localhost:7181".into(),
            now: 1_763,
            theme: Some("dark".into()),
        };
        for page in [full, PageContext::default()] {
            let packed: String = Packed::encode(&page).unwrap();
            let unpacked: PageContext = Packed::decode(&packed).unwrap();
            assert_eq!(unpacked, page);
        }
    }

    #[test]
    fn an_answer_that_is_no_grant_is_none() {
        for json in [
            "{}",
            "null",
            "[]",
            r#"{"token":"t"}"#,
            r#"{"token":1,"expires_at":2}"#,
        ] {
            assert_eq!(
                TokenGrant::read(&Json::parse(json).unwrap()),
                None,
                "{json}"
            );
        }
    }
}
