//! The secrets that the first start generates, kept in `<state>/secrets.toml`
//! with mode 0600. They are read here and handed out; nothing else opens the
//! file.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::database;

const FILE: &str = "secrets.toml";

/// What must not leave the server.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    /// The workspace that tokens are issued for.
    pub(crate) workspace_id: String,
    /// Tinybird's "admin token" of the workspace: also the HS256 key of its JWTs.
    pub(crate) admin_token: String,
    /// The web application's secret at the embedded identity provider.
    pub(crate) client_secret: String,
    /// Seals what the web application keeps in cookies and sessions.
    pub(crate) session_key: String,
}

/// The secrets could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretsError {
    #[error("cannot {action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{path} is not a secrets file: restore it, or empty it to have new secrets generated")]
    Syntax {
        path: PathBuf,
        source: toml::de::Error,
    },
    #[error("{path} may be read by others: run `chmod 600 {path}`")]
    TooOpen { path: PathBuf },
    #[error(
        "{path} is gone, and the data beside it belongs to its secrets: restore it. If it is lost, \
         run `touch {path}` to have new secrets generated: then sessions end, tokens that were \
         given out are refused, and ids of pipes and data sources change"
    )]
    Lost { path: PathBuf },
    #[error("the system gives no random bytes")]
    Random(#[from] rand::rand_core::OsError),
}

impl Secrets {
    /// Reads the secrets of `state`; the first call creates directory and file.
    ///
    /// # Errors
    /// [`SecretsError`] when the file cannot be read, written, or is open to others.
    pub(crate) fn load_or_create(state: &Path) -> Result<Self, SecretsError> {
        let path = state.join(FILE);
        match fs::read_to_string(&path) {
            // An empty file says that new secrets are wanted.
            Ok(text) if text.is_empty() => Self::create(state, &path),
            Ok(text) => Self::parse(&path, &text),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                if state.join(database::FILE).exists() {
                    return Err(SecretsError::Lost { path });
                }
                Self::create(state, &path)
            }
            Err(source) => Err(SecretsError::File {
                action: "read",
                path,
                source,
            }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SecretsError> {
        let mode = fs::metadata(path)
            .map_err(|source| SecretsError::File {
                action: "read",
                path: path.to_owned(),
                source,
            })?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(SecretsError::TooOpen {
                path: path.to_owned(),
            });
        }
        toml::from_str(text).map_err(|source| SecretsError::Syntax {
            path: path.to_owned(),
            source,
        })
    }

    fn create(state: &Path, path: &Path) -> Result<Self, SecretsError> {
        let secrets = Self::generate()?;
        let text = toml::to_string(&secrets).expect("four strings are valid TOML");
        write_private(state, path, &text).map_err(|source| SecretsError::File {
            action: "write",
            path: path.to_owned(),
            source,
        })?;
        Ok(secrets)
    }

    fn generate() -> Result<Self, SecretsError> {
        let workspace_id = Uuid::new_v4().to_string();
        let subject = format!(
            r#"{{"u":"{workspace_id}","id":"{}","host":"local"}}"#,
            Uuid::new_v4()
        );
        Ok(Self {
            admin_token: format!("p.{}.{}", URL_SAFE_NO_PAD.encode(subject), random_text()?),
            workspace_id,
            client_secret: random_text()?,
            session_key: random_text()?,
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secrets(hidden)")
    }
}

/// 64 random bytes as text: enough for an HMAC key of any length in use.
fn random_text() -> Result<String, SecretsError> {
    let mut bytes = [0_u8; 64];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Writes beside the target and renames, so that a crash leaves no half file.
fn write_private(state: &Path, path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(state)?;
    fs::set_permissions(state, fs::Permissions::from_mode(0o700))?;
    let unfinished = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_start_finds_the_first_starts_secrets() {
        let state = tempfile::tempdir().unwrap();
        let first = Secrets::load_or_create(state.path()).unwrap();
        let second = Secrets::load_or_create(state.path()).unwrap();
        assert_eq!(first.admin_token, second.admin_token);
        assert!(first.admin_token.starts_with("p."));
    }

    #[test]
    fn new_secrets_over_old_data_are_only_made_when_somebody_says_so() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(FILE);
        let first = Secrets::load_or_create(state.path()).unwrap();
        fs::write(state.path().join(database::FILE), "").unwrap();
        fs::remove_file(&path).unwrap();
        let refusal = Secrets::load_or_create(state.path()).unwrap_err();
        assert!(matches!(refusal, SecretsError::Lost { .. }));
        assert!(!path.exists());
        fs::write(&path, "").unwrap();
        let second = Secrets::load_or_create(state.path()).unwrap();
        assert_ne!(first.admin_token, second.admin_token);
        let third = Secrets::load_or_create(state.path()).unwrap();
        assert_eq!(second.admin_token, third.admin_token);
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let state = tempfile::tempdir().unwrap();
        Secrets::load_or_create(state.path()).unwrap();
        let path = state.path().join(FILE);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refusal = Secrets::load_or_create(state.path()).unwrap_err();
        assert!(matches!(refusal, SecretsError::TooOpen { .. }));
    }

    #[test]
    fn printing_shows_no_secret() {
        let state = tempfile::tempdir().unwrap();
        let secrets = Secrets::load_or_create(state.path()).unwrap();
        assert!(!format!("{secrets:?}").contains(&secrets.client_secret));
    }
}
