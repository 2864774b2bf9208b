//! A connection: the model that a `.connection` file describes. Connections
//! are parsed and reported as not running.

use super::diagnostic::{Diagnostic, Findings};
use super::keywords::CONNECTION;
use super::position::{Fragment, Position};
use super::resource_name;
use super::syntax::read_entries;
use super::value::{Secrets, Values};
use super::variables::Variables;

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

impl ConnectionKind {
    /// What TYPE and the keys call it.
    const NAMES: &[(&str, &str, ConnectionKind)] = &[
        ("kafka", "KAFKA_", ConnectionKind::Kafka),
        ("s3", "S3_", ConnectionKind::S3),
        ("gcs", "GCS_", ConnectionKind::Gcs),
        ("dynamodb", "DYNAMODB_", ConnectionKind::DynamoDb),
        ("postgres", "PG_", ConnectionKind::Postgres),
    ];

    /// What `TYPE` calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(.., kind)| *kind == self)
            .map_or("", |(name, ..)| name)
    }

    /// What its keys begin with.
    fn prefix(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(.., kind)| *kind == self)
            .map_or("", |(_, prefix, _)| prefix)
    }
}

/// Reads a `.connection` file. `file` is its path relative to the project; its
/// last part names the connection.
///
/// # Errors
/// Everything found, if any of it keeps the file from being read.
pub fn parse_connection(
    file: &str,
    text: &str,
    variables: &Variables,
) -> Result<Connection, Vec<Diagnostic>> {
    let mut findings = Findings::new(file);
    let name = resource_name(file, "connection", &mut findings);
    let entries = read_entries(text, &CONNECTION, &mut findings);
    let values = Values { variables };
    let mut kind = None;
    let mut settings = Vec::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.keyword != "DESCRIPTION")
    {
        let value = values.text(entry, Secrets::Kept, &mut findings);
        if entry.keyword == "TYPE" {
            kind = read_kind(&value.whole, &mut findings);
        } else {
            settings.push((
                entry.keyword.clone(),
                value.whole.to_string(),
                entry.position,
            ));
        }
    }
    if !entries.iter().any(|entry| entry.keyword == "TYPE") {
        findings.error(Position::START, "the connection has no TYPE", KINDS);
    }
    let model = kind.map(|kind| {
        check_keys(kind, &settings, &mut findings);
        findings.warning(
            Position::START,
            "connections do not run: nothing is read from it or written to it",
            "the file may stay",
        );
        let settings = settings
            .into_iter()
            .map(|(keyword, value, _)| (keyword, value))
            .collect();
        Connection {
            name,
            file: file.to_owned(),
            kind,
            settings,
            warnings: Vec::new(),
        }
    });
    let (mut connection, warnings) = findings.conclude(model)?;
    connection.warnings = warnings;
    Ok(connection)
}

const KINDS: &str = "write TYPE kafka, s3, gcs, dynamodb or postgres";

fn read_kind(value: &Fragment, findings: &mut Findings<'_>) -> Option<ConnectionKind> {
    let known = ConnectionKind::NAMES
        .iter()
        .find(|(name, ..)| value.eq_ignore_ascii_case(name));
    if known.is_none() {
        findings.error(value.start(), format!("TYPE cannot be `{value}`"), KINDS);
    }
    known.map(|(.., kind)| *kind)
}

fn check_keys(
    kind: ConnectionKind,
    settings: &[(String, String, Position)],
    findings: &mut Findings<'_>,
) {
    for (keyword, _, position) in settings {
        if !keyword.starts_with(kind.prefix()) {
            let message = format!("{keyword} does not belong to this TYPE of connection");
            let help = format!("its keys begin with {}", kind.prefix());
            findings.error(*position, message, &help);
        }
    }
}
