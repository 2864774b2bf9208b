//! A project: its data sources and pipes, checked together and ready to serve.
//!
//! A [`Project`] never changes: whoever serves one holds it in an `Arc` and
//! takes another when the files have changed ([`Workspace`] keeps the last
//! good one). Reading one file is `datafile`'s; running a pipe is `query`'s.
//! Here is what takes several files or the engine: names, who reads whom,
//! tenancy, tables and views, views made anew, copies, and the check of it all.

mod change;
mod check;
mod files;
mod filling;
mod findings;
mod reading;
pub(crate) mod sql;
mod tables;
mod workspace;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

pub use change::{Change, Rehearsed};
pub use check::{check, check_files};
pub use datafile::Variables;
use datafile::{Connection, DataSource, Diagnostic, Node, Pipe};
pub(crate) use files::source::DEPTH;
pub use files::source::{SourceFile, read_directory};
pub use files::watch::watch;
pub use filling::copy::CopyError;
pub use filling::populate::{PopulateError, Population};
pub use filling::rebuild::FollowError;
pub use findings::report::{Extent, Report};
pub use findings::verdicts::Verdicts;
use sql::clean::CleanTable;
pub use sql::ddl::{
    QUARANTINE_COLUMNS, qualified, quarantine_name, quarantined_columns, view_name,
};
pub use tables::apply::{Applied, ApplyError, Note};
pub(crate) use tables::scratch::Scratch;
use template::{Parameters, RenderContext, RenderError, Rendered, Template};
pub use workspace::{NotServed, Workspace};

/// Everything a directory of datafiles describes.
#[derive(Clone, Debug, Default)]
pub struct Project {
    data_sources: BTreeMap<String, Arc<DataSource>>,
    pipes: BTreeMap<String, Arc<Pipe>>,
    connections: BTreeMap<String, Arc<Connection>>,
    templates: BTreeMap<String, BTreeMap<String, Template>>,
    tenancy: BTreeMap<String, TenantColumn>,
    /// Names with a version, as Tinybird Classic has them, and what they mean.
    versions: BTreeMap<String, String>,
    clean: BTreeMap<String, CleanTable>,
    warnings: Vec<Diagnostic>,
    /// What is known to be good of it.
    verdicts: Arc<Verdicts>,
}

/// The column by which a multi-tenant table is kept apart. A JWT must fix a
/// parameter of the same name to read the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantColumn {
    /// Name of the column and of the fixed parameter.
    pub name: String,
}

/// What a run of SQL outside of a request takes along.
#[derive(Clone, Debug)]
pub struct RunContext {
    /// Parameters of the templates.
    pub parameters: Parameters,
    /// What `tb_secret` may bind.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// The time of the run; what `job_timestamp` says.
    pub now: OffsetDateTime,
}

impl Project {
    /// Reads a directory's datafiles (those in it, in its folders and in
    /// theirs, but not in `vendor/`) and checks them as far as that goes without the engine.
    ///
    /// # Errors
    /// Everything found in all files, warnings included, if any of it keeps
    /// the project from being served.
    pub fn load(directory: &Path, variables: &Variables) -> Result<Self, Vec<Diagnostic>> {
        Self::from_files(&read_directory(directory)?, variables)
    }

    /// The same for files that are at hand.
    ///
    /// # Errors
    /// As [`Project::load`].
    pub fn from_files(
        files: &[SourceFile],
        variables: &Variables,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut resources = files::source::read_files(files, variables);
        let mut found = std::mem::take(&mut resources.found);
        findings::names::check(&resources, &mut found);
        files::classic::serve_untyped(&mut resources.pipes, &mut found);
        let templates = parse_templates(&resources.pipes, &mut found);
        found.sort_by(|left, right| {
            (&left.file, left.line, left.column).cmp(&(&right.file, right.line, right.column))
        });
        if found.iter().any(Diagnostic::is_error) {
            return Err(found);
        }
        Ok(Self {
            versions: files::classic::versions(&resources),
            tenancy: tenancy(resources.data_sources.values()),
            clean: clean(resources.data_sources.values()),
            data_sources: share(resources.data_sources),
            pipes: share(resources.pipes),
            connections: share(resources.connections),
            templates,
            warnings: found,
            verdicts: Arc::default(),
        })
    }

    /// The same project, of which these verdicts may know something.
    #[must_use]
    pub fn with_verdicts(self, verdicts: &Arc<Verdicts>) -> Self {
        Self {
            verdicts: Arc::clone(verdicts),
            ..self
        }
    }

    /// The data source with this name.
    #[must_use]
    pub fn data_source(&self, name: &str) -> Option<&Arc<DataSource>> {
        self.data_sources.get(name)
    }

