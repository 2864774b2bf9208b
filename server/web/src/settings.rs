//! The sections `[web]` and `[oidc]` of the configuration, as an operator
//! writes them. What they mean together is checked where they are used.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use service::Secret;

/// The section `[web]`: the pages, their sessions and where things are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Scheme, host and port under which browsers reach the pages. Plain http
    /// only on the loopback. Links, cookies and redirects follow from it, never
    /// from a request's `Host`.
    pub origin: String,
    /// Scheme, host and port under which browsers reach the analytics server.
    pub analytics_origin: String,
    /// Scheme, host and port under which this server reaches the analytics
    /// server while it renders a page; `null` when it is the same.
    pub analytics_internal_origin: Option<String>,
    /// A session unused for this long ends, in seconds.
    pub session_idle_seconds: i64,
    /// A session ends this long after signing in, used or not, in seconds.
    pub session_lifetime_seconds: i64,
    /// Whether pages and `/api/token` carry the analytics token in the header
    /// `x-tinybird-token`, too; one of more than 2 KB never is there.
    pub token_header: bool,
    /// The bearer token of `/api/admin/v1`, at least 32 characters; `null`
    /// switches that off.
    pub admin_token: Option<Secret>,
    /// A token given to visitors who are not signed in; `null` for none.
    pub public_token: Option<String>,
    /// The directory of the built site: `pkg/` with the browser's code and
    /// style, beside it the files of `public/`.
    pub site_root: PathBuf,
    /// The file with the hashes in the names of the assets, one `js: 1a2b` per
    /// line, as the build wrote it; `null` when the names carry no hashes.
    pub hash_file: Option<PathBuf>,
    /// The port of the development loop's reload socket; `null` in production.
    pub reload_port: Option<u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            origin: "http://localhost:3000".to_owned(),
            analytics_origin: "http://localhost:7181".to_owned(),
            analytics_internal_origin: None,
            session_idle_seconds: 24 * 60 * 60,
            session_lifetime_seconds: 7 * 24 * 60 * 60,
            token_header: true,
            admin_token: None,
            public_token: None,
            site_root: PathBuf::from("target/site"),
            hash_file: None,
            reload_port: None,
        }
    }
}

/// The section `[oidc]`: the OpenID Connect provider people sign in at.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcSettings {
    /// The issuer, exactly as the provider writes it in its discovery document.
    pub issuer: String,
    /// The client id under which this site is registered there.
    pub client_id: String,
    /// The client secret; `null` for the one generated for the embedded
    /// provider.
    pub client_secret: Option<Secret>,
    /// The scopes to ask for; `openid` is always among them.
    pub scopes: Vec<String>,
    /// How often, in seconds, the provider is asked whether it still stands by
    /// somebody whose tokens are out. The embedded provider of the same process
    /// is asked for every new token besides.
    pub recheck_seconds: i64,
    /// How long, in seconds, its last answer holds while it cannot be asked;
    /// after that nobody who signed in there gets a token.
    pub keep_answer_seconds: i64,
    /// Whether signing out here also ends the provider's session, where the
    /// provider offers it.
    pub logout: bool,
    /// Where in the claims the person and the organizations are.
    pub claims: ClaimMapping,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: "http://localhost:3000/idp".to_owned(),
            client_id: "rookery-web".to_owned(),
            client_secret: None,
            scopes: ["openid", "profile", "email", "organizations"]
                .map(str::to_owned)
                .to_vec(),
            recheck_seconds: 60,
            keep_answer_seconds: 10 * 60,
            logout: true,
            claims: ClaimMapping::default(),
        }
    }
}

/// Where the claims of the ID token and of userinfo hold what a session
/// needs. Places are JSON Pointers (RFC 6901), because claim names contain
/// dots, colons and slashes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimMapping {
    /// The name to show; `preferred_username`, the mail address and the subject
    /// stand in, in this order.
    pub name: String,
    /// The mail address, for display only.
    pub email: String,
    /// The organizations, in the shape below.
    pub organizations: String,
    /// How the organizations are written.
    pub shape: Shape,
    /// Between organization and role; only in the shape `pairs`.
    pub separator: String,
    /// The organization's short name inside an object of the shapes `objects`
    /// and `by_organization`; the key stands in for the latter.
    pub slug: String,
    /// The organization's id inside such an object; the short name stands in.
    pub id: String,
    /// The organization's name inside such an object; the short name stands in.
    pub organization_name: String,
    /// The role inside such an object.
    pub role: String,
    /// The role of members for whom the claims name none.
    pub default_role: String,
    /// The provider's names of roles and ours, where they differ.
    pub roles: BTreeMap<String, String>,
}

impl Default for ClaimMapping {
    fn default() -> Self {
        Self {
            name: "/name".to_owned(),
            email: "/email".to_owned(),
            organizations: "/organizations".to_owned(),
            shape: Shape::Objects,
            separator: ":".to_owned(),
            slug: "/slug".to_owned(),
            id: "/id".to_owned(),
            organization_name: "/name".to_owned(),
            role: "/role".to_owned(),
            default_role: "member".to_owned(),
            roles: BTreeMap::new(),
        }
    }
}

/// The shapes in which providers write the organizations of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One organization: `"ua"`.
    Scalar,
    /// `["ua", "dl"]`.
    Strings,
    /// `["ua:admin", "dl:member"]`.
    Pairs,
    /// `{"ua": {"role": "admin"}, "dl": "member", "b6": ["member"]}`.
    ByOrganization,
    /// `{"admin": {"ua": "…"}, "member": ["dl", "b6"]}`, also inside an array.
    ByRole,
    /// `[{"slug": "ua", "name": "United Air Lines", "role": "admin"}]`.
    Objects,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_keys_are_written_as_null_so_that_tools_see_them() {
        let written = serde_json::to_value(Settings::default()).unwrap();
        assert!(written["public_token"].is_null());
        assert!(written.as_object().unwrap().contains_key("hash_file"));
    }

    #[test]
    fn unknown_keys_are_errors() {
        let error = serde_json::from_str::<OidcSettings>(r#"{"isuer": "x"}"#).unwrap_err();
        assert!(error.to_string().contains("isuer"), "{error}");
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = OidcSettings {
            client_secret: Some(Secret::new("hunter2")),
            ..OidcSettings::default()
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
