//! `q=`: a caller's own SELECT over an endpoint's result, which it calls `_`.

use std::collections::BTreeSet;

use super::error::QueryError;
use super::tenant::Tenant;
use crate::project::sql::compose::{Composed, reads};
use engine::Engine;
use engine::guard::{Catalog, Guard, Refusal};

/// The name of the endpoint's result.
const RESULT: &str = "_";

/// Lays `outer` over the endpoint's SELECT. It may read that and CTEs of its
/// own, nothing else; whatever else a name of theirs may be is not there, for
/// it runs where no tables are.
pub(super) async fn compose(
    engine: &dyn Engine,
    guard: &Guard,
    tenant: &Tenant,
    composed: &mut Composed<'_>,
    outer: &str,
) -> Result<(), QueryError> {
    let inspection = guard.inspect(engine, outer, &[]).await?;
    if let Some(format) = &inspection.format {
        return Err(Refusal::Format(format.clone()).into());
    }
    let own = reads(outer).own;
    if own.contains(RESULT) {
        return Err(Refusal::Table(RESULT.to_owned()).into());
    }
    inspection.check_outside(&OnlyResult { own: &own })?;
    if *tenant != Tenant::All {
        inspection.check_blocks()?;
    }
    composed.wrap_in(RESULT, &inspection.body);
    Ok(())
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
