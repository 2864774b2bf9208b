//! Starting the three services from the configuration. They know nothing of
//! each other: what one needs to reach another is settled here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use sqlx::SqlitePool;

use crate::commands::Failure;
use crate::config::Config;
use crate::database;
use crate::revocations;
use crate::secrets::Secrets;

/// Where the embedded provider is mounted on the web origin.
const IDENTITY_PATH: &str = "/idp";
/// What clients of the analytics API see as the workspace's name.
const WORKSPACE_NAME: &str = "rookery";

/// What the services share: the state directory's contents.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) config: Config,
    pub(crate) secrets: Secrets,
    pub(crate) pool: SqlitePool,
}

impl Installation {
    /// Opens the state directory; the first start creates it.
    ///
    /// # Errors
    /// The directory, the secrets or the database cannot be opened.
    pub(crate) async fn open(config: Config) -> Result<Self, Failure> {
        let secrets = Secrets::load_or_create(&config.state)?;
        let pool = database::open(&config.state).await?;
        Ok(Self {
            config,
            secrets,
            pool,
        })
    }

    /// The workspace that tokens are signed for.
    pub(crate) fn workspace_id(&self) -> &str {
        self.config
            .token
            .workspace_id
            .as_deref()
            .unwrap_or(&self.secrets.workspace_id)
    }

    /// The workspace admin token, the HS256 key.
    pub(crate) fn admin_token(&self) -> &str {
        self.config
            .token
            .admin_token
            .as_ref()
            .map_or(&self.secrets.admin_token, service::Secret::reveal)
    }

    fn keyring(&self) -> Result<token::Keyring, token::KeyError> {
        self.config.token.keys.load(self.admin_token())
    }

    /// Signs tokens by the configured template.
    ///
    /// # Errors
    /// The template or a key cannot be read.
    pub(crate) fn mint(&self) -> Result<token::Mint, Failure> {
        let path = &self.config.token.template;
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!(
                "the JWT template {} cannot be read: {error}",
                path.display()
            )
        })?;
        let template = token::JwtTemplate::parse(&text)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(token::Mint::new(
            template,
            self.keyring()?.signing,
            self.workspace_id(),
        ))
    }

    /// Whether people sign in at the embedded provider.
    pub(crate) fn embeds_identity(&self) -> bool {
        self.config.oidc.issuer == self.embedded_issuer()
            || self.config.oidc.issuer == web::OidcSettings::default().issuer
    }

    fn embedded_issuer(&self) -> String {
        format!("{}{IDENTITY_PATH}", self.config.web.origin)
    }

    /// Starts the provider, as the web application's or alone.
    ///
    /// # Errors
    /// What the provider says.
    pub(crate) async fn start_identity(
        &self,
        listen: SocketAddr,
    ) -> Result<identity::Running, Failure> {
        let origin = &self.config.web.origin;
        let mut settings = self.config.identity.clone();
        settings
            .issuer
            .get_or_insert_with(|| self.embedded_issuer());
        let notices = self.web_as_reached_from(listen);
        let client = identity::Client {
            client_id: self.config.oidc.client_id.clone(),
            client_secret: self.client_secret().to_owned(),
            redirect_uris: vec![format!("{origin}/auth/callback")],
            post_logout_redirect_uris: vec![format!("{origin}/")],
            backchannel_logout_uri: Some(format!("{notices}/auth/backchannel-logout")),
            events_uri: Some(format!("{notices}/auth/events")),
            require_pkce: true,
        };
        let options = identity::StartOptions {
            pool: self.pool.clone(),
            clients: vec![client],
            directory_file: settings.directory.clone(),
            key_directory: self.config.state.clone(),
            loopback: listen.ip().is_loopback(),
        };
        Ok(identity::start(settings, options).await?)
    }

    /// Where a provider that listens at `listen` reaches the web application: in
    /// the same process without a detour over the network.
    fn web_as_reached_from(&self, listen: SocketAddr) -> String {
        let web = self.config.web.listen;
        let here = match web.ip() {
            _ if listen != web => None,
            IpAddr::V4(ip) if ip.is_unspecified() => Some(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => Some(Ipv6Addr::LOCALHOST.into()),
            ip => ip.is_loopback().then_some(ip),
        };
        here.map_or_else(
            || self.config.web.origin.clone(),
            |ip: IpAddr| format!("http://{}", SocketAddr::new(ip, web.port())),
        )
    }

    fn client_secret(&self) -> &str {
        self.config
            .oidc
            .client_secret
            .as_ref()
            .map_or(&self.secrets.client_secret, service::Secret::reveal)
    }

    /// What the analytics server is told: pages of this site may call it.
    pub(crate) fn analytics_settings(&self) -> analytics::Settings {
        let mut settings = self.config.analytics.clone();
        if settings.cors_origins == analytics::Settings::default().cors_origins {
            settings.cors_origins = vec![self.config.web.origin.clone()];
        }
        settings
    }

    /// Starts the analytics server with its engine.
    ///
    /// # Errors
    /// What the server says: a wrong project, an engine that does not start.
    pub(crate) async fn start_analytics(&self) -> Result<analytics::Running, Failure> {
        let settings = self.analytics_settings();
        let options = analytics::StartOptions {
            state_directory: self.config.state.clone(),
            pool: self.pool.clone(),
            workspace_id: self.workspace_id().to_owned(),
            workspace_name: WORKSPACE_NAME.to_owned(),
            admin_token: self.admin_token().to_owned(),
            keys: self.keyring()?,
            environment: std::env::vars().collect(),
        };
        Ok(analytics::start(settings, options).await?)
    }

    /// The sessions of the web application, whether it runs or not.
    ///
    /// # Errors
    /// The settings or the database cannot be used.
    pub(crate) async fn sessions(&self) -> Result<web::SessionControl, Failure> {
        let options = web::ControlOptions {
            pool: self.pool.clone(),
            cookie_secret: self.secrets.session_key.clone(),
            revocations: self.revocations().await?,
            token_lifetime: self.mint()?.template().lifetime(),
        };
        Ok(web::SessionControl::open(&self.config.web, options).await?)
    }

    /// The list of revoked tokens, where the analytics server shares this
    /// database.
    async fn revocations(&self) -> Result<Option<Arc<dyn web::RevocationList>>, Failure> {
        let shared = revocations::Shared::find(&self.pool).await?;
        Ok(shared.map(|list| Arc::new(list) as Arc<dyn web::RevocationList>))
    }

    /// Starts the web application; `provider` is the embedded one, if it runs here.
    ///
    /// # Errors
    /// What the application says.
    pub(crate) async fn start_web(
        &self,
        provider: Option<Router>,
    ) -> Result<web::Running, Failure> {
        let mut settings = self.config.web.clone();
        if settings.hash_file.is_none() {
            settings.hash_file = hash_file_of_the_build();
        }
        let mut oidc = self.config.oidc.clone();
        if provider.is_some() {
            oidc.issuer = self.embedded_issuer();
        }
        let options = web::StartOptions {
            pool: self.pool.clone(),
            mint: self.mint()?,
            cookie_secret: self.secrets.session_key.clone(),
            client_secret: self
                .embeds_identity()
                .then(|| self.secrets.client_secret.clone()),
            in_process_provider: provider,
            revocations: self.revocations().await?,
            clock: web::Clock::default(),
        };
        Ok(web::start(settings, oidc, options).await?)
    }
}

/// The build writes `hash.txt` beside the executable.
fn hash_file_of_the_build() -> Option<PathBuf> {
    let file = std::env::current_exe().ok()?.with_file_name("hash.txt");
    file.is_file().then_some(file)
}
