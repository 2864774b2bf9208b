//! The scopes of static tokens, as Tinybird spells them.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What a static token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticScope {
    /// Everything in the workspace.
    Admin,
    /// Everything, in the name of a user; the same here.
    AdminUser,
    /// Making, changing and deleting tokens.
    Tokens,
    /// Making data sources and appending to any.
    CreateDataSources,
    /// Appending to one data source.
    AppendDataSource(String),
    /// Deleting one data source and its rows.
    DropDataSource(String),
    /// Reading one data source and its quarantine.
    ReadDataSource(String),
    /// Making pipes; kept for the record, pipes come with the project.
    CreatePipes,
    /// Deleting one pipe; kept for the record like [`Self::CreatePipes`].
    DropPipe(String),
    /// Reading one pipe.
    ReadPipe(String),
    /// Reading the statistics of the organization.
    ReadOrganization,
    /// Reading every pipe and data source.
    ReadAll,
    /// Deploying a project.
    Deploy,
}

/// A text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidScope {
    /// No scope has this name.
    #[error("`{0}` is not a scope; see the list in the documentation of tokens")]
    Unknown(String),
    /// The scope needs a resource.
    #[error("`{0}` needs the name of a resource, as in `{0}:my_resource`")]
    MissingResource(String),
    /// The scope takes no resource.
    #[error("`{0}` takes no resource")]
    UnexpectedResource(String),
    /// A row filter, which only JWTs can have.
    #[error(
        "`{0}` has a row filter; static tokens have none, sign a JWT with a DATASOURCES:READ filter"
    )]
    Filter(String),
}

impl StaticScope {
    /// The name without resource, such as `PIPES:READ`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::AdminUser => "ADMIN_USER",
            Self::Tokens => "TOKENS",
            Self::CreateDataSources => "DATASOURCES:CREATE",
            Self::AppendDataSource(_) => "DATASOURCES:APPEND",
            Self::DropDataSource(_) => "DATASOURCES:DROP",
            Self::ReadDataSource(_) => "DATASOURCES:READ",
            Self::CreatePipes => "PIPES:CREATE",
            Self::DropPipe(_) => "PIPES:DROP",
            Self::ReadPipe(_) => "PIPES:READ",
            Self::ReadOrganization => "ORG_DATASOURCES:READ",
            Self::ReadAll => "WORKSPACE:READ_ALL",
            Self::Deploy => "WORKSPACE:DEPLOY",
        }
    }

    /// The resource's name or id, if the scope is on one.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::AppendDataSource(name)
            | Self::DropDataSource(name)
            | Self::ReadDataSource(name)
            | Self::DropPipe(name)
            | Self::ReadPipe(name) => Some(name),
            _ => None,
        }
    }

    /// Builds a scope from its name and resource, as the Tokens API's JSON
    /// and its parameters give them.
    pub fn new(kind: &str, resource: Option<&str>) -> Result<Self, InvalidScope> {
        let resource = resource.filter(|name| !name.is_empty());
        let on_resource = |scope: fn(String) -> Self| {
            resource
                .map(|name| scope(name.to_owned()))
                .ok_or_else(|| InvalidScope::MissingResource(kind.to_owned()))
        };
        let alone = |scope: Self| match resource {
            None => Ok(scope),
            Some(_) => Err(InvalidScope::UnexpectedResource(kind.to_owned())),
        };
        match kind {
            "ADMIN" => alone(Self::Admin),
            "ADMIN_USER" => alone(Self::AdminUser),
            "TOKENS" => alone(Self::Tokens),
            // Some of Tinybird's pages spell these two in the singular.
            "DATASOURCES:CREATE" | "DATASOURCE:CREATE" => alone(Self::CreateDataSources),
            "DATASOURCES:APPEND" | "DATASOURCE:APPEND" => on_resource(Self::AppendDataSource),
            "DATASOURCES:DROP" => on_resource(Self::DropDataSource),
            "DATASOURCES:READ" => on_resource(Self::ReadDataSource),
            "PIPES:CREATE" => alone(Self::CreatePipes),
            "PIPES:DROP" => on_resource(Self::DropPipe),
            "PIPES:READ" => on_resource(Self::ReadPipe),
            "ORG_DATASOURCES:READ" => alone(Self::ReadOrganization),
            "WORKSPACE:READ_ALL" => alone(Self::ReadAll),
            "WORKSPACE:DEPLOY" => alone(Self::Deploy),
            unknown => Err(InvalidScope::Unknown(unknown.to_owned())),
        }
    }
}

impl FromStr for StaticScope {
    type Err = InvalidScope;

    /// Reads `KIND`, `KIND:VERB` or `KIND:VERB:resource`.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let mut parts = text.splitn(4, ':');
        let first = parts.next().unwrap_or_default();
        let Some(verb) = parts.next() else {
            return Self::new(first, None);
        };
        let resource = parts.next();
        if parts.next().is_some_and(|filter| !filter.is_empty()) {
            return Err(InvalidScope::Filter(text.to_owned()));
        }
        Self::new(&format!("{first}:{verb}"), resource)
    }
}

impl fmt::Display for StaticScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())?;
        match self.resource() {
            Some(resource) => write!(formatter, ":{resource}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_read_back_as_it_is_written() {
        for text in [
            "ADMIN",
            "ADMIN_USER",
            "TOKENS",
            "DATASOURCES:CREATE",
            "DATASOURCES:APPEND:events",
            "DATASOURCES:DROP:events",
            "DATASOURCES:READ:events",
            "PIPES:CREATE",
            "PIPES:DROP:top",
            "PIPES:READ:top",
            "ORG_DATASOURCES:READ",
            "WORKSPACE:READ_ALL",
            "WORKSPACE:DEPLOY",
        ] {
            assert_eq!(text.parse::<StaticScope>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_singular_spelling_is_understood() {
        let scope: StaticScope = "DATASOURCE:APPEND:events".parse().unwrap();
        assert_eq!(scope, StaticScope::AppendDataSource("events".into()));
    }

    #[test]
    fn what_is_no_scope_says_why() {
        let kind = "DATASOURCES:READ".to_owned();
        for (text, error) in [
            ("", InvalidScope::Unknown(String::new())),
            ("admin", InvalidScope::Unknown("admin".into())),
            ("PIPES:WRITE:a", InvalidScope::Unknown("PIPES:WRITE".into())),
            (
                "DATASOURCES:READ",
                InvalidScope::MissingResource(kind.clone()),
            ),
            ("DATASOURCES:READ:", InvalidScope::MissingResource(kind)),
            ("TOKENS:READ", InvalidScope::Unknown("TOKENS:READ".into())),
            (
                "WORKSPACE:READ_ALL:a",
                InvalidScope::UnexpectedResource("WORKSPACE:READ_ALL".into()),
            ),
            (
                "DATASOURCES:READ:a:b = 1",
                InvalidScope::Filter("DATASOURCES:READ:a:b = 1".into()),
            ),
        ] {
            assert_eq!(text.parse::<StaticScope>().unwrap_err(), error, "{text}");
        }
    }
}
