//! What an authenticated caller may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use token::{Claims, ScopeKind};

use super::error::AccessError;
use super::resource::Resource;
use super::scope::StaticScope;
use datafile::DataSource;

/// An authenticated caller: a token that was found good.
#[derive(Clone, Debug)]
pub struct Access {
    /// The static token's id, or the JWT's `jti`.
    pub token_id: Option<String>,
    /// The token's name, which is also what its rate is counted by.
    pub token_name: String,
    /// The token's own limit in requests per second; 0 where it has none.
    pub rps: i64,
    rights: Rights,
}

#[derive(Clone, Debug)]
enum Rights {
    /// The workspace admin token.
    Admin,
    Static(Vec<StaticScope>),
    Jwt(Vec<token::Scope>),
}

/// A call of an endpoint that is allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipeGrant {
    /// Parameters that beat the caller's.
    pub fixed_params: BTreeMap<String, Value>,
    /// Whether every tenant's rows may be read: so with static tokens, which
    /// stay on servers. A JWT reads multi-tenant data sources only by the
    /// tenant its fixed parameters name.
    pub all_tenants: bool,
    /// Whether the caller may lay SQL of its own over the pipe where rows are
    /// kept apart by tenant.
    pub sql: bool,
}

/// A read of a data source that is allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadGrant {
    /// SQL conditions that every row has to fulfil, all of them.
    pub filters: Vec<String>,
    /// As in [`PipeGrant::fixed_params`].
    pub fixed_params: BTreeMap<String, Value>,
    /// As in [`PipeGrant::all_tenants`].
    pub all_tenants: bool,
    /// As in [`PipeGrant::sql`].
    pub sql: bool,
}

/// An append to a data source that is allowed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AppendGrant {
    /// Values for the columns of the same name, whatever the rows say.
    pub fixed_params: BTreeMap<String, Value>,
    /// Whether rows of every tenant may be appended; as in
    /// [`PipeGrant::all_tenants`].
    pub all_tenants: bool,
}

impl AppendGrant {
    /// The columns that get a fixed value in every appended row. Rows for a
    /// data source that is kept apart by tenant must carry the token's tenant.
    pub fn stamps(
        &self,
        data_source: &DataSource,
    ) -> Result<BTreeMap<String, String>, AccessError> {
        let no_tenant = |parameter: &str| AccessError::NoTenant {
            data_source: data_source.name.clone(),
            parameter: parameter.to_owned(),
        };
        if let Some(column) = data_source.tenant_column().filter(|_| !self.all_tenants)
            && tenant(&self.fixed_params, column).is_none()
        {
            return Err(no_tenant(column));
        }
        let stamp = |(column, value): (&String, &Value)| match value {
            Value::String(text) => Ok((column.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) => Ok((column.clone(), value.to_string())),
            // A row has one value in a column.
            _ => Err(no_tenant(column)),
        };
        self.fixed_params.iter().map(stamp).collect()
    }
}

/// The value that names a tenant: text or a number, not empty.
fn tenant(fixed_params: &BTreeMap<String, Value>, column: &str) -> Option<String> {
    let value = match fixed_params.get(column)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!value.is_empty()).then_some(value)
}

impl Access {
    /// The holder of the workspace admin token.
    #[must_use]
    pub fn admin(token_id: Option<String>) -> Self {
        Self {
            token_id,
            token_name: "admin token".to_owned(),
            rps: 0,
            rights: Rights::Admin,
        }
    }

    /// The holder of a static token.
    #[must_use]
    pub fn with_scopes(token_id: String, token_name: String, scopes: Vec<StaticScope>) -> Self {
        Self {
            token_id: Some(token_id),
            token_name,
            rps: 0,
            rights: Rights::Static(scopes),
        }
    }

    /// The holder of a verified JWT.
    #[must_use]
    pub fn with_claims(claims: Claims) -> Self {
        Self {
            token_id: claims.jti,
            token_name: claims.name,
            rps: claims.limits.map_or(0, |limits| limits.rps),
            rights: Rights::Jwt(claims.scopes),
        }
    }

