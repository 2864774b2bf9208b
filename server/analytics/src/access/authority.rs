//! From a token's text to an [`Access`].

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use token::{Claims, Revocations, Verifier};

use super::error::AccessError;
use super::grant::Access;
use super::static_token::{StaticTokenText, same};
use super::store::{StoreError, TokenStore};

/// How often other processes' changes are looked for.
const REFRESH_EVERY: Duration = Duration::from_millis(500);

/// What an [`Authority`] is made of.
pub struct AuthoritySettings {
    /// The workspace whose tokens are good.
    pub workspace_id: String,
    /// The workspace admin token.
    pub admin_token: String,
    /// Verifies JWTs.
    pub verifier: Verifier,
    /// Where static tokens and revocations are.
    pub store: TokenStore,
    /// Memory for tokens that were found good, in bytes of their text.
    pub cache_bytes: u64,
}

/// Tells which tokens are good and what each allows.
pub struct Authority {
    workspace_id: String,
    admin_token: String,
    verifier: Verifier,
    store: TokenStore,
    verified: Cache<Arc<str>, Verified>,
    /// The store's version that `revocations` and the cache are of.
    version: AtomicI64,
    revocations: RwLock<Arc<Revocations>>,
}

/// A token that was found good.
#[derive(Clone)]
struct Verified {
    access: Arc<Access>,
    /// When it stops being good by itself, unix seconds.
    expires_at: Option<i64>,
    /// The version of the store it was found good with.
    version: i64,
}

impl Authority {
    /// An authority with the revocations the store has now.
    pub async fn new(settings: AuthoritySettings) -> Result<Self, StoreError> {
        let verified = Cache::builder()
            .weigher(|token: &Arc<str>, _: &Verified| {
                u32::try_from(token.len()).unwrap_or(u32::MAX)
            })
            .max_capacity(settings.cache_bytes)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(Duration::from_secs(15 * 60))
            .build();
        let authority = Self {
            workspace_id: settings.workspace_id,
            admin_token: settings.admin_token,
            verifier: settings.verifier,
            store: settings.store,
            verified,
            version: AtomicI64::new(-1),
            revocations: RwLock::default(),
        };
        authority.refresh().await?;
        Ok(authority)
    }

    /// The workspace whose tokens are good.
    #[must_use]
    pub fn workspace_id(&self) -> &str {
        &self.workspace_id
    }

    /// Where static tokens and revocations are. After a change through it,
    /// call [`Self::refresh`].
    #[must_use]
    pub fn store(&self) -> &TokenStore {
        &self.store
    }

    /// The workspace admin token, for those who may see it.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The caller who shows `token` at `now` (unix seconds).
    pub async fn authenticate(&self, token: &str, now: i64) -> Result<Arc<Access>, AccessError> {
        // Read before anything is decided: what is found good while the store
        // changes is then not kept beyond this request.
        let version = self.version.load(Ordering::Acquire);
        if let Some(verified) = self.verified.get(token) {
            let alive = verified
                .expires_at
                .is_none_or(|expires_at| now < expires_at);
            if verified.version == version && alive {
                return Ok(verified.access);
            }
        }
        let (access, expires_at) = if StaticTokenText::is_static(token) {
            (self.static_access(token).await?, None)
        } else {
            let claims = self.verifier.verify(token, now)?;
            self.refuse_revoked(&claims)?;
            let expires_at = claims.exp;
            (Access::with_claims(claims), Some(expires_at))
        };
        let access = Arc::new(access);
        let verified = Verified {
            access: Arc::clone(&access),
            expires_at,
            version,
        };
        self.verified.insert(token.into(), verified);
        Ok(access)
    }

    async fn static_access(&self, token: &str) -> Result<Access, AccessError> {
        let text = StaticTokenText::parse(token);
        if same(token.as_bytes(), self.admin_token.as_bytes()) {
            return Ok(Access::admin(text.map(|text| text.id)));
        }
        let text = text
            .filter(|text| text.workspace_id == self.workspace_id)
            .ok_or(AccessError::Unknown)?;
        let stored = self
            .store
            .by_id(&text.id)
            .await?
            .ok_or(AccessError::Unknown)?;
        if !text.has_secret(&stored.secret) {
            return Err(AccessError::Unknown);
        }
        let scopes = stored.all_scopes().cloned().collect();
        Ok(Access::with_scopes(stored.id, stored.name, scopes))
    }

    fn refuse_revoked(&self, claims: &Claims) -> Result<(), AccessError> {
        let revocations = Arc::clone(
            &self
                .revocations
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if revocations.refuse(claims) {
            Err(AccessError::Revoked)
        } else {
            Ok(())
        }
    }

    /// Takes over what changed in the store, if anything did.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let version = self.store.version().await?;
        if version == self.version.load(Ordering::Acquire) {
            return Ok(());
        }
        let revocations = self.store.revocations().await?.into_iter().collect();
        *self
            .revocations
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(revocations);
        // Last: whoever sees the new version sees the new revocations.
        self.version.store(version, Ordering::Release);
        Ok(())
    }

    /// Refreshes for ever, so that a change by another process (a revocation
    /// from the command line) holds within a second.
    pub async fn keep_fresh(&self) {
        let mut failing = false;
        loop {
            tokio::time::sleep(REFRESH_EVERY).await;
            match self.refresh().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, "changes of tokens cannot be read; trying on");
                }
                Err(_) => {}
            }
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Authority")
            .field("workspace_id", &self.workspace_id)
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthoritySettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AuthoritySettings")
            .field("workspace_id", &self.workspace_id)
            .finish_non_exhaustive()
    }
}
