//! A project: its data sources and pipes, checked together and ready to serve.
//!
//! A [`Project`] never changes: whoever serves one holds it in an `Arc` and
//! takes another when the files have changed. Reading one file is `datafile`'s;
//! running a pipe is `query`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::datafile::{Connection, DataSource, Diagnostic, Node, Pipe};

/// Everything a directory of datafiles describes.
#[derive(Clone, Debug, Default)]
pub struct Project {
    data_sources: BTreeMap<String, Arc<DataSource>>,
    pipes: BTreeMap<String, Arc<Pipe>>,
    connections: BTreeMap<String, Arc<Connection>>,
    tenancy: BTreeMap<String, TenantColumn>,
    warnings: Vec<Diagnostic>,
}

/// The column by which a multi-tenant table is kept apart. A JWT must fix a
/// parameter of the same name to read the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantColumn {
    /// Name of the column and of the fixed parameter.
    pub name: String,
}

impl Project {
    /// The data source with this name.
    #[must_use]
    pub fn data_source(&self, name: &str) -> Option<&Arc<DataSource>> {
        self.data_sources.get(name)
    }

    /// All data sources, by name.
    pub fn data_sources(&self) -> impl Iterator<Item = &Arc<DataSource>> {
        self.data_sources.values()
    }

    /// The pipe with this name.
    #[must_use]
    pub fn pipe(&self, name: &str) -> Option<&Arc<Pipe>> {
        self.pipes.get(name)
    }

    /// All pipes, by name.
    pub fn pipes(&self) -> impl Iterator<Item = &Arc<Pipe>> {
        self.pipes.values()
    }

    /// The pipes that are served over HTTP, each with its endpoint node.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Arc<Pipe>, &Node)> {
        self.pipes
            .values()
            .filter_map(|pipe| Some((pipe, pipe.endpoint()?)))
    }

    /// All connections, by name; none of them runs.
    pub fn connections(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.connections.values()
    }

    /// How a table of the project (a data source or its quarantine) is kept
    /// apart by tenant; `None` is shared reference data.
    #[must_use]
    pub fn tenancy(&self, table: &str) -> Option<&TenantColumn> {
        self.tenancy.get(table)
    }

    /// What its author should know though the project is valid.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}
