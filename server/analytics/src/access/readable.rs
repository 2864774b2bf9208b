//! What SQL from outside may read: the names it may use, and the filters that
//! hold whatever it says.
//!
//! The decision is made twice. The engine's own parser tells which names the
//! SQL uses, and names outside the token's scopes are refused or mean nothing;
//! and every data source the token may not read is filtered to nothing, should
//! a name slip through.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::AccessError;
use super::grant::{Access, ReadGrant};
use super::resource::{Resource, resource_id};
use crate::project::Project;
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
    /// Whether the SQL runs where a bare name finds no table by itself.
    is_outside: bool,
}

/// What a token fixes for one query.
#[derive(Debug)]
pub struct Fixed {
    /// Parameters that beat the caller's; they name the tenant, too.
    pub params: BTreeMap<String, Value>,
    /// Whether the query reads any pipe.
    pub reads_pipes: bool,
    /// Whether everything it reads may be read with SQL of the caller's own
    /// where rows are kept apart by tenant.
    pub sql: bool,
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
            is_outside: false,
        }
    }

    /// The same for SQL that runs where a bare name finds no table by itself:
    /// then a name that means nothing to the caller is as good as none, whether
    /// a table has it or not.
    #[must_use]
    pub fn outside(self) -> Self {
        Self {
            is_outside: true,
            ..self
        }
    }

    /// The tables and pipes that may be named.
    #[must_use]
    pub fn open_names(&self) -> BTreeSet<String> {
        let tables = self.project.tables();
        let tables = tables.filter(|name| self.is_open_table(name));
        let pipes = self.project.pipes().map(|pipe| pipe.name.as_str());
        let pipes = pipes.filter(|name| self.is_open_pipe(name));
        tables.chain(pipes).map(str::to_owned).collect()
    }

    /// Whether the caller may see all nodes of the pipe whose nodes it names,
    /// or its result alone. A person's token is for results: before them a node
    /// may hold anybody's rows.
    #[must_use]
    pub fn sees_inner_nodes(&self) -> bool {
        !self.access.is_jwt()
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
        let mut fixed = Fixed {
            params: BTreeMap::new(),
            reads_pipes: false,
            sql: true,
        };
        // What may not be read means nothing here: the engine knows no such table.
        let named = inspection.tables.iter().map(|name| name.table.as_str());
        let named = named
            .filter(|name| self.is_open_pipe(name))
            .filter_map(|name| self.project.pipe(name));
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
            fixed.sql &= grant.sql;
            fixed.params.extend(grant.fixed_params);
        }
        if self.access.is_jwt() {
            let mut is_first = !fixed.reads_pipes;
            let open = inspection.tables.iter();
            for name in open.filter(|name| self.is_open_table(&name.table)) {
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
        fixed.sql &= grant.sql;
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

    /// Filters that leave nothing at all of what the token may not read: then
    /// even a name that slipped through yields no rows. A pipe reads its data
    /// sources by its own authority.
    #[must_use]
    pub fn closed(&self, fixed: &Fixed) -> Vec<TableFilter> {
        if fixed.reads_pipes {
            return Vec::new();
        }
        let closed = self
            .project
            .tables()
            .filter(|name| !self.is_open_table(name));
        let filter = |name: &str| TableFilter {
            table: format!("{}.{name}", self.database),
            expression: "0".to_owned(),
        };
        closed.map(filter).collect()
    }

    /// The token's own conditions on the rows of tables.
    #[must_use]
    pub fn conditions(&self) -> BTreeMap<String, Vec<String>> {
        let conditions = self.project.tables().filter_map(|name| {
            let grant = self.grant(name)?.ok()?;
            (!grant.filters.is_empty()).then(|| (name.to_owned(), grant.filters))
        });
        conditions.collect()
    }

    /// What the token says about a table, if it is one of the project.
    fn grant(&self, table: &str) -> Option<Result<ReadGrant, AccessError>> {
        let name = self.data_source_of(table)?;
        let id = resource_id(self.workspace_id, name);
        Some(self.access.data_source(Resource { name, id: &id }))
    }

    fn is_open_pipe(&self, name: &str) -> bool {
        let id = resource_id(self.workspace_id, name);
        self.project.pipe(name).is_some() && self.access.pipe(Resource { name, id: &id }).is_ok()
    }

    fn is_open_table(&self, table: &str) -> bool {
        self.grant(table).is_some_and(|grant| grant.is_ok())
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
        let node = self
            .nodes_of
            .and_then(|pipe| Some((pipe, pipe.node(name)?)));
        if let Some((pipe, node)) = node {
            return self.sees_inner_nodes()
                || node.name == Pipe::RESULT
                || pipe.output().is_some_and(|output| output.name == node.name);
        }
        if self.data_source_of(name).is_some() {
            return self.is_open_table(name);
        }
        self.is_open_pipe(name)
    }

    fn may_read_service_data(&self, name: &str) -> bool {
        self.access.is_admin() && service_data::NAMES.contains(&name)
    }

    fn exists(&self, name: &str) -> bool {
        if self.is_outside {
            return false;
        }
        // A dot inside a name marks tables of the server's own.
        name.contains('.')
            || self.tables.contains(name)
            || self.project.pipe(name).is_some()
            || self.data_source_of(name).is_some()
    }
}
