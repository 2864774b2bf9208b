//! The relying parties that the provider knows. They come from the
//! configuration, not from the database.

use std::collections::BTreeMap;
use std::fmt;

use url::Url;

use crate::issuer::is_loopback;
use crate::secret;

/// A confidential client (OpenID Connect Registration 1.0 names).
#[derive(Clone)]
pub struct Client {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`, at least 16 characters.
    pub client_secret: String,
    /// Where answers may be sent; compared to the byte.
    pub redirect_uris: Vec<String>,
    /// Where the browser may be sent after a sign-out; compared to the byte.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where the client hears of sessions that ended (OpenID Connect
    /// Back-Channel Logout 1.0); none: it does not want to.
    pub backchannel_logout_uri: Option<String>,
    /// Where the client hears that something about a person has changed, as
    /// security events (RFC 8935); none: it does not want to.
    pub events_uri: Option<String>,
    /// Refuse authorization requests without PKCE. False only for clients that
    /// cannot do it.
    pub require_pkce: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("client_id", &self.client_id)
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}

/// A client is registered in a way that cannot be safe.
#[derive(Debug, thiserror::Error)]
#[error("client `{client_id}`: {problem}")]
pub struct ClientError {
    client_id: String,
    problem: String,
}

/// The registered clients by id.
#[derive(Debug)]
pub(crate) struct Clients(BTreeMap<String, Client>);

impl Clients {
    pub(crate) fn new(clients: Vec<Client>) -> Result<Self, ClientError> {
        let mut registered = BTreeMap::new();
        for client in clients {
            check(&client).map_err(|problem| ClientError {
                client_id: client.client_id.clone(),
                problem,
            })?;
            if let Some(other) = registered.insert(client.client_id.clone(), client) {
                return Err(ClientError {
                    client_id: other.client_id,
                    problem: "is registered twice".to_owned(),
                });
            }
        }
        Ok(Self(registered))
    }

    pub(crate) fn get(&self, client_id: &str) -> Option<&Client> {
        self.0.get(client_id)
    }

    /// The client with these credentials. An unknown id takes as long as a
    /// wrong secret.
    pub(crate) fn authenticate(&self, client_id: &str, client_secret: &str) -> Option<&Client> {
        let client = self.get(client_id);
        let expected = client.map_or("", |client| client.client_secret.as_str());
        let fits = secret::equal(client_secret, expected);
        client.filter(|_| fits)
    }
}

fn check(client: &Client) -> Result<(), String> {
    if client.client_secret.len() < 16 {
        return Err("the secret must have at least 16 characters".to_owned());
    }
    if client.redirect_uris.is_empty() {
        return Err("needs at least one redirect URI".to_owned());
    }
    client
        .redirect_uris
        .iter()
        .chain(&client.post_logout_redirect_uris)
        .chain(&client.backchannel_logout_uri)
        .chain(&client.events_uri)
        .try_for_each(|uri| check_redirect(uri).map_err(|problem| format!("`{uri}` {problem}")))
}

/// RFC 6749, section 3.1.2, and RFC 8252, section 7, for the schemes.
fn check_redirect(uri: &str) -> Result<(), &'static str> {
    let url = Url::parse(uri).map_err(|_| "is not an absolute URL")?;
    if url.fragment().is_some() {
        return Err("must not have a fragment");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err("must be https; http is for loopback hosts only"),
        private_use if private_use.contains('.') => Ok(()),
        _ => Err("must be https, or a private-use scheme such as `com.example.app`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(redirect_uri: &str) -> Client {
        Client {
            client_id: "web".to_owned(),
            client_secret: "a secret of the right length".to_owned(),
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            events_uri: None,
            require_pkce: true,
        }
    }

    #[test]
    fn unsafe_redirect_uris_cannot_be_registered() {
        for uri in [
            "/relative",
            "https://app.example/cb#x",
            "http://app.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert!(Clients::new(vec![client(uri)]).is_err(), "{uri}");
        }
        for uri in [
            "https://app.example/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
        ] {
            assert!(Clients::new(vec![client(uri)]).is_ok(), "{uri}");
        }
    }

    #[test]
    fn one_id_names_one_client_and_short_secrets_are_refused() {
        let twice = vec![client("https://a.example/"), client("https://b.example/")];
        assert!(Clients::new(twice).is_err());
        let mut weak = client("https://a.example/");
        weak.client_secret.clear();
        assert!(Clients::new(vec![weak]).is_err());
    }

    #[test]
    fn credentials_fit_one_client_only() {
        let clients = Clients::new(vec![client("https://a.example/")]).unwrap();
        assert!(
            clients
                .authenticate("web", "a secret of the right length")
                .is_some()
        );
        assert!(clients.authenticate("web", "another secret").is_none());
        assert!(clients.authenticate("nobody", "").is_none());
    }

    #[test]
    fn the_secret_is_not_in_the_debug_text() {
        let text = format!("{:?}", client("https://a.example/"));
        assert!(!text.contains("secret of"), "{text}");
    }
}
