//! What can be configured, and the check that it makes sense.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The section `[identity]` of the configuration. All keys are flat, so that
/// each is also an environment variable and a flag.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the provider listens when it runs alone. Not read by
    /// [`start`](crate::start): the process that serves the router decides.
    pub listen: SocketAddr,
    /// The issuer: the URL under which the router is served, without a slash
    /// at its end. `https`, or `http` on a loopback host; cookies are `Secure`
    /// accordingly. Null: [`DEFAULT_ISSUER`](crate::DEFAULT_ISSUER).
    pub issuer: Option<String>,
    /// The file of people and organizations; null: those already in the
    /// database. The process that starts the provider resolves the path and
    /// hands it over in [`StartOptions`](crate::StartOptions).
    pub directory: Option<PathBuf>,
    /// Accept people with passwords in plain text and offer them with one
    /// click. Has an effect on loopback only.
    pub demo_accounts: bool,
    /// What ID tokens are signed with.
    pub id_token_algorithm: SigningAlgorithm,
    /// A session that is not used for this long ends; seconds.
    pub session_idle_seconds: i64,
    /// A session ends this long after the sign-in, used or not; seconds.
    pub session_lifetime_seconds: i64,
    /// How long an authorization code is good for; seconds, 1 to 60.
    pub code_lifetime_seconds: i64,
    /// How long an access token, which opens the userinfo endpoint only, is
    /// good for at most; seconds. It ends with its session in any case.
    pub access_token_lifetime_seconds: i64,
    /// `exp` minus `iat` of ID tokens; seconds.
    pub id_token_lifetime_seconds: i64,
    /// Memory of one Argon2id computation; KiB.
    pub argon2_memory_kib: u32,
    /// Passes of Argon2id over that memory.
    pub argon2_iterations: u32,
    /// Lanes of Argon2id.
    pub argon2_parallelism: u32,
    /// Password checks that may run at once; null: half of the processors.
    pub argon2_concurrency: Option<usize>,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed when
    /// sign-in attempts are counted by address.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7182)),
            issuer: None,
            directory: Some(PathBuf::from("demo/identity.toml")),
            demo_accounts: true,
            id_token_algorithm: SigningAlgorithm::Rs256,
            session_idle_seconds: 24 * 3600,
            session_lifetime_seconds: 7 * 24 * 3600,
            code_lifetime_seconds: 60,
            access_token_lifetime_seconds: 7 * 24 * 3600,
            id_token_lifetime_seconds: 3600,
            argon2_memory_kib: 64 * 1024,
            argon2_iterations: 3,
            argon2_parallelism: 1,
            argon2_concurrency: None,
            trusted_proxies: Vec::new(),
        }
    }
}

/// A signature algorithm of ID tokens (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, which every relying party knows.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256: smaller tokens.
    #[serde(rename = "ES256")]
    Es256,
}

impl SigningAlgorithm {
    /// Every algorithm that the provider keeps keys for.
    pub(crate) const ALL: [Self; 2] = [Self::Rs256, Self::Es256];
}

/// A setting has a value that cannot work.
#[derive(Debug, thiserror::Error)]
#[error("identity.{key}: {problem}")]
pub struct SettingsError {
    /// The key in the section.
    pub(crate) key: &'static str,
    /// What is wrong, and what would be right.
    pub(crate) problem: String,
}

impl SettingsError {
    pub(crate) fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self {
            key,
            problem: problem.into(),
        }
    }
}

impl Settings {
    /// Checks the numbers; the issuer and Argon2's parameters are checked
    /// where they are read.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if !(1..=60).contains(&self.code_lifetime_seconds) {
            return Err(SettingsError::new(
                "code_lifetime_seconds",
                "must be 1 to 60: a code is redeemed at once or never",
            ));
        }
        let positive = [
            ("session_idle_seconds", self.session_idle_seconds),
            ("session_lifetime_seconds", self.session_lifetime_seconds),
            (
                "access_token_lifetime_seconds",
                self.access_token_lifetime_seconds,
            ),
            ("id_token_lifetime_seconds", self.id_token_lifetime_seconds),
        ];
        match positive.into_iter().find(|(_, seconds)| *seconds < 1) {
            Some((key, _)) => Err(SettingsError::new(key, "must be at least 1 second")),
            None => Ok(()),
        }
    }
}