    /// The data source that a table belongs to: itself, or the one whose
    /// quarantine it is.
    #[must_use]
    pub fn data_source_of(&self, table: &str) -> Option<&Arc<DataSource>> {
        self.data_source(table)
            .or_else(|| self.data_source(table.strip_suffix("_quarantine")?))
    }

    /// Whether any table of the project is kept apart by tenant.
    pub(crate) fn has_tenants(&self) -> bool {
        !self.tenancy.is_empty()
    }

    /// How the tables of the project are kept apart, for those that are.
    pub(crate) fn tenancies(&self) -> impl Iterator<Item = (&str, &TenantColumn)> {
        let tenancies = self.tenancy.iter();
        tenancies.map(|(table, column)| (table.as_str(), column))
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

    /// A node's SQL, parsed. There is one for every node of every pipe.
    #[must_use]
    pub fn template(&self, pipe: &str, node: &str) -> Option<&Template> {
        self.templates.get(pipe)?.get(node)
    }

    /// Renders a node, with the names of Tinybird Classic in the place of
    /// tables turned into those of the project. `None` if there is no such node.
    pub(crate) fn render(
        &self,
        pipe: &str,
        node: &str,
        parameters: &Parameters,
        context: &RenderContext,
    ) -> Option<Result<Rendered, RenderError>> {
        let rendered = self.template(pipe, node)?.render(parameters, context);
        Some(rendered.map(|mut rendered| {
            if !self.versions.is_empty() {
                rendered.sql = files::classic::renamed(&rendered.sql, &self.versions);
            }
            rendered
        }))
    }

    /// How a table of the project (a data source or its quarantine) is kept
    /// apart by tenant; `None` is shared reference data.
    #[must_use]
    pub fn tenancy(&self, table: &str) -> Option<&TenantColumn> {
        self.tenancy.get(table)
    }

    /// What may be read of a table of the project (a data source or its
    /// quarantine) where some of its rows are not to be known of.
    pub(crate) fn clean(&self, table: &str) -> Option<&CleanTable> {
        self.clean.get(table)
    }

    /// The names of all its tables: data sources and their quarantines.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.clean.keys().map(String::as_str)
    }

    /// What its author should know though the project is valid.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

fn share<Model>(models: BTreeMap<String, Model>) -> BTreeMap<String, Arc<Model>> {
    models
        .into_iter()
        .map(|(name, model)| (name, Arc::new(model)))
        .collect()
}

/// Rows in quarantine belong to their tenant, too.
fn tenancy<'run>(
    data_sources: impl Iterator<Item = &'run DataSource>,
) -> BTreeMap<String, TenantColumn> {
    let mut tenancy = BTreeMap::new();
    for data_source in data_sources {
        if let Some(name) = data_source.tenant_column() {
            let column = TenantColumn {
                name: name.to_owned(),
            };
            tenancy.insert(quarantine_name(&data_source.name), column.clone());
            tenancy.insert(data_source.name.clone(), column);
        }
    }
    tenancy
}

fn clean<'run>(
    data_sources: impl Iterator<Item = &'run DataSource>,
) -> BTreeMap<String, CleanTable> {
    let tables = data_sources.flat_map(|data_source| {
        [
            (data_source.name.clone(), CleanTable::of(data_source)),
            (
                quarantine_name(&data_source.name),
                CleanTable::of_quarantine(data_source),
            ),
        ]
    });
    tables.collect()
}

fn parse_templates(
    pipes: &BTreeMap<String, Pipe>,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<String, BTreeMap<String, Template>> {
    let mut templates: BTreeMap<String, BTreeMap<String, Template>> = BTreeMap::new();
    for pipe in pipes.values() {
        for node in &pipe.nodes {
            match parse_template(node) {
                Ok(template) => {
                    for warning in template.warnings() {
                        let position =
                            findings::locate::in_template(node, warning.line, &warning.message);
                        let message = warning.message.as_str();
                        found.push(Diagnostic::warning(&pipe.file, position, message));
                    }
                    templates
                        .entry(pipe.name.clone())
                        .or_default()
                        .insert(node.name.clone(), template);
                }
                Err(error) => {
                    let position = findings::locate::in_template(node, error.line, &error.message);
                    let message = findings::locate::without_place(&error.message, &node.name);
                    found.push(Diagnostic::error(&pipe.file, position, message));
                }
            }
        }
    }
    templates
}

fn parse_template(node: &Node) -> Result<Template, template::TemplateError> {
    match node.is_template {
        true => Template::parse_named(&node.name, &node.sql),
        false => Template::of_node(&node.name, &node.sql),
    }
}

#[cfg(test)]
mod tests;
