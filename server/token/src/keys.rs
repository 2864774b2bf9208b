//! Keys: one key, one algorithm. The algorithm never comes from a token.
//!
//! HS256 keys are the workspace admin token, as Tinybird signs; ES256 and
//! Ed25519 keys are PEM files whose `kid` is their file name. Signing and
//! verifying themselves live in [`crate::sign`] and [`crate::Verifier`].

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An HMAC key shorter than its hash weakens the signature (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The signature algorithms, by their names of RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256, the algorithm of Tinybird's JWTs.
    Hs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The name a token's header has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn for_jsonwebtoken(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// A key that cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The HS256 secret is too short to be safe.
    #[error("the signing secret has {0} bytes; it needs at least {MIN_SECRET_BYTES}")]
    ShortSecret(usize),
    /// The PEM text is no key of a supported kind.
    #[error("key `{kid}` is not {expected} in PEM (PKCS#8 or SubjectPublicKeyInfo)")]
    Unreadable {
        /// Which key.
        kid: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The key's file cannot be read.
    #[error("cannot read the key file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file's name has no part that could be a key id.
    #[error("the key file {0} has no name to use as key id")]
    NoKeyId(PathBuf),
    /// Two keys share an id, so a token could not say which one it means.
    #[error("two keys have the id `{0}`")]
    SameKeyId(String),
    /// A second key without id.
    #[error("only one key may be without id")]
    SeveralWithoutId,
    /// No key to verify with.
    #[error("no key to verify tokens with")]
    NoKeys,
}

/// A key that signs tokens. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct SigningKey {
    pub(crate) encoding: EncodingKey,
    /// The finished first segment of every token this key signs.
    pub(crate) encoded_header: String,
    verifying: VerifyingKey,
}

impl SigningKey {
    /// The key that Tinybird knows: the raw text of the workspace admin token.
    pub fn hs256(secret: &str) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::hs256(secret)?;
        Ok(Self::new(
            EncodingKey::from_secret(secret.as_bytes()),
            verifying,
        ))
    }

    /// A private P-256 key in PEM (PKCS#8).
    pub fn es256_pem(kid: &str, pem: &str) -> Result<Self, KeyError> {
        let unreadable = |_| unreadable(kid, "a private P-256 key");
        let encoding = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(unreadable)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, encoding.as_bytes())
            .map_err(|_| unreadable(ErrorKind::InvalidEcdsaKey.into()))?;
        let decoding = DecodingKey::from_ec_der(pair.public_key().as_ref());
        let verifying = VerifyingKey::with_id(kid, Algorithm::Es256, decoding);
        Ok(Self::new(encoding, verifying))
    }

    /// A private Ed25519 key in PEM (PKCS#8).
    pub fn eddsa_pem(kid: &str, pem: &str) -> Result<Self, KeyError> {
        let unreadable = |_| unreadable(kid, "a private Ed25519 key");
        let encoding = EncodingKey::from_ed_pem(pem.as_bytes()).map_err(unreadable)?;
        let pair = Ed25519KeyPair::from_pkcs8(encoding.as_bytes())
            .map_err(|_| unreadable(ErrorKind::InvalidEddsaKey.into()))?;
        let decoding = DecodingKey::from_ed_der(pair.public_key().as_ref());
        let verifying = VerifyingKey::with_id(kid, Algorithm::EdDsa, decoding);
        Ok(Self::new(encoding, verifying))
    }

    /// The half that verifies what this key signs.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm
    }

    fn new(encoding: EncodingKey, verifying: VerifyingKey) -> Self {
        let encoded_header = crate::sign::encode_header(verifying.algorithm, verifying.kid());
        Self {
            encoding,
            encoded_header,
            verifying,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verifying.fmt_as("SigningKey", formatter)
    }
}

/// A key that verifies tokens. For HS256 it is the secret itself, so its
/// `Debug` shows nothing of it.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

