//! From a statement to a request of ClickHouse's HTTP interface, and from its
//! answer back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::wire::Reply;
use crate::protocol::{EXCEPTION_CODE, KEY, SETTING, SUMMARY, USER};
use crate::{EngineError, Insert, Statement, Statistics, sql};

/// Bytes of a value above which it leaves the URL, which has 64 KB.
const LONG: usize = 8 * 1024;

/// What is asked, apart from who asks and where.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) id: String,
    query: Vec<(String, String)>,
    settings: BTreeMap<String, String>,
    body: Bytes,
    /// The boundary, where the body is a form.
    boundary: Option<String>,
    /// Bytes the answer may have.
    pub(super) limit: u64,
    /// Whether asking twice is the same as asking once.
    pub(super) is_repeatable: bool,
}

impl Ask {
    pub(super) fn statement(statement: Statement, settings: BTreeMap<String, String>) -> Self {
        let is_repeatable = statement.access == crate::Access::ReadOnly;
        let mut query = vec![("default_format".to_owned(), statement.format)];
        if let Some(database) = statement.database {
            query.push(("database".to_owned(), database));
        }
        let is_long = |(_, value): &(String, String)| value.len() >= LONG;
        let (body, boundary) = if statement.parameters.iter().any(is_long) {
            let (form, boundary) = form(&statement.sql, &statement.parameters);
            (form, Some(boundary))
        } else {
            let parameters = statement.parameters.into_iter();
            query.extend(parameters.map(|(name, value)| (format!("param_{name}"), value)));
            (Bytes::from(statement.sql), None)
        };
        Self {
            id: new_id(),
            query,
            settings,
            body,
            boundary,
            limit: statement.limits.result_bytes,
            is_repeatable,
        }
    }

    pub(super) fn insert(insert: Insert, settings: BTreeMap<String, String>) -> Self {
        Self {
            id: new_id(),
            query: vec![("query".to_owned(), insert_into(&insert))],
            settings,
            body: insert.data,
            boundary: None,
            limit: u64::MAX,
            is_repeatable: false,
        }
    }

    /// The request, for a server at `authority`.
    pub(super) fn request(
        &self,
        authority: &str,
        user: &str,
        password: &str,
        base: &BTreeMap<String, String>,
    ) -> Result<Request<Full<Bytes>>, EngineError> {
        let mut query = url::form_urlencoded::Serializer::for_suffix("/?".to_owned(), 2);
        query.append_pair("wait_end_of_query", "1");
        query.append_pair("query_id", &self.id);
        query.extend_pairs(&self.query);
        let mut headers = HeaderMap::new();
        for (name, value) in base {
            if !self.settings.contains_key(name) {
                query.append_pair(name, value);
            }
        }
        for (name, value) in &self.settings {
            if value.len() < LONG {
                query.append_pair(name, value);
            } else {
                let value = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
                let name = format!("{SETTING}{name}");
                headers.insert(
                    header::HeaderName::try_from(name).map_err(too_long)?,
                    HeaderValue::try_from(value).map_err(too_long)?,
                );
            }
        }
        headers.insert(
            header::HOST,
            HeaderValue::try_from(authority).map_err(too_long)?,
        );
        headers.insert(USER, HeaderValue::try_from(user).map_err(too_long)?);
        headers.insert(KEY, HeaderValue::try_from(password).map_err(too_long)?);
        if let Some(boundary) = &self.boundary {
            let content = format!("multipart/form-data; boundary={boundary}");
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::try_from(content).map_err(too_long)?,
            );
        }
        let mut request = Request::post(query.finish())
            .body(Full::new(self.body.clone()))
            .map_err(too_long)?;
        request.headers_mut().extend(headers);
        Ok(request)
    }
}

/// A statement and its parameters as a form (RFC 7578), with its boundary, as
/// ClickHouse takes them too.
fn form(sql: &str, parameters: &[(String, String)]) -> (Bytes, String) {
    // Nobody's text holds a number that is drawn now.
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let mut form = String::new();
    let mut field = |name: &str, value: &str| {
        let _ = write!(
            form,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    };
    field("query", sql);
    for (name, value) in parameters {
        field(&format!("param_{name}"), value);
    }
    let _ = write!(form, "--{boundary}--\r\n");
    (Bytes::from(form), boundary)
}

/// What an answer says beside its body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SummaryHeader {
    read_rows: String,
    read_bytes: String,
    written_rows: String,
    elapsed_ns: String,
}

/// What a statement took, and the rows it wrote.
pub(super) fn summary(headers: &HeaderMap) -> (Statistics, u64) {
    let text = headers.get(SUMMARY).map(HeaderValue::as_bytes);
    let summary: SummaryHeader = text
        .and_then(|text| serde_json::from_slice(text).ok())
        .unwrap_or_default();
    let number = |text: &str| text.parse().unwrap_or(0);
    let statistics = Statistics {
        elapsed: number(&summary.elapsed_ns) as f64 / 1e9,
        rows_read: number(&summary.read_rows),
        bytes_read: number(&summary.read_bytes),
    };
    (statistics, number(&summary.written_rows))
}

/// The error of an answer that is one.
pub(super) fn error(reply: &Reply) -> Option<EngineError> {
    if reply.status.is_success() && !reply.headers.contains_key(EXCEPTION_CODE) {
        return None;
    }
    let text = String::from_utf8_lossy(&reply.body);
    Some(EngineError::from_text(&text))
}

/// `INSERT INTO table (columns) FORMAT …`.
fn insert_into(insert: &Insert) -> String {
    let columns: Vec<String> = insert
        .columns
        .iter()
        .map(|name| sql::identifier(name))
        .collect();
    let columns = if columns.is_empty() {
        String::new()
    } else {
        format!(" ({})", columns.join(", "))
    };
    format!(
        "INSERT INTO {}{columns} FORMAT {}",
        insert.table, insert.format
    )
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn too_long(error: impl std::fmt::Display) -> EngineError {
    EngineError::Unavailable(format!("the statement does not fit a request: {error}"))
}
