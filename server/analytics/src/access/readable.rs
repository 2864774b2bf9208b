//! What SQL from outside may read: the names it may use, and the filters that
//! hold whatever it says.
//!
//! The decision is made twice. The engine's own parser tells which names the
//! SQL uses, and names outside the token's scopes are refused; and every data
//! source the token may not read is filtered to nothing, should a name slip
//! through.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::AccessError;
use super::grant::Access;
use super::resource::{Resource, resource_id};
use crate::project::{Project, quarantine_name};
use crate::service_data;
use datafile::Pipe;
use engine::TableFilter;
use engine::guard::{Catalog, Inspection};

/// What one caller's SQL may read.
#[derive(Debug)]
pub struct Readable<'a> {
    access: &'a Access,
    project: &'a Project,
    workspace_id: &'a str,
    database: &'a str,
    /// Every table the database has, of this project or of a former one.
    tables: &'a BTreeSet<String>,
    /// The pipe whose nodes may be used by their names (`pipeline=`).
    nodes_of: Option<&'a Pipe>,
}

/// What a token fixes for one query.
#[derive(Debug, Default)]
pub struct Fixed {
    /// Parameters that beat the caller's; they name the tenant, too.
    pub params: BTreeMap<String, Value>,
    /// Whether the query reads any pipe.
    pub reads_pipes: bool,
}

impl<'a> Readable<'a> {
    /// What `access` allows in a project whose tables are in `database`.
    #[must_use]
    pub fn new(
        access: &'a Access,
        project: &'a Project,
        workspace_id: &'a str,
        database: &'a str,
        tables: &'a BTreeSet<String>,
        nodes_of: Option<&'a Pipe>,
    ) -> Self {
        Self {
            access,
            project,
            workspace_id,
            database,
            tables,
            nodes_of,
        }
    }

