//! What is known about the provider: its discovery document and its keys,
//! fetched when first needed and kept fresh.
//!
//! The process starts without the provider, and a provider that goes away
//! later does no harm to what was learned before.

use std::sync::{Arc, PoisonError, RwLock};

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, DiscoveryError, IssuerUrl, LogoutProviderMetadata, ProviderMetadata,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::transport::{Transport, TransportError};
use crate::clock::Clock;
use crate::problem::with_causes;

/// The discovery document is read again after a day, in seconds.
const DOCUMENT_FRESH: i64 = 24 * 60 * 60;

/// The keys are read again after an hour, in seconds.
const KEYS_FRESH: i64 = 60 * 60;

/// For an unknown key the keys are read again at most this often, in seconds:
/// anybody can send tokens that name unknown keys.
const KEYS_RETRY: i64 = 60;

/// The discovery document with the members this site uses.
pub(crate) type Metadata = ProviderMetadata<
    LogoutProviderMetadata<IssuerParameter>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Whether authorization responses name their issuer (RFC 9207, section 3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IssuerParameter {
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for IssuerParameter {}

/// Why nothing is known about the provider.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ProviderError {
    /// It does not answer; it may later.
    #[error("the provider {issuer} cannot be reached: {reason}")]
    Unreachable { issuer: String, reason: String },
    /// It answers with something else than a discovery document of its own.
    #[error("the provider {issuer} has no usable discovery document: {reason}")]
    Unusable { issuer: String, reason: String },
}

/// One reading of the discovery document and of the keys.
#[derive(Debug)]
struct Known {
    metadata: Arc<Metadata>,
    document_read_at: i64,
    keys_read_at: i64,
    /// When an unknown key last made the keys be read.
    retried_at: Option<i64>,
}

/// The provider at one issuer.
#[derive(Debug)]
pub(crate) struct Provider {
    issuer: IssuerUrl,
    transport: Transport,
    clock: Clock,
    known: RwLock<Option<Known>>,
    /// Held while reading, so that many waiting people make one request.
    reading: Mutex<Failures>,
}

/// Attempts that failed, so that who waited for one does not repeat it.
#[derive(Debug, Default)]
struct Failures {
    count: u64,
    last: Option<ProviderError>,
}

impl Provider {
    /// The provider called `issuer`. Nothing is sent yet.
    pub(crate) fn new(issuer: IssuerUrl, transport: Transport, clock: Clock) -> Self {
        Self {
            issuer,
            transport,
            clock,
            known: RwLock::new(None),
            reading: Mutex::default(),
        }
    }

    /// The issuer, as it is configured.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The client to talk to it with.
    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The discovery document with the keys. Read when it is missing or old;
    /// an old one is better than none.
    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        if let Some(metadata) = self.fresh() {
            return Ok(metadata);
        }
        let before = self.failures();
        let mut failures = self.reading.lock().await;
        if let Some(metadata) = self.fresh() {
            return Ok(metadata);
        }
        if let Some(error) = &failures.last
            && before != Some(failures.count)
        {
            return self.stale().ok_or_else(|| error.clone());
        }
        match self.discover().await {
            Ok(metadata) => {
                failures.last = None;
                Ok(metadata)
            }
            Err(error) => {
                failures.count += 1;
                failures.last = Some(error.clone());
                let stale = self.stale();
                if stale.is_some() {
                    tracing::warn!(%error, "the provider is not there; what is known of it stays in use");
                }
                stale.ok_or(error)
            }
        }
    }

    /// The metadata with keys read after `tried` turned out not to have the
    /// right one; `None` when that happened too recently to ask again.
    pub(crate) async fn with_newer_keys(&self, tried: &Arc<Metadata>) -> Option<Arc<Metadata>> {
        let _reading = self.reading.lock().await;
        let now = self.clock.now();
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let known = known.as_mut()?;
            if !Arc::ptr_eq(&known.metadata, tried) {
                return Some(Arc::clone(&known.metadata));
            }
            if known.retried_at.is_some_and(|at| now - at < KEYS_RETRY) {
                return None;
            }
            known.retried_at = Some(now);
        }
        self.read_keys(tried).await
    }

    fn fresh(&self) -> Option<Arc<Metadata>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        let now = self.clock.now();
        let fresh =
            now - known.document_read_at < DOCUMENT_FRESH && now - known.keys_read_at < KEYS_FRESH;
        fresh.then(|| Arc::clone(&known.metadata))
    }

    fn stale(&self) -> Option<Arc<Metadata>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&known.as_ref()?.metadata))
    }

    /// How many attempts have failed so far; `None` while one is under way.
    fn failures(&self) -> Option<u64> {
        self.reading.try_lock().ok().map(|failures| failures.count)
    }

    /// Reads the discovery document and, as it says where they are, the keys.
    async fn discover(&self) -> Result<Arc<Metadata>, ProviderError> {
        let metadata = Metadata::discover_async(self.issuer.clone(), &self.transport)
            .await
            .map_err(|error| self.describe(error))?;
        let metadata = Arc::new(metadata);
        let now = self.clock.now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Known {
            metadata: Arc::clone(&metadata),
            document_read_at: now,
            keys_read_at: now,
            retried_at: known.as_ref().and_then(|known| known.retried_at),
        });
        Ok(metadata)
    }

    async fn read_keys(&self, metadata: &Metadata) -> Option<Arc<Metadata>> {
        let keys = CoreJsonWebKeySet::fetch_async(metadata.jwks_uri(), &self.transport).await;
        let keys = match keys {
            Ok(keys) => keys,
            Err(error) => {
                let error = self.describe(error);
                tracing::warn!(%error, "the provider's keys cannot be read again; the known ones stay in use");
                return None;
            }
        };
        let metadata = Arc::new(metadata.clone().set_jwks(keys));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_mut() {
            known.metadata = Arc::clone(&metadata);
            known.keys_read_at = self.clock.now();
        }
        Some(metadata)
    }

    fn describe(&self, error: DiscoveryError<TransportError>) -> ProviderError {
        match error {
            DiscoveryError::Request(error) => self.unreachable(&error),
            // The body may be anything; the reason says enough.
            DiscoveryError::Response(_, _, reason) => self.unusable(reason),
            other => self.unusable(other.to_string()),
        }
    }

    /// The provider is down, for whatever reason.
    pub(super) fn unreachable(&self, error: &TransportError) -> ProviderError {
        ProviderError::Unreachable {
            issuer: self.issuer.to_string(),
            reason: with_causes(error),
        }
    }

    fn unusable(&self, reason: String) -> ProviderError {
        ProviderError::Unusable {
            issuer: self.issuer.to_string(),
            reason,
        }
    }
}
