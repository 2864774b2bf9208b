//! The session of a connection: which database and settings the next
//! statement runs under, changed with as few `SET` as possible.
//!
//! Limits and filters are session settings, because a session outlives the
//! statement's text: SQL on a read-only connection cannot change its session
//! (`embedded` refuses everything that is not one reading statement).

use std::collections::BTreeMap;

use super::{Statement, TableFilter, sql};

/// Settings of every statement unless it says otherwise.
const BASE: [(&str, &str); 11] = [
    // What Tinybird's clients expect; 0 is today's default too.
    ("output_format_json_quote_64bit_integers", "0"),
    // An insert is answered when its rows are there, not when they wait.
    ("async_insert", "0"),
    // Equal rows are as many rows, unless an insert says that it may be a
    // repetition.
    ("deduplicate_insert", "'disable'"),
    // Dates without a zone mean the same on every machine.
    ("session_timezone", "'UTC'"),
    // 400 MB in one array is enough: a huge one cannot be interrupted.
    ("function_range_max_elements_in_block", "50000000"),
    // What an endpoint reads is in the page cache, and its answer is small:
    // handing either to another thread costs more than doing it.
    ("local_filesystem_read_method", "'pread'"),
    ("output_format_parallel_formatting", "0"),
    // A join's rows keep the order of its left side, as projects' tests expect
    // of Tinybird; the parallel kind scatters them by hash.
    ("join_algorithm", "'direct,hash'"),
    // Tinybird joins subqueries and table functions without an alias.
    ("joined_subquery_requires_alias", "0"),
    // Tinybird joins, groups and sorts by parts of JSON documents.
    ("allow_dynamic_type_in_join_keys", "1"),
    ("allow_suspicious_types_in_group_by", "1"),
    ("allow_suspicious_types_in_order_by", "1"),
];

/// Database and settings, each value written as a SQL literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    database: String,
    settings: BTreeMap<String, String>,
}

impl Session {
    /// What a connection has when it is opened: ClickHouse's defaults.
    pub(super) fn fresh() -> Self {
        Self {
            database: "default".to_owned(),
            settings: BTreeMap::new(),
        }
    }

    /// What statements share when they ask for nothing.
    pub(super) fn base(database: &str) -> Self {
        let settings = BASE.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            database: database.to_owned(),
            settings: settings.into(),
        }
    }

    /// What a statement asks for; `database` if it names none. `share` is the
    /// most threads it may have beside the others that run, if they are any.
    pub(super) fn of(statement: &Statement, database: &str, share: Option<u32>) -> Self {
        let limits = &statement.limits;
        let mut session = Self::base(statement.database.as_deref().unwrap_or(database));
        session.set("max_execution_time", &limits.deadline.as_secs_f64());
        session.set("max_memory_usage", &limits.memory);
        session.set("max_result_bytes", &limits.result_bytes);
        if let Some(threads) = limits.max_threads.into_iter().chain(share).min() {
            session.set("max_threads", &threads);
        }
        if !statement.tenant_filters.is_empty() {
            session.settings.insert(
                "additional_table_filters".to_owned(),
                filters(&statement.tenant_filters),
            );
            // Merged with the query's own conditions a filter may run after
            // them, and their errors would tell of rows it takes away.
            session.set("query_plan_merge_filters", &0);
            // Where these are added the planner merges filters all the same.
            session.set("enable_join_runtime_filters", &0);
            // Looked for at every call (a tenth of a small query), and of no
            // use under a filter: they hold counts of all tenants' rows.
            session.set("optimize_use_implicit_projections", &0);
        }
        for (name, value) in &statement.settings {
            session.set_text(name, value);
        }
        session
    }

    /// Sets a number.
    pub(super) fn set(&mut self, name: &str, value: &dyn std::fmt::Display) {
        self.settings.insert(name.to_owned(), value.to_string());
    }

    /// Sets any value given as text.
    pub(super) fn set_text(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), sql::literal(value));
    }

    /// The statements that turn this session into `next`; none when nothing
    /// differs.
    pub(super) fn changes(&self, next: &Self) -> Vec<String> {
        let mut statements = Vec::new();
        if self.database != next.database {
            statements.push(format!("USE {}", sql::identifier(&next.database)));
        }
        let gone = self.settings.keys();
        let gone = gone.filter(|name| !next.settings.contains_key(*name));
        let gone = gone.map(|name| (name, "DEFAULT"));
        let new = next.settings.iter();
        let new = new.filter(|(name, value)| self.settings.get(*name) != Some(value));
        let new = new.map(|(name, value)| (name, value.as_str()));
        let assignments: Vec<String> = gone
            .chain(new)
            .map(|(name, value)| format!("{} = {value}", sql::identifier(name)))
            .collect();
        if !assignments.is_empty() {
            statements.push(format!("SET {}", assignments.join(", ")));
        }
        statements
    }
}

/// `{'db.table': 'condition', …}`; several conditions on a table all hold.
fn filters(filters: &[TableFilter]) -> String {
    let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for filter in filters {
        let conditions = tables.entry(&filter.table).or_default();
        conditions.push(format!("({})", filter.expression));
    }
    let entries: Vec<String> = tables
        .into_iter()
        .map(|(table, conditions)| {
            let condition = conditions.join(" AND ");
            format!("{}: {}", sql::literal(table), sql::literal(&condition))
        })
        .collect();
    format!("{{{}}}", entries.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_set_and_what_is_gone_returns_to_its_default() {
        let mut first = Session::base("a");
        first.set("max_threads", &2);
        first.set("max_memory_usage", &7);
        let mut second = Session::base("b");
        second.set("max_memory_usage", &7);
        second.set_text("log_comment", "it's");
        assert_eq!(
            first.changes(&second),
            [
                "USE `b`",
                r"SET `max_threads` = DEFAULT, `log_comment` = 'it\'s'"
            ]
        );
        assert_eq!(second.changes(&second), Vec::<String>::new());
    }

    #[test]
    fn filters_of_one_table_are_all_kept() {
        let filter = |table: &str, value: &str| TableFilter {
            table: table.into(),
            expression: sql::equals("org", value),
        };
        assert_eq!(
            filters(&[
                filter("r.f", "ua"),
                filter("r.g", "x"),
                filter("r.f", "b'6")
            ]),
            r"{'r.f': '(`org` = \'ua\') AND (`org` = \'b\\\'6\')', 'r.g': '(`org` = \'x\')'}"
        );
    }
}