    /// The name of the data source that a table belongs to.
    fn data_source_of(&self, table: &str) -> Option<&'a str> {
        let data_source = self.project.data_source_of(table)?;
        Some(data_source.name.as_str())
    }

    /// The names of all data sources and pipes that may be read.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let data_sources = self
            .project
            .data_sources()
            .map(|data_source| data_source.name.as_str());
        let pipes = self.project.pipes().map(|pipe| pipe.name.as_str());
        data_sources
            .chain(pipes)
            .filter(|name| self.may_read(name))
            .collect()
    }

    /// What the token fixes for a query that names only what may be read.
    ///
    /// Parameters hold for the whole query, so everything it reads has to
    /// agree on those that name a tenant: else one part would be read as the
    /// tenant of another.
    pub fn fixed(&self, inspection: &Inspection) -> Result<Fixed, AccessError> {
        let mut fixed = Fixed::default();
        let named = inspection
            .tables
            .iter()
            .filter_map(|name| self.project.pipe(&name.table));
        let nodes_of = self.nodes_of.and_then(|pipe| self.project.pipe(&pipe.name));
        for pipe in named.chain(nodes_of) {
            let id = resource_id(self.workspace_id, &pipe.name);
            let grant = self.access.pipe(Resource {
                name: &pipe.name,
                id: &id,
            })?;
            if fixed.reads_pipes {
                self.agree(&fixed.params, &grant.fixed_params, &pipe.name)?;
            }
            fixed.reads_pipes = true;
            fixed.params.extend(grant.fixed_params);
        }
        if self.access.is_jwt() {
            let mut is_first = !fixed.reads_pipes;
            for name in &inspection.tables {
                is_first = self.add_tenant(&mut fixed, &name.table, is_first)?;
            }
        }
        Ok(fixed)
    }

    /// Adds the tenant of a data source that is read by its own name. Answers
    /// whether no tenant was named yet.
    fn add_tenant(
        &self,
        fixed: &mut Fixed,
        table: &str,
        is_first: bool,
    ) -> Result<bool, AccessError> {
        let Some((name, column)) = self.data_source_of(table).zip(self.project.tenancy(table))
        else {
            return Ok(is_first);
        };
        let id = resource_id(self.workspace_id, name);
        let grant = self.access.data_source(Resource { name, id: &id })?;
        let value = grant.fixed_params.get(&column.name);
        let former = fixed.params.get(&column.name);
        if !is_first && former.is_some() && former != value {
            return Err(ambiguous(name, &column.name));
        }
        match value {
            Some(value) => {
                if !is_first && former.is_none() && fixed.reads_pipes {
                    return Err(ambiguous(name, &column.name));
                }
                fixed.params.insert(column.name.clone(), value.clone());
                Ok(false)
            }
            None => Err(AccessError::NoTenant {
                data_source: table.to_owned(),
                parameter: column.name.clone(),
            }),
        }
    }

    fn agree(
        &self,
        former: &BTreeMap<String, Value>,
        latter: &BTreeMap<String, Value>,
        pipe: &str,
    ) -> Result<(), AccessError> {
        let names_a_tenant = |parameter: &str| {
            self.project
                .data_sources()
                .any(|data_source| data_source.tenant_column() == Some(parameter))
        };
        for parameter in former.keys().chain(latter.keys()) {
            let (left, right) = (former.get(parameter), latter.get(parameter));
            let are_both_there = left.is_some() && right.is_some();
            if left != right && (are_both_there || names_a_tenant(parameter)) {
                return Err(ambiguous(pipe, parameter));
            }
        }
        Ok(())
    }

    /// The token's own conditions, and nothing at all of what it may not read:
    /// then even a name that slipped through yields no rows. A pipe reads its
    /// data sources by its own authority.
    #[must_use]
    pub fn filters(&self, fixed: &Fixed) -> Vec<TableFilter> {
        let mut filters = Vec::new();
        for data_source in self.project.data_sources() {
            let id = resource_id(self.workspace_id, &data_source.name);
            let resource = Resource {
                name: &data_source.name,
                id: &id,
            };
            let expression = match self.access.data_source(resource) {
                Ok(grant) if grant.filters.is_empty() => continue,
                Ok(grant) => {
                    // The newline ends a comment that a filter may end with.
                    let all: Vec<String> = grant
                        .filters
                        .iter()
                        .map(|filter| format!("({filter}\n)"))
                        .collect();
                    all.join(" AND ")
                }
                Err(_) if fixed.reads_pipes => continue,
                Err(_) => "0".to_owned(),
            };
            for table in [data_source.name.clone(), quarantine_name(&data_source.name)] {
                let table = format!("{}.{table}", self.database);
                filters.push(TableFilter {
                    table,
                    expression: expression.clone(),
                });
            }
        }
        filters
    }
}

fn ambiguous(resource: &str, parameter: &str) -> AccessError {
    AccessError::Ambiguous {
        resource: resource.to_owned(),
        parameter: parameter.to_owned(),
    }
}

impl Catalog for Readable<'_> {
    fn database(&self) -> &str {
        self.database
    }

    fn may_read(&self, name: &str) -> bool {
        if self.nodes_of.is_some_and(|pipe| pipe.node(name).is_some()) {
            return true;
        }
        if let Some(data_source) = self.data_source_of(name) {
            let id = resource_id(self.workspace_id, data_source);
            return self
                .access
                .data_source(Resource {
                    name: data_source,
                    id: &id,
                })
                .is_ok();
        }
        let id = resource_id(self.workspace_id, name);
        self.project.pipe(name).is_some() && self.access.pipe(Resource { name, id: &id }).is_ok()
    }

    fn may_read_service_data(&self, name: &str) -> bool {
        self.access.is_admin() && service_data::NAMES.contains(&name)
    }

    fn exists(&self, name: &str) -> bool {
        // A dot inside a name marks tables of the server's own.
        name.contains('.')
            || self.tables.contains(name)
            || self.project.pipe(name).is_some()
            || self.data_source_of(name).is_some()
    }
}