    /// Whether the caller may do everything.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        match &self.rights {
            Rights::Admin => true,
            Rights::Static(scopes) => scopes
                .iter()
                .any(|scope| matches!(scope, StaticScope::Admin | StaticScope::AdminUser)),
            Rights::Jwt(_) => false,
        }
    }

    /// Whether the caller came with a JWT.
    #[must_use]
    pub fn is_jwt(&self) -> bool {
        matches!(self.rights, Rights::Jwt(_))
    }

    /// May it call this endpoint?
    pub fn pipe(&self, pipe: Resource<'_>) -> Result<PipeGrant, AccessError> {
        if let Rights::Jwt(scopes) = &self.rights {
            let granted = merge(scopes, ScopeKind::PipesRead, pipe)?;
            return Ok(PipeGrant {
                fixed_params: granted.fixed_params,
                all_tenants: false,
                sql: granted.sql,
            });
        }
        let allows = |scope: &StaticScope| match scope {
            StaticScope::ReadPipe(resource) => pipe.is(resource),
            StaticScope::ReadAll => true,
            _ => false,
        };
        self.require(allows, || format!("PIPES:READ on `{}`", pipe.name))?;
        Ok(PipeGrant {
            fixed_params: BTreeMap::new(),
            all_tenants: true,
            sql: true,
        })
    }

    /// May it read this data source with SQL of its own?
    pub fn data_source(&self, data_source: Resource<'_>) -> Result<ReadGrant, AccessError> {
        if let Rights::Jwt(scopes) = &self.rights {
            let granted = merge(scopes, ScopeKind::DataSourcesRead, data_source)?;
            let Granted {
                fixed_params,
                filters,
                sql,
            } = granted;
            return Ok(ReadGrant {
                filters,
                fixed_params,
                all_tenants: false,
                sql,
            });
        }
        let allows = |scope: &StaticScope| match scope {
            StaticScope::ReadDataSource(resource) => data_source.is(resource),
            StaticScope::ReadAll => true,
            _ => false,
        };
        self.require(allows, || {
            format!("DATASOURCES:READ on `{}`", data_source.name)
        })?;
        Ok(ReadGrant {
            all_tenants: true,
            sql: true,
            ..ReadGrant::default()
        })
    }

    /// May it append rows to this data source?
    pub fn append(&self, data_source: Resource<'_>) -> Result<AppendGrant, AccessError> {
        if let Rights::Jwt(scopes) = &self.rights {
            let granted = merge(scopes, ScopeKind::DataSourcesAppend, data_source)?;
            return Ok(AppendGrant {
                fixed_params: granted.fixed_params,
                all_tenants: false,
            });
        }
        let allows = |scope: &StaticScope| match scope {
            StaticScope::AppendDataSource(resource) => data_source.is(resource),
            StaticScope::CreateDataSources => true,
            _ => false,
        };
        self.require(allows, || {
            format!("DATASOURCES:APPEND on `{}`", data_source.name)
        })?;
        Ok(AppendGrant {
            all_tenants: true,
            ..AppendGrant::default()
        })
    }

    /// May it take rows away from this data source: truncate it or delete
    /// rows?
    pub fn drop_rows(&self, data_source: Resource<'_>) -> Result<(), AccessError> {
        let allows = |scope: &StaticScope| match scope {
            StaticScope::DropDataSource(resource) => data_source.is(resource),
            StaticScope::CreateDataSources => true,
            _ => false,
        };
        self.require(allows, || {
            format!("DATASOURCES:DROP on `{}`", data_source.name)
        })
    }

    /// May it put rows in the place of this data source's? That is taking away
    /// and appending, so no JWT may.
    pub fn replace_rows(&self, data_source: Resource<'_>) -> Result<(), AccessError> {
        let both = self
            .drop_rows(data_source)
            .and_then(|()| self.append(data_source));
        match both {
            Ok(_) => Ok(()),
            Err(AccessError::OutOfScope(_)) => Err(AccessError::OutOfScope(
                "DATASOURCES:CREATE, or both DATASOURCES:APPEND and DATASOURCES:DROP on the data \
                 source"
                    .to_owned(),
            )),
            Err(error) => Err(error),
        }
    }

    /// May it manage tokens?
    pub fn tokens(&self) -> Result<(), AccessError> {
        self.require(
            |scope| *scope == StaticScope::Tokens,
            || "TOKENS or ADMIN".to_owned(),
        )
    }

    /// May it do what only administrators do?
    pub fn administer(&self) -> Result<(), AccessError> {
        self.require(|_| false, || "ADMIN".to_owned())
    }

    /// May it deploy a project and follow its jobs?
    pub fn deploy(&self) -> Result<(), AccessError> {
        self.require(
            |scope| *scope == StaticScope::Deploy,
            || "WORKSPACE:DEPLOY or ADMIN".to_owned(),
        )
    }

    /// May it ask what there is in the workspace? Any static token may; what
    /// it sees of the answer is [`Self::sees_pipe`]'s and
    /// [`Self::sees_data_source`]'s to say.
    pub fn metadata(&self) -> Result<(), AccessError> {
        if self.is_jwt() {
            return Err(AccessError::OutOfScope(
                "a static token; JWTs call endpoints".to_owned(),
            ));
        }
        Ok(())
    }

    /// Whether the pipe exists for this caller.
    #[must_use]
    pub fn sees_pipe(&self, pipe: Resource<'_>) -> bool {
        self.pipe(pipe).is_ok()
            || self.administer_like(|scope| match scope {
                StaticScope::DropPipe(resource) => pipe.is(resource),
                StaticScope::CreatePipes | StaticScope::Deploy => true,
                _ => false,
            })
    }

    /// Whether the data source exists for this caller.
    #[must_use]
    pub fn sees_data_source(&self, data_source: Resource<'_>) -> bool {
        self.data_source(data_source).is_ok()
            || self.append(data_source).is_ok()
            || self.drop_rows(data_source).is_ok()
            || self.deploy().is_ok()
    }

    fn administer_like(&self, allows: impl Fn(&StaticScope) -> bool) -> bool {
        self.require(allows, String::new).is_ok()
    }

    /// Passes administrators and static tokens with a scope that allows it.
    fn require(
        &self,
        allows: impl Fn(&StaticScope) -> bool,
        needed: impl FnOnce() -> String,
    ) -> Result<(), AccessError> {
        let allowed = self.is_admin()
            || matches!(&self.rights, Rights::Static(scopes) if scopes.iter().any(allows));
        if allowed {
            Ok(())
        } else {
            Err(AccessError::OutOfScope(needed()))
        }
    }
}

