//! A connection: the model that a `.connection` file describes. Connections
//! are parsed and reported as not running.

use super::diagnostic::Diagnostic;

/// Access to a foreign system, read from `<name>.connection`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its name: the file's name without the extension.
    pub name: String,
    /// The file, as a path relative to the project.
    pub file: String,
    /// Which system.
    pub kind: ConnectionKind,
    /// Its keys as written, secrets not filled in.
    pub settings: Vec<(String, String)>,
    /// What its author should know though the file is valid.
    pub warnings: Vec<Diagnostic>,
}

/// The systems a connection may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionKind {
    /// Apache Kafka.
    Kafka,
    /// Amazon S3.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Amazon DynamoDB.
    DynamoDb,
    /// PostgreSQL.
    Postgres,
}
