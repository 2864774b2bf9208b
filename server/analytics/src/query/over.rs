//! `q=`: a caller's own SELECT over an endpoint's result, which it calls `_`.

use std::collections::BTreeSet;

use super::compose::Composed;
use super::error::QueryError;
use super::reads::reads;
use crate::engine::Engine;
use crate::engine::guard::{Catalog, Guard, Refusal};
use crate::project::Project;

/// The name of the endpoint's result.
const RESULT: &str = "_";

/// Lays `over` over the endpoint's SELECT. It may read that and CTEs of its
/// own, nothing else.
pub(super) async fn compose(
    engine: &dyn Engine,
    guard: &Guard,
    project: &Project,
    mut composed: Composed,
    over: &str,
) -> Result<Composed, QueryError> {
    let inspection = guard.inspect(engine, over, &[]).await?;
    if let Some(format) = &inspection.format {
        return Err(Refusal::Format(format.clone()).into());
    }
    let parts = composed.expressions.iter().map(|(name, _)| name.as_str());
    let taken: BTreeSet<&str> = parts
        .chain(
            project
                .data_sources()
                .map(|data_source| data_source.name.as_str()),
        )
        .chain(project.pipes().map(|pipe| pipe.name.as_str()))
        .collect();
    let own = reads(over).own;
    if let Some(name) = own
        .iter()
        .find(|name| taken.contains(name.as_str()) || *name == RESULT)
    {
        return Err(Refusal::Table(name.clone()).into());
    }
    inspection.check_outside(&OnlyResult { own: &own })?;
    composed.lay_under(RESULT, inspection.body.clone());
    Ok(composed)
}

/// All that a `q` may read.
struct OnlyResult<'a> {
    own: &'a BTreeSet<String>,
}

impl Catalog for OnlyResult<'_> {
    /// No name with a database is readable.
    fn database(&self) -> &str {
        ""
    }

    fn may_read(&self, name: &str) -> bool {
        name == RESULT || self.own.contains(name)
    }

    fn exists(&self, _name: &str) -> bool {
        true
    }
}