impl Resource<'_> {
    /// Whether a scope's resource, a name or an id, is this one.
    fn is(&self, resource: &str) -> bool {
        resource == self.name || resource == self.id
    }
}

/// What all scopes of one kind on one resource come to.
#[derive(Default)]
struct Granted {
    fixed_params: BTreeMap<String, Value>,
    filters: Vec<String>,
    sql: bool,
}

/// Several scopes on one resource narrow each other: their parameters and
/// filters all hold. Whoever wrote two did not mean to widen either.
fn merge(
    scopes: &[token::Scope],
    kind: ScopeKind,
    resource: Resource<'_>,
) -> Result<Granted, AccessError> {
    let mut granted: Option<Granted> = None;
    for scope in scopes {
        let covers = scope.resource.contains(resource.name) || scope.resource.contains(resource.id);
        if scope.kind != kind || !covers {
            continue;
        }
        let granted = granted.get_or_insert_with(|| Granted {
            sql: true,
            ..Granted::default()
        });
        granted.sql &= scope.sql;
        granted.filters.extend(scope.filter.clone());
        for (parameter, value) in &scope.fixed_params {
            let former = granted
                .fixed_params
                .insert(parameter.clone(), value.clone());
            if former.is_some_and(|former| former != *value) {
                return Err(AccessError::Ambiguous {
                    resource: resource.name.to_owned(),
                    parameter: parameter.clone(),
                });
            }
        }
    }
    granted
        .ok_or_else(|| AccessError::OutOfScope(format!("{} on `{}`", kind.as_str(), resource.name)))
}
