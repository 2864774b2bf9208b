//! Making anew what materialized views have made of a data source's rows, when
//! other rows are to take their place.
//!
//! It happens in a scratch database where the new rows stand under the data
//! source's name, so that the views' own SQL reads them; every other data
//! source is a look at the real one. Nothing that is served changes here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::project::Project;
use crate::project::reading::analysis::views;
use crate::project::sql::ddl::{qualified, view_name};
use crate::project::tables::apply::{ApplyError, Filling, Target, view_select};
use crate::project::tables::catalog::rows;
use datafile::{EngineKind, Node, Pipe};
use engine::Engine;

/// Why views cannot follow their data source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// A part of what they made came from elsewhere, and may be all that is
    /// left of it: rows expire, are merged, or were never kept.
    #[error("`{target}` also holds what came from `{from}`")]
    OtherRows {
        /// The data source that views fill.
        target: String,
        /// What one of them reads.
        from: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// Which views take the rows of which data sources, as the engine has it.
#[derive(Debug, Default)]
struct Feeding<'p> {
    /// By data source: what its rows fill.
    targets: BTreeMap<String, BTreeSet<&'p str>>,
    /// By what is filled: the data sources that do.
    sources: BTreeMap<&'p str, BTreeSet<String>>,
}

impl Project {
    /// The data sources that materialized views fill with what they make of a
    /// data source's rows, directly or over others, each after those that it
    /// is filled from.
    ///
    /// # Errors
    /// The engine's.
    pub async fn filled_from(
        &self,
        engine: &dyn Engine,
        database: &str,
        data_source: &str,
    ) -> Result<Vec<String>, ApplyError> {
        let feeding = self.feeding(engine, database).await?;
        Ok(feeding.after(data_source))
    }

    /// Makes what [`Self::filled_from`] names in a scratch database, where a
    /// table of the data source's name has the new rows.
    ///
    /// # Errors
    /// [`FollowError`]. The scratch database may hold a part of it then.
    pub async fn rebuild_targets(
        &self,
        engine: &dyn Engine,
        database: &str,
        scratch: &str,
        data_source: &str,
    ) -> Result<Vec<String>, FollowError> {
        let feeding = self.feeding(engine, database).await?;
        let targets = feeding.after(data_source);
        if let Some(other) = self.other_rows(&feeding, data_source, &targets) {
            return Err(other);
        }
        if targets.is_empty() {
            return Ok(targets);
        }
        let beside = Target {
            engine,
            database: scratch,
        };
        for other in self.data_sources() {
            let (real, own) = (
                qualified(database, &other.name),
                qualified(scratch, &other.name),
            );
            let sql = if other.name == data_source {
                continue;
            } else if targets.contains(&other.name) {
                format!("CREATE TABLE {own} AS {real}")
            } else {
                format!("CREATE VIEW {own} AS SELECT * FROM {real}")
            };
            let action = format!("preparing to make `{}` anew", other.name);
            beside.change(&action, sql).await?;
        }
        for target in &targets {
            for (pipe, node) in self.views_onto(target) {
                let select = view_select(self, &beside, pipe, node, target).await?;
                let filling = Filling {
                    select: &select,
                    location: (&pipe.file, node.sql.start()),
                    filters: Vec::new(),
                };
                filling.run(&beside, &beside.table(target)).await?;
            }
        }
        Ok(targets)
    }

    fn views_onto<'p>(&'p self, target: &str) -> impl Iterator<Item = (&'p Pipe, &'p Node)> {
        views(self)
            .filter(move |(_, _, filled)| *filled == target)
            .map(|(pipe, node, _)| (pipe, node))
    }

    /// What targets are filled from beside the data source and each other.
    fn other_rows(
        &self,
        feeding: &Feeding<'_>,
        data_source: &str,
        targets: &[String],
    ) -> Option<FollowError> {
        let is_kept = |name: &str| {
            self.data_source(name)
                .is_some_and(|found| found.engine.kind != EngineKind::Null)
        };
        let is_rebuilt = |name: &String| name == data_source || targets.contains(name);
        targets.iter().find_map(|target| {
            let mut sources = feeding.sources.get(target.as_str())?.iter();
            let other = sources.find(|source| !is_rebuilt(source) || !is_kept(source))?;
            Some(FollowError::OtherRows {
                target: target.clone(),
                from: other.clone(),
            })
        })
    }

    async fn feeding(
        &self,
        engine: &dyn Engine,
        database: &str,
    ) -> Result<Feeding<'_>, ApplyError> {
        #[derive(Deserialize)]
        struct Table {
            name: String,
            dependencies_table: Vec<String>,
        }
        let sql = "SELECT name, dependencies_table FROM system.tables \
                   WHERE database = {database:String} AND notEmpty(dependencies_table)";
        let failed = |source| ApplyError::Engine {
            action: "reading which views there are".to_owned(),
            source,
        };
        let tables: Vec<Table> = rows(engine, sql, database).await.map_err(failed)?;
        let mut feeding = Feeding::default();
        for (pipe, _, target) in views(self) {
            let view = view_name(&pipe.name);
            let fed_by = tables
                .iter()
                .filter(|table| table.dependencies_table.contains(&view));
            for Table { name, .. } in fed_by {
                feeding.add(name, target);
            }
        }
        Ok(feeding)
    }
}

impl<'p> Feeding<'p> {
    /// Notes that a view fills `target` from `source`.
    fn add(&mut self, source: &str, target: &'p str) {
        let targets = self.targets.entry(source.to_owned()).or_default();
        targets.insert(target);
        let sources = self.sources.entry(target).or_default();
        sources.insert(source.to_owned());
    }

    /// Everything that is filled from a data source, in an order in which each
    /// comes after what it is filled from.
    fn after(&self, data_source: &str) -> Vec<String> {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut open = vec![data_source];
        while let Some(name) = open.pop() {
            for target in self.targets.get(name).into_iter().flatten() {
                if reached.insert(target) {
                    open.push(target);
                }
            }
        }
        let mut ordered: Vec<String> = Vec::new();
        while !reached.is_empty() {
            let waits = |target: &&str| {
                let sources = self.sources.get(target).into_iter().flatten();
                sources
                    .into_iter()
                    .any(|source| reached.contains(source.as_str()))
            };
            // Circles were refused before; without the fallback one would hang.
            let ready = reached.iter().copied().find(|target| !waits(target));
            let Some(next) = ready.or_else(|| reached.first().copied()) else {
                break;
            };
            reached.remove(next);
            ordered.push(next.to_owned());
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_comes_after_what_it_is_filled_from() {
        let mut feeding = Feeding::default();
        // c is filled from a and b, b from a; d has nothing to do with it.
        for (source, target) in [("a", "c"), ("a", "b"), ("b", "c"), ("c", "e"), ("x", "d")] {
            feeding.add(source, target);
        }
        assert_eq!(feeding.after("a"), ["b", "c", "e"]);
        assert_eq!(feeding.after("c"), ["e"]);
        assert_eq!(feeding.after("e"), Vec::<String>::new());
    }
}
