//! Reads `.datasource` files.

use super::{Column, Connector, DataSource, Tags, TokenLine, TokenPermission};
use crate::data_type::{DataType, TypeArgument};
use crate::diagnostic::{Diagnostic, Findings};
use crate::keywords::DATA_SOURCE;
use crate::position::{Fragment, Position};
use crate::schema::{read_columns, read_indexes};
use crate::syntax::{Entry, Value, read_entries};
use crate::table_engine::{EngineEntries, Table, check_tenant_key, check_tenant_ttl};
use crate::value::{Secrets, Values};
use crate::variables::Variables;
use crate::{resource_name, value};

/// Reads a `.datasource` file. `file` is its path relative to the project; its
/// last part names the data source.
///
/// # Errors
/// Everything found, if any of it keeps the file from being served.
pub fn parse_data_source(
    file: &str,
    text: &str,
    variables: &Variables,
) -> Result<DataSource, Vec<Diagnostic>> {
    let mut findings = Findings::new(file);
    let name = resource_name(file, "datasource", &mut findings);
    let entries = read_entries(text, &DATA_SOURCE, &mut findings);
    let mut reader = Reader {
        values: Values { variables },
        findings,
        draft: Draft::default(),
    };
    for entry in &entries {
        reader.entry(entry);
    }
    let Reader {
        mut findings,
        draft,
        ..
    } = reader;
    let model = draft.finish(name, file, &mut findings);
    let (mut data_source, warnings) = findings.conclude(model)?;
    data_source.warnings = warnings;
    Ok(data_source)
}

/// What is read so far.
#[derive(Debug, Default)]
struct Draft {
    description: Option<String>,
    schema: Option<Fragment>,
    indexes: Option<Fragment>,
    engine: EngineEntries,
    tags: Tags,
    tags_position: Option<Position>,
    tokens: Vec<TokenLine>,
    shared_with: Vec<String>,
    forward_query: Option<Fragment>,
    skips_backfill: bool,
    connector: Option<Connector>,
    version: Option<u32>,
}

struct Reader<'run, 'file> {
    values: Values<'run>,
    findings: Findings<'file>,
    draft: Draft,
}

impl Reader<'_, '_> {
    fn entry(&mut self, entry: &Entry) {
        match entry.keyword.as_str() {
            "DESCRIPTION" => self.draft.description = Some(self.values.prose(entry)),
            "SCHEMA" => self.block(entry, |draft| &mut draft.schema),
            "INDEXES" => self.block(entry, |draft| &mut draft.indexes),
            "FORWARD_QUERY" => self.block(entry, |draft| &mut draft.forward_query),
            "TAGS" => {
                let text = self
                    .values
                    .text(entry, Secrets::Refused, &mut self.findings);
                read_tags(&text.whole, &mut self.draft.tags);
                self.draft.tags_position = Some(text.whole.start());
            }
            "TOKEN" => {
                let allowed = [TokenPermission::Read, TokenPermission::Append];
                let token = read_token(entry, &self.values, &allowed, &mut self.findings);
                self.draft.tokens.extend(token);
            }
            "SHARED_WITH" => self.shared_with(entry),
            "BACKFILL" => self.backfill(entry),
            "VERSION" => {
                self.draft.version = read_version(entry, &self.values, &mut self.findings);
            }
            keyword => match EngineEntries::canonical(keyword) {
                Some(canonical) => {
                    let text = self.values.text(entry, Secrets::Filled, &mut self.findings);
                    self.draft.engine.insert(
                        canonical,
                        entry.position,
                        text.whole,
                        &mut self.findings,
                    );
                }
                None => self.connector(entry),
            },
        }
    }

    /// Keeps the text of a block that may stand once.
    fn block(&mut self, entry: &Entry, place: impl Fn(&mut Draft) -> &mut Option<Fragment>) {
        let (Value::Block(text) | Value::Inline(text)) = &entry.value;
        if place(&mut self.draft).replace(text.clone()).is_some() {
            let message = format!("{} stands twice", entry.keyword);
            self.findings
                .error(entry.position, message, "put both into one block");
        }
    }

    fn shared_with(&mut self, entry: &Entry) {
        let text = self
            .values
            .text(entry, Secrets::Refused, &mut self.findings);
        self.draft
            .shared_with
            .extend(value::list_items(&text.whole));
        self.findings.warning(
            entry.position,
            "SHARED_WITH is read but nothing is shared",
            "one server serves one workspace: take the line out, or let the other read over the API",
        );
    }

    fn backfill(&mut self, entry: &Entry) {
        let text = self
            .values
            .text(entry, Secrets::Refused, &mut self.findings);
        if text.whole.eq_ignore_ascii_case("skip") {
            self.draft.skips_backfill = true;
        } else {
            let message = format!("BACKFILL cannot be `{}`", text.whole);
            self.findings.error(
                text.whole.start(),
                message,
                "write `BACKFILL skip` or leave the line out",
            );
        }
    }

