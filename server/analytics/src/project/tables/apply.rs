//! Making the engine's tables what the project says, and losing nothing.
//!
//! First everything is planned: tables that are there are compared with what
//! their files say, and whatever cannot be done without losing rows is
//! refused, with nothing touched. Then tables are made and altered, then
//! materialized views, each filled from what its sources hold when it is
//! first built.
//!
//! What was applied is written down in the comments of tables
//! ([`Record`](crate::project::tables::catalog::Record)). Tables whose names hold a dot are
//! this module's own: `view.<pipe>` materialized views, `wanted.<table>` and
//! `staging.<name>` for the time of a change, `former.<table>` the rows before
//! a `FORWARD_QUERY`; `load.<name>` is that of `ingest`.

mod clauses;
mod columns;
mod fill;
mod table;
mod tables;
mod views;

pub(in crate::project) use columns::{check_columns, check_tenants};
pub(in crate::project) use fill::{Filling, move_rows};
pub(in crate::project) use tables::create_empty;
pub(in crate::project) use views::{is_null, view_select};

use crate::project::Project;
use crate::project::reading::analysis::{Analysis, analyze};
use crate::project::sql::compose::NOWHERE;
use crate::project::sql::ddl::qualified;
use crate::project::tables::catalog::{Catalog, StoredTable, rows};
use datafile::Diagnostic;
use engine::sql::identifier;
use engine::{Engine, EngineError, Statement};

/// What [`Project::apply`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Data sources whose tables are new.
    pub created: Vec<String>,
    /// Data sources whose tables were changed.
    pub changed: Vec<String>,
    /// Pipes whose materialized views were filled from their sources' rows.
    pub populated: Vec<String>,
    /// What the operator should know.
    pub notes: Vec<Note>,
}

/// Something the operator should know of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The table.
    pub table: String,
    /// The sentence.
    pub message: String,
}

/// Why a project was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The project is wrong, or does not fit the rows that are there. Nothing
    /// was lost.
    #[error("{}", first(.0))]
    Refused(Vec<Diagnostic>),
    /// The engine failed.
    #[error("{action} failed: {source}")]
    Engine {
        /// What was being done, as in "creating the table `x`".
        action: String,
        /// What the engine said.
        source: EngineError,
    },
}

fn first(found: &[Diagnostic]) -> String {
    found.first().map(ToString::to_string).unwrap_or_default()
}

impl Project {
    /// Creates what is missing in a database, alters what can be altered, and
    /// populates materialized views that are built for the first time.
    ///
    /// No rows may come in meanwhile: a view that is populated would miss them
    /// or count them twice ([`Workspace`](crate::project::Workspace) sees to that).
    ///
    /// # Errors
    /// [`ApplyError::Refused`] when something would be lost; the findings name
    /// what to do.
    pub async fn apply(&self, engine: &dyn Engine, database: &str) -> Result<Applied, ApplyError> {
        let target = Target { engine, database };
        let analysis = self.analyzed(&target).await?;
        let result = match self.plan(&target, &analysis).await {
            Ok(plan) => self.execute(&target, plan).await,
            Err(error) => Err(error),
        };
        target.drop_tables("wanted.").await?;
        result
    }

    /// Finds out whether [`Project::apply`] would be refused, and changes
    /// nothing. Rows may come in meanwhile; what they change is found when the
    /// project is applied.
    ///
    /// # Errors
    /// Those of [`Project::apply`].
    pub async fn rehearse(&self, engine: &dyn Engine, database: &str) -> Result<(), ApplyError> {
        let target = Target { engine, database };
        let analysis = self.analyzed(&target).await?;
        let result = self.plan(&target, &analysis).await.map(drop);
        target.drop_tables("wanted.").await?;
        result
    }

    async fn analyzed(&self, target: &Target<'_>) -> Result<Analysis, ApplyError> {
        target.create_database().await?;
        let analysis = analyze(self, target.engine).await;
        let analysis = analysis.map_err(|source| ApplyError::Engine {
            action: "reading the project's SQL".to_owned(),
            source,
        })?;
        if analysis.found.iter().any(Diagnostic::is_error) {
            return Err(ApplyError::Refused(analysis.found));
        }
        Ok(analysis)
    }

