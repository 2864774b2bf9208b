//! The embedded OpenID Connect provider: people, organizations and
//! memberships, and the endpoints of the authorization code flow.
//!
//! Relying parties reach it over OpenID Connect messages only; nothing here
//! knows of the web application's sessions or of analytics tokens. The rules
//! followed are those of OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated
//! Logout 1.0 and Back-Channel Logout 1.0, with RFC 6749, 7636, 8725, 9207 and 9700.
//!
//! ```no_run
//! # async fn serve(pool: sqlx::SqlitePool) -> Result<(), identity::StartError> {
//! let options = identity::StartOptions {
//!     pool,
//!     clients: vec![],
//!     directory_file: Some("demo/identity.toml".into()),
//!     key_directory: ".rookery".into(),
//!     loopback: true,
//! };
//! let provider = identity::start(identity::Settings::default(), options).await?;
//! let site = axum::Router::new().nest(provider.mount_path(), provider.router());
//! # drop::<axum::Router>(site);
//! # Ok(())
//! # }
//! ```

mod authorize;
mod claims;
mod client;
mod cookies;
mod directory;
mod discovery;
mod end_session;
mod forgery;
mod headers;
mod issuer;
mod keys;
mod notices;
mod pages;
mod parameters;
mod password;
mod provider;
mod scope;
mod secret;
mod session;
mod settings;
mod sign_in;
mod store;
mod throttle;
mod token_endpoint;
mod userinfo;
mod watch;

pub use client::{Client, ClientError};
pub use directory::DirectoryError;
pub use issuer::DEFAULT_ISSUER;
pub use keys::{KeyError, KeyState, KeySummary, Rotation, rotate_keys};
pub use password::hash_password;
pub use provider::{DemoAccount, Running, StartError, StartOptions, start};
pub use settings::{Settings, SettingsError, SigningAlgorithm};
pub use store::{StoreError, end_sessions, migrations};

/// The time in Unix seconds.
fn unix_now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| i64::try_from(elapsed.as_secs()).ok())
        .expect("the clock is between 1970 and the end of time")
}

/// An error with its causes, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