    fn connector(&mut self, entry: &Entry) {
        let text = self.values.text(entry, Secrets::Kept, &mut self.findings);
        let connector = self.draft.connector.get_or_insert_with(|| {
            self.findings.warning(
                entry.position,
                "connectors do not run: the data source only takes what is sent to it",
                "send rows to /v0/events or append files; the lines may stay",
            );
            Connector {
                settings: Vec::new(),
                position: entry.position,
            }
        });
        connector
            .settings
            .push((entry.keyword.clone(), text.whole.to_string()));
    }
}

impl Draft {
    fn finish(self, name: String, file: &str, findings: &mut Findings<'_>) -> Option<DataSource> {
        let errors_before = findings.has_errors();
        let columns = match &self.schema {
            Some(schema) => read_columns(schema, findings),
            None => Vec::new(),
        };
        if columns.is_empty() && !findings.has_errors() {
            let position = self
                .schema
                .as_ref()
                .map_or(Position::START, Fragment::start);
            findings.error(
                position,
                "the data source has no columns",
                "add a `SCHEMA >` block with its columns",
            );
        }
        let is_complete = errors_before || !findings.has_errors();
        let mut columns = columns;
        if let Some(connector) = &self.connector {
            add_columns(connector, &mut columns);
        }
        let indexes = self
            .indexes
            .map(|block| read_indexes(&block, findings))
            .unwrap_or_default();
        let engine_position = self.engine.position();
        let engine = self.engine.read(
            &Table {
                columns: &columns,
                is_complete,
            },
            findings,
        )?;
        let data_source = DataSource {
            name,
            file: file.to_owned(),
            description: self.description,
            columns,
            indexes,
            engine,
            tags: self.tags,
            tokens: self.tokens,
            shared_with: self.shared_with,
            forward_query: self
                .forward_query
                .map(|query| query.trim())
                .filter(|query| !query.is_empty()),
            skips_backfill: self.skips_backfill,
            version: self.version,
            connector: self.connector,
            warnings: Vec::new(),
        };
        if is_complete {
            check_tenant(&data_source, self.tags_position, engine_position, findings);
            check_json_paths(&data_source, findings);
        }
        Some(data_source)
    }
}

/// The columns that Tinybird's Kafka connector adds. It does not run here, but
/// the project's SQL reads them; rows that are sent may bring them along.
fn add_columns(connector: &Connector, columns: &mut Vec<Column>) {
    const ADDED: [(&str, &str, Option<&str>, &str); 7] = [
        ("__value", "String", None, "''"),
        ("__topic", "LowCardinality", Some("String"), "''"),
        ("__partition", "Int16", None, "0"),
        ("__offset", "Int64", None, "0"),
        ("__timestamp", "DateTime", None, "now()"),
        ("__key", "String", None, "''"),
        (HEADERS, "Map", Some("String"), "map()"),
    ];
    const HEADERS: &str = "__headers";

    let setting = |key: &str| {
        let mut settings = connector.settings.iter();
        settings
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    };
    if setting("KAFKA_CONNECTION_NAME").is_none() && setting("KAFKA_TOPIC").is_none() {
        return;
    }
    let stores_headers =
        setting("KAFKA_STORE_HEADERS").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    for (name, outer, inner, default) in ADDED {
        let is_there = columns.iter().any(|column| column.name == name);
        if is_there || (name == HEADERS && !stores_headers) {
            continue;
        }
        let inner = inner.map(|inner| TypeArgument::Type(DataType::plain(inner)));
        let arguments = match outer {
            "Map" => inner.into_iter().cycle().take(2).collect(),
            _ => inner.into_iter().collect(),
        };
        columns.push(Column {
            name: name.to_owned(),
            data_type: DataType {
                name: outer.to_owned(),
                arguments,
            },
            json_path: None,
            default: Some(default.to_owned()),
            codec: None,
            position: connector.position,
        });
    }
}

/// The tenant's column must be there and always tell.
fn check_tenant(
    data_source: &DataSource,
    position: Option<Position>,
    engine_position: Position,
    findings: &mut Findings<'_>,
) {
    let position = position.unwrap_or(Position::START);
    check_isolation(data_source, position, findings);
    let Some(tenant) = data_source.tenant_column() else {
        return;
    };
    check_tenant_key(&data_source.engine, engine_position, tenant, findings);
    check_tenant_ttl(&data_source.engine, tenant, findings);
    match data_source.column(tenant) {
        None => findings.error(
            position,
            format!("the tag tenant={tenant} names no column of SCHEMA"),
            "name the column that holds the tenant",
        ),
        Some(column) if column.data_type.is_aggregate_state() || column.data_type.bare().name == "Array" => {
            findings.error(
                position,
                format!("the tenant's column `{tenant}` is {}", column.data_type),
                "name a column that holds one plain value",
            );
        }
        Some(column) if column.is_nullable() => findings.warning(
            position,
            format!("the tenant's column `{tenant}` is Nullable: no token reads the rows where it is NULL"),
            "make it not Nullable",
        ),
        Some(_) => {}
    }
}

