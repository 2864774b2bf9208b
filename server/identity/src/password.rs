//! Passwords: hashing and checking with Argon2id, off the async threads and
//! only so many at once. Who may try how often is in [`crate::throttle`].

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokio::sync::Semaphore;

use crate::settings::{Settings, SettingsError};

/// Longer input is not hashed.
const LONGEST: usize = 1024;

/// Checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// What is checked for people who do not exist: as costly as any other
    /// hash, and of no password.
    nobody: String,
}

impl Passwords {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let params = params(settings)?;
        let concurrency = settings
            .argon2_concurrency
            .unwrap_or_else(|| available_parallelism().map_or(1, |processors| processors.get() / 2))
            .clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            permits: Arc::new(Semaphore::new(concurrency)),
            nobody: hash_of_nothing(&params),
        })
    }

    /// Whether the password is the one of `hash`; without a hash it never is,
    /// after the same time.
    pub(crate) async fn check(&self, password: String, hash: Option<String>) -> bool {
        if password.len() > LONGEST {
            return false;
        }
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return false;
        };
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let fits = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            verify(&password, &hash)
        });
        fits.await.unwrap_or(false) && known
    }
}

/// Hashes a password for the directory's `password_hash`, at the cost that the
/// settings name. Takes a good part of a second and as much memory as they say.
///
/// # Errors
/// Argon2 cannot run with these parameters, or the password is longer than
/// 1024 bytes.
pub fn hash_password(settings: &Settings, password: &str) -> Result<String, SettingsError> {
    hash(password, params(settings)?)
}

/// Hashes a password that is public knowledge, at the lowest cost there is:
/// nothing is lost, and every start of the demo is quick.
pub(crate) fn hash_demo(password: &str) -> Result<String, SettingsError> {
    let lowest = Params::new(
        Params::MIN_M_COST,
        Params::MIN_T_COST,
        Params::MIN_P_COST,
        None,
    )
    .map_err(refused)?;
    hash(password, lowest)
}

fn hash(password: &str, params: Params) -> Result<String, SettingsError> {
    if password.len() > LONGEST {
        return Err(SettingsError::new(
            "password",
            "a password must not be longer than 1024 bytes",
        ));
    }
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(refused)
}

/// Whether the password is the one of a PHC string.
pub(crate) fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Whether a text is an Argon2id hash that can be checked against.
pub(crate) fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| {
        hash.algorithm.as_str() == "argon2id"
            && hash.salt.is_some()
            && hash.hash.is_some()
            && Params::try_from(&hash).is_ok()
    })
}

fn params(settings: &Settings) -> Result<Params, SettingsError> {
    Params::new(
        settings.argon2_memory_kib,
        settings.argon2_iterations,
        settings.argon2_parallelism,
        None,
    )
    .map_err(refused)
}

fn refused(error: impl std::fmt::Display) -> SettingsError {
    SettingsError::new("argon2_memory_kib", format!("Argon2 refuses: {error}"))
}

/// A well-formed hash with a random salt and a random result.
fn hash_of_nothing(params: &Params) -> String {
    format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>()),
        STANDARD_NO_PAD.encode(rand::random::<[u8; 32]>()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Settings {
        Settings {
            argon2_memory_kib: 8,
            argon2_iterations: 1,
            ..Settings::default()
        }
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::new(&cheap()).unwrap();
        let hash = hash_password(&cheap(), "correct horse").unwrap();
        let check = |password: &str| passwords.check(password.to_owned(), Some(hash.clone()));
        assert!(check("correct horse").await);
        assert!(!check("correct horse ").await);
        assert!(!check("").await);
    }

    #[tokio::test]
    async fn nobody_has_a_password() {
        let passwords = Passwords::new(&cheap()).unwrap();
        assert!(!passwords.check(String::new(), None).await);
        assert!(is_hash(&passwords.nobody), "{}", passwords.nobody);
    }

    #[test]
    fn the_hash_of_nothing_costs_what_a_real_one_costs() {
        let cost = |hash: &str| hash.split('$').nth(3).map(str::to_owned);
        let nobody = Passwords::new(&cheap()).unwrap().nobody;
        assert_eq!(cost(&nobody), cost(&hash_password(&cheap(), "x").unwrap()));
    }

    #[tokio::test]
    async fn input_without_end_is_not_hashed() {
        let long = "x".repeat(LONGEST + 1);
        assert!(hash_demo(&long).is_err());
        assert!(!Passwords::new(&cheap()).unwrap().check(long, None).await);
    }

    #[test]
    fn only_argon2id_hashes_are_taken() {
        assert!(is_hash(&hash_demo("x").unwrap()));
        assert!(!is_hash("rookery-demo"));
        assert!(!is_hash(
            "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA"
        ));
        assert!(!is_hash("$argon2id$v=19$m=8,t=1,p=1"));
    }

    #[test]
    fn a_cost_that_argon2_cannot_run_at_is_refused() {
        let settings = Settings {
            argon2_memory_kib: 1,
            ..Settings::default()
        };
        assert!(Passwords::new(&settings).is_err());
    }
}