    async fn plan(&self, target: &Target<'_>, analysis: &Analysis) -> Result<Plan<'_>, ApplyError> {
        target.drop_tables("wanted.").await?;
        let catalog = target.catalog().await?;
        let mut found = Vec::new();
        let tables = tables::plan(self, target, &catalog, &mut found).await?;
        let views = views::plan(self, analysis, &catalog, &tables, &mut found);
        if !found.is_empty() {
            return Err(ApplyError::Refused(found));
        }
        Ok(Plan {
            catalog,
            tables,
            views,
        })
    }

    async fn execute(&self, target: &Target<'_>, plan: Plan<'_>) -> Result<Applied, ApplyError> {
        let mut applied = Applied::default();
        plan.views.drop_changed(target).await?;
        tables::execute(target, &plan.tables, &mut applied).await?;
        plan.views.create(target, &mut applied).await?;
        note_strangers(self, &plan.catalog, &mut applied);
        Ok(applied)
    }
}

/// What applying a project comes to.
struct Plan<'run> {
    /// The tables before.
    catalog: Catalog,
    tables: Vec<tables::TablePlan<'run>>,
    views: views::ViewPlans<'run>,
}

/// Tables that no file describes any more stay, with their rows.
fn note_strangers(project: &Project, catalog: &Catalog, applied: &mut Applied) {
    for stored in catalog.tables().filter(|stored| !stored.name.contains('.')) {
        let base = stored
            .name
            .strip_suffix("_quarantine")
            .unwrap_or(&stored.name);
        if project.data_source(base).is_none() && project.data_source(&stored.name).is_none() {
            let message = format!(
                "the table `{}` belongs to no data source of the project; it stays with its rows",
                stored.name
            );
            applied.notes.push(Note {
                table: stored.name.clone(),
                message,
            });
        }
    }
}

/// How a table stands among others.
#[derive(Debug, Default, serde::Deserialize)]
struct TableLinks {
    name: String,
    uuid: String,
    dependencies_table: Vec<String>,
}

/// Where a project is applied.
#[derive(Debug, Clone, Copy)]
pub(in crate::project) struct Target<'run> {
    pub(in crate::project) engine: &'run dyn Engine,
    pub(in crate::project) database: &'run str,
}

