//! The keywords that a datafile's lines may begin with, for each kind of file.

/// How a keyword is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeywordStatus {
    /// It means something.
    Known,
    /// It is read over with a warning that says this.
    Ignored(&'static str),
    /// It is an error; this says what to write in its place.
    Refused(&'static str),
}

use KeywordStatus::{Ignored, Known, Refused};

/// The keywords of one kind of file.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// What the file is called in messages, as in "pipe files".
    pub(crate) file_kind: &'static str,
    keywords: &'static [(&'static str, KeywordStatus)],
    /// Words that begin with one of these are known, too.
    prefixes: &'static [&'static str],
}

impl Grammar {
    /// How a word at the beginning of a line is taken; `None` if it is no
    /// keyword of this kind of file. `word` is in upper case.
    pub(crate) fn status(&self, word: &str) -> Option<KeywordStatus> {
        let listed = self.keywords.iter().find(|(keyword, _)| *keyword == word);
        match listed {
            Some((_, status)) => Some(*status),
            None => self
                .prefixes
                .iter()
                .any(|prefix| word.starts_with(prefix))
                .then_some(Known),
        }
    }

    /// The keyword that was probably meant.
    pub(crate) fn nearest(&self, word: &str) -> Option<&'static str> {
        self.keywords
            .iter()
            .filter(|(_, status)| *status == Known)
            .map(|(keyword, _)| (edit_distance(word, keyword), *keyword))
            .filter(|(distance, keyword)| *distance <= 1 + keyword.len() / 6)
            .min()
            .map(|(_, keyword)| keyword)
    }
}

const VERSION: KeywordStatus =
    Ignored("versions are a matter of the repository the file is kept in");
const INCLUDE: KeywordStatus = Refused("write the lines of the included file here");
const ENGINE_IN_PIPE: KeywordStatus =
    Ignored("the engine is what the .datasource file of the target says");

pub(crate) const DATA_SOURCE: Grammar = Grammar {
    file_kind: "datasource",
    keywords: &[
        ("DESCRIPTION", Known),
        ("TOKEN", Known),
        ("SCHEMA", Known),
        ("INDEXES", Known),
        ("ENGINE", Known),
        ("ENGINE_PARTITION_KEY", Known),
        ("ENGINE_SORTING_KEY", Known),
        ("ENGINE_PRIMARY_KEY", Known),
        ("ENGINE_SAMPLING_KEY", Known),
        ("ENGINE_TTL", Known),
        ("ENGINE_SETTINGS", Known),
        ("ENGINE_VER", Known),
        ("ENGINE_IS_DELETED", Known),
        ("ENGINE_COLUMNS", Known),
        ("ENGINE_SUMMING_COLUMNS", Known),
        ("ENGINE_SIGN", Known),
        ("ENGINE_VERSION", Known),
        ("PARTITION_KEY", Known),
        ("SORTING_KEY", Known),
        ("PRIMARY_KEY", Known),
        ("SAMPLING_KEY", Known),
        ("TTL", Known),
        ("TAGS", Known),
        ("SHARED_WITH", Known),
        ("FORWARD_QUERY", Known),
        ("BACKFILL", Known),
        ("KAFKA_CONNECTION_NAME", Known),
        ("KAFKA_TOPIC", Known),
        ("KAFKA_GROUP_ID", Known),
        ("KAFKA_AUTO_OFFSET_RESET", Known),
        ("KAFKA_STORE_RAW_VALUE", Known),
        ("KAFKA_STORE_HEADERS", Known),
        ("KAFKA_KEY_FORMAT", Known),
        ("KAFKA_VALUE_FORMAT", Known),
        ("IMPORT_CONNECTION_NAME", Known),
        ("IMPORT_SCHEDULE", Known),
        ("IMPORT_BUCKET_URI", Known),
        ("IMPORT_FORMAT", Known),
        ("IMPORT_FROM_TIMESTAMP", Known),
        ("IMPORT_TABLE_ARN", Known),
        ("IMPORT_EXPORT_BUCKET", Known),
        ("PG_CONNECTION_NAME", Known),
        ("PG_TABLE", Known),
        ("VERSION", Known),
        ("KAFKA_TARGET_PARTITIONS", Ignored("connectors do not run")),
        ("IMPORT_SERVICE", Ignored("connectors do not run")),
        (
            "IMPORT_EXTERNAL_DATASOURCE",
            Ignored("connectors do not run"),
        ),
        ("EXPORT_SERVICE", Ignored("connectors do not run")),
        (
            "SOURCE",
            Refused("name a connection with KAFKA_CONNECTION_NAME or IMPORT_CONNECTION_NAME"),
        ),
        (
            "KAFKA_STORE_BINARY_HEADERS",
            Refused("use KAFKA_STORE_HEADERS"),
        ),
        ("IMPORT_STRATEGY", Refused("leave it out: imports append")),
        ("INCLUDE", INCLUDE),
        ("SETTINGS", Refused("use ENGINE_SETTINGS")),
    ],
    prefixes: &[],
};

