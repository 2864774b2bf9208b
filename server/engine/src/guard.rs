//! What a SQL text is and what it touches, as ClickHouse's own parser sees
//! it; and the rules by which SQL is refused.
//!
//! Two views of one parse are read: `EXPLAIN AST`, the tree (`tree`), and
//! `formatQuerySingleLine`, the canonical text (`tokens`), which shows the
//! little that the tree hides: names of settings and what `APPLY` applies.
//! Neither runs anything. Where the views do not agree the text is refused.
//! Nothing here executes the text or knows what a token may read.

mod policy;
mod tokens;
mod tree;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use moka::future::Cache;

use super::{Engine, EngineError, QueryLimits, Statement, sql};
pub use policy::{Catalog, HARMLESS_SETTINGS, HARMLESS_TABLE_FUNCTIONS, Refusal, tells_of_blocks};

/// `APPLY` inside `APPLY` inside …: deeper is nobody's query.
const MAX_DEPTH: usize = 8;

/// What a text is to ClickHouse's parser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Which statement it is.
    pub kind: StatementKind,
    /// Names in the place of a table: after FROM and JOIN, after IN, in
    /// DESCRIBE. Names of the statement's own CTEs, and columns after IN, are
    /// among them: the engine resolves, the parser cannot.
    pub tables: BTreeSet<TableName>,
    /// Table functions, as in `FROM numbers(10)`.
    pub table_functions: BTreeSet<String>,
    /// All other functions, aggregate functions and operators included.
    pub functions: BTreeSet<String>,
    /// Names in `SETTINGS` clauses, wherever they stand.
    pub settings: BTreeSet<String>,
    /// The name after `FORMAT`.
    pub format: Option<String>,
    /// Whether it carries `INTO OUTFILE`.
    pub writes_file: bool,
    /// The text without its `FORMAT` clause.
    pub body: String,
}

/// Kinds of statements, as far as anybody asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StatementKind {
    /// SELECT, with UNION, INTERSECT, EXCEPT and WITH.
    #[default]
    Select,
    /// DESCRIBE of a table, a subquery or a table function.
    Describe,
    /// SHOW TABLES, SHOW DATABASES and their kin.
    Show,
    /// EXPLAIN.
    Explain,
    /// Anything else, by ClickHouse's name for it, such as `InsertQuery`. Of
    /// these only the kind is to be relied on.
    Other(String),
}

/// A name in the place of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// What stands before the first dot.
    pub database: Option<String>,
    /// The rest.
    pub table: String,
    /// After `IN` it may also be a column or an alias.
    pub after_in: bool,
}

/// A text and the parameters bound to it.
type Asked = (String, Vec<(String, String)>);

/// Inspects SQL and remembers what it found.
#[derive(Debug, Clone)]
pub struct Guard {
    seen: Cache<Asked, Arc<Inspection>>,
}

impl Default for Guard {
    fn default() -> Self {
        /// Bytes of SQL that are remembered.
        const REMEMBERED: u64 = 8 * 1024 * 1024;

        let weigh = |key: &Asked, _: &Arc<Inspection>| {
            let parameters: usize = key
                .1
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum();
            // The inspection is about as long as the text.
            u32::try_from(2 * key.0.len() + parameters + 256).unwrap_or(u32::MAX)
        };
        let seen = Cache::builder().max_capacity(REMEMBERED).weigher(weigh);
        Self { seen: seen.build() }
    }
}

impl Guard {
    /// Inspects a text with its bound parameters (an `Identifier` among them
    /// may name a table).
    ///
    /// # Errors
    /// Text that is not one statement; `AMBIGUOUS_QUERY` where the two views
    /// of the parser do not agree.
    pub async fn inspect(
        &self,
        engine: &dyn Engine,
        sql: &str,
        parameters: &[(String, String)],
    ) -> Result<Arc<Inspection>, EngineError> {
        let key = (sql.to_owned(), parameters.to_vec());
        if let Some(inspection) = self.seen.get(&key).await {
            return Ok(inspection);
        }
        let inspection = Arc::new(inspect(engine, sql.to_owned(), parameters, 0).await?);
        self.seen.insert(key, Arc::clone(&inspection)).await;
        Ok(inspection)
    }

