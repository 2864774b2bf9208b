//! The keys of ID tokens as the endpoints use them: signing with the active
//! one, checking a token of ours, and the published set.
//!
//! How keys are made, stored and rotated is in [`file`].

mod file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::settings::SigningAlgorithm;

use file::KeyFile;
pub use file::{KeyError, KeyState, KeySummary, Rotation};

/// The file in the key directory.
const FILE: &str = "identity_keys.toml";
/// Longer texts are not tokens of ours.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Rotates the signing keys of the provider whose keys are in `directory`. A
/// running provider notices and goes on with the new ones.
///
/// # Errors
/// [`KeyError`], among others when the next key has not been published for
/// long enough that every relying party has it.
pub fn rotate_keys(directory: &Path, rotation: Rotation) -> Result<Vec<KeySummary>, KeyError> {
    let path = directory.join(FILE);
    let mut keys = KeyFile::read(&path)?.ok_or_else(|| KeyError::Missing(path.clone()))?;
    keys.rotate(rotation, crate::unix_now())?;
    keys.write(&path)?;
    Ok(keys.summary())
}

/// The keys of a running provider, read again when their file changes.
#[derive(Debug)]
pub(crate) struct KeyStore {
    path: PathBuf,
    loaded: RwLock<Loaded>,
}

#[derive(Clone, Debug)]
struct Loaded {
    modified: SystemTime,
    keys: Arc<KeySet>,
}

impl KeyStore {
    /// Opens the keys of `directory`, making them at the first start. Blocks
    /// for as long as it takes to find two RSA keys.
    pub(crate) fn open(directory: &Path) -> Result<Self, KeyError> {
        let path = directory.join(FILE);
        if KeyFile::read(&path)?.is_none() {
            KeyFile::generate(crate::unix_now())?.write(&path)?;
            tracing::info!("made the signing keys of the identity provider");
        }
        let loaded = RwLock::new(load(&path)?);
        Ok(Self { path, loaded })
    }

    /// The keys of this moment. Should the file have become unreadable, those
    /// read before stay in use.
    pub(crate) fn current(&self) -> Arc<KeySet> {
        let loaded = self.read();
        if modified(&self.path).is_ok_and(|time| time == loaded.modified) {
            return loaded.keys;
        }
        match load(&self.path) {
            Ok(fresh) => {
                tracing::info!("the signing keys have changed and were read again");
                *self
                    .loaded
                    .write()
                    .unwrap_or_else(std::sync::PoisonError::into_inner) = fresh.clone();
                fresh.keys
            }
            Err(error) => {
                tracing::error!(%error, "the signing keys cannot be read; the earlier ones stay in use");
                loaded.keys
            }
        }
    }

    fn read(&self) -> Loaded {
        self.loaded
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

fn load(path: &Path) -> Result<Loaded, KeyError> {
    let modified = modified(path)?;
    let file = KeyFile::read(path)?.ok_or_else(|| KeyError::Missing(path.to_owned()))?;
    let keys = Arc::new(KeySet::new(&file, path)?);
    Ok(Loaded { modified, keys })
}

fn modified(path: &Path) -> Result<SystemTime, KeyError> {
    std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(|source| KeyError::io(path, source))
}

/// Every key that tokens may be signed with or be checked against.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: String,
    algorithm: SigningAlgorithm,
    active: bool,
    private: EncodingKey,
    public: Jwk,
}

/// A token could not be signed: a key that loads but does not sign.
#[derive(Debug, thiserror::Error)]
#[error("an ID token could not be signed")]
pub(crate) struct SignError(#[from] jsonwebtoken::errors::Error);

/// What a signed token is for; said in its header, so that none passes for
/// another (RFC 8725, section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// An ID token.
    Id,
    /// A logout token.
    Logout,
    /// A security event token.
    SecurityEvent,
}

impl TokenKind {
    /// The header `typ`.
    fn name(self) -> &'static str {
        match self {
            Self::Id => "JWT",
            Self::Logout => "logout+jwt",
            Self::SecurityEvent => "secevent+jwt",
        }
    }
}

impl KeySet {
    fn new(file: &KeyFile, path: &Path) -> Result<Self, KeyError> {
        let keys = file
            .keys()
            .map(|stored| {
                let private = encoding_key(stored.algorithm, &stored.private_key)
                    .map_err(|_| KeyError::broken(path, &stored.id))?;
                let public = public_jwk(&private, stored.algorithm)
                    .map_err(|_| KeyError::broken(path, &stored.id))?;
                Ok(Key {
                    id: stored.id.clone(),
                    algorithm: stored.algorithm,
                    active: stored.state == KeyState::Active,
                    private,
                    public,
                })
            })
            .collect::<Result<Vec<_>, KeyError>>()?;
        let set = Self(keys);
        match SigningAlgorithm::ALL
            .into_iter()
            .find(|algorithm| set.active(*algorithm).is_none())
        {
            Some(algorithm) => Err(KeyError::NoActive(path.to_owned(), algorithm)),
            None => Ok(set),
        }
    }

    fn active(&self, algorithm: SigningAlgorithm) -> Option<&Key> {
        self.0
            .iter()
            .find(|key| key.active && key.algorithm == algorithm)
    }

    /// The published set (RFC 7517, section 5): the next keys, the active and
    /// the retired ones, public parts only.
    pub(crate) fn public(&self) -> JwkSet {
        JwkSet {
            keys: self.0.iter().map(|key| key.public.clone()).collect(),
        }
    }

    /// Signs claims with the active key.
    pub(crate) fn sign(
        &self,
        algorithm: SigningAlgorithm,
        kind: TokenKind,
        claims: &impl Serialize,
    ) -> Result<String, SignError> {
        let key = self
            .active(algorithm)
            .expect("a key set is only made with an active key of each algorithm");
        let mut header = Header::new(algorithm.into());
        header.kid = Some(key.id.clone());
        header.typ = Some(kind.name().to_owned());
        Ok(jsonwebtoken::encode(&header, claims, &key.private)?)
    }

    /// The claims of an ID token that we signed for `issuer`, expired or not. The
    /// algorithm is the key's, whatever the header says.
    pub(crate) fn verify<T: DeserializeOwned>(&self, token: &str, issuer: &str) -> Option<T> {
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.typ.is_some_and(|kind| kind != TokenKind::Id.name()) {
            return None;
        }
        let id = header.kid?;
        let key = self.0.iter().find(|key| key.id == id)?;
        let mut validation = Validation::new(key.algorithm.into());
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["iss", "sub", "aud"]);
        validation.set_issuer(&[issuer]);
        let public = DecodingKey::from_jwk(&key.public).ok()?;
        jsonwebtoken::decode(token, &public, &validation)
            .map(|data| data.claims)
            .ok()
    }
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 => Self::RS256,
            SigningAlgorithm::Es256 => Self::ES256,
        }
    }
}

fn encoding_key(
    algorithm: SigningAlgorithm,
    pem: &str,
) -> Result<EncodingKey, jsonwebtoken::errors::Error> {
    match algorithm {
        SigningAlgorithm::Rs256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
        SigningAlgorithm::Es256 => EncodingKey::from_ec_pem(pem.as_bytes()),
    }
}

/// The public part, named by its thumbprint (RFC 7638).
fn public_jwk(
    private: &EncodingKey,
    algorithm: SigningAlgorithm,
) -> Result<Jwk, jsonwebtoken::errors::Error> {
    let mut jwk = Jwk::from_encoding_key(private, algorithm.into())?;
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
    Ok(jwk)
}

#[cfg(test)]
mod tests;
