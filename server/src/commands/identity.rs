//! `rookery identity`: the provider alone, its keys, and hashes of passwords.

use std::io::{BufRead, stdin};

use identity::Rotation;

use super::{Failure, print, serve};
use crate::cli::IdentityCommand;
use crate::config::Config;

/// Serves the provider, or does what was asked for it.
///
/// # Errors
/// The provider does not start, or its keys or the password cannot be used.
pub(crate) async fn run(config: Config, command: Option<IdentityCommand>) -> Result<(), Failure> {
    match command {
        None => serve::identity(config).await,
        Some(IdentityCommand::RotateKeys { compromised }) => rotate_keys(&config, compromised),
        Some(IdentityCommand::HashPassword) => hash_password(&config),
    }
}

fn rotate_keys(config: &Config, compromised: bool) -> Result<(), Failure> {
    let rotation = if compromised {
        Rotation::Compromised
    } else {
        Rotation::Scheduled
    };
    for key in identity::rotate_keys(&config.state, rotation)? {
        print(&format!("{:?} {:?} {}", key.algorithm, key.state, key.id));
    }
    Ok(())
}

fn hash_password(config: &Config) -> Result<(), Failure> {
    let mut password = String::new();
    stdin().lock().read_line(&mut password)?;
    let password = password.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(
            "type the password, or pipe it in: nothing was read from standard input".into(),
        );
    }
    print(&identity::hash_password(&config.identity, password)?);
    Ok(())
}