    /// Inspects a text that has to be one expression, wherever it is put. It
    /// must stand in two kinds of brackets: one that closes either does not
    /// close the other.
    ///
    /// # Errors
    /// As [`Self::inspect`].
    pub async fn inspect_expression(
        &self,
        engine: &dyn Engine,
        text: &str,
    ) -> Result<Arc<Inspection>, EngineError> {
        // The line break ends a comment that the text may end with.
        self.inspect(engine, &format!("SELECT [{text}\n]"), &[])
            .await?;
        self.inspect(engine, &format!("SELECT ({text}\n)"), &[])
            .await
    }
}

fn inspect<'a>(
    engine: &'a dyn Engine,
    sql: String,
    parameters: &'a [(String, String)],
    depth: usize,
) -> BoxFuture<'a, Result<Inspection, EngineError>> {
    Box::pin(async move {
        let explain = Statement {
            parameters: parameters.to_vec(),
            ..parse_only(format!("EXPLAIN AST {sql}"))
        };
        let canonical = canonical(engine, &sql).await.map_err(own_words)?;
        let tree = text(engine, explain).await?;
        let tree = tree::read(&tree).ok_or_else(|| ambiguous("its tree is odd"))?;
        let canonical = canonical.trim_end();
        let tokens = tokens::read(canonical).ok_or_else(|| ambiguous("its text is odd"))?;
        let view = tokens::View::of(canonical, &tokens);

        let mut inspection = tree.inspection;
        if matches!(inspection.kind, StatementKind::Other(_)) {
            inspection.body = sql;
            return Ok(inspection);
        }
        if tree.settings > 0 && view.settings.is_empty() {
            return Err(ambiguous("its settings have no names"));
        }
        if tree.settings > 0 {
            inspection.settings.extend(view.settings);
        }
        inspection.functions.extend(view.called);
        inspection.body = match &inspection.format {
            None => sql,
            Some(format) => tokens::without_format(canonical, &tokens, format)
                .ok_or_else(|| ambiguous("its FORMAT is in an odd place"))?,
        };
        let mut selects = tree.selects;
        if tree.applied > 0 {
            if depth == MAX_DEPTH || view.applied.len() < tree.applied {
                return Err(ambiguous("its APPLY is odd"));
            }
            for applied in view.applied {
                match applied {
                    tokens::Applied::Function(name) => {
                        inspection.functions.insert(name);
                    }
                    tokens::Applied::Lambda(lambda) => {
                        let sql = format!("SELECT {lambda}");
                        let inner = inspect(engine, sql.clone(), parameters, depth + 1).await?;
                        selects += tokens::count_selects(&sql).unwrap_or(0).saturating_sub(1);
                        inspection.absorb(inner);
                    }
                }
            }
        }
        if view.selects > selects {
            return Err(ambiguous("it hides a SELECT"));
        }
        Ok(inspection)
    })
}

impl Inspection {
    fn absorb(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.table_functions.extend(other.table_functions);
        self.functions.extend(other.functions);
        self.settings.extend(other.settings);
    }
}

/// A statement in ClickHouse's own spelling: on one line, without comments and
/// with one way to quote. Nothing runs.
///
/// # Errors
/// The parser's, about the text.
pub async fn canonical(engine: &dyn Engine, sql: &str) -> Result<String, EngineError> {
    let statement = Statement {
        parameters: vec![("sql".to_owned(), sql::parameter(sql))],
        ..parse_only("SELECT formatQuerySingleLine({sql:String})".to_owned())
    };
    text(engine, statement).await
}

/// A statement that only asks the parser.
fn parse_only(sql: String) -> Statement {
    let limits = QueryLimits {
        max_threads: Some(1),
        ..QueryLimits::default()
    };
    Statement {
        limits,
        ..Statement::read(sql, "TSVRaw")
    }
}

async fn text(engine: &dyn Engine, statement: Statement) -> Result<String, EngineError> {
    let answer = engine.query(statement).await?;
    String::from_utf8(answer.body.into()).map_err(|_| ambiguous("it is not UTF-8"))
}

/// The parser's error about the text, without the words about the function
/// that was asked.
pub(super) fn own_words(error: EngineError) -> EngineError {
    match error {
        EngineError::Query {
            code,
            name,
            message,
        } => {
            let cut = message.find(": In scope SELECT formatQuerySingleLine(");
            let message = message[..cut.unwrap_or(message.len())].to_owned();
            EngineError::Query {
                code,
                name,
                message,
            }
        }
        error => error,
    }
}

fn ambiguous(why: &str) -> EngineError {
    EngineError::Query {
        code: 0,
        name: Some("AMBIGUOUS_QUERY".to_owned()),
        message: format!("The query cannot be checked, because {why}: write it in a simpler way"),
    }
}

#[cfg(test)]
mod tests;