/// A partition for each tenant needs a column that the engine can partition by.
fn check_isolation(data_source: &DataSource, position: Position, findings: &mut Findings<'_>) {
    let Some(isolated) = data_source.tags.value("isolated") else {
        return;
    };
    if !matches!(isolated, "true" | "false") {
        findings.error(
            position,
            format!("the tag isolated={isolated} is neither true nor false"),
            "write `isolated=true`, or leave the tag out",
        );
    }
    let Some(tenant) = data_source.tenant_column() else {
        findings.error(
            position,
            "the tag isolated keeps tenants apart, and the data source has none",
            "name the tenant's column, too: `TAGS \"tenant=<column>, isolated=true\"`",
        );
        return;
    };
    if !data_source.is_isolated() {
        return;
    }
    let column = data_source.column(tenant);
    if let Some(column) = column
        && (column.is_nullable() || column.data_type.bare().name.starts_with("Float"))
    {
        findings.error(
            position,
            format!(
                "`{tenant}` is {}: there can be no partition for each of its values",
                column.data_type
            ),
            "give the tenant's column a type like String or UInt64",
        );
    }
    let has_documents = |column: &&Column| column.data_type.holds_documents();
    if let Some(column) = data_source.columns.iter().find(has_documents)
        && let Some(query) = &data_source.forward_query
    {
        findings.error(
            query.start(),
            format!(
                "FORWARD_QUERY writes rows of all tenants at once, and the documents in `{}` would share their keys",
                column.name
            ),
            "append the rows anew to a data source of another name, or take `isolated=true` away",
        );
    }
}

/// Rows of JSON fill only the columns that have a JSONPath.
fn check_json_paths(data_source: &DataSource, findings: &mut Findings<'_>) {
    if !data_source.has_json_paths() {
        return;
    }
    for column in data_source
        .columns
        .iter()
        .filter(|column| column.json_path.is_none() && column.default.is_none())
    {
        let name = &column.name;
        findings.warning(
            column.position,
            format!("the column `{name}` has no JSONPath: rows of JSON never fill it"),
            &format!("add `json:$.{name}` in backticks, or a DEFAULT"),
        );
    }
}

/// Reads `key=value, word` into tags.
pub(crate) fn read_tags(text: &str, tags: &mut Tags) {
    for tag in value::list_items(text) {
        match tag.split_once('=') {
            Some((key, value)) => tags
                .pairs
                .push((key.trim().to_owned(), value.trim().to_owned())),
            None => tags.labels.push(tag),
        }
    }
}

/// Reads `VERSION 3`.
pub(crate) fn read_version(
    entry: &Entry,
    values: &Values<'_>,
    findings: &mut Findings<'_>,
) -> Option<u32> {
    let text = values.text(entry, Secrets::Refused, findings);
    let version = text.whole.parse().ok();
    if version.is_none() {
        let message = format!("VERSION cannot be `{}`", text.whole);
        findings.error(
            entry.position,
            message,
            "write a whole number, or leave the line out",
        );
    }
    version
}

/// Reads `TOKEN "name" READ`.
pub(crate) fn read_token(
    entry: &Entry,
    values: &Values<'_>,
    allowed: &[TokenPermission],
    findings: &mut Findings<'_>,
) -> Option<TokenLine> {
    let shape = match allowed {
        [TokenPermission::Read] => "write `TOKEN \"name\" READ`",
        _ => "write `TOKEN \"name\" READ` or `TOKEN \"name\" APPEND`",
    };
    let text = values.text(entry, Secrets::Refused, findings);
    let [name, permission] = text.words.as_slice() else {
        findings.error(entry.position, "TOKEN needs a name and a permission", shape);
        return None;
    };
    let permission = match permission.to_ascii_uppercase().as_str() {
        "READ" => Some(TokenPermission::Read),
        "APPEND" => Some(TokenPermission::Append),
        _ => None,
    };
    let permission = permission.filter(|permission| allowed.contains(permission));
    let Some(permission) = permission else {
        let message = format!("`{}` is not a permission here", text.words[1]);
        findings.error(text.words[1].start(), message, shape);
        return None;
    };
    Some(TokenLine {
        name: name.to_string(),
        permission,
        position: entry.position,
    })
}
