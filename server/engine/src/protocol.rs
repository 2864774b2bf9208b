//! Names of ClickHouse's HTTP interface that both sides of the door use, and
//! the two things it does not have.

/// Header: the user.
pub(crate) const USER: &str = "x-clickhouse-user";
/// Header: the user's password.
pub(crate) const KEY: &str = "x-clickhouse-key";
/// Header: the database of unqualified names.
pub(crate) const DATABASE: &str = "x-clickhouse-database";
/// Header: the format of an answer whose statement names none.
pub(crate) const FORMAT: &str = "x-clickhouse-format";
/// Header of an answer: the id of its statement.
pub(crate) const QUERY_ID: &str = "x-clickhouse-query-id";
/// Header of an answer: what its statement took, as JSON.
pub(crate) const SUMMARY: &str = "x-clickhouse-summary";
/// Header of an answer: the code of the error in its body.
pub(crate) const EXCEPTION_CODE: &str = "x-clickhouse-exception-code";
/// Ours: a setting that is too long for a URL, percent-encoded, under this and
/// its name.
pub(crate) const SETTING: &str = "x-clickhouse-setting-";
/// Ours: the path that lists running statements as lines of id, bytes of
/// memory and milliseconds, tab separated.
pub(crate) const RUNNING: &str = "/running";
