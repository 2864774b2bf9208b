//! For whom a token is made: the data that shortcodes reach.

use serde_json::{Map, Value};

/// A signed-in person and the organization they act for.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The person.
    pub user: UserClaims,
    /// The active organization and the person's membership in it.
    pub organization: Option<OrganizationClaims>,
}

/// What is known about the person; the names in braces are shortcodes.
#[derive(Clone, Debug, Default)]
pub struct UserClaims {
    /// `{{user.id}}`: the provider's `sub`.
    pub id: String,
    /// `{{user.username}}`: `preferred_username`.
    pub username: Option<String>,
    /// `{{user.full_name}}`: `name`.
    pub full_name: Option<String>,
    /// `{{user.first_name}}`: `given_name`.
    pub first_name: Option<String>,
    /// `{{user.last_name}}`: `family_name`.
    pub last_name: Option<String>,
    /// `{{user.image_url}}`: `picture`.
    pub image_url: Option<String>,
    /// `{{user.primary_email_address}}`: `email`.
    pub primary_email_address: Option<String>,
    /// `{{user.email_verified}}`.
    pub email_verified: Option<bool>,
    /// `{{user.public_metadata}}` and everything below it.
    pub public_metadata: Map<String, Value>,
}

/// What is known about the active organization and the membership in it.
#[derive(Clone, Debug, Default)]
pub struct OrganizationClaims {
    /// `{{org.id}}`.
    pub id: String,
    /// `{{org.slug}}`.
    pub slug: String,
    /// `{{org.name}}`.
    pub name: String,
    /// `{{org.role}}` and `{{org_membership.role}}`.
    pub role: Option<String>,
    /// `{{org_membership.permissions}}`.
    pub permissions: Vec<String>,
    /// `{{org.image_url}}`.
    pub image_url: Option<String>,
    /// `{{org.public_metadata}}` and everything below it.
    pub public_metadata: Map<String, Value>,
}
