//! `rookery serve` and the services one by one.

mod late;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::late::Late;
use super::{Failure, welcome};
use crate::config::Config;
use crate::services::Installation;
use crate::stop::Stop;

/// Serves web, analytics and identity in this process. Everything listens
/// before anything is loaded, so that a taken port is told at once.
///
/// # Errors
/// A service cannot start.
pub(crate) async fn everything(config: Config) -> Result<(), Failure> {
    let stop = Stop::on_signal()?;
    let web_listener = service::bind(config.web.listen).await?;
    let analytics_listener = service::bind(config.analytics.listen).await?;
    let installation = Installation::open(config).await?;

    // The web application reads the list of revoked tokens from its start.
    analytics::migrations().run(&installation.pool).await?;
    let provider = match installation.embeds_identity() {
        true => Some(
            installation
                .start_identity(installation.config.web.listen)
                .await?,
        ),
        false => None,
    };
    let site = installation
        .start_web(provider.as_ref().map(identity::Running::router))
        .await?;
    let accounts = match &provider {
        Some(provider) => provider.demo_accounts().await,
        None => Vec::new(),
    };
    let mut analytics = Late::start(&installation).await?;
    let analytics_router = analytics.router();
    let served = serve_all(
        &mut analytics,
        &installation.config,
        [
            (
                web_listener,
                with_provider(site.router(), provider.as_ref()),
            ),
            (analytics_listener, analytics_router),
        ],
        stop,
        || welcome::show(&installation.config, &accounts),
    )
    .await;

    site.shutdown().await;
    if let Some(provider) = provider {
        provider.shutdown().await;
    }
    analytics.shutdown().await;
    installation.pool.close().await;
    served
}

/// Serves the analytics server alone.
///
/// # Errors
/// As [`everything`].
pub(crate) async fn analytics(config: Config) -> Result<(), Failure> {
    let stop = Stop::on_signal()?;
    let listener = service::bind(config.analytics.listen).await?;
    let installation = Installation::open(config).await?;
    let mut analytics = Late::start(&installation).await?;
    let routes = [(listener, analytics.router())];
    let served = serve_all(&mut analytics, &installation.config, routes, stop, || {}).await;
    analytics.shutdown().await;
    installation.pool.close().await;
    served
}

/// Loads what the first start is to load, then serves until the end. A signal
/// also ends the loading.
async fn serve_all<const COUNT: usize>(
    analytics: &mut Late<'_>,
    config: &Config,
    routes: [(TcpListener, Router); COUNT],
    stop: Stop,
    ready: impl FnOnce(),
) -> Result<(), Failure> {
    tokio::select! {
        filled = analytics.load_fixtures() => filled?,
        () = stop.clone().wait() => return Ok(()),
    }
    let mut listeners = Listeners::new(stop, config);
    for (listener, router) in routes {
        listeners.serve(listener, router);
    }
    ready();
    tokio::select! {
        served = listeners.wait() => served,
        failure = analytics.keep_trying() => Err(failure),
    }
}

/// Serves the web application alone: provider and analytics server are
/// somewhere else.
///
/// # Errors
/// As [`everything`].
pub(crate) async fn web(config: Config) -> Result<(), Failure> {
    let stop = Stop::on_signal()?;
    let installation = Installation::open(config).await?;
    let listener = service::bind(installation.config.web.listen).await?;
    let site = installation.start_web(None).await?;
    let served = (listener, site.router());
    serve_alone(served, &installation.config, stop).await?;
    site.shutdown().await;
    installation.pool.close().await;
    Ok(())
}

/// Serves the identity provider alone.
///
/// # Errors
/// As [`everything`].
pub(crate) async fn identity(config: Config) -> Result<(), Failure> {
    let stop = Stop::on_signal()?;
    let installation = Installation::open(config).await?;
    let address = installation.config.identity.listen;
    let listener = service::bind(address).await?;
    let provider = installation.start_identity(address).await?;
    let served = (listener, with_provider(Router::new(), Some(&provider)));
    serve_alone(served, &installation.config, stop).await?;
    provider.shutdown().await;
    installation.pool.close().await;
    Ok(())
}

fn with_provider(routes: Router, provider: Option<&identity::Running>) -> Router {
    match provider {
        None => routes,
        Some(provider) if provider.mount_path().is_empty() => routes.merge(provider.router()),
        Some(provider) => routes.nest(provider.mount_path(), provider.router()),
    }
}

async fn serve_alone(
    (listener, routes): (TcpListener, Router),
    config: &Config,
    stop: Stop,
) -> Result<(), Failure> {
    let mut listeners = Listeners::new(stop, config);
    listeners.serve(listener, routes);
    listeners.wait().await
}

/// The listeners of the process.
struct Listeners {
    stop: Stop,
    connections: service::ConnectionSettings,
    tasks: JoinSet<()>,
}

impl Listeners {
    fn new(stop: Stop, config: &Config) -> Self {
        Self {
            stop,
            connections: config.connections,
            tasks: JoinSet::new(),
        }
    }

    fn serve(&mut self, listener: TcpListener, routes: Router) {
        let stopped = self.stop.clone().wait();
        self.tasks
            .spawn(service::serve(listener, routes, self.connections, stopped));
    }

    async fn wait(mut self) -> Result<(), Failure> {
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}
