//! Which tables a call reads as they are, and which rebuilt: so that nothing it
//! answers hangs on rows that its filters take away.
//!
//! SQL from outside reads rebuilt columns wherever rows are filtered. A
//! project's own SQL does where it could tell the difference; most cannot, and
//! costs what it always did.

use std::collections::{BTreeMap, BTreeSet};

use super::tenant::Tenant;
use crate::project::Project;
use crate::project::sql::compose::{Composed, Source, Sources};
use crate::project::sql::plain::{calls, is_plain, names_hidden_columns};
use engine::guard::{Refusal, tells_of_blocks};

/// SQL conditions on the rows of tables, from a token.
pub type Conditions = BTreeMap<String, Vec<String>>;

/// What SQL from outside reads: every table by its full name, and rebuilt where
/// the caller gets some rows only. Conditions may read the tables in `open`.
pub(super) fn outside<'a>(
    project: &Project,
    database: &'a str,
    tenant: &Tenant,
    conditions: &Conditions,
    open: &BTreeSet<String>,
) -> Sources<'a> {
    let source = |name: &str| {
        let conditions = conditions.get(name).cloned().unwrap_or_default();
        let is_filtered = *tenant != Tenant::All && project.tenancy(name).is_some();
        let clean = project
            .clean(name)
            .filter(|_| is_filtered || !conditions.is_empty());
        Source {
            columns: clean.map(|table| table.columns.clone()),
            conditions,
        }
    };
    Sources {
        database,
        open: open.clone(),
        tables: project
            .tables()
            .map(|name| (name.to_owned(), source(name)))
            .collect(),
    }
}

/// What a project's own SQL reads for a tenant; `None` where that is what it
/// says.
///
/// # Errors
/// It calls a function that tells of others' rows.
pub(super) fn own<'a>(
    project: &Project,
    database: &'a str,
    tenant: &Tenant,
    composed: &Composed<'_>,
) -> Result<Option<Sources<'a>>, Refusal> {
    if *tenant == Tenant::All {
        return Ok(None);
    }
    let is_shared = |name: &&str| project.tenancy(name).is_some();
    let read: Vec<&str> = composed.tables().filter(is_shared).collect();
    if read.is_empty() {
        return Ok(None);
    }
    let texts = || {
        composed
            .parts()
            .iter()
            .map(|part| part.rendered.sql.as_str())
    };
    if let Some(call) = texts().flat_map(calls).find(|call| tells_of_blocks(call)) {
        return Err(Refusal::TellsOfBlocks(call));
    }
    let tables = || read.iter().filter_map(|name| project.clean(name));
    let safe = |name: &str| tables().any(|table| table.plain.contains(name));
    let must_be_clean = texts().any(names_hidden_columns)
        || tables().any(|table| table.has_structures)
        || (tables().any(|table| table.has_dictionaries)
            && !texts().all(|sql| is_plain(sql, &safe)));
    Ok(must_be_clean.then(|| {
        outside(
            project,
            database,
            tenant,
            &Conditions::new(),
            &BTreeSet::new(),
        )
    }))
}
