//! The tables of the service data sources. Columns have Tinybird's names and
//! types; those that nothing here knows (cpu_time, result_rows, release,
//! memory_usage, replica, client_ip …) are left out.

/// What makes the tables where they are missing. Whole days are dropped when
/// they are a week old.
pub(super) fn statements(database: &str) -> [String; 4] {
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
    ]
}
