//! From a provider's claims to a person and their memberships, along the
//! configured mapping.
//!
//! The claims come here verified. Providers agree on who somebody is and on
//! nothing about organizations, hence the shapes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::session::{Membership, Profile};
use crate::settings::{ClaimMapping, Shape};

/// A longer short name is a mistake in the mapping.
const LONGEST_SLUG: usize = 200;

/// Why claims cannot be mapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClaimsError {
    /// The provider left the organizations out because there are too many.
    #[error("the provider left the claim `{0}` out of the token because it is too long for it")]
    Omitted(String),
    /// The claim is there and has another shape than the configured one.
    #[error("the claim at `{pointer}` does not have the configured shape {shape:?}")]
    Shape { pointer: String, shape: Shape },
}

/// The person the claims describe. `subject` is the verified `sub`.
pub(crate) fn profile(mapping: &ClaimMapping, subject: &str, claims: &Value) -> Profile {
    let email = text_at(claims, &mapping.email);
    let username = text_at(claims, "/preferred_username");
    let name = text_at(claims, &mapping.name)
        .or_else(|| username.clone())
        .or_else(|| email.clone())
        .unwrap_or_else(|| subject.to_owned());
    Profile {
        subject: subject.to_owned(),
        name,
        email,
        email_verified: claims.get("email_verified").and_then(Value::as_bool),
        username,
        given_name: text_at(claims, "/given_name"),
        family_name: text_at(claims, "/family_name"),
        picture: text_at(claims, "/picture"),
    }
}

/// The organizations the claims tell of, by name, each once: providers give
/// them in no particular order. An entry that cannot be an organization is left
/// out.
pub(crate) fn memberships(
    mapping: &ClaimMapping,
    claims: &Value,
) -> Result<Vec<Membership>, ClaimsError> {
    refuse_omission(mapping, claims)?;
    let found = match claims.pointer(&mapping.organizations) {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => read(mapping, value).ok_or_else(|| ClaimsError::Shape {
            pointer: mapping.organizations.clone(),
            shape: mapping.shape,
        })?,
    };
    let mut seen = BTreeSet::new();
    let mut memberships: Vec<Membership> = found
        .into_iter()
        .filter(|each| is_slug(&each.slug) && seen.insert(each.slug.clone()))
        .collect();
    memberships.sort_by_cached_key(|each| (each.name.to_lowercase(), each.slug.clone()));
    Ok(memberships)
}

/// Entra ID replaces a long claim by a pointer to another service; taking that
/// for "no organization" would lock people out without a word.
fn refuse_omission(mapping: &ClaimMapping, claims: &Value) -> Result<(), ClaimsError> {
    let claim = mapping.organizations.split('/').nth(1).unwrap_or_default();
    let elsewhere = claims
        .get("_claim_names")
        .is_some_and(|names| names.get(claim).is_some());
    let hidden_groups =
        claim == "groups" && claims.get("hasgroups").is_some_and(|value| *value != false);
    if elsewhere || hidden_groups {
        Err(ClaimsError::Omitted(claim.to_owned()))
    } else {
        Ok(())
    }
}

fn read(mapping: &ClaimMapping, value: &Value) -> Option<Vec<Membership>> {
    match mapping.shape {
        Shape::Scalar => Some(vec![plain(mapping, value.as_str()?, None)]),
        Shape::Strings => each_text(value, |slug| plain(mapping, slug, None)),
        Shape::Pairs => each_text(value, |pair| split(mapping, pair)),
        Shape::Objects => value
            .as_array()?
            .iter()
            .map(|object| object.is_object().then(|| described(mapping, object, None)))
            .collect(),
        Shape::ByOrganization => Some(
            value
                .as_object()?
                .iter()
                .map(|(slug, about)| keyed(mapping, slug, about))
                .collect(),
        ),
        Shape::ByRole => match value {
            Value::Array(parts) => parts
                .iter()
                .map(|part| Some(by_role(mapping, part.as_object()?)))
                .collect::<Option<Vec<_>>>()
                .map(|parts| parts.concat()),
            _ => Some(by_role(mapping, value.as_object()?)),
        },
    }
}

fn each_text(value: &Value, read: impl Fn(&str) -> Membership) -> Option<Vec<Membership>> {
    value
        .as_array()?
        .iter()
        .map(|item| item.as_str().map(&read))
        .collect()
}

fn plain(mapping: &ClaimMapping, slug: &str, role: Option<&str>) -> Membership {
    Membership {
        id: slug.to_owned(),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        role: our_role(mapping, role),
    }
}

/// `ua:admin`; a separator in front, as in the path `/ua/admin`, is skipped.
fn split(mapping: &ClaimMapping, pair: &str) -> Membership {
    let separator = mapping.separator.as_str();
    let pair = pair.strip_prefix(separator).unwrap_or(pair);
    match pair.split_once(separator) {
        Some((slug, role)) => plain(mapping, slug, Some(role)),
        None => plain(mapping, pair, None),
    }
}

/// An object about an organization; `key` stands in for a missing short name.
fn described(mapping: &ClaimMapping, object: &Value, key: Option<&str>) -> Membership {
    let slug = text_at(object, &mapping.slug)
        .or_else(|| key.map(str::to_owned))
        .unwrap_or_default();
    Membership {
        id: text_at(object, &mapping.id).unwrap_or_else(|| slug.clone()),
        name: text_at(object, &mapping.organization_name).unwrap_or_else(|| slug.clone()),
        role: our_role(mapping, text_at(object, &mapping.role).as_deref()),
        slug,
    }
}

/// What an organization's key leads to: an object, a role, a list of roles, or
/// nothing of interest.
fn keyed(mapping: &ClaimMapping, slug: &str, about: &Value) -> Membership {
    match about {
        Value::Object(_) => described(mapping, about, Some(slug)),
        Value::Array(roles) => plain(mapping, slug, roles.first().and_then(Value::as_str)),
        other => plain(mapping, slug, other.as_str()),
    }
}

fn by_role(mapping: &ClaimMapping, roles: &Map<String, Value>) -> Vec<Membership> {
    let mut found = Vec::new();
    for (role, organizations) in roles {
        let slugs: Vec<&str> = match organizations {
            Value::Object(keyed) => keyed.keys().map(String::as_str).collect(),
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect(),
        };
        found.extend(
            slugs
                .into_iter()
                .map(|slug| plain(mapping, slug, Some(role))),
        );
    }
    found
}

fn our_role(mapping: &ClaimMapping, role: Option<&str>) -> String {
    let role = role.filter(|role| !role.is_empty());
    let role = role.map_or(mapping.default_role.as_str(), |role| {
        mapping.roles.get(role).map_or(role, String::as_str)
    });
    role.to_owned()
}

/// The text at a pointer; a number or boolean as it is written, so that a
/// numeric id is one too.
fn text_at(claims: &Value, pointer: &str) -> Option<String> {
    match claims.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An empty or outlandish short name would become an empty or outlandish
/// tenant.
fn is_slug(slug: &str) -> bool {
    !slug.trim().is_empty() && slug.len() <= LONGEST_SLUG && !slug.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
