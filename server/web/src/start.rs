//! Puts the site together from its settings, and ends it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use app::analytics::ServerTransport;
use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use service::{Readiness, health_routes};
use sqlx::SqlitePool;
use sqlx::migrate::{MigrateError, Migrator};
use token::Mint;
use tokio::task::JoinHandle;

use crate::assets::{Assets, ListingError};
use crate::checks::{Checks, keep_asking, keep_fresh};
use crate::clock::Clock;
use crate::ending::Ending;
use crate::grant::Grants;
use crate::oidc::{OidcError, RelyingParty};
use crate::origin::{Origin, OriginError};
use crate::pages::Pages;
use crate::revocations::{RevocationList, Revoked};
use crate::sealed::{SHORTEST_SECRET, Sealer};
use crate::security::{Policy, protect};
use crate::session::Sessions;
use crate::settings::{OidcSettings, Settings};
use crate::site::{Shared, Site};
use crate::transport::Http;
use crate::{csrf, routes, visitor};

/// Rows of sessions past their end are deleted this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);

/// The tables of the site; other services have theirs in the same database.
#[must_use]
pub fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.set_ignore_missing(true);
    migrations
}

/// What providers tell is a token of a kilobyte or two, in bytes.
const LONGEST_NOTICE: usize = 64 * 1024;

/// What the site gets from the process around it.
pub struct StartOptions {
    /// The database for the sessions; the site makes its tables.
    pub pool: SqlitePool,
    /// Makes the analytics tokens.
    pub mint: Mint,
    /// At least 32 random bytes of text that stay the same between starts;
    /// what is sealed in cookies depends on them.
    pub cookie_secret: String,
    /// The client secret generated for the embedded provider; used unless the
    /// settings have one. Without either, the site is a public client.
    pub client_secret: Option<String>,
    /// The embedded provider with its addresses relative to the issuer. It is
    /// called with the same HTTP messages as one on the network.
    pub in_process_provider: Option<Router>,
    /// The list of revoked tokens, where the analytics server is ours and shares
    /// it. Without one, tokens that are out last until they expire.
    pub revocations: Option<Arc<dyn RevocationList>>,
    /// What time it is.
    pub clock: Clock,
}

impl fmt::Debug for StartOptions {
    // The secrets stay out of logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StartOptions")
            .field("mint", &self.mint)
            .finish_non_exhaustive()
    }
}

