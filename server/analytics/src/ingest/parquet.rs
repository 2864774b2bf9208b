//! Parquet: the engine turns it into NDJSON, which then goes the way of all
//! rows. So JSONPaths, stamps and the quarantine work for it, too.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use super::IngestError;
use engine::{Engine, EngineError, QueryLimits, Statement};

/// How every Parquet file begins.
const PARQUET: &[u8] = b"PAR1";

/// Bytes of NDJSON that a file may become.
const MOST: u64 = 1024 * 1024 * 1024;

/// How rows are read and values written, so that none becomes another one.
const SETTINGS: [(&str, &str); 3] = [
    // Rows are known by their number when an import is repeated.
    ("input_format_parquet_preserve_order", "1"),
    // With the offset: a moment is the same one in a column of any time zone.
    ("date_time_output_format", "iso"),
    // NaN and the infinite ones as such, not as null.
    ("output_format_json_quote_denormals", "1"),
];

pub(super) async fn to_ndjson(
    engine: &dyn Engine,
    data: &[u8],
    deadline: Duration,
) -> Result<Bytes, IngestError> {
    if !data.starts_with(PARQUET) {
        let text = "the data is not Parquet: such a file begins with PAR1";
        return Err(IngestError::Unreadable(text.to_owned()));
    }
    let limits = QueryLimits {
        deadline,
        result_bytes: MOST,
        ..QueryLimits::default()
    };
    let statement = Statement {
        // A parameter is text; base64 has nothing that would need escaping.
        parameters: vec![("data".to_owned(), BASE64_STANDARD.encode(data))],
        limits,
        settings: SETTINGS
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Statement::read(
            "SELECT * FROM format(Parquet, base64Decode({data:String}))",
            "JSONEachRow",
        )
    };
    match engine.query(statement).await {
        Ok(answer) => Ok(answer.body),
        Err(error) if error.trouble().is_some() => Err(error.into()),
        Err(EngineError::Query { message, .. }) => Err(IngestError::Unreadable(format!(
            "the Parquet file cannot be read: {message}"
        ))),
        Err(error) => Err(error.into()),
    }
}
