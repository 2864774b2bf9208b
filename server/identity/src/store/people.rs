//! Reading people with their organizations.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{Store, StoreError};

/// A person, as claims are made from.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) name: String,
    pub(crate) preferred_username: Option<String>,
    /// By slug.
    pub(crate) memberships: Vec<Membership>,
}

/// One organization of a person and the role in it.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Membership {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) role: String,
}

/// A person whom the sign-in page offers.
#[derive(Clone, Debug)]
pub(crate) struct DemoPerson {
    pub(crate) email: String,
    pub(crate) id: String,
    pub(crate) name: String,
    /// Name of the organization and role.
    pub(crate) memberships: Vec<(String, String)>,
}

#[derive(FromRow)]
struct UserRow {
    id: String,
    email: String,
    email_verified: bool,
    name: String,
    preferred_username: Option<String>,
}

/// One membership of a demo account, or the account alone.
#[derive(FromRow)]
struct DemoRow {
    email: String,
    id: String,
    name: String,
    organization: Option<String>,
    role: Option<String>,
}

impl Store {
    pub(crate) async fn person(&self, id: &str) -> Result<Option<Person>, StoreError> {
        let user: Option<UserRow> = sqlx::query_as(
            "SELECT id, email, email_verified, name, preferred_username
             FROM identity_users WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        let Some(user) = user else { return Ok(None) };
        let memberships = sqlx::query_as(
            "SELECT organization.id, organization.slug, organization.name, membership.role
             FROM identity_memberships AS membership
             JOIN identity_organizations AS organization
               ON organization.id = membership.organization_id
             WHERE membership.user_id = ? ORDER BY organization.slug",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await?;
        Ok(Some(Person {
            id: user.id,
            email: user.email,
            email_verified: user.email_verified,
            name: user.name,
            preferred_username: user.preferred_username,
            memberships,
        }))
    }

    /// The id and the password hash of whoever has this e-mail address (in
    /// lower case).
    pub(crate) async fn credentials(
        &self,
        email: &str,
    ) -> Result<Option<(String, Option<String>)>, StoreError> {
        Ok(
            sqlx::query_as("SELECT id, password_hash FROM identity_users WHERE email = ?")
                .bind(email)
                .fetch_optional(&self.pool)
                .await?,
        )
    }

    /// The demo accounts, by e-mail address.
    pub(crate) async fn demo_people(&self) -> Result<Vec<DemoPerson>, StoreError> {
        let rows: Vec<DemoRow> = sqlx::query_as(
            "SELECT user.email, user.id, user.name, organization.name AS organization,
                    membership.role
             FROM identity_users AS user
             LEFT JOIN identity_memberships AS membership ON membership.user_id = user.id
             LEFT JOIN identity_organizations AS organization
               ON organization.id = membership.organization_id
             WHERE user.demo AND user.password_hash IS NOT NULL
             ORDER BY user.email, membership.role, organization.name",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut people = BTreeMap::new();
        for row in rows {
            let person = people.entry(row.email.clone()).or_insert(DemoPerson {
                email: row.email,
                id: row.id,
                name: row.name,
                memberships: Vec::new(),
            });
            person.memberships.extend(row.organization.zip(row.role));
        }
        Ok(people.into_values().collect())
    }

    /// Whether this is a demo account that may be entered.
    pub(crate) async fn is_demo(&self, id: &str) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT 1 FROM identity_users
             WHERE id = ? AND demo AND password_hash IS NOT NULL",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.is_some())
    }

    /// Closes the demo accounts of an earlier start: their passwords are
    /// public, and the provider no longer runs where that does no harm.
    pub(crate) async fn close_demo_accounts(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE identity_users SET password_hash = NULL WHERE demo")
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM identity_sessions
             WHERE user_id IN (SELECT id FROM identity_users WHERE demo)",
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }
}
