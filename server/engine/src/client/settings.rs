//! What a statement runs under: limits, tenant filters and the settings all
//! statements share, as names and values of the protocol.

use std::collections::BTreeMap;

use crate::{Access, Insert, Statement, TableFilter, sql};

/// Settings of every statement unless it says otherwise.
const BASE: &[(&str, &str)] = &[
    // What Tinybird's clients expect; 0 is today's default too.
    ("output_format_json_quote_64bit_integers", "0"),
    // Bytes of SQL that are read: more than a request or the templates of one
    // call come to, so that a long list of values is no error.
    ("max_query_size", "16777216"),
    // An insert is answered when its rows are there, not when they wait.
    ("async_insert", "0"),
    // Equal rows are as many rows, unless an insert says that it may be a
    // repetition.
    ("deduplicate_insert", "disable"),
    // Dates without a zone mean the same on every machine.
    ("session_timezone", "UTC"),
    // 400 MB in one array is enough: a huge one cannot be interrupted.
    ("function_range_max_elements_in_block", "50000000"),
    // What an endpoint reads is in the page cache, and its answer is small:
    // handing either to another thread costs more than doing it.
    ("local_filesystem_read_method", "pread"),
    ("output_format_parallel_formatting", "0"),
    // An isolated data source has a partition for each tenant, and one insert
    // may bring rows of many.
    ("max_partitions_per_insert_block", "10000"),
    // A join's rows keep the order of its left side, as projects' tests expect
    // of Tinybird; the parallel kind scatters them by hash.
    ("join_algorithm", "direct,hash"),
    // Tinybird joins subqueries and table functions without an alias.
    ("joined_subquery_requires_alias", "0"),
    // Tinybird joins, groups and sorts by parts of JSON documents.
    ("allow_dynamic_type_in_join_keys", "1"),
    ("allow_suspicious_types_in_group_by", "1"),
    ("allow_suspicious_types_in_order_by", "1"),
];

/// What all statements share, names and values.
#[must_use]
pub fn base() -> BTreeMap<String, String> {
    let settings = BASE.iter();
    settings
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// What a statement asks for. `share` is the most threads it may have beside
/// the others that run, if there are any.
pub(super) fn of_statement(statement: &Statement, share: Option<u32>) -> BTreeMap<String, String> {
    let limits = &statement.limits;
    let mut settings = BTreeMap::new();
    let mut set = |name: &str, value: String| settings.insert(name.to_owned(), value);
    if statement.access == Access::ReadOnly {
        // 2, not 1: limits and filters are settings of the same request.
        set("readonly", "2".to_owned());
    }
    set(
        "max_execution_time",
        limits.deadline.as_secs_f64().to_string(),
    );
    set("max_memory_usage", limits.memory.to_string());
    set("max_result_bytes", limits.result_bytes.to_string());
    if let Some(threads) = limits.max_threads.into_iter().chain(share).min() {
        set("max_threads", threads.to_string());
    }
    if !statement.tenant_filters.is_empty() {
        set(
            "additional_table_filters",
            filters(&statement.tenant_filters),
        );
        // Merged with the query's own conditions a filter may run after
        // them, and their errors would tell of rows it takes away.
        set("query_plan_merge_filters", "0".to_owned());
        // Where these are added the planner merges filters all the same.
        set("enable_join_runtime_filters", "0".to_owned());
        // Looked for at every call (a tenth of a small query), and of no
        // use under a filter: they hold counts of all tenants' rows.
        set("optimize_use_implicit_projections", "0".to_owned());
    }
    settings.extend(statement.settings.iter().cloned());
    settings
}

/// What an insert asks for.
pub(super) fn of_insert(insert: &Insert) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::from([
        (
            "max_execution_time".to_owned(),
            insert.deadline.as_secs_f64().to_string(),
        ),
        // Rows are written by blocks: a bad row in a later one would come
        // when the first ones are written already.
        ("max_insert_block_size".to_owned(), u32::MAX.to_string()),
        (
            "min_insert_block_size_rows".to_owned(),
            u32::MAX.to_string(),
        ),
        ("min_insert_block_size_bytes".to_owned(), "0".to_owned()),
    ]);
    settings.extend(insert.settings.iter().cloned());
    settings
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
