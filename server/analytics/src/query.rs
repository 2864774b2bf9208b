//! From a call's parameters to the SQL that runs, and its answer.
//!
//! A call renders the endpoint's node and every node and pipe it reads, joins
//! them into one SELECT, adds the tenant's filters and runs it on the engine.
//! Who may call is decided before (`access`); HTTP is `api`'s.

mod error;
mod options;
mod outer_query;
mod prewhere;
mod tenant;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::project::Project;
use crate::project::sql::compose::{Composed, Composer, reads};
use datafile::{Node, Pipe};
use engine::guard::Guard;
use engine::{Engine, QueryLimits, Statement, TableFilter};
pub use template::{Parameter, Parameters};
use template::{ParameterDeclaration, RenderContext, StandIns};

pub use error::QueryError;
pub use tenant::Tenant;

/// Features that `activate()` turns on: engine settings of the same name.
const ACTIVATED: [&str; 1] = ["optimize_aggregation_in_order"];

/// A call of an endpoint that `access` has allowed.
#[derive(Debug)]
pub struct Call<'a> {
    /// The project the pipe belongs to.
    pub project: &'a Project,
    /// The database of its data sources.
    pub database: &'a str,
    /// The pipe whose endpoint is called.
    pub pipe: &'a Pipe,
    /// What the caller gave.
    pub given: Parameters,
    /// What the token fixes: beats the caller's parameters of the same name.
    pub fixed: Parameters,
    /// Whose rows may be read.
    pub tenant: Tenant,
    /// Secrets that templates may bind.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// The ClickHouse format of the answer.
    pub format: &'a str,
    /// Bounds of the query; a template's `max_threads()` lowers them further.
    pub limits: QueryLimits,
}

/// SQL from outside that `access` and the guard have allowed as it stands: it
/// names only pipes and data sources its token may read.
#[derive(Debug)]
pub struct OutsideQuery<'a> {
    /// The project it reads.
    pub project: &'a Project,
    /// The database of its data sources.
    pub database: &'a str,
    /// One SELECT or DESCRIBE without FORMAT and SETTINGS.
    pub sql: String,
    /// The pipe whose nodes it may name, too.
    pub pipe: Option<&'a Pipe>,
    /// Parameters for the pipes it reads.
    pub given: Parameters,
    /// What the token fixes: beats the given.
    pub fixed: Parameters,
    /// Whose rows may be read.
    pub tenant: Tenant,
    /// Further conditions, from the token's own filters.
    pub filters: Vec<TableFilter>,
    /// Secrets that templates may bind.
    pub secrets: Arc<BTreeMap<String, String>>,
    /// The ClickHouse format of the answer.
    pub format: &'a str,
    /// Bounds of the query.
    pub limits: QueryLimits,
}

/// A call made ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// What the engine runs.
    pub statement: Statement,
    /// The longest time the answer may be kept, asked for with `cache_ttl()`:
    /// one of 5s, 1m, 5m, 30m, 1h.
    pub cache_ttl: Option<&'static str>,
}

/// Renders a call's SQL and checks what it reads, without running it.
///
/// # Errors
/// A parameter is missing or wrong, or a data source is read for no tenant.
pub async fn prepare(
    engine: &dyn Engine,
    guard: &Guard,
    call: Call<'_>,
) -> Result<Prepared, QueryError> {
    let node = endpoint(call.pipe)?;
    prepare_node(engine, guard, call, node).await
}

/// The same for any one node of the call's pipe.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_node(
    engine: &dyn Engine,
    guard: &Guard,
    call: Call<'_>,
    node: &Node,
) -> Result<Prepared, QueryError> {
    let parameters = options::parameters(&call.given, call.fixed);
    let context = RenderContext {
        secrets: call.secrets,
        ..RenderContext::default()
    };
    let composer = Composer::new(call.project, &parameters, &context);
    let mut composed = composer.node(call.pipe, node)?;
    let mut hidden = Vec::new();
    if let Some(outer) = options::outer_query(&call.given) {
        let own = outer_query::compose(engine, guard, call.project, &mut composed, &outer).await?;
        let own = own.iter().map(String::as_str);
        hidden = tenant::hidden(call.database, own);
    }
    check_reach(engine, guard, &composed).await?;
    let filters = tenant::filters(
        &call.tenant,
        engine,
        guard,
        call.project,
        call.database,
        &composed,
    );
    let filters = tenant::both(filters.await?, hidden);
    Ok(ready(
        composed,
        &call.given,
        call.database,
        call.format,
        call.limits,
        filters,
    ))
}

