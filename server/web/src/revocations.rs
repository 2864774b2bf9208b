//! The list of revoked tokens, where the analytics server shares it: what is
//! refused there is not handed out here, and access that ends here ends the
//! tokens that are out.
//!
//! Where the list is kept is decided by the process around; an analytics server
//! of somebody else has none to share.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use token::{Revocation, Revocations};

/// The list cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the list of revoked tokens cannot be used")]
pub struct RevocationError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A list of revoked tokens that this server shares with the analytics server.
#[async_trait]
pub trait RevocationList: Send + Sync {
    /// A number that grows with every change, by whichever process.
    async fn version(&self) -> Result<i64, RevocationError>;

    /// All revocations.
    async fn all(&self) -> Result<Vec<Revocation>, RevocationError>;

    /// Revokes the tokens of `user` that were signed up to `at`, and that all
    /// end before `until`; both in unix seconds.
    async fn revoke_user(&self, user: &str, at: i64, until: i64) -> Result<(), RevocationError>;
}

/// What is revoked, as it was read last.
#[derive(Default)]
pub(crate) struct Revoked {
    list: Option<Arc<dyn RevocationList>>,
    version: AtomicI64,
    known: RwLock<Arc<Revocations>>,
}

impl Revoked {
    /// What `list` holds; nothing is read yet.
    pub(crate) fn new(list: Option<Arc<dyn RevocationList>>) -> Self {
        Self {
            list,
            version: AtomicI64::new(-1),
            known: RwLock::default(),
        }
    }

    /// What is revoked, as far as is known.
    pub(crate) fn now(&self) -> Arc<Revocations> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the list again, if it has changed.
    pub(crate) async fn refresh(&self) -> Result<(), RevocationError> {
        let Some(list) = &self.list else {
            return Ok(());
        };
        let version = list.version().await?;
        if version == self.version.load(Ordering::Acquire) {
            return Ok(());
        }
        let revocations = list.all().await?.into_iter().collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(revocations);
        self.version.store(version, Ordering::Release);
        Ok(())
    }

    /// The unix second up to which the tokens of `user` have to be revoked for
    /// all that are out at `now` to end; `None` where there is no list.
    pub(crate) fn moment(&self, user: &str, now: i64) -> Option<i64> {
        self.list.as_ref()?;
        // A token signed after the last revocation is of the second after it.
        let last = self.now().user(user);
        Some(last.map_or(now, |last| now.max(last.saturating_add(1))))
    }

    /// Revokes the tokens of `user` that were signed up to `at` and that last
    /// no longer than `lifetime`, both in seconds.
    pub(crate) async fn revoke_user(
        &self,
        user: &str,
        at: i64,
        lifetime: i64,
    ) -> Result<(), RevocationError> {
        let Some(list) = &self.list else {
            return Ok(());
        };
        let until = at.saturating_add(lifetime).saturating_add(1);
        list.revoke_user(user, at, until).await?;
        self.refresh().await
    }
}

impl fmt::Debug for Revoked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Revoked")
            .field("shared", &self.list.is_some())
            .finish_non_exhaustive()
    }
}
