//! What a request gives beside its path: the query string, a form or a JSON
//! object, all the same to the routes that read it.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, Uri, header};
use serde_json::Value;
use service::ApiError;

use crate::api::request::body::{MOST_BYTES, body};

/// One given value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// Given once; numbers and booleans of JSON as their text.
    Text(String),
    /// Given several times, or a JSON list of scalars.
    List(Vec<String>),
    /// Any other JSON.
    Json(Value),
}

/// Everything given, by name. The body beats the query string.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Input(BTreeMap<String, Given>);

impl Input {
    /// The names and values of a query string, empty if it cannot be read.
    pub(crate) fn from_uri(uri: &Uri) -> Result<Self, ApiError> {
        let mut input = Self::default();
        input.read_pairs(uri.query().unwrap_or_default().as_bytes())?;
        Ok(input)
    }

    /// What was given under `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Given> {
        self.0.get(name)
    }

    /// The text given under `name`; the last one, if several were.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Given::Text(text) => Some(text),
            Given::List(texts) => texts.last().map(String::as_str),
            Given::Json(_) => None,
        }
    }

    /// All texts given under `name`.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Given::Text(text)) => vec![text],
            Some(Given::List(texts)) => texts.iter().map(String::as_str).collect(),
            Some(Given::Json(_)) | None => Vec::new(),
        }
    }

    /// Whether an option is switched on: `1` or `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"))
    }

    /// The text under `name`, or a 400 that asks for it.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| {
                ApiError::bad_request(
                    "missing_parameter",
                    format!("the parameter `{name}` is missing"),
                )
            })
    }

    /// All names and values.
    pub(crate) fn into_values(self) -> impl Iterator<Item = (String, Given)> {
        self.0.into_iter()
    }

    /// Reads `a=1&b=2`; a name that comes several times becomes a list.
    pub(crate) fn read_pairs(&mut self, text: &[u8]) -> Result<(), ApiError> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(text).map_err(|_| {
            ApiError::bad_request(
                "invalid_parameters",
                "the parameters are not URL-encoded UTF-8",
            )
        })?;
        let mut read: BTreeMap<String, Given> = BTreeMap::new();
        for (name, value) in pairs {
            match read.get_mut(&name) {
                None => {
                    read.insert(name, Given::Text(value));
                }
                Some(Given::List(values)) => values.push(value),
                Some(given) => {
                    if let Given::Text(first) = std::mem::replace(given, Given::List(Vec::new())) {
                        *given = Given::List(vec![first, value]);
                    }
                }
            }
        }
        self.0.append(&mut read);
        Ok(())
    }

    /// Reads the members of a JSON object; null takes a name back.
    pub(crate) fn read_json(&mut self, body: &[u8]) -> Result<(), ApiError> {
        let object: serde_json::Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| {
                let message = format!("the body is not a JSON object: {error}");
                ApiError::bad_request("invalid_json", message)
            })?;
        for (name, value) in object {
            match given(value) {
                Some(given) => self.0.insert(name, given),
                None => self.0.remove(&name),
            };
        }
        Ok(())
    }
}

/// Which members of a description a listing asks for: all, unless it names
/// some.
#[derive(Debug)]
pub(crate) struct Members(Option<Vec<String>>);

impl Members {
    /// Those that a parameter names, with commas between them.
    pub(crate) fn of(input: &Input, parameter: &str) -> Self {
        let named = input.text(parameter).filter(|names| !names.is_empty());
        Self(named.map(|names| {
            names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect()
        }))
    }

    /// Takes all others away.
    pub(crate) fn keep(&self, description: &mut Value) {
        if let (Some(names), Some(members)) = (&self.0, description.as_object_mut()) {
            members.retain(|name, _| names.contains(name));
        }
    }
}

/// A JSON value as it would come in a query string, where it can.
pub(crate) fn given(value: Value) -> Option<Given> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(scalar_text).collect();
            Some(texts.map_or(Given::Json(Value::Array(items)), Given::List))
        }
        object @ Value::Object(_) => Some(Given::Json(object)),
        scalar => scalar_text(&scalar).map(Given::Text),
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The media type of a body, without parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

impl<S: Send + Sync> FromRequest<S> for Input {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let mut input = Self::from_uri(request.uri())?;
        let media_type = media_type(request.headers());
        let body = body(request, MOST_BYTES).await?;
        // Clients leave the type out or send curl's default with JSON; a form
        // cannot begin with a brace, JSON has to.
        let is_json = media_type.as_deref() == Some("application/json")
            || body.trim_ascii_start().first() == Some(&b'{');
        if body.trim_ascii().is_empty() {
            return Ok(input);
        }
        if is_json {
            input.read_json(&body)?
        } else {
            input.read_pairs(&body)?
        }
        Ok(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde_json::json;

    async fn input(uri: &str, media_type: &str, body: &str) -> Result<Input, ApiError> {
        let request = Request::post(uri)
            .header(header::CONTENT_TYPE, media_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        Input::from_request(request, &()).await
    }

    #[tokio::test]
    async fn query_form_and_json_are_the_same() {
        let expected = Given::Text("it's 5 %".into());
        for (uri, media_type, body) in [
            ("/?a=it%27s+5%20%25", "", ""),
            ("/", "application/x-www-form-urlencoded", "a=it's+5+%25"),
            ("/", "application/json", r#"{"a":"it's 5 %"}"#),
            (
                "/",
                "application/x-www-form-urlencoded",
                r#" {"a":"it's 5 %"}"#,
            ),
        ] {
            let input = input(uri, media_type, body).await.unwrap();
            assert_eq!(input.get("a"), Some(&expected), "{uri} {body}");
        }
    }

    #[tokio::test]
    async fn repeated_names_and_json_lists_are_lists() {
        let list = Given::List(vec!["1".into(), "2".into(), "3".into()]);
        assert_eq!(
            input("/?a=1&b=0&a=2&a=3", "", "").await.unwrap().get("a"),
            Some(&list)
        );
        let json = r#"{"a":[1,"2",3]}"#;
        assert_eq!(
            input("/", "application/json", json).await.unwrap().get("a"),
            Some(&list)
        );
    }

    #[tokio::test]
    async fn json_keeps_what_a_query_string_could_not_say() {
        let body = r#"{"o":{"x":1},"n":null,"d":1.50,"t":true,"l":[[1]],"q":null}"#;
        let input = input("/?q=1", "application/json", body).await.unwrap();
        assert_eq!(input.get("o"), Some(&Given::Json(json!({"x": 1}))));
        assert_eq!(input.get("l"), Some(&Given::Json(json!([[1]]))));
        assert_eq!(input.get("n"), None);
        assert_eq!(
            input.get("q"),
            None,
            "null takes back what the query string said"
        );
        assert_eq!(input.text("t"), Some("true"));
        assert_eq!(input.text("d"), Some("1.5"));
    }

    #[tokio::test]
    async fn the_body_beats_the_query_string() {
        let input = input("/?a=1&b=1", "application/json", r#"{"a":2}"#)
            .await
            .unwrap();
        assert_eq!((input.text("a"), input.text("b")), (Some("2"), Some("1")));
    }

    #[tokio::test]
    async fn bodies_that_cannot_be_read_say_so() {
        let error = input("/", "application/json", "[1]").await.unwrap_err();
        assert_eq!(error.code(), "invalid_json");
        let error = input("/", "application/json", "{").await.unwrap_err();
        assert_eq!(error.code(), "invalid_json");
    }
}
