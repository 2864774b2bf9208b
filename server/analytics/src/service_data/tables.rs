//! The tables of the service data sources: of calls and of operations, and
//! views of these. Columns have Tinybird's names and
//! types; those that nothing here knows (cpu_time, result_rows, release,
//! memory_usage, replica, client_ip …) are left out.

/// What makes the tables where they are missing. Whole days are dropped when
/// they are a week old.
pub(super) fn statements(database: &str) -> [String; 7] {
    const KEPT: &str = "TTL toDate(MOMENT) + INTERVAL 7 DAY SETTINGS ttl_only_drop_parts = 1";

    let kept = |moment: &str| KEPT.replace("MOMENT", moment);
    [
        format!("CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic"),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.pipe_stats_rt (\
             start_datetime DateTime, pipe_id String, pipe_name String, token String, \
             token_name String, duration Float32, read_bytes UInt64, read_rows UInt64, \
             url Nullable(String), error UInt8, error_message Nullable(String), \
             status_code Int32, request_id String, parameters Map(String, String), \
             method String, user_agent Nullable(String), resource_tags Array(String)) \
             ENGINE = MergeTree PARTITION BY toDate(start_datetime) \
             ORDER BY (pipe_id, start_datetime) {}",
            kept("start_datetime")
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.datasources_ops_log (\
             timestamp DateTime, event_type String, datasource_id String, \
             datasource_name String, result String, elapsed_time Float32, \
             error Nullable(String), request_id Nullable(String), import_id Nullable(String), \
             job_id Nullable(String), rows Nullable(UInt64), rows_quarantine Nullable(UInt64), \
             pipe_id String, pipe_name String) \
             ENGINE = MergeTree PARTITION BY toDate(timestamp) \
             ORDER BY (datasource_id, timestamp) {}",
            kept("timestamp")
        ),
        format!(
            "CREATE OR REPLACE VIEW {database}.endpoint_errors AS \
             SELECT start_datetime, request_id, pipe_id, pipe_name, \
             toJSONString(parameters) AS params, url, status_code, error_message AS error \
             FROM {database}.pipe_stats_rt AS calls WHERE calls.error = 1"
        ),
        format!(
            "CREATE OR REPLACE VIEW {database}.pipe_stats AS \
             SELECT toDate(start_datetime) AS date, pipe_id, pipe_name, \
             avgState(duration) AS avg_duration_state, countIf(error = 1) AS error_count, \
             count() AS view_count, \
             quantilesTimingState(0.9, 0.95, 0.99)(toFloat64(duration)) AS quantile_timing_state, \
             sum(read_bytes) AS read_bytes_sum, sum(read_rows) AS read_rows_sum, \
             groupUniqArrayArray(resource_tags) AS resource_tags \
             FROM {database}.pipe_stats_rt GROUP BY date, pipe_id, pipe_name"
        ),
        format!(
            "CREATE OR REPLACE VIEW {database}.jobs_log AS \
             SELECT assumeNotNull(job_id) AS job_id, \
             multiIf(event_type = 'delete', 'delete_data', \
             event_type IN ('append', 'replace'), 'import', event_type) AS job_type, \
             pipe_id, pipe_name, datasource_id, datasource_name, \
             timestamp - toIntervalSecond(toUInt32(elapsed_time)) AS started_at, \
             timestamp AS updated_at, if(result = 'ok', 'done', 'error') AS status, error \
             FROM {database}.datasources_ops_log WHERE isNotNull(job_id)"
        ),
        format!(
            "CREATE OR REPLACE VIEW {database}.block_log AS \
             SELECT timestamp, import_id, job_id, request_id, datasource_id, datasource_name, \
             if(result = 'ok', 'done', 'error') AS status, rows, rows_quarantine, error \
             FROM {database}.datasources_ops_log WHERE event_type IN ('append', 'replace')"
        ),
    ]
}
