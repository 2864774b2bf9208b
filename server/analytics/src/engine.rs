//! Running SQL on ClickHouse.
