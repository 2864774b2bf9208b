//! What a page knows about the person who opened it: the types that `web`
//! fills for every request and the browser reads back when it hydrates.
//!
//! Renewing the token lives in [`crate::token`]; asking the analytics server
//! for data lives in [`crate::analytics`].

use serde::{Deserialize, Serialize};

/// Everything a page needs from its request. `web` provides it as a context;
/// where none is provided (while routes are listed) the default stands in: a
/// signed-out visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageContext {
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// The analytics token for this page; `None` when signed out without a
    /// public token, or signed in without an organization.
    pub grant: Option<TokenGrant>,
    /// Scheme, host and port of the analytics server as the browser reaches
    /// it, such as `http://localhost:7181`, without a trailing slash.
    pub analytics_origin: String,
    /// The server's clock when the page was rendered, in unix seconds.
    pub now: i64,
    /// `dark` or `light` when the visitor chose one, else the system decides.
    pub theme: Option<String>,
}

/// A signed-in person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Short name in addresses and in the token's fixed parameters.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// The viewer's role in it, such as `admin` or `member`.
    pub role: String,
}

/// A token for the analytics server; exactly the JSON of `GET /api/token`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenGrant {
    /// The signed token, sent as `Authorization: Bearer`.
    pub token: String,
    /// When it stops being accepted, in unix seconds.
    pub expires_at: i64,
    /// Slug of the organization whose rows it reads; `None` for a public
    /// token.
    pub org: Option<String>,
}
