//! Starting the provider, its routes, and what all endpoints share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};
use http::Method;
use service::{ApiError, Readiness};
use sqlx::SqlitePool;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::{Client, ClientError, Clients};
use crate::directory::{DirectoryError, DirectoryFile};
use crate::issuer::{DEFAULT_ISSUER, Issuer};
use crate::keys::{KeyError, KeyStore};
use crate::notices::{Notice, Outbox};
use crate::parameters;
use crate::password::Passwords;
use crate::settings::{Settings, SettingsError};
use crate::store::{DemoPerson, Store, StoreError};
use crate::{
    authorize, discovery, end_session, headers, pages, sign_in, token_endpoint, userinfo, watch,
};

/// How often what has run out is removed.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// What the surrounding process gives the provider.
#[derive(Debug)]
pub struct StartOptions {
    /// The database, with foreign keys enforced (sqlx's default). The
    /// provider's tables begin with `identity_`.
    pub pool: SqlitePool,
    /// The relying parties.
    pub clients: Vec<Client>,
    /// The file of people and organizations, read at each start and whenever it
    /// changes; none keeps those in the database.
    pub directory_file: Option<PathBuf>,
    /// Where the signing keys are kept; an existing directory.
    pub key_directory: PathBuf,
    /// Whether the provider can be reached from this machine only.
    pub loopback: bool,
}

/// The provider cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting has a value that cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A client is registered unsafely.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The directory file is wrong.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The tables cannot be brought up to date.
    #[error("the identity tables cannot be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database failed.
    #[error("the identity database failed")]
    Database(#[source] sqlx::Error),
    /// The HTTP client for what relying parties are told cannot be made.
    #[error("the HTTP client for relying parties cannot be made")]
    Http(#[from] reqwest::Error),
    /// The machine could not run a task.
    #[error("the signing keys could not be opened")]
    Task(#[from] tokio::task::JoinError),
}

impl From<StoreError> for StartError {
    fn from(StoreError(error): StoreError) -> Self {
        Self::Database(error)
    }
}

/// What the endpoints share.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) settings: Settings,
    pub(crate) issuer: Issuer,
    pub(crate) clients: Clients,
    pub(crate) keys: KeyStore,
    pub(crate) store: Store,
    pub(crate) passwords: Passwords,
    /// Whether demo accounts may be entered.
    pub(crate) demo: bool,
    pub(crate) outbox: Outbox,
}

impl Provider {
    /// Lets clients know what happened.
    pub(crate) fn tell(&self, notices: &[Notice]) {
        let keys = self.keys.current();
        let algorithm = self.settings.id_token_algorithm;
        for notice in notices {
            let Some(client) = self.clients.get(&notice.client_id) else {
                continue;
            };
            let issuer = self.issuer.as_str();
            let sent = self
                .outbox
                .send(issuer, client, &notice.event, &keys, algorithm);
            if let Err(error) = sent {
                let error = crate::chain(&error);
                tracing::error!(error, "a notice cannot be signed");
            }
        }
    }

    /// Removes sessions, codes, tokens and failures whose time has run out.
    async fn purge(&self) -> Result<(), StoreError> {
        let now = crate::unix_now();
        let began_before = now - self.settings.session_lifetime_seconds;
        let unused_since = now - self.settings.session_idle_seconds;
        self.store.purge(now, began_before, unused_since).await
    }
}

/// Somebody who can be entered with one click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoAccount {
    /// What the person signs in with.
    pub email: String,
    /// What the person is, such as `admin of United`; empty without an
    /// organization.
    pub memberships: Vec<String>,
}

/// A started provider.
#[derive(Debug)]
pub struct Running {
    provider: Arc<Provider>,
    background: Vec<JoinHandle<()>>,
}

/// Opens database and keys, reads the directory, and is ready to serve.
///
/// # Errors
/// [`StartError`], which says what to change.
pub async fn start(settings: Settings, options: StartOptions) -> Result<Running, StartError> {
    settings.check()?;
    let issuer = Issuer::parse(settings.issuer.as_deref().unwrap_or(DEFAULT_ISSUER))?;
    let clients = Clients::new(options.clients)?;
    let passwords = Passwords::new(&settings)?;
    // A proxy in front of a loopback address still makes it public, and then
    // the issuer has a public name.
    let demo = settings.demo_accounts && options.loopback && issuer.is_loopback();
    let store = Store::open(options.pool).await?;
    let mut notices = Vec::new();
    let mut read = None;
    if let Some(path) = &options.directory_file {
        // Before it is read: what changes meanwhile is read again.
        read = watch::trace(path).await;
        notices = DirectoryFile::read(path, demo)?.apply(&store).await?;
    }
    if !demo {
        store.close_demo_accounts().await?;
    }
    let key_directory = options.key_directory;
    let keys = tokio::task::spawn_blocking(move || KeyStore::open(&key_directory)).await??;
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let (outbox, sending) = Outbox::open(http);
    let provider = Arc::new(Provider {
        outbox,
        settings,
        issuer,
        clients,
        keys,
        store,
        passwords,
        demo,
    });
    provider.purge().await?;
    provider.tell(&notices);
    let mut background = vec![sending, tokio::spawn(keep_purging(Arc::clone(&provider)))];
    if let Some(path) = options.directory_file {
        let watching = watch::watch(Arc::clone(&provider), path, read);
        background.push(tokio::spawn(watching));
    }
    Ok(Running {
        provider,
        background,
    })
}

