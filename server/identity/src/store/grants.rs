//! Authorization codes and the access tokens they are redeemed for, by digest.

use sqlx::FromRow;

use super::{Store, StoreError};

/// What a code stands for.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub(crate) session_hash: Vec<u8>,
    pub(crate) user_id: String,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) auth_time: i64,
    pub(crate) code_expires_at: i64,
}

/// A code at its first use, used up by being read.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Redeemed {
    pub(crate) session_hash: Vec<u8>,
    pub(crate) user_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) auth_time: i64,
    pub(crate) code_expires_at: i64,
}

/// What came of a code that a client presented.
#[derive(Debug)]
pub(crate) enum Redemption {
    First(Redeemed),
    /// It had been used; the access token it gave is revoked.
    Again,
    Unknown,
}

/// What an access token stands for.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct TokenGrant {
    pub(crate) user_id: String,
    pub(crate) scope: String,
    pub(crate) session_hash: Vec<u8>,
    pub(crate) last_seen_at: i64,
}

impl Store {
    pub(crate) async fn add_code(
        &self,
        code_hash: &[u8],
        authorization: &Authorization,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO identity_grants
               (code_hash, session_hash, user_id, client_id, redirect_uri, scope, nonce,
                code_challenge, auth_time, code_expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(code_hash)
        .bind(&authorization.session_hash)
        .bind(&authorization.user_id)
        .bind(&authorization.client_id)
        .bind(&authorization.redirect_uri)
        .bind(&authorization.scope)
        .bind(&authorization.nonce)
        .bind(&authorization.code_challenge)
        .bind(authorization.auth_time)
        .bind(authorization.code_expires_at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Uses a code up. Of two clients that come at once, one gets it; another
    /// client's code is unknown and stays good.
    pub(crate) async fn redeem_code(
        &self,
        code_hash: &[u8],
        client_id: &str,
        now: i64,
    ) -> Result<Redemption, StoreError> {
        let first: Option<Redeemed> = sqlx::query_as(
            "UPDATE identity_grants SET redeemed_at = ?
             WHERE code_hash = ? AND client_id = ? AND redeemed_at IS NULL
             RETURNING session_hash, user_id, redirect_uri, scope, nonce, code_challenge, auth_time,
                       code_expires_at",
        )
        .bind(now)
        .bind(code_hash)
        .bind(client_id)
        .fetch_optional(&self.pool)
        .await?;
        if let Some(redeemed) = first {
            return Ok(Redemption::First(redeemed));
        }
        let revoked = sqlx::query(
            "UPDATE identity_grants SET revoked_at = coalesce(revoked_at, ?)
             WHERE code_hash = ? AND client_id = ? AND redeemed_at IS NOT NULL",
        )
        .bind(now)
        .bind(code_hash)
        .bind(client_id)
        .execute(&self.pool)
        .await?
        .rows_affected();
        Ok(match revoked {
            0 => Redemption::Unknown,
            _ => Redemption::Again,
        })
    }

    pub(crate) async fn add_access_token(
        &self,
        code_hash: &[u8],
        token_hash: &[u8],
        expires_at: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE identity_grants SET token_hash = ?, token_expires_at = ? WHERE code_hash = ?",
        )
        .bind(token_hash)
        .bind(expires_at)
        .bind(code_hash)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The grant of an access token that is good at `now`, as long as its
    /// session began and was last used after the given times.
    pub(crate) async fn token_grant(
        &self,
        token_hash: &[u8],
        now: i64,
        began_before: i64,
        unused_since: i64,
    ) -> Result<Option<TokenGrant>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT granted.user_id, granted.scope, granted.session_hash, session.last_seen_at
             FROM identity_grants AS granted
             JOIN identity_sessions AS session ON session.id_hash = granted.session_hash
             WHERE granted.token_hash = ? AND granted.revoked_at IS NULL
               AND granted.token_expires_at > ?
               AND session.auth_time > ? AND session.last_seen_at > ?",
        )
        .bind(token_hash)
        .bind(now)
        .bind(began_before)
        .bind(unused_since)
        .fetch_optional(&self.pool)
        .await?)
    }
}
