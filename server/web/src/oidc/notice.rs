//! What a provider tells without being asked: that a session has ended
//! (OpenID Connect Back-Channel Logout 1.0), or that something about a person
//! has changed (a security event of RFC 8417, of the type that CAEP 1.0 calls
//! token-claims-change).
//!
//! Both are signed as ID tokens are, and neither may pass for one. Who sends
//! them decides when, so nothing in them is believed but whom they are about.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moka::sync::Cache;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey, JsonWebKeyId};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::RelyingParty;
use super::client::{LEEWAY, algorithms};
use super::provider::{Metadata, ProviderError};

/// The event of a logout token.
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The event of a person whose claims are not what they were.
const CLAIMS_CHANGED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/token-claims-change";

/// A notice is good for this long after it was signed, in seconds.
const LIFETIME: i64 = 10 * 60;

/// Notices that are remembered, so that each is heard once.
const HEARD: u64 = 100_000;

/// Something a provider tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A session at the provider has ended.
    SessionEnded(String),
    /// All of a person's sessions have ended.
    PersonLeft(String),
    /// Something about a person has changed.
    PersonChanged(String),
}

/// A notice with the id under which it is remembered.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) notice: Notice,
    id: String,
}

/// Why a notice is not heard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoticeError {
    /// The provider's keys cannot be read.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It does not prove that the provider sent it to this client.
    #[error("{0}")]
    Refused(&'static str),
}

/// The notices that were heard, by their `jti`.
#[derive(Debug)]
pub(super) struct Heard(Cache<String, ()>);

impl Default for Heard {
    fn default() -> Self {
        let remembered = Duration::from_secs(2 * LIFETIME.unsigned_abs());
        let heard = Cache::builder()
            .max_capacity(HEARD)
            .time_to_live(remembered)
            .build();
        Self(heard)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<JsonWebKeyId>,
    typ: Option<String>,
}

/// The claims that notices share.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: i64,
    exp: Option<i64>,
    jti: String,
    events: Map<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    sub_id: Option<SubjectId>,
    nonce: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A subject in the format `iss_sub` (RFC 9493, section 3.2.4).
#[derive(Deserialize)]
struct SubjectId {
    format: String,
    iss: Option<String>,
    sub: Option<String>,
}

impl RelyingParty {
    /// What the provider tells in a logout token.
    pub(crate) async fn hear_logout(&self, token: &str) -> Result<Message, NoticeError> {
        let claims = self.proven(token, &["logout+jwt", "jwt"]).await?;
        if claims.nonce.is_some() {
            return Err(NoticeError::Refused("a logout token must not have a nonce"));
        }
        if !claims.events.get(LOGOUT).is_some_and(Value::is_object) {
            return Err(NoticeError::Refused("it does not tell of a logout"));
        }
        let notice = match (claims.sid, claims.sub) {
            (Some(session), _) => Notice::SessionEnded(session),
            (None, Some(subject)) => Notice::PersonLeft(subject),
            (None, None) => {
                return Err(NoticeError::Refused(
                    "it names neither a session nor a person",
                ));
            }
        };
        Ok(Message {
            notice,
            id: claims.jti,
        })
    }

    /// What the provider tells in a security event token.
    pub(crate) async fn hear_event(&self, token: &str) -> Result<Message, NoticeError> {
        let claims = self.proven(token, &["secevent+jwt"]).await?;
        if !claims.events.contains_key(CLAIMS_CHANGED) {
            return Err(NoticeError::Refused("its events mean nothing here"));
        }
        let subject = claims
            .sub_id
            .filter(|id| id.format == "iss_sub" && id.iss.as_deref() == Some(self.issuer()))
            .and_then(|id| id.sub);
        let subject = subject.ok_or(NoticeError::Refused("it names no person of this provider"))?;
        Ok(Message {
            notice: Notice::PersonChanged(subject),
            id: claims.jti,
        })
    }

    /// Remembers a notice that was heeded, so that it is heard once.
    pub(crate) fn heeded(&self, message: Message) {
        self.heard.0.insert(message.id, ());
    }

    /// The claims of a notice for this client that the provider signed lately
    /// and that was not heard before.
    async fn proven(&self, token: &str, kinds: &[&str]) -> Result<Claims, NoticeError> {
        let refused = NoticeError::Refused;
        let (message, signature) = token
            .rsplit_once('.')
            .ok_or(refused("it is not a signed token"))?;
        let (header, payload) = message
            .split_once('.')
            .ok_or(refused("it is not a signed token"))?;
        let header: Header = decode(header).ok_or(refused("its header cannot be read"))?;
        let kind = header.typ.as_deref().unwrap_or("jwt").to_lowercase();
        let kind = kind.strip_prefix("application/").unwrap_or(&kind);
        if !kinds.contains(&kind) {
            return Err(refused("it is a token of another kind"));
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| refused("its signature cannot be read"))?;
        let metadata = self.provider.metadata().await?;
        let signed =
            |metadata: &Metadata| is_signed(metadata, &header, message.as_bytes(), &signature);
        let genuine = signed(&metadata)
            || self
                .provider
                .with_newer_keys(&metadata)
                .await
                .is_some_and(|newer| signed(&newer));
        if !genuine {
            return Err(refused("no key of the provider fits"));
        }
        let claims: Claims = decode(payload).ok_or(refused("its claims cannot be read"))?;
        self.check(&claims)?;
        if self.heard.0.contains_key(&claims.jti) {
            return Err(refused("it was sent before"));
        }
        Ok(claims)
    }

    fn check(&self, claims: &Claims) -> Result<(), NoticeError> {
        let now = self.clock.now();
        let client: &str = &self.registration.id;
        let is_for_us = match &claims.aud {
            Audience::One(one) => one == client,
            Audience::Several(several) => several.iter().any(|each| each == client),
        };
        let is_fresh = (now - LIFETIME - LEEWAY..=now + LEEWAY).contains(&claims.iat)
            && claims.exp.is_none_or(|end| end > now - LEEWAY);
        if claims.iss != self.issuer() {
            Err(NoticeError::Refused("it is of another issuer"))
        } else if !is_for_us {
            Err(NoticeError::Refused("it is for another client"))
        } else if !is_fresh {
            Err(NoticeError::Refused("it is too old, or of the future"))
        } else {
            Ok(())
        }
    }
}

/// Whether a key of the provider made the signature, by an algorithm that is
/// accepted for ID tokens.
fn is_signed(metadata: &Metadata, header: &Header, message: &[u8], signature: &[u8]) -> bool {
    let fits = |key: &&CoreJsonWebKey| match (&header.kid, key.key_id()) {
        (Some(named), Some(id)) => named == id,
        _ => true,
    };
    algorithms(metadata).any(|accepted| accepted == header.alg)
        && metadata.jwks().keys().iter().filter(fits).any(|key| {
            key.verify_signature(&header.alg, message, signature)
                .is_ok()
        })
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
