//! `q=`: a caller's own SELECT over an endpoint's result, which it calls `_`.

use std::collections::BTreeSet;

use super::error::QueryError;
use crate::project::Project;
use crate::project::sql::compose::{Composed, reads};
use engine::Engine;
use engine::guard::{Catalog, Guard, Refusal};

/// The name of the endpoint's result.
const RESULT: &str = "_";

/// Lays `outer` over the endpoint's SELECT. It may read that and CTEs of its
/// own, nothing else; the names of the latter, for filters.
pub(super) async fn compose(
    engine: &dyn Engine,
    guard: &Guard,
    project: &Project,
    composed: &mut Composed<'_>,
    outer: &str,
) -> Result<BTreeSet<String>, QueryError> {
    let inspection = guard.inspect(engine, outer, &[]).await?;
    if let Some(format) = &inspection.format {
        return Err(Refusal::Format(format.clone()).into());
    }
    let parts = composed.parts().iter().map(|part| part.name());
    let parts: BTreeSet<&str> = parts.collect();
    let is_taken = |name: &&String| {
        parts.contains(name.as_str())
            || project.pipe(name).is_some()
            || project.data_source_of(name).is_some()
            || *name == RESULT
    };
    let own = reads(outer).own;
    if let Some(name) = own.iter().find(is_taken) {
        return Err(Refusal::Table(name.clone()).into());
    }
    inspection.check_outside(&OnlyResult { own: &own })?;
    composed.wrap_in(RESULT, &inspection.body);
    Ok(own)
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