/// Joins the pipes that a query from outside names to it, without running it.
///
/// # Errors
/// A parameter that a pipe needs is missing or wrong, or a data source is read
/// for no tenant.
pub async fn prepare_outside(
    engine: &dyn Engine,
    guard: &Guard,
    query: OutsideQuery<'_>,
) -> Result<Prepared, QueryError> {
    let parameters = options::parameters(&query.given, query.fixed);
    let context = RenderContext {
        secrets: query.secrets,
        ..RenderContext::default()
    };
    let composed =
        Composer::new(query.project, &parameters, &context).text(&query.sql, query.pipe)?;
    check_reach(engine, guard, &composed).await?;
    let filters = tenant::filters(
        &query.tenant,
        engine,
        guard,
        query.project,
        query.database,
        &composed,
    );
    let filters = tenant::both(filters.await?, query.filters);
    Ok(ready(
        composed,
        &query.given,
        query.database,
        query.format,
        query.limits,
        filters,
    ))
}

/// The parameters of an endpoint: those of its node and of all nodes and pipes
/// that it reads, each name once.
#[must_use]
pub fn endpoint_parameters(project: &Project, pipe: &Pipe) -> Vec<ParameterDeclaration> {
    let (parameters, context) = (
        Parameters::new(),
        RenderContext {
            stand_ins: StandIns::Defined,
            ..RenderContext::default()
        },
    );
    let Some(node) = pipe.endpoint() else {
        return Vec::new();
    };
    Composer::new(project, &parameters, &context)
        .node(pipe, node)
        .map(|composed| composed.declarations())
        .unwrap_or_default()
}

fn endpoint(pipe: &Pipe) -> Result<&Node, QueryError> {
    pipe.endpoint()
        .ok_or_else(|| QueryError::NoEndpoint(pipe.name.clone()))
}

/// Checks what a template may have rendered beyond what was checked when its
/// project was loaded. Costs nothing for the usual query.
async fn check_reach(
    engine: &dyn Engine,
    guard: &Guard,
    composed: &Composed<'_>,
) -> Result<(), QueryError> {
    if !composed.is_unusual() {
        return Ok(());
    }
    let inspection = guard
        .inspect(engine, composed.sql(), &composed.parameters())
        .await?;
    Ok(inspection.check_project()?)
}

/// The names that a SQL text, or a template of one, reads as tables, without
/// those it gives to expressions of its own.
#[must_use]
pub fn tables_read(sql: &str) -> BTreeSet<String> {
    reads(sql).foreign().cloned().collect()
}

fn ready(
    composed: Composed<'_>,
    given: &Parameters,
    database: &str,
    format: &str,
    mut limits: QueryLimits,
    tenant_filters: Vec<TableFilter>,
) -> Prepared {
    if let Some(threads) = composed.max_threads() {
        limits.max_threads = Some(
            limits
                .max_threads
                .map_or(threads, |limit| limit.min(threads)),
        );
    }
    let mut settings = options::engine_settings(given);
    settings.extend(
        ACTIVATED
            .iter()
            .filter(|feature| composed.activates(feature))
            .map(|feature| ((*feature).to_owned(), "1".to_owned())),
    );
    let parameters = composed.parameters();
    let cache_ttl = composed.cache_ttl();
    let mut sql = composed.into_sql();
    if !tenant_filters.is_empty() {
        sql = prewhere::as_where(sql);
    }
    Prepared {
        cache_ttl,
        statement: Statement {
            database: Some(database.to_owned()),
            parameters,
            limits,
            tenant_filters,
            settings,
            ..Statement::read(sql, format)
        },
    }
}

#[cfg(test)]
mod tests;