impl VerifyingKey {
    /// The workspace admin token; such tokens carry no key id.
    pub fn hs256(secret: &str) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        let decoding = DecodingKey::from_secret(secret.as_bytes());
        Ok(Self {
            kid: None,
            algorithm: Algorithm::Hs256,
            decoding,
        })
    }

    /// A public P-256 key in PEM.
    pub fn es256_pem(kid: &str, pem: &str) -> Result<Self, KeyError> {
        DecodingKey::from_ec_pem(pem.as_bytes())
            .ok()
            .map(|decoding| Self::with_id(kid, Algorithm::Es256, decoding))
            .filter(Self::has_expected_size)
            .ok_or_else(|| unreadable(kid, "a public P-256 key"))
    }

    /// A public Ed25519 key in PEM.
    pub fn eddsa_pem(kid: &str, pem: &str) -> Result<Self, KeyError> {
        DecodingKey::from_ed_pem(pem.as_bytes())
            .ok()
            .map(|decoding| Self::with_id(kid, Algorithm::EdDsa, decoding))
            .filter(Self::has_expected_size)
            .ok_or_else(|| unreadable(kid, "a public Ed25519 key"))
    }

    fn with_id(kid: &str, algorithm: Algorithm, decoding: DecodingKey) -> Self {
        Self {
            kid: Some(kid.to_owned()),
            algorithm,
            decoding,
        }
    }

    /// The key's id, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The one algorithm the key is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A P-384 key looks like a P-256 key to a PEM reader and would refuse
    /// every token later; its size tells.
    fn has_expected_size(&self) -> bool {
        let expected = match self.algorithm {
            Algorithm::Hs256 => return true,
            Algorithm::Es256 => 65,
            Algorithm::EdDsa => 32,
        };
        self.decoding
            .try_get_as_bytes()
            .is_ok_and(|bytes| bytes.len() == expected)
    }

    fn fmt_as(&self, name: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct(name)
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as("VerifyingKey", formatter)
    }
}

fn unreadable(kid: &str, expected: &'static str) -> KeyError {
    KeyError::Unreadable {
        kid: kid.to_owned(),
        expected,
    }
}

/// Which keys sign and verify, as the configuration's section `[token]` says.
///
/// To change a key without an outage: add the new public key to
/// `verifying_keys` everywhere, then make it the `signing_key` of the web
/// server, then remove the old one when its last token has expired.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A private P-256 or Ed25519 key in PEM that signs tokens; its file name
    /// without extension is the key id. Null: HS256 with the workspace admin
    /// token, which Tinybird accepts too.
    pub signing_key: Option<PathBuf>,
    /// More keys whose tokens are accepted, public or private PEM files, the
    /// file name without extension being the key id.
    pub verifying_keys: Vec<PathBuf>,
    /// Whether tokens signed with the workspace admin token are accepted when
    /// `signing_key` is set. Without a `signing_key` they always are.
    pub accept_admin_token: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signing_key: None,
            verifying_keys: Vec::new(),
            accept_admin_token: true,
        }
    }
}

/// The keys of an installation, read from their files.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The key that signs.
    pub signing: SigningKey,
    /// Every key whose tokens are accepted, the signing one included.
    pub verifying: Vec<VerifyingKey>,
}

impl Settings {
    /// Reads the key files. `admin_token` is the workspace admin token.
    pub fn load(&self, admin_token: &str) -> Result<Keyring, KeyError> {
        let admin = SigningKey::hs256(admin_token)?;
        let mut verifying = Vec::new();
        let signing = match &self.signing_key {
            None => admin,
            Some(path) => {
                if self.accept_admin_token {
                    verifying.push(admin.verifying_key());
                }
                let (kid, pem) = read_pem(path)?;
                SigningKey::es256_pem(&kid, &pem)
                    .or_else(|_| SigningKey::eddsa_pem(&kid, &pem))
                    .map_err(|_| unreadable(&kid, "a private P-256 or Ed25519 key"))?
            }
        };
        verifying.push(signing.verifying_key());
        for path in &self.verifying_keys {
            let (kid, pem) = read_pem(path)?;
            let key = VerifyingKey::es256_pem(&kid, &pem)
                .or_else(|_| VerifyingKey::eddsa_pem(&kid, &pem))
                .or_else(|_| Ok(SigningKey::es256_pem(&kid, &pem)?.verifying_key()))
                .or_else(|_: KeyError| Ok(SigningKey::eddsa_pem(&kid, &pem)?.verifying_key()))
                .map_err(|_: KeyError| unreadable(&kid, "a P-256 or Ed25519 key"))?;
            verifying.push(key);
        }
        Ok(Keyring { signing, verifying })
    }
}

/// A key file's id and text.
fn read_pem(path: &Path) -> Result<(String, String), KeyError> {
    let kid = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .filter(|stem| !stem.is_empty())
        .ok_or_else(|| KeyError::NoKeyId(path.to_owned()))?;
    let pem = std::fs::read_to_string(path).map_err(|source| KeyError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok((kid.to_owned(), pem))
}
