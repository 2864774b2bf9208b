//! The key file: one TOML file, readable by its owner only, replaced as a
//! whole so that no reader ever sees half a rotation.
//!
//! Each algorithm has a `next` key, which is already published, an `active`
//! one, which signs, and `retired` ones, which only verify. A rotation moves
//! each one step on.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::settings::SigningAlgorithm;

/// A next key is published for this long before it signs: relying parties keep
/// our key set for a day at most.
const PUBLISHED_BEFORE_USE: i64 = 24 * 3600;
/// Retired keys verify for this long: an ID token comes back as a hint at
/// sign-out, after a session of days.
const KEPT_AFTER_USE: i64 = 30 * 24 * 3600;

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not yet used.
    Next,
    /// Signs.
    Active,
    /// Signs no more; tokens that it signed are still recognised.
    Retired,
}

/// Why keys are rotated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rotation {
    /// As a habit: the active key retires, the next one takes over.
    Scheduled,
    /// The file has been seen by others: every key is replaced at once, and
    /// tokens signed so far are worth nothing.
    Compromised,
}

/// A key as it may be shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeySummary {
    /// `kid`.
    pub id: String,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// Where it is in its life.
    pub state: KeyState,
    /// Since when, in Unix seconds.
    pub since: i64,
}

/// The keys cannot be read, written or rotated.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system refuses.
    #[error("cannot use the key file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Other users of the machine can read the private keys.
    #[error("the key file {0} can be read by others: chmod 600 it, or rotate as compromised")]
    Exposed(PathBuf),
    /// The file is not what we write.
    #[error("the key file {path} is broken: {problem}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An algorithm has nothing to sign with.
    #[error("the key file {0} has no active {1:?} key")]
    NoActive(PathBuf, SigningAlgorithm),
    /// There are no keys yet.
    #[error("there is no key file {0}; the provider makes it at its first start")]
    Missing(PathBuf),
    /// Relying parties do not know the next key yet.
    #[error("the next key was published less than a day ago; rotate in {} minutes", seconds / 60 + 1)]
    TooEarly {
        /// How long to wait.
        seconds: i64,
    },
    /// No randomness.
    #[error("the system could not generate a key")]
    Generation,
}

impl KeyError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn broken(path: &Path, problem: impl fmt::Display) -> Self {
        Self::Broken {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    key: Vec<StoredKey>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredKey {
    pub(super) id: String,
    pub(super) algorithm: SigningAlgorithm,
    pub(super) state: KeyState,
    pub(super) since: i64,
    /// PKCS#8 in PEM.
    pub(super) private_key: String,
}

impl KeyFile {
    /// An active and a next key of each algorithm.
    pub(super) fn generate(now: i64) -> Result<Self, KeyError> {
        let mut key = Vec::new();
        for algorithm in SigningAlgorithm::ALL {
            for state in [KeyState::Active, KeyState::Next] {
                key.push(StoredKey::generate(algorithm, state, now)?);
            }
        }
        Ok(Self { key })
    }

    /// The file's content; none if there is no file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, KeyError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyError::io(path, error)),
        };
        let mode = std::fs::metadata(path)
            .map_err(|source| KeyError::io(path, source))?
            .mode();
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed(path.to_owned()));
        }
        // The parser's own message would quote the line, and so the key.
        toml::from_str(&text)
            .map(Some)
            .map_err(|error| KeyError::broken(path, error.message()))
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), KeyError> {
        let text = toml::to_string(self).map_err(|error| KeyError::broken(path, error))?;
        replace(path, &text).map_err(|source| KeyError::io(path, source))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &StoredKey> {
        self.key.iter()
    }

    pub(super) fn summary(&self) -> Vec<KeySummary> {
        self.key
            .iter()
            .map(|key| KeySummary {
                id: key.id.clone(),
                algorithm: key.algorithm,
                state: key.state,
                since: key.since,
            })
            .collect()
    }

    pub(super) fn rotate(&mut self, rotation: Rotation, now: i64) -> Result<(), KeyError> {
        match rotation {
            Rotation::Compromised => *self = Self::generate(now)?,
            Rotation::Scheduled => self.advance(now)?,
        }
        Ok(())
    }

    fn advance(&mut self, now: i64) -> Result<(), KeyError> {
        let youngest = self
            .key
            .iter()
            .filter(|key| key.state == KeyState::Next)
            .map(|key| key.since)
            .max();
        let seconds = youngest.map_or(0, |since| since + PUBLISHED_BEFORE_USE - now);
        if seconds > 0 {
            return Err(KeyError::TooEarly { seconds });
        }
        self.key
            .retain(|key| key.state != KeyState::Retired || key.since + KEPT_AFTER_USE > now);
        for key in &mut self.key {
            let state = match key.state {
                KeyState::Next => KeyState::Active,
                KeyState::Active => KeyState::Retired,
                KeyState::Retired => continue,
            };
            (key.state, key.since) = (state, now);
        }
        for algorithm in SigningAlgorithm::ALL {
            self.key
                .push(StoredKey::generate(algorithm, KeyState::Next, now)?);
        }
        Ok(())
    }
}

impl StoredKey {
    fn generate(algorithm: SigningAlgorithm, state: KeyState, now: i64) -> Result<Self, KeyError> {
        let private_key = match algorithm {
            SigningAlgorithm::Rs256 => generate_rsa(),
            SigningAlgorithm::Es256 => generate_ec(),
        }
        .map_err(|_| KeyError::Generation)?;
        let id = super::encoding_key(algorithm, &private_key)
            .and_then(|key| super::public_jwk(&key, algorithm))
            .ok()
            .and_then(|jwk| jwk.common.key_id)
            .ok_or(KeyError::Generation)?;
        Ok(Self {
            id,
            algorithm,
            state,
            since: now,
            private_key,
        })
    }
}

fn generate_rsa() -> Result<String, aws_lc_rs::error::Unspecified> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let der: Pkcs8V1Der<'_> = key.as_der()?;
    Ok(pem(der.as_ref()))
}

fn generate_ec() -> Result<String, aws_lc_rs::error::Unspecified> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    Ok(pem(key.to_pkcs8v1()?.as_ref()))
}

/// RFC 7468, section 10.
fn pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines = body
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
}

/// Writes beside the file and renames: there is always one whole file.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension(format!("{}.new", crate::secret::random()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&fresh, path));
    if written.is_err() {
        std::fs::remove_file(&fresh).ok();
    }
    written
}
