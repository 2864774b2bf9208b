//! A running site with everything around it, each test its own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use axum::Router;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use tempfile::TempDir;
use token::{JwtTemplate, Mint, Revocation, RevocationKind, Revocations, SigningKey, Verifier};
use web::{
    Clock, OidcSettings, RevocationError, RevocationList, Running, Settings, StartError,
    StartOptions,
};

use crate::browser::{Answer, Browser};
use crate::provider::Provider;

pub(crate) const ORIGIN: &str = "http://localhost:3000";
pub(crate) const CLIENT_SECRET: &str = "the client secret of this test";
pub(crate) const WORKSPACE: &str = "workspace-of-this-test";

const ADMIN_TOKEN: &str = "p.an-admin-token-that-is-long-enough-for-hs256";

/// The demo's template, shortened: the organization is fixed in the scope.
const TEMPLATE: &str = r#"{"name": "tinybird", "lifetime": 900, "claims": {
    "workspace_id": "{{workspace.id}}", "name": "rookery_{{user.id}}",
    "scopes": [{"type": "PIPES:READ", "resource": "flights_per_day",
                "fixed_params": {"org": "{{org.slug}}", "user": "{{user.id}}"}}]}}"#;

/// A site and what it stands on.
pub(crate) struct House {
    pub(crate) settings: Settings,
    pub(crate) oidc: OidcSettings,
    pub(crate) provider: Provider,
    pub(crate) pool: SqlitePool,
    pub(crate) files: TempDir,
    /// What the clock shows, in unix seconds.
    pub(crate) time: Arc<AtomicI64>,
    /// The list of revoked tokens, as the analytics server has it.
    pub(crate) revocations: Arc<List>,
}

/// A list of revoked tokens in memory.
#[derive(Default)]
pub(crate) struct List(Mutex<(i64, Vec<Revocation>)>);

impl List {
    /// What the analytics server does when it is told to.
    pub(crate) fn revoke(&self, kind: RevocationKind, value: &str, revoked_at: i64) {
        let mut list = self.0.lock().unwrap();
        let known = list
            .1
            .iter_mut()
            .find(|known| known.kind == kind && known.value == value);
        match known {
            Some(known) => known.revoked_at = revoked_at.max(known.revoked_at + 1),
            None => list.1.push(Revocation {
                kind,
                value: value.to_owned(),
                revoked_at,
            }),
        }
        list.0 += 1;
    }

    fn revocations(&self) -> Revocations {
        self.0.lock().unwrap().1.iter().cloned().collect()
    }
}

#[async_trait]
impl RevocationList for List {
    async fn version(&self) -> Result<i64, RevocationError> {
        Ok(self.0.lock().unwrap().0)
    }

    async fn all(&self) -> Result<Vec<Revocation>, RevocationError> {
        Ok(self.0.lock().unwrap().1.clone())
    }

    async fn revoke_user(&self, user: &str, at: i64, _: i64) -> Result<(), RevocationError> {
        self.revoke(RevocationKind::User, user, at);
        Ok(())
    }
}

impl House {
    /// A site at `http://localhost:3000` whose provider has one user, Cleo,
    /// who belongs to Delta and Endeavor.
    pub(crate) async fn new() -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect("sqlite::memory:")
            .await
            .unwrap();
        let files = tempfile::tempdir().unwrap();
        let provider = Provider::new();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let time = Arc::new(AtomicI64::new(now.cast_signed()));
        provider.set_clock(Arc::clone(&time));
        Self {
            settings: Settings {
                origin: ORIGIN.to_owned(),
                site_root: files.path().to_owned(),
                ..Settings::default()
            },
            oidc: OidcSettings {
                issuer: crate::provider::ISSUER.to_owned(),
                client_id: crate::provider::CLIENT.to_owned(),
                ..OidcSettings::default()
            },
            provider,
            pool,
            files,
            time,
            revocations: Arc::default(),
        }
    }

    /// Starts the site, or starts it again over the same database.
    pub(crate) async fn try_start(&self) -> Result<Running, StartError> {
        let provider = self.provider.router();
        web::start(
            self.settings.clone(),
            self.oidc.clone(),
            self.options(provider),
        )
        .await
    }

    /// What the site is started with, with `provider` in its process.
    pub(crate) fn options(&self, provider: Router) -> StartOptions {
        let key = SigningKey::hs256(ADMIN_TOKEN).unwrap();
        let time = Arc::clone(&self.time);
        StartOptions {
            pool: self.pool.clone(),
            mint: Mint::new(JwtTemplate::parse(TEMPLATE).unwrap(), key, WORKSPACE),
            cookie_secret: "a cookie secret that is long enough for this".to_owned(),
            client_secret: Some(CLIENT_SECRET.to_owned()),
            in_process_provider: Some(provider),
            revocations: Some(self.revocations.clone()),
            clock: Clock::new(move || time.load(Ordering::Relaxed)),
        }
    }

    /// A fresh browser on the started site.
    pub(crate) async fn browser(&self) -> Browser {
        Browser::new(
            self.try_start().await.unwrap().router(),
            &self.settings.origin,
        )
    }

    /// Signs in and ends at `/token`; the answer is the callback's.
    pub(crate) async fn sign_in(&self, browser: &mut Browser) -> Answer {
        let start = browser.get("/sign-in?return_to=/token").await;
        let callback = self.provider.authorize(start.location());
        browser.get(&callback).await
    }

    /// A browser that has signed in.
    pub(crate) async fn signed_in(&self) -> Browser {
        let mut browser = self.browser().await;
        let answer = self.sign_in(&mut browser).await;
        assert_eq!(answer.location(), "/token");
        browser
    }

    /// Whether the analytics server takes this token.
    pub(crate) fn accepts(&self, token: &str) -> bool {
        let key = SigningKey::hs256(ADMIN_TOKEN).unwrap();
        let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).unwrap();
        verifier
            .verify(token, self.time.load(Ordering::Relaxed))
            .is_ok_and(|claims| !self.revocations.revocations().refuse(&claims))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.time.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The fixed parameters of a token, once it is verified.
    pub(crate) fn fixed(&self, token: &str) -> (String, String) {
        let key = SigningKey::hs256(ADMIN_TOKEN).unwrap();
        let verifier = Verifier::new(WORKSPACE, [key.verifying_key()]).unwrap();
        let claims = verifier
            .verify(token, self.time.load(Ordering::Relaxed))
            .unwrap();
        let text = |name: &str| {
            claims.scopes[0].fixed_params[name]
                .as_str()
                .unwrap()
                .to_owned()
        };
        (text("org"), text("user"))
    }

    /// The organization of the tokens that a browser is given.
    pub(crate) async fn active_organization(&self, browser: &mut Browser) -> String {
        let page = browser.get("/token").await;
        self.fixed(page.header("x-tinybird-token")).0
    }
}
