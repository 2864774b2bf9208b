//! `rookery identity`: the provider alone, its keys, hashes of passwords, and
//! who is signed in.

use std::io::{BufRead, stdin};

use identity::Rotation;

use super::{Failure, print, serve};
use crate::cli::{EndSessions, IdentityCommand, SessionCommand};
use crate::config::Config;
use crate::services::Installation;

/// Serves the provider, or does what was asked for it.
///
/// # Errors
/// The provider does not start, or its keys or the password cannot be used.
pub(crate) async fn run(config: Config, command: Option<IdentityCommand>) -> Result<(), Failure> {
    match command {
        None => serve::identity(config).await,
        Some(IdentityCommand::RotateKeys { compromised }) => rotate_keys(&config, compromised),
        Some(IdentityCommand::HashPassword) => hash_password(&config),
        Some(IdentityCommand::Session(command)) => sessions(config, command).await,
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

async fn sessions(config: Config, command: SessionCommand) -> Result<(), Failure> {
    let installation = Installation::open(config).await?;
    let sessions = installation.sessions().await?;
    match command {
        SessionCommand::List { user } => {
            for session in sessions.list(user.as_deref()).await? {
                print(&serde_json::to_string(&session)?);
            }
        }
        SessionCommand::End(EndSessions { id: Some(id), .. }) => {
            if !sessions.end(&id).await? {
                return Err(format!(
                    "there is no session `{id}`: `rookery identity session list` names them"
                )
                .into());
            }
            print("1 session has ended.");
        }
        SessionCommand::End(EndSessions { user, .. }) => {
            let count = sessions.end_all(user.as_deref()).await?;
            let signed_out = identity::end_sessions(&installation.pool, user.as_deref()).await?;
            print(&format!(
                "{count} sessions have ended, and {signed_out} at the embedded provider."
            ));
        }
    }
    installation.pool.close().await;
    Ok(())
}
