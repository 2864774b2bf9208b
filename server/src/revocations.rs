//! The analytics server's list of revoked tokens, handed to the web application
//! where both use one database.

use analytics::access::{Revocation, RevocationKind, StoreError, TokenStore};
use async_trait::async_trait;
use sqlx::SqlitePool;
use web::{RevocationError, RevocationList};

/// The list in the database of the installation.
#[derive(Debug)]
pub(crate) struct Shared(TokenStore);

impl Shared {
    /// The list, where an analytics server keeps one in this database.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn find(pool: &SqlitePool) -> Result<Option<Self>, sqlx::Error> {
        let query = "SELECT count(*) FROM sqlite_master WHERE name = 'analytics_revocations'";
        let tables: i64 = sqlx::query_scalar(query).fetch_one(pool).await?;
        Ok((tables > 0).then(|| Self(TokenStore::new(pool.clone()))))
    }
}

#[async_trait]
impl RevocationList for Shared {
    async fn version(&self) -> Result<i64, RevocationError> {
        self.0.version().await.map_err(failed)
    }

    async fn all(&self) -> Result<Vec<Revocation>, RevocationError> {
        self.0.revocations().await.map_err(failed)
    }

    async fn revoke_user(&self, user: &str, at: i64, until: i64) -> Result<(), RevocationError> {
        let revocation = Revocation {
            kind: RevocationKind::User,
            value: user.to_owned(),
            revoked_at: at,
        };
        self.0
            .revoke_until(&revocation, until)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

fn failed(error: StoreError) -> RevocationError {
    RevocationError(Box::new(error))
}
