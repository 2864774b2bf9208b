//! Making the tables of people say what the directory file says.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::sessions::{Use, uses};
use super::{Store, StoreError};
use crate::notices::{Event, Notice};

/// An organization of the directory file.
#[derive(Clone, Debug)]
pub(crate) struct OrganizationRow {
    pub(crate) id: Option<String>,
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// A person of the directory file.
#[derive(Clone, Debug)]
pub(crate) struct PersonRow {
    pub(crate) id: Option<String>,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) name: String,
    pub(crate) preferred_username: Option<String>,
    pub(crate) password_hash: Option<String>,
    pub(crate) demo: bool,
    /// Role by slug.
    pub(crate) roles: BTreeMap<String, String>,
}

type Changes<'a> = Transaction<'a, Sqlite>;

impl Store {
    /// Replaces people, organizations and memberships. Ids are kept; who is
    /// gone or has another password loses the sessions. Returns what clients
    /// are to know of it.
    pub(crate) async fn replace_directory(
        &self,
        organizations: &[OrganizationRow],
        people: &[PersonRow],
    ) -> Result<Vec<Notice>, StoreError> {
        let mut changes = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let before = Snapshot::take(&mut changes).await?;
        let organization_ids = replace_organizations(&mut changes, organizations).await?;
        let user_ids = replace_people(&mut changes, people).await?;
        sqlx::query("DELETE FROM identity_memberships")
            .execute(&mut *changes)
            .await?;
        for (person, user_id) in people.iter().zip(&user_ids) {
            for (slug, role) in &person.roles {
                sqlx::query(
                    "INSERT INTO identity_memberships (user_id, organization_id, role)
                     VALUES (?, ?, ?)",
                )
                .bind(user_id)
                .bind(organization_ids.get(slug))
                .bind(role)
                .execute(&mut *changes)
                .await?;
            }
        }
        let after = Snapshot::take(&mut changes).await?;
        changes.commit().await?;
        Ok(before.changed_to(&after))
    }
}

/// What clients were told, and may have to be told anew.
struct Snapshot {
    /// What is told of each person, by id.
    people: BTreeMap<String, String>,
    uses: BTreeSet<Use>,
}

impl Snapshot {
    async fn take(changes: &mut Changes<'_>) -> Result<Self, StoreError> {
        let people: Vec<(String, String)> = sqlx::query_as(
            "SELECT id, json_array(name, email, email_verified, preferred_username,
               (SELECT json_group_array(json_array(organization.id, slug, organization.name, role))
                FROM identity_memberships
                JOIN identity_organizations AS organization ON organization.id = organization_id
                WHERE user_id = person.id))
             FROM identity_users AS person",
        )
        .fetch_all(&mut **changes)
        .await?;
        Ok(Self {
            people: people.into_iter().collect(),
            uses: uses(changes).await?.into_iter().collect(),
        })
    }

    fn changed_to(&self, after: &Self) -> Vec<Notice> {
        let ended = self.uses.difference(&after.uses).cloned().map(Use::ended);
        let changed: BTreeSet<(&String, &String)> = after
            .uses
            .iter()
            .filter(|used| self.people.get(&used.user_id) != after.people.get(&used.user_id))
            .map(|used| (&used.client_id, &used.user_id))
            .collect();
        let changed = changed.into_iter().map(|(client_id, user_id)| Notice {
            client_id: client_id.clone(),
            event: Event::ClaimsChanged {
                user_id: user_id.clone(),
            },
        });
        ended.chain(changed).collect()
    }
}

/// Returns the id of each slug.
async fn replace_organizations(
    changes: &mut Changes<'_>,
    organizations: &[OrganizationRow],
) -> Result<BTreeMap<String, String>, StoreError> {
    let known: Vec<(String, String)> =
        sqlx::query_as("SELECT slug, id FROM identity_organizations")
            .fetch_all(&mut **changes)
            .await?;
    let known: BTreeMap<String, String> = known.into_iter().collect();
    let ids: BTreeMap<String, String> = organizations
        .iter()
        .map(|organization| {
            let id = organization.id.clone();
            let id = id.or_else(|| known.get(&organization.slug).cloned());
            (
                organization.slug.clone(),
                id.unwrap_or_else(|| new_id("org")),
            )
        })
        .collect();
    for gone in known
        .values()
        .filter(|id| !ids.values().any(|kept| kept == *id))
    {
        sqlx::query("DELETE FROM identity_organizations WHERE id = ?")
            .bind(gone)
            .execute(&mut **changes)
            .await?;
    }
    for organization in organizations {
        sqlx::query(
            "INSERT INTO identity_organizations (id, slug, name) VALUES (?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, name = excluded.name",
        )
        .bind(ids.get(&organization.slug))
        .bind(&organization.slug)
        .bind(&organization.name)
        .execute(&mut **changes)
        .await?;
    }
    Ok(ids)
}

/// Returns the id of each person, in their order.
async fn replace_people(
    changes: &mut Changes<'_>,
    people: &[PersonRow],
) -> Result<Vec<String>, StoreError> {
    let known: Vec<(String, String)> = sqlx::query_as("SELECT email, id FROM identity_users")
        .fetch_all(&mut **changes)
        .await?;
    let known: BTreeMap<String, String> = known.into_iter().collect();
    let ids: Vec<String> = people
        .iter()
        .map(|person| {
            let id = person.id.clone();
            let id = id.or_else(|| known.get(&person.email).cloned());
            id.unwrap_or_else(|| new_id("user"))
        })
        .collect();
    for gone in known.values().filter(|id| !ids.contains(id)) {
        sqlx::query("DELETE FROM identity_users WHERE id = ?")
            .bind(gone)
            .execute(&mut **changes)
            .await?;
    }
    for (person, id) in people.iter().zip(&ids) {
        end_sessions_of_changed_password(changes, id, person.password_hash.as_deref()).await?;
        write_person(changes, id, person).await?;
    }
    Ok(ids)
}

async fn end_sessions_of_changed_password(
    changes: &mut Changes<'_>,
    user_id: &str,
    password_hash: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM identity_sessions WHERE user_id IN
           (SELECT id FROM identity_users WHERE id = ? AND password_hash IS NOT ?)",
    )
    .bind(user_id)
    .bind(password_hash)
    .execute(&mut **changes)
    .await?;
    Ok(())
}

async fn write_person(
    changes: &mut Changes<'_>,
    id: &str,
    person: &PersonRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO identity_users
           (id, email, email_verified, name, preferred_username, password_hash, demo)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET
           email = excluded.email, email_verified = excluded.email_verified,
           name = excluded.name, preferred_username = excluded.preferred_username,
           password_hash = excluded.password_hash, demo = excluded.demo",
    )
    .bind(id)
    .bind(&person.email)
    .bind(person.email_verified)
    .bind(&person.name)
    .bind(&person.preferred_username)
    .bind(&person.password_hash)
    .bind(person.demo)
    .execute(&mut **changes)
    .await?;
    Ok(())
}

fn new_id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::new_v4().simple())
}