pub(crate) const PIPE: Grammar = Grammar {
    file_kind: "pipe",
    keywords: &[
        ("NODE", Known),
        ("SCOPE", Known),
        ("DESCRIPTION", Known),
        ("SQL", Known),
        ("TYPE", Known),
        ("DATASOURCE", Known),
        ("DEPLOYMENT_METHOD", Known),
        ("TARGET_DATASOURCE", Known),
        ("COPY_SCHEDULE", Known),
        ("COPY_MODE", Known),
        ("MODE", Known),
        ("ON_DEMAND_COMPUTE", Known),
        ("FILTER", Known),
        ("TOKEN", Known),
        ("TAGS", Known),
        ("EXPORT_CONNECTION_NAME", Known),
        ("EXPORT_SCHEDULE", Known),
        ("EXPORT_BUCKET_URI", Known),
        ("EXPORT_FILE_TEMPLATE", Known),
        ("EXPORT_FORMAT", Known),
        ("EXPORT_STRATEGY", Known),
        ("EXPORT_COMPRESSION", Known),
        ("EXPORT_WRITE_STRATEGY", Known),
        ("EXPORT_KAFKA_TOPIC", Known),
        (
            "EXPORT_SERVICE",
            Ignored("the connection says which service it is"),
        ),
        (
            "CACHE",
            Ignored("answers are not cached: the engine always reads the present rows"),
        ),
        ("VERSION", Known),
        ("INCLUDE", INCLUDE),
        ("ENGINE", ENGINE_IN_PIPE),
        ("ENGINE_PARTITION_KEY", ENGINE_IN_PIPE),
        ("ENGINE_SORTING_KEY", ENGINE_IN_PIPE),
        ("ENGINE_PRIMARY_KEY", ENGINE_IN_PIPE),
        ("ENGINE_SAMPLING_KEY", ENGINE_IN_PIPE),
        ("ENGINE_TTL", ENGINE_IN_PIPE),
        ("ENGINE_SETTINGS", ENGINE_IN_PIPE),
    ],
    prefixes: &[],
};

pub(crate) const CONNECTION: Grammar = Grammar {
    file_kind: "connection",
    keywords: &[
        ("TYPE", Known),
        ("DESCRIPTION", Known),
        ("VERSION", VERSION),
        ("INCLUDE", INCLUDE),
    ],
    prefixes: &["KAFKA_", "S3_", "GCS_", "DYNAMODB_", "PG_"],
};

/// How many characters must be put in, taken out or changed to turn one word
/// into the other.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_keyword_suggests_the_right_one() {
        assert_eq!(
            DATA_SOURCE.nearest("ENGINE_SORTNG_KEY"),
            Some("ENGINE_SORTING_KEY")
        );
        assert_eq!(PIPE.nearest("NODES"), Some("NODE"));
        assert_eq!(PIPE.nearest("SELECT"), None);
    }
}
