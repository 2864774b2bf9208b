//! What a request asks: the statement, its parameters and settings, read from
//! the URL, the headers and the body as ClickHouse's HTTP interface has them
//! (clickhouse.com/docs/interfaces/http).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::protocol::{DATABASE, FORMAT, KEY, SETTING, USER};

/// The format of an answer when nobody asks for another.
const DEFAULT_FORMAT: &str = "TabSeparated";

/// A request without its body.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// `query=`; the body's text comes behind it.
    pub(super) query: String,
    pub(super) query_id: Option<String>,
    pub(super) database: Option<String>,
    pub(super) format: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) settings: BTreeMap<String, String>,
    /// Whether only reading is asked for: by GET, or by `readonly`.
    pub(super) is_read_only: bool,
    /// Whether the answer is to be sent when it is whole.
    pub(super) waits_for_end: bool,
    pub(super) user: String,
    pub(super) password: String,
    /// The boundary of a body that is a form of the statement and parameters
    /// too long for a URL.
    pub(super) boundary: Option<String>,
}

impl Request {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// ClickHouse's text for what it, or this process, does not take.
    pub(super) fn read(head: &Parts) -> Result<Self, String> {
        let mut request = Self {
            format: DEFAULT_FORMAT.to_owned(),
            user: "default".to_owned(),
            is_read_only: head.method == Method::GET,
            ..Self::default()
        };
        request.read_headers(&head.headers);
        let query = head.uri.query().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            request.take(&name, value.into_owned())?;
        }
        Ok(request)
    }

    /// Takes statement and parameters out of a body that is a form.
    pub(super) async fn read_form(
        &mut self,
        body: Incoming,
        boundary: String,
    ) -> Result<(), String> {
        let unread = |error: multer::Error| {
            format!(
                "Code: 210. DB::Exception: the form could not be read: {error}. (NETWORK_ERROR)"
            )
        };
        let mut form = multer::Multipart::new(body.into_data_stream(), boundary);
        while let Some(field) = form.next_field().await.map_err(unread)? {
            let name = field.name().unwrap_or_default().to_owned();
            let value = field.text().await.map_err(unread)?;
            if name == "query" {
                self.query.push_str(&value);
            } else if let Some(parameter) = name.strip_prefix("param_") {
                self.parameters.push((parameter.to_owned(), value));
            }
        }
        Ok(())
    }

    fn read_headers(&mut self, headers: &HeaderMap) {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        if let Some((user, password)) = text("authorization").as_deref().and_then(basic) {
            (self.user, self.password) = (user, password);
        }
        if let Some(user) = text(USER) {
            self.user = user;
        }
        if let Some(key) = text(KEY) {
            self.password = key;
        }
        if let Some(format) = text(FORMAT) {
            self.format = format;
        }
        self.database = text(DATABASE);
        self.boundary =
            text("content-type").and_then(|content| multer::parse_boundary(content).ok());
        for (name, value) in headers {
            if let Some(name) = name.as_str().strip_prefix(SETTING) {
                let value = percent_encoding::percent_decode(value.as_bytes());
                let value = value.decode_utf8_lossy().into_owned();
                self.settings.insert(name.to_owned(), value);
            }
        }
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "query" => self.query = value,
            "query_id" => self.query_id = Some(value).filter(|id| !id.is_empty()),
            "database" => self.database = Some(value).filter(|name| !name.is_empty()),
            "default_format" => self.format = value,
            "user" => self.user = value,
            "password" => self.password = value,
            "wait_end_of_query" => self.waits_for_end = value == "1" || value == "true",
            "readonly" => self.is_read_only |= value != "0",
            // How much of an answer is kept before it is sent: all or nothing here.
            "buffer_size" | "http_response_buffer_size" | "quota_key" => {}
            "session_id" | "compress" | "decompress" | "role" => {
                return Err(format!(
                    "Code: 48. DB::Exception: `{name}` is not supported by the embedded engine. (NOT_IMPLEMENTED)"
                ));
            }
            name => match name.strip_prefix("param_") {
                Some(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None => {
                    self.settings.insert(name.to_owned(), value);
                }
            },
        }
        Ok(())
    }
}

/// User and password of `Basic …` (RFC 7617).
fn basic(authorization: &str) -> Option<(String, String)> {
    let encoded = authorization.strip_prefix("Basic ")?;
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: http::request::Builder) -> Request {
        let (head, ()) = request.body(()).unwrap().into_parts();
        Request::read(&head).unwrap()
    }

    #[test]
    fn url_and_headers_say_what_is_asked() {
        let request = read(
            http::Request::post("/?query=SELECT+%7Bx:String%7D&param_x=a%26b&max_threads=2&readonly=2&query_id=q&database=d")
                .header("authorization", "Basic ZGVmYXVsdDpz")
                .header("x-clickhouse-format", "JSON")
                .header("x-clickhouse-setting-additional_table_filters", "%7B%27a%27:%271%27%7D"),
        );
        assert_eq!(request.query, "SELECT {x:String}");
        assert_eq!(request.parameters, [("x".to_owned(), "a&b".to_owned())]);
        assert_eq!(request.settings["max_threads"], "2");
        assert_eq!(request.settings["additional_table_filters"], "{'a':'1'}");
        assert_eq!(
            (request.user.as_str(), request.password.as_str()),
            ("default", "s")
        );
        assert_eq!(request.format, "JSON");
        assert_eq!(request.database.as_deref(), Some("d"));
        assert!(request.is_read_only && !request.waits_for_end);
    }

    #[test]
    fn a_get_only_reads_and_a_session_is_refused() {
        assert!(read(http::Request::get("/?query=SELECT+1")).is_read_only);
        assert!(!read(http::Request::post("/?query=SELECT+1&readonly=0")).is_read_only);
        let (head, ()) = http::Request::get("/?session_id=a")
            .body(())
            .unwrap()
            .into_parts();
        assert!(Request::read(&head).unwrap_err().contains("session_id"));
    }
}
