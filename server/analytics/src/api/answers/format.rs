//! The formats that results are answered in.

/// A format by the ending of an endpoint's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
    Ndjson,
    Parquet,
    Prometheus,
}

impl Format {
    /// The format of an ending, such as `json`.
    pub(crate) fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            "json" => Some(Self::Json),
            "csv" | "csvwithnames" => Some(Self::Csv),
            "ndjson" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            "prometheus" => Some(Self::Prometheus),
            _ => None,
        }
    }

    /// ClickHouse's name.
    pub(crate) fn clickhouse(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Csv => "CSVWithNames",
            Self::Ndjson => "JSONEachRow",
            Self::Parquet => "Parquet",
            Self::Prometheus => "Prometheus",
        }
    }
}

/// What the Query API answers in, by ClickHouse's names, in the order in which
/// a refusal lists them.
pub(crate) const QUERY_FORMATS: [&str; 20] = [
    "JSON",
    "CSV",
    "CSVWithNames",
    "TSV",
    "TSVWithNames",
    "PrettyCompact",
    "JSONEachRow",
    "Parquet",
    "JSONStrings",
    "Prometheus",
    "Native",
    "RowBinaryWithNamesAndTypes",
    "TabSeparated",
    "JSONCompactEachRowWithNamesAndTypes",
    "TabSeparatedWithNamesAndTypes",
    "JSONCompactEachRow",
    "JSONCompact",
    "JSONStringsEachRowWithProgress",
    "ODBCDriver2",
    "Markdown",
];

/// The media type of a ClickHouse format.
pub(crate) fn media_type(format: &str) -> &'static str {
    match format {
        "JSON" | "JSONCompact" | "JSONStrings" => "application/json; charset=UTF-8",
        "JSONEachRow"
        | "JSONCompactEachRow"
        | "JSONCompactEachRowWithNamesAndTypes"
        | "JSONStringsEachRowWithProgress" => "application/x-ndjson",
        "CSV" => "text/csv; charset=UTF-8; header=absent",
        "CSVWithNames" => "text/csv; charset=UTF-8; header=present",
        "Parquet" => "application/vnd.apache.parquet",
        "Prometheus" => "text/plain; version=0.0.4; charset=UTF-8",
        "PrettyCompact" => "text/plain; charset=UTF-8",
        "Markdown" => "text/markdown; charset=UTF-8",
        "Native" | "RowBinaryWithNamesAndTypes" | "ODBCDriver2" => "application/octet-stream",
        _ => "text/tab-separated-values; charset=UTF-8",
    }
}