impl Target<'_> {
    pub(in crate::project) fn table(&self, name: &str) -> String {
        qualified(self.database, name)
    }

    /// Creates the database if it is not there, and the one in which SQL from
    /// outside runs.
    pub(in crate::project) async fn create_database(&self) -> Result<(), ApplyError> {
        for database in [self.database, NOWHERE] {
            let database = identifier(database);
            let sql = format!("CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic");
            self.run("creating the database", Statement::change(sql))
                .await?;
        }
        Ok(())
    }

    /// Drops a scratch database with all its tables.
    pub(in crate::project) async fn drop_database(&self) -> Result<(), ApplyError> {
        let sql = format!("DROP DATABASE {} SYNC", identifier(self.database));
        let statement = Statement {
            // Rows that others took the place of may be many: ClickHouse
            // keeps large tables from being dropped by mistake.
            settings: vec![("max_table_size_to_drop".to_owned(), "0".to_owned())],
            ..Statement::change(sql)
        };
        self.run("dropping the database", statement).await
    }

    /// Runs a statement; `action` says what it does in the error.
    pub(in crate::project) async fn change(
        &self,
        action: &str,
        sql: String,
    ) -> Result<(), ApplyError> {
        let statement = Statement {
            database: Some(self.database.to_owned()),
            ..Statement::change(sql)
        };
        self.run(action, statement).await
    }

    async fn run(&self, action: &str, statement: Statement) -> Result<(), ApplyError> {
        let failed = |source| ApplyError::Engine {
            action: action.to_owned(),
            source,
        };
        self.engine.query(statement).await.map(drop).map_err(failed)
    }

    async fn catalog(&self) -> Result<Catalog, ApplyError> {
        let failed = |source| ApplyError::Engine {
            action: "reading the tables".to_owned(),
            source,
        };
        Catalog::read(self.engine, self.database)
            .await
            .map_err(failed)
    }

    /// Drops this module's own tables of one kind.
    async fn drop_tables(&self, prefix: &str) -> Result<(), ApplyError> {
        #[derive(serde::Deserialize)]
        struct Row {
            name: String,
        }
        let sql = format!(
            "SELECT name FROM system.tables WHERE database = {{database:String}} AND startsWith(name, {})",
            engine::sql::literal(prefix)
        );
        let failed = |source| ApplyError::Engine {
            action: "looking for tables of an interrupted change".to_owned(),
            source,
        };
        let tables: Vec<Row> = rows(self.engine, &sql, self.database)
            .await
            .map_err(failed)?;
        for Row { name } in &tables {
            self.drop(name).await?;
        }
        Ok(())
    }

    /// Drops a table if it is there.
    pub(in crate::project) async fn drop(&self, table: &str) -> Result<(), ApplyError> {
        let sql = format!("DROP TABLE IF EXISTS {} SYNC", self.table(table));
        self.change(&format!("dropping `{table}`"), sql).await
    }

    /// Makes an empty table like another one.
    async fn create_like(&self, new: &str, table: &str) -> Result<(), ApplyError> {
        self.create_from(new, "AS", (self.database, table)).await
    }

    /// Makes a table from one of any database: `AS` it without rows, or as its
    /// `CLONE AS`, which shares the files of its rows.
    pub(in crate::project) async fn create_from(
        &self,
        new: &str,
        how: &str,
        (database, table): (&str, &str),
    ) -> Result<(), ApplyError> {
        let sql = format!(
            "CREATE TABLE {} {how} {}",
            self.table(new),
            qualified(database, table)
        );
        self.change(&format!("preparing to fill `{table}`"), sql)
            .await
    }

    /// Lets two tables take each other's names.
    async fn exchange(&self, new: &str, table: &str) -> Result<(), ApplyError> {
        self.exchange_with((self.database, new), table).await
    }

    /// Lets a table of any database and one of this take each other's names.
    async fn exchange_with(
        &self,
        (database, new): (&str, &str),
        table: &str,
    ) -> Result<(), ApplyError> {
        let sql = format!(
            "EXCHANGE TABLES {} AND {}",
            qualified(database, new),
            self.table(table)
        );
        self.change(&format!("putting the new `{table}` in place"), sql)
            .await
    }

    /// Lets a table of another database take the place of one of this, with
    /// what is written down about it.
    pub(in crate::project) async fn take_place(
        &self,
        new: (&str, &str),
        table: &str,
    ) -> Result<(), ApplyError> {
        let catalog = self.catalog().await?;
        let record = catalog.table(table).map(StoredTable::record);
        let other = Target {
            engine: self.engine,
            database: new.0,
        };
        let comment = record.unwrap_or_default().comment();
        other.write_comment(new.1, &comment).await?;
        self.exchange_with(new, table).await
    }

    /// The materialized views that see every row that is inserted into a table.
    pub(in crate::project) async fn readers(&self, table: &str) -> Result<Vec<String>, ApplyError> {
        Ok(self.links(table).await?.dependencies_table)
    }

    /// What the engine knows a table by: another one that takes its name has
    /// another id.
    pub(in crate::project) async fn id(&self, table: &str) -> Result<String, ApplyError> {
        Ok(self.links(table).await?.uuid)
    }

    /// The rows of a table.
    pub(in crate::project) async fn count(&self, table: &str) -> Result<u64, ApplyError> {
        #[derive(serde::Deserialize)]
        struct Row {
            rows: u64,
        }
        let sql = format!("SELECT count() AS rows FROM {}", self.table(table));
        let failed = |source| ApplyError::Engine {
            action: format!("counting the rows of `{table}`"),
            source,
        };
        let counted: Vec<Row> = rows(self.engine, &sql, self.database)
            .await
            .map_err(failed)?;
        Ok(counted.first().map_or(0, |row| row.rows))
    }

    async fn links(&self, table: &str) -> Result<TableLinks, ApplyError> {
        let sql = "SELECT name, toString(uuid) AS uuid, dependencies_table \
                   FROM system.tables WHERE database = {database:String}";
        let failed = |source| ApplyError::Engine {
            action: "reading the views".to_owned(),
            source,
        };
        let tables: Vec<TableLinks> = rows(self.engine, sql, self.database)
            .await
            .map_err(failed)?;
        let own = tables.into_iter().find(|row| row.name == table);
        Ok(own.unwrap_or_default())
    }

    async fn write_comment(&self, table: &str, comment: &str) -> Result<(), ApplyError> {
        let literal = engine::sql::literal(comment);
        let sql = format!("ALTER TABLE {} MODIFY COMMENT {literal}", self.table(table));
        self.change(&format!("recording the state of `{table}`"), sql)
            .await
    }
}