/// Why the site cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address in `[web]` is no usable origin.
    #[error("web.{key}")]
    Origin {
        /// The key of the address.
        key: &'static str,
        /// What is wrong with it.
        source: OriginError,
    },
    /// A session would be over before it begins.
    #[error("web.{0} has to be at least one second")]
    SessionLength(&'static str),
    /// The administrators' token could be guessed.
    #[error("web.admin_token has to be at least {SHORTEST_SECRET} characters long")]
    AdminToken,
    /// The public token cannot be sent.
    #[error("web.public_token holds characters no token has")]
    PublicToken,
    /// The cookie secret is too short.
    #[error("the cookie secret has to be at least {SHORTEST_SECRET} bytes long")]
    CookieSecret,
    /// The section `[oidc]` cannot be used.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The built site is incomplete.
    #[error(transparent)]
    Assets(#[from] ListingError),
    /// The HTTP client for the analytics server cannot be made.
    #[error("the HTTP client for the analytics server cannot be made")]
    Client(#[from] reqwest::Error),
    /// The tables of the sessions cannot be made.
    #[error("the session tables cannot be made")]
    Migration(#[from] MigrateError),
}

/// The running site.
#[derive(Debug)]
pub struct Running {
    router: Router,
    sessions: Sessions,
    background: [JoinHandle<()>; 3],
}

impl Running {
    /// Everything the site answers, its health routes included.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The addresses that the site answers besides its files, as axum writes
    /// them.
    pub fn addresses() -> Vec<&'static str> {
        let health = ["/healthz", "/readyz", "/metrics"];
        let pages = app::PAGES.iter().copied();
        routes::addresses().chain(pages).chain(health).collect()
    }

    /// Ends the work in the background. Requests are the server's business.
    pub async fn shutdown(self) {
        for task in self.background {
            task.abort();
            // Aborted is how it should end.
            task.await.ok();
        }
        if let Err(error) = self.sessions.write_down().await {
            tracing::warn!(%error, "the use of sessions cannot be written down");
        }
    }
}

/// Starts the site. The provider and the analytics server need not be there
/// yet.
///
/// # Errors
/// [`StartError`] when settings contradict each other or the tables of the
/// sessions cannot be made.
pub async fn start(
    settings: Settings,
    oidc: OidcSettings,
    options: StartOptions,
) -> Result<Running, StartError> {
    check_session_length(&settings)?;
    migrations().run(&options.pool).await?;
    let pool = options.pool.clone();
    let site = Arc::new(assemble(&settings, oidc, options)?);
    if let Err(error) = site.refresh().await {
        tracing::error!(error, "sessions and revoked tokens cannot be read");
    }
    let background = [
        tokio::spawn(sweep(site.sessions.clone())),
        tokio::spawn(keep_fresh(Arc::clone(&site))),
        tokio::spawn(keep_asking(Arc::clone(&site))),
    ];
    let assets = Assets::new(&settings)?;
    let internal = match &settings.analytics_internal_origin {
        Some(text) => Origin::internal(text).map_err(|source| StartError::Origin {
            key: "analytics_internal_origin",
            source,
        })?,
        None => site.analytics_origin.clone(),
    };
    let transport: ServerTransport = Arc::new(Http::new(internal)?);
    let pages = Pages::new(
        Arc::clone(&site),
        transport,
        assets.leptos_options(&settings),
    );
    let sessions = site.sessions.clone();
    let policy = Policy::new(&site.origin, &site.analytics_origin, settings.reload_port);

    let answers = around(
        routes::router(Arc::clone(&site))
            .merge(pages.router())
            .method_not_allowed_fallback(routes::method_not_allowed),
        &site,
        &policy,
    );
    let administration = routes::administration(Arc::clone(&site))
        .layer(middleware::from_fn_with_state(policy.clone(), protect));
    let health =
        health_routes(ready(pool)).layer(middleware::from_fn_with_state(policy.clone(), protect));
    let notices = routes::notices(Arc::clone(&site))
        .layer(DefaultBodyLimit::max(LONGEST_NOTICE))
        .layer(middleware::from_fn_with_state(policy.clone(), protect));
    let otherwise = around(pages.not_found(), &site, &policy);
    let router = answers
        .merge(notices)
        .merge(administration)
        .merge(health)
        .merge(assets.router(policy, otherwise));
    Ok(Running {
        router: service::observe(router, "web"),
        sessions,
        background,
    })
}

/// The parts of the site.
fn assemble(
    settings: &Settings,
    oidc: OidcSettings,
    options: StartOptions,
) -> Result<Site, StartError> {
    let public =
        |key, text: &str| Origin::public(text).map_err(|source| StartError::Origin { key, source });
    let origin = public("origin", &settings.origin)?;
    let clock = options.clock;
    if let Some(token) = &settings.admin_token
        && token.reveal().len() < SHORTEST_SECRET
    {
        return Err(StartError::AdminToken);
    }
    let sealer = Sealer::new(&options.cookie_secret).map_err(|_| StartError::CookieSecret)?;
    let sealer = Arc::new(sealer);
    let revoked = Arc::new(Revoked::new(options.revocations));
    let sessions = Sessions::new(
        options.pool,
        &origin,
        settings,
        Arc::clone(&sealer),
        clock.clone(),
    );
    let ending = Ending {
        sessions: sessions.clone(),
        revoked: Arc::clone(&revoked),
        token_lifetime: options.mint.template().lifetime(),
        clock: clock.clone(),
    };
    Ok(Site {
        analytics_origin: public("analytics_origin", &settings.analytics_origin)?,
        sessions,
        ending,
        admin_token: settings.admin_token.clone(),
        grants: Grants::new(
            options.mint,
            settings.public_token.as_deref(),
            settings.token_header,
            Arc::clone(&revoked),
            clock.clone(),
        )
        .map_err(|_| StartError::PublicToken)?,
        checks: Checks::new(&oidc),
        revoked,
        oidc: RelyingParty::new(
            oidc,
            options.client_secret,
            options.in_process_provider,
            sealer,
            &origin,
            clock.clone(),
        )?,
        origin,
        clock,
    })
}

/// The layers around everything that answers one visitor, the innermost first.
fn around(router: Router, site: &Shared, policy: &Policy) -> Router {
    let router = router
        .layer(middleware::from_fn_with_state(
            Arc::clone(site),
            visitor::recognize,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(site),
            csrf::refuse_other_sites,
        ));
    site.sessions
        .around(router)
        .layer(middleware::from_fn_with_state(policy.clone(), protect))
}

fn check_session_length(settings: &Settings) -> Result<(), StartError> {
    let lengths = [
        ("session_idle_seconds", settings.session_idle_seconds),
        (
            "session_lifetime_seconds",
            settings.session_lifetime_seconds,
        ),
    ];
    match lengths.into_iter().find(|(_, seconds)| *seconds < 1) {
        Some((key, _)) => Err(StartError::SessionLength(key)),
        None => Ok(()),
    }
}

/// Ready when sessions can be read. The provider is not asked: who is signed in
/// can work without it.
fn ready(pool: SqlitePool) -> Readiness {
    Readiness::new(move || {
        let pool = pool.clone();
        async move {
            let sessions = sqlx::query("SELECT 1 FROM web_sessions LIMIT 1");
            let read = sessions.execute(&pool).await;
            read.map(drop)
                .map_err(|_| "sessions cannot be read".to_owned())
        }
    })
}

async fn sweep(sessions: Sessions) {
    let mut times = tokio::time::interval(SWEEP_EVERY);
    loop {
        times.tick().await;
        if let Err(error) = sessions.sweep().await {
            tracing::warn!(%error, "ended sessions cannot be deleted from the database");
        }
    }
}
