//! From a call's parameters to the SQL that runs, and its answer.
//!
//! A call renders the endpoint's node and every node and pipe it reads, joins
//! them into one SELECT, adds the tenant's filters and runs it on the engine.
//! Who may call is decided before (`access`); HTTP is `api`'s.

mod clean;
mod error;
mod options;
mod outer_query;
mod prewhere;
mod tenant;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::project::Project;
use crate::project::sql::compose::{Composed, Composer, NOWHERE, reads};
use datafile::{Node, Pipe};
use engine::guard::Guard;
use engine::{Engine, QueryLimits, Statement, TableFilter};
pub use template::{Parameter, Parameters};
use template::{ParameterDeclaration, RenderContext, StandIns};

pub use clean::Conditions;
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
    /// Whether it may bring SQL of its own where rows are kept apart by tenant.
    pub may_bring_sql: bool,
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
    /// Whether that goes for all of them, or for the pipe's result alone.
    pub sees_inner_nodes: bool,
    /// Parameters for the pipes it reads.
    pub given: Parameters,
    /// What the token fixes: beats the given.
    pub fixed: Parameters,
    /// Whose rows may be read.
    pub tenant: Tenant,
    /// As in [`Call::may_bring_sql`].
    pub may_bring_sql: bool,
    /// The tables and pipes that its SQL may name; pipes read theirs by their
    /// own authority. Any other name means nothing.
    pub readable: BTreeSet<String>,
    /// Filters of what the token may not read at all.
    pub closed: Vec<TableFilter>,
    /// Further conditions, from the token's own filters.
    pub conditions: Conditions,
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
    check_reach(engine, guard, &composed).await?;
    let outer = options::outer_query(&call.given);
    if outer.is_some() && !call.may_bring_sql {
        refuse_shared(call.project, composed.tables())?;
    }
    let sources = match clean::own(call.project, call.database, &call.tenant, &composed)? {
        None if outer.is_some() => Some(clean::outside(
            call.project,
            call.database,
            &call.tenant,
            &Conditions::new(),
            &BTreeSet::new(),
        )),
        sources => sources,
    };
    if let Some(sources) = &sources {
        composed.read_from(sources, &|_| false);
    }
    if let Some(outer) = outer {
        outer_query::compose(engine, guard, &call.tenant, &mut composed, &outer).await?;
    }
    let filters = tenant::filters(
        &call.tenant,
        engine,
        guard,
        call.project,
        call.database,
        &composed,
    )
    .await?;
    let database = match sources {
        Some(_) => NOWHERE,
        None => call.database,
    };
    Ok(ready(
        composed,
        &call.given,
        database,
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
    let result = query.pipe.and_then(Pipe::output).map(|node| &node.name);
    let node = |name: &str| query.pipe.and_then(|pipe| pipe.node(name));
    let may_name = |name: &str| match node(name) {
        Some(node) => {
            query.sees_inner_nodes || node.name == Pipe::RESULT || Some(&node.name) == result
        }
        None => query.readable.contains(name),
    };
    let composer = Composer::new(query.project, &parameters, &context);
    let mut composed = composer.text(&query.sql, query.pipe, &may_name)?;
    check_reach(engine, guard, &composed).await?;
    if !query.may_bring_sql {
        let named = tables_read(&query.sql);
        let named = named.iter().map(String::as_str);
        let named = named.filter(|name| may_name(name));
        refuse_shared(query.project, composed.tables().chain(named))?;
    }
    // Whatever its pipes ask for, they share one SELECT with what was sent.
    clean::own(query.project, query.database, &query.tenant, &composed)?;
    let sources = clean::outside(
        query.project,
        query.database,
        &query.tenant,
        &query.conditions,
        &query.readable,
    );
    composed.read_from(&sources, &may_name);
    let filters = tenant::filters(
        &query.tenant,
        engine,
        guard,
        query.project,
        query.database,
        &composed,
    );
    let filters = tenant::both(filters.await?, query.closed);
    Ok(ready(
        composed,
        &query.given,
        NOWHERE,
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

/// Refuses SQL from outside that reaches data sources kept apart by tenant.
fn refuse_shared<'n>(
    project: &Project,
    mut tables: impl Iterator<Item = &'n str>,
) -> Result<(), QueryError> {
    match tables.any(|name| project.tenancy(name).is_some()) {
        true => Err(QueryError::NoSql),
        false => Ok(()),
    }
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
