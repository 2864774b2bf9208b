//! What statements are made of: tables and their columns, expressions,
//! conditions, formats.

/// Columns of the data sources that have all types.
pub(super) const ALL: [&str; 14] = [
    "org", "id", "ts", "city", "code", "kind", "url", "note", "doc", "attrs", "tags", "pair",
    "price", "score",
];

/// A table, and the columns it has.
pub(super) type Table = (&'static str, &'static [&'static str]);

/// What a reader names in SQL. `notes` it reads through a filter of its token.
pub(super) const DATA_SOURCES: [Table; 6] = [
    ("visits", &ALL),
    ("mixed", &ALL),
    ("versions", &ALL),
    ("notes", &["org", "id", "ts", "city", "note"]),
    ("copied", &["org", "id", "city"]),
    ("by_city", &["org", "city", "rows", "codes"]),
];
pub(super) const PIPES: [Table; 7] = [
    ("everything", &ALL),
    ("cities", &["city", "n", "id", "note"]),
    ("numbers", &["id", "code", "city", "note"]),
    ("mine", &["id", "city", "note"]),
    ("merged", &["org", "city", "n", "codes"]),
    ("documents", &["id", "city", "page", "n"]),
    ("keyed", &["id", "note"]),
];
/// What views, copies and TTLs write that may mix tenants.
pub(super) const DOUBTFUL: &[&str] = &["org", "id", "city", "note"];

/// Columns with a dictionary, or whose parts have one.
pub(super) const WITH_DICTIONARY: [&str; 6] = ["city", "code", "kind", "attrs", "tags", "pair"];

/// Parts of a column, beside itself.
pub(super) fn parts(column: &str) -> &'static [&'static str] {
    match column {
        "kind" => &["kind.null", "assumeNotNull(kind)"],
        "note" => &["note.null", "assumeNotNull(note)", "ifNull(note, '')"],
        "doc" => &[
            "doc.page",
            "doc.n",
            "doc.n::Int64",
            "doc.n.:Int64",
            "doc.page.:String",
            "doc.page::String",
            "doc.deep.x",
            "doc.^deep",
            "toString(doc)",
            "JSONAllPaths(doc)",
            "JSONDynamicPaths(doc)",
            "JSONSharedDataPathsWithTypes(doc)",
            "JSONAllPathsWithTypes(doc)",
            "dynamicType(doc.n)",
            "CAST(doc, 'Map(String, String)')",
        ],
        "attrs" => &["attrs['a']", "attrs.keys", "attrs.values", "attrs.size0"],
        "tags" => &["tags[1]", "tags.size0", "arrayJoin(tags)"],
        "pair" => &["pair.word", "pair.number", "pair.1"],
        "rows" => &["finalizeAggregation(rows)"],
        "codes" => &["finalizeAggregation(codes)"],
        _ => &[],
    }
}

/// Where a row lies; it is not the tenant's to know.
pub(super) const PLACES: [&str; 19] = [
    "_part",
    "_part_offset",
    "_part_index",
    "_part_uuid",
    "_part_starting_offset",
    "_part_granule_offset",
    "_part_data_version",
    "_partition_id",
    "_partition_value",
    "_sample_factor",
    "_row_exists",
    "_block_number",
    "_block_offset",
    "_table",
    "_database",
    "_disk_name",
    "_distance",
    "rowNumberInBlock()",
    "rowNumberInAllBlocks()",
];

/// Functions of one value that look at how it is kept.
pub(super) const INSIGHTS: [&str; 9] = [
    "dumpColumnStructure({})",
    "blockSerializedSize({})",
    "lowCardinalityIndices({})",
    "lowCardinalityKeys({})",
    "toColumnTypeName({})",
    "getTypeSerializationStreams({})",
    "byteSize({})",
    "blockSize()",
    "blockNumber()",
];

/// Functions of one value, many of which fail on some values.
pub(super) const SHAPES: [&str; 38] = [
    "base64Decode({})",
    "toFixedString({}, 4)",
    "toUInt8({})",
    "toInt32({})",
    "toDate({})",
    "toUUID({})",
    "parseDateTimeBestEffort({})",
    "CAST({}, 'Decimal(9, 2)')",
    "CAST({}, 'Enum8(\\'1\\' = 1, \\'22\\' = 2, \\'333\\' = 3)')",
    "throwIf(toString({}) LIKE 'secret%')",
    "throwIf({} = '')",
    "intDiv(1, length(toString({})) - 14)",
    "toLowCardinality({})",
    "toLowCardinality(toString({}))",
    "materialize({})",
    "upper({})",
    "length({})",
    "toString({})",
    "hex({})",
    "extract({}, '(secret.*)')",
    "splitByChar('-', {})[1]",
    "{} || 'x'",
    "if({} = '1', 0, toUInt8OrZero({}))",
    "transform({}, ['1', 'b3du'], ['one', 'ours'], 'other')",
    "{} IN ('1', 'b3du', '/page/1')",
    "{} IN (SELECT code FROM mixed)",
    "(SELECT max({}) FROM visits)",
    "(SELECT groupArray(city) FROM mixed WHERE city = {})",
    "lagInFrame({}) OVER (ORDER BY id)",
    "max({}) OVER (PARTITION BY url)",
    "arrayMap(x -> toUInt8(x), [{}])",
    "arrayMap(x -> base64Decode(x), {})",
    "mapApply((k, v) -> (k, toUInt8(v)), {})",
    "tuple({}, 1).1",
    "has({}, '10')",
    "JSONExtractInt({}, 'n')",
    "{} + 1",
    "CAST({}, 'LowCardinality(Nullable(String))')",
];

/// Conditions beside comparisons of expressions.
pub(super) const CONDITIONS: [&str; 17] = [
    "id > 1007",
    "id > 5000",
    "id < 900",
    "id > 1000000",
    "id = 1014",
    "url = '/page/1'",
    "url = 'secret-of-birch-1'",
    "city = 'b3du'",
    "city = 'YW1iZXI='",
    "city LIKE 'secret%'",
    "org != 'amber'",
    "org = 'birch' OR 1",
    "note IS NULL",
    "ts > '2021-01-01 00:00:00'",
    "id IN (SELECT id FROM versions)",
    "intDiv(1, org = 'amber') = 1",
    "price > 3",
];

pub(super) const CONSTANTS: [&str; 9] = [
    "1",
    "0",
    "-1",
    "2.5",
    "''",
    "'1'",
    "'a'",
    "NULL",
    "['1', '2']",
];

pub(super) const FORMATS: [&str; 20] = [
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

/// Conditions in tokens.
pub(super) const FILTERS: [&str; 4] = [
    "id > 1003",
    "toString(city) != ''",
    "url != '/page/3' OR id > 5",
    "id % 7 = 0 -- or so",
];
/// The same over dictionaries.
pub(super) const DICTIONARY_FILTERS: [&str; 2] = ["base64Decode(city) != ''", "toUInt16(code) > 0"];
/// The same, trying to be more than one condition.
pub(super) const BREAKOUTS: [&str; 8] = [
    "1)) OR ((1",
    "1) OR (1",
    "1))) OR (((1",
    "1 OR 1 -- ",
    "1) OR (1 /*",
    "1) -- ",
    "1 OR ('' = ''",
    "1 FORMAT JSON",
];
