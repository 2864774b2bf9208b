//! Opening the engine that the settings name: a child process of ours with the
//! embedded library, or a server of somebody's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{
    Client, ClientSettings, EngineError, ServerError, ServerSettings, SupervisorSettings,
    cached_library, default_bound,
};
use thiserror::Error;

use crate::settings::EngineSettings;

/// The argument by which the binary `rookery` is the engine.
const SUBCOMMAND: &str = "engine";

/// Why there is no engine.
#[derive(Debug, Error)]
pub enum DoorError {
    /// No library is configured and there is no home to look in.
    #[error("no engine library: set `analytics.engine.library`, or HOME")]
    NoLibrary,
    /// The system does not tell which program this is.
    #[error("no engine program: set `analytics.engine.program`")]
    NoProgram,
    /// The server's address or certificates cannot be used.
    #[error("analytics.engine: {0}")]
    Server(#[from] ServerError),
    /// The engine does not start.
    #[error("the engine does not start: {0}")]
    Engine(#[from] EngineError),
}

impl DoorError {
    /// Whether waiting may help: nothing needs to be configured otherwise.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Engine(_))
    }
}

/// Opens the engine. An embedded one keeps its data in `engine/` below
/// `directory` and listens there on `engine.sock`.
///
/// # Errors
/// [`DoorError`], which says what to change.
pub async fn open_engine(
    settings: &EngineSettings,
    directory: &Path,
    database: &str,
) -> Result<Client, DoorError> {
    let client = ClientSettings {
        connections: settings.connections.unwrap_or_default(),
        queue: settings.queue,
        grace: Duration::from_secs(settings.grace_seconds),
    };
    if let Some(url) = &settings.url {
        let server = ServerSettings {
            url: url.clone(),
            user: settings.user.clone(),
            password: settings
                .password
                .as_ref()
                .map_or_else(String::new, |password| password.reveal().to_owned()),
            ca_file: settings.ca_file.clone(),
            session: None,
        };
        let client = Client::connect(server, client)?;
        client.create_database(database).await?;
        return Ok(client);
    }
    let library = settings.library.clone().or_else(cached_library);
    let child = SupervisorSettings {
        program: program(settings)?,
        arguments: vec![SUBCOMMAND.to_owned()],
        library: library.ok_or(DoorError::NoLibrary)?,
        data_directory: directory.join("engine"),
        socket: directory.join("engine.sock"),
        database: database.to_owned(),
        memory_bound: settings.memory_bytes.unwrap_or_else(default_bound),
    };
    Ok(Client::start(child, client).await?)
}

fn program(settings: &EngineSettings) -> Result<PathBuf, DoorError> {
    match &settings.program {
        Some(program) => Ok(program.clone()),
        None => std::env::current_exe().map_err(|_| DoorError::NoProgram),
    }
}