impl Running {
    /// The provider's routes, to be served at [`Running::mount_path`] of the
    /// issuer's origin.
    pub fn router(&self) -> Router {
        let provider = &self.provider;
        let store = provider.store.clone();
        let readiness = Readiness::new(move || {
            let store = store.clone();
            async move {
                match store.answers().await {
                    true => Ok(()),
                    false => Err("the database of people cannot be read".to_owned()),
                }
            }
        });
        let add = |router: Router<_>, (address, methods)| router.route(address, methods);
        let routes = routes()
            .into_iter()
            .fold(Router::new(), add)
            .with_state(Arc::clone(provider))
            .merge(service::health_routes(readiness))
            .fallback(unknown)
            .method_not_allowed_fallback(unknown)
            .layer(DefaultBodyLimit::max(parameters::LONGEST))
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(provider),
                headers::protect,
            ));
        service::observe(routes, "identity")
    }

    /// The addresses that the provider answers below [`Running::mount_path`].
    pub fn addresses() -> Vec<&'static str> {
        let health = ["/healthz", "/readyz", "/metrics"];
        let own = routes().into_iter().map(|(address, _)| address);
        own.chain(health).collect()
    }

    /// The path of the issuer: where to nest [`Running::router`]. Empty for the
    /// root.
    pub fn mount_path(&self) -> &str {
        self.provider.issuer.mount_path()
    }

    /// The accounts that can be entered with one click on this machine.
    pub async fn demo_accounts(&self) -> Vec<DemoAccount> {
        if !self.provider.demo {
            return Vec::new();
        }
        let people = self.provider.store.demo_people().await;
        let people = people.unwrap_or_else(|error| {
            tracing::warn!(
                error = crate::chain(&error),
                "the demo accounts cannot be listed"
            );
            Vec::new()
        });
        let account = |person: DemoPerson| DemoAccount {
            email: person.email,
            memberships: (person.memberships.iter())
                .map(|(organization, role)| format!("{role} of {organization}"))
                .collect(),
        };
        people.into_iter().map(account).collect()
    }

    /// The issuer, as relying parties must be told.
    pub fn issuer(&self) -> &str {
        self.provider.issuer.as_str()
    }

    /// Ends the work in the background.
    pub async fn shutdown(self) {
        for task in self.background {
            task.abort();
            task.await.ok();
        }
    }
}

/// The provider's addresses below the issuer.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Provider>>)> {
    vec![
        (
            "/.well-known/openid-configuration",
            get(discovery::metadata),
        ),
        ("/jwks", get(discovery::keys)),
        (
            "/authorize",
            // A HEAD request must not give out a code.
            get(authorize::get).post(authorize::post).head(no_head),
        ),
        ("/sign-in", post(sign_in::post).get(sign_in::get)),
        ("/token", post(token_endpoint::post)),
        ("/userinfo", get(userinfo::get).post(userinfo::post)),
        (
            "/end_session",
            get(end_session::get).post(end_session::post).head(no_head),
        ),
        ("/sign-out", post(end_session::confirmed)),
        (pages::STYLE_ROUTE, get(pages::style)),
        (pages::ICON_ROUTE, get(pages::icon)),
    ]
}

async fn keep_purging(provider: Arc<Provider>) {
    let first = Instant::now() + PURGE_INTERVAL;
    let mut interval = tokio::time::interval_at(first, PURGE_INTERVAL);
    loop {
        interval.tick().await;
        if let Err(error) = provider.purge().await {
            let error = crate::chain(&error);
            tracing::warn!(error, "what has run out could not be removed");
        }
    }
}

async fn no_head() -> http::StatusCode {
    http::StatusCode::METHOD_NOT_ALLOWED
}

async fn unknown(method: Method, uri: http::Uri) -> ApiError {
    let status = match routes().iter().any(|(address, _)| *address == uri.path()) {
        true => http::StatusCode::METHOD_NOT_ALLOWED,
        false => http::StatusCode::NOT_FOUND,
    };
    ApiError::new(
        status,
        "not_found",
        format!(
            "the identity provider has nothing to {method} here; its addresses are in /.well-known/openid-configuration"
        ),
    )
}
