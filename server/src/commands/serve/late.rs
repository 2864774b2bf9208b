//! An analytics server that comes when its engine does. Until then its address
//! answers that it is on its way and why, while pages and sign-in are served
//! all the same.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use tower::ServiceExt;

use crate::commands::{Failure, load};
use crate::services::Installation;

/// How long to wait before the next try.
const AGAIN: Duration = Duration::from_secs(5);

/// The analytics server, or the promise of one.
pub(super) struct Late<'installation> {
    installation: &'installation Installation,
    running: Option<analytics::Running>,
    door: Door,
    reason: Arc<RwLock<String>>,
}

impl<'installation> Late<'installation> {
    /// Tries to start it. An engine that does not start is no error: it is
    /// tried again by [`Late::keep_trying`].
    ///
    /// # Errors
    /// What only another configuration or project mends.
    pub(super) async fn start(installation: &'installation Installation) -> Result<Self, Failure> {
        let reason = Arc::new(RwLock::new(String::new()));
        let shown = Arc::clone(&reason);
        let starting = analytics::starting_router(
            &installation.analytics_settings().cors_origins,
            move || shown.read().unwrap_or_else(PoisonError::into_inner).clone(),
        )?;
        let mut late = Self {
            installation,
            running: None,
            door: Door::new(starting),
            reason,
        };
        late.try_once().await?;
        if let Some(running) = &late.running {
            late.door.open(running.router());
        }
        Ok(late)
    }

    /// The routes, now those that say it is starting, later its own.
    pub(super) fn router(&self) -> Router {
        self.door.router()
    }

    /// Loads what the first start is to load, if it has started.
    pub(super) async fn load_fixtures(&self) -> Result<(), Failure> {
        if let Some(running) = &self.running
            && running.serves_fixtures()
        {
            load::missing(running).await?;
        }
        Ok(())
    }

    /// Tries until it has started, then waits for ever.
    pub(super) async fn keep_trying(&mut self) -> Failure {
        while self.running.is_none() {
            tokio::time::sleep(AGAIN).await;
            if let Err(failure) = self.try_once().await {
                return failure;
            }
        }
        if let Err(failure) = self.load_fixtures().await {
            return failure;
        }
        if let Some(running) = &self.running {
            self.door.open(running.router());
        }
        std::future::pending().await
    }

    async fn try_once(&mut self) -> Result<(), Failure> {
        match self.installation.start_analytics().await {
            Ok(running) => self.running = Some(running),
            Err(error) => {
                let may_pass = error
                    .downcast_ref::<analytics::StartError>()
                    .is_some_and(analytics::StartError::may_pass);
                if !may_pass {
                    return Err(error);
                }
                tracing::error!(%error, "the analytics server does not start; it is tried again");
                *self.reason.write().unwrap_or_else(PoisonError::into_inner) = error.to_string();
            }
        }
        Ok(())
    }

    pub(super) async fn shutdown(self) {
        if let Some(running) = self.running {
            running.shutdown().await;
        }
    }
}

/// Routes that can be replaced while they are served.
#[derive(Clone)]
struct Door(Arc<RwLock<Router>>);

impl Door {
    fn new(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }

    fn open(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    fn router(&self) -> Router {
        let door = self.clone();
        Router::new().fallback(move |request: Request| {
            let router = door
                .0
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            router.oneshot(request)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::get;

    use super::*;

    async fn text(router: Router) -> String {
        let request = Request::get("/").body(Body::empty()).expect("it is one");
        let response = router.oneshot(request).await.expect("routes answer");
        let body = to_bytes(response.into_body(), 1024).await;
        String::from_utf8_lossy(&body.expect("it is short")).into_owned()
    }

    #[tokio::test]
    async fn routes_take_the_place_of_others_while_they_are_served() {
        let door = Door::new(Router::new().route("/", get(|| async { "starting" })));
        let router = door.router();
        assert_eq!(text(router.clone()).await, "starting");
        door.open(Router::new().route("/", get(|| async { "here" })));
        assert_eq!(text(router).await, "here");
    }
}
