//! The configuration: one typed tree, filled from flags over environment over
//! file over defaults.
//!
//! Each service owns the settings of its section; here they are put together
//! and read. What a key means is said once, in [`mod@reference`].

pub(crate) mod reference;
mod sources;

use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::{cli, telemetry};
pub(crate) use sources::{Given, SourceError};

/// The file that is read when none is named; it may be absent.
const DEFAULT_FILE: &str = "rookery.toml";

/// Everything that can be configured.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Directory of the database, the engine's data and the secrets.
    pub(crate) state: PathBuf,
    /// What connections may take, on each address.
    pub(crate) connections: service::ConnectionSettings,
    /// The log.
    pub(crate) log: telemetry::Settings,
    /// Who signs the tokens, and what they say.
    pub(crate) token: TokenSettings,
    /// The web application.
    pub(crate) web: web::Settings,
    /// The provider that people sign in at.
    pub(crate) oidc: web::OidcSettings,
    /// The analytics server.
    pub(crate) analytics: analytics::Settings,
    /// The embedded identity provider.
    pub(crate) identity: identity::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state: PathBuf::from(".rookery"),
            connections: service::ConnectionSettings::default(),
            log: telemetry::Settings::default(),
            token: TokenSettings::default(),
            web: web::Settings::default(),
            oidc: web::OidcSettings::default(),
            analytics: analytics::Settings::default(),
            identity: identity::Settings::default(),
        }
    }
}

impl Config {
    /// The same with what `rookery analytics` was told about the project.
    pub(crate) fn for_project(mut self, arguments: cli::Analytics) -> Self {
        if let Some(directory) = arguments.project {
            self.analytics.project = directory;
        }
        self.analytics.watch |= arguments.watch;
        self
    }
}

/// What the web application signs and the analytics server verifies.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokenSettings {
    /// The workspace of the tokens; the generated one when null.
    pub(crate) workspace_id: Option<String>,
    /// The workspace admin token, which is also the HS256 key; the generated
    /// one when null.
    pub(crate) admin_token: Option<service::Secret>,
    /// The JWT template.
    pub(crate) template: PathBuf,
    /// Keys other than the admin token.
    pub(crate) keys: token::Settings,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            workspace_id: None,
            admin_token: None,
            template: PathBuf::from("demo/jwt_templates/tinybird.json"),
            keys: token::Settings::default(),
        }
    }
}

/// The configuration could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A flag or a variable has no key of that name, or a value of another kind.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file or a value in it is wrong.
    #[error("{0}")]
    Value(#[from] Box<figment::Error>),
    /// The named file is not there.
    #[error("there is no configuration file {0}")]
    NoFile(PathBuf),
}

/// Puts the layers together.
///
/// # Errors
/// [`ConfigError`], naming the layer and the key.
pub(crate) fn load(
    file: Option<PathBuf>,
    environment: Given,
    flags: Given,
) -> Result<Config, ConfigError> {
    let file = match file {
        Some(path) if !path.exists() => return Err(ConfigError::NoFile(path)),
        Some(path) => path,
        None => PathBuf::from(DEFAULT_FILE),
    };
    Figment::from(Serialized::defaults(Config::default()))
        .merge(Toml::file(file))
        .merge(environment.into_provider("environment variable")?)
        .merge(flags.into_provider("flag")?)
        .extract()
        .map_err(|error| ConfigError::Value(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Given {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn file_with(text: &str) -> (tempfile::TempDir, Option<PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rookery.toml");
        std::fs::write(&path, text).unwrap();
        (directory, Some(path))
    }

    #[test]
    fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
        let (_directory, file) =
            file_with("state = 'file'\nlog.filter = 'warn'\nlog.json = true\n");
        let config = load(
            file,
            given(&[("state", "environment"), ("log.filter", "error")]),
            given(&[("state", "flag")]),
        )
        .unwrap();
        assert_eq!(config.state, PathBuf::from("flag"));
        assert_eq!(config.log.filter, "error");
        assert!(config.log.json);
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error_that_names_it() {
        let (_directory, file) = file_with("[log]\nlevel = 'info'\n");
        let error = load(file, Given::default(), Given::default()).unwrap_err();
        assert!(error.to_string().contains("level"), "{error}");
    }

    #[test]
    fn a_named_file_must_exist() {
        let error = load(
            Some(PathBuf::from("nowhere.toml")),
            Given::default(),
            Given::default(),
        )
        .unwrap_err();
        assert!(matches!(error, ConfigError::NoFile(_)));
    }

    #[test]
    fn numbers_in_text_stay_text_where_the_key_is_text() {
        let config = load(
            None,
            given(&[("token.workspace_id", "12345")]),
            Given::default(),
        )
        .unwrap();
        assert_eq!(config.token.workspace_id.as_deref(), Some("12345"));
    }
}
