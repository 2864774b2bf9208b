//! Where a request has its SQL: the query string, a form, JSON, or the body
//! itself.

use axum::extract::{FromRequest, Request};
use serde_json::Value;
use service::ApiError;

use crate::api::answers::endpoint::parameters;
use crate::api::request::body::{MOST_BYTES, body};
use crate::api::request::input::{Given, Input, media_type};
use crate::query::{Parameter, Parameters};

/// A request of the Query API.
#[derive(Debug)]
pub(super) struct SqlRequest {
    /// The SQL; empty when there is none.
    pub(super) q: String,
    /// Whether the plan is asked for in place of the rows.
    pub(super) explain: bool,
    /// The pipe whose nodes the SQL may name.
    pub(super) pipeline: Option<String>,
    /// Parameters of the SQL, if it is a template, and of the pipes it reads.
    pub(super) parameters: Parameters,
}

impl<S: Send + Sync> FromRequest<S> for SqlRequest {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let mut input = Input::from_uri(request.uri())?;
        let media_type = media_type(request.headers());
        let body = body(request, MOST_BYTES).await?;
        let is_json = media_type.as_deref() == Some("application/json")
            || body.trim_ascii_start().first() == Some(&b'{');
        let mut sql = None;
        if is_json && !body.trim_ascii().is_empty() {
            input.read_json(&body)?;
        } else if is_form(&body) {
            input.read_pairs(&body)?;
        } else if !body.trim_ascii().is_empty() {
            let text = String::from_utf8(body.to_vec()).map_err(|_| {
                ApiError::bad_request("invalid_body", "the SQL in the body is not UTF-8")
            })?;
            sql = Some(text);
        }
        let sql = sql
            .or_else(|| input.text("q").map(str::to_owned))
            .unwrap_or_default();
        Ok(Self::new(sql, input))
    }
}

impl SqlRequest {
    /// The SQL, which must be there.
    pub(super) fn text(&self) -> Result<&str, ApiError> {
        let text = self.q.trim();
        if text.is_empty() {
            let message = "The request body should contain a query";
            return Err(ApiError::bad_request("query_missing", message));
        }
        Ok(text)
    }

    fn new(q: String, input: Input) -> Self {
        let pipeline = input.text("pipeline").map(str::to_owned);
        let explain = input.flag("explain");
        let template_parameters = match input.get("template_parameters") {
            Some(Given::Json(Value::Object(object))) => object.clone(),
            Some(Given::Text(text)) => serde_json::from_str(text).unwrap_or_default(),
            _ => serde_json::Map::new(),
        };
        let mut parameters = parameters(input);
        for name in ["q", "token", "pipeline", "template_parameters"] {
            parameters.remove(name);
        }
        let given = template_parameters
            .into_iter()
            .map(|(name, json)| (name, Parameter::from(json)));
        parameters.lay_over(given.collect());
        Self {
            q,
            explain,
            pipeline,
            parameters,
        }
    }
}

/// Whether a body is a form with a field `q`. curl sends raw SQL under a form's
/// media type, so the text itself has to tell: a form begins with a name.
fn is_form(body: &[u8]) -> bool {
    let name = body
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    if name == 0 || body.get(name) != Some(&b'=') {
        return false;
    }
    body.starts_with(b"q=") || body.windows(3).any(|window| window == b"&q=")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::header;

    async fn read(uri: &str, media_type: &str, body: &str) -> SqlRequest {
        let request = Request::post(uri)
            .header(header::CONTENT_TYPE, media_type)
            .body(Body::from(body.to_owned()))
            .unwrap();
        SqlRequest::from_request(request, &()).await.unwrap()
    }

    #[tokio::test]
    async fn the_sql_is_found_wherever_clients_put_it() {
        let form = "application/x-www-form-urlencoded";
        for (uri, media_type, body) in [
            ("/v0/sql?q=SELECT+1%2B1", "", ""),
            ("/v0/sql", form, "SELECT 1+1"),
            ("/v0/sql", form, "q=SELECT+1%2B1"),
            ("/v0/sql", form, "pipeline=p&q=SELECT+1%2B1"),
            ("/v0/sql", "text/plain", "SELECT 1+1"),
            ("/v0/sql", "application/json", r#"{"q":"SELECT 1+1"}"#),
            ("/v0/sql", "", r#" {"q":"SELECT 1+1"}"#),
        ] {
            assert_eq!(
                read(uri, media_type, body).await.q,
                "SELECT 1+1",
                "{uri} {body}"
            );
        }
    }

    #[tokio::test]
    async fn sql_with_equals_signs_is_no_form() {
        for sql in [
            "SELECT 1 WHERE a=1 AND '&q=' = b",
            "SELECT a FROM t WHERE q=1",
        ] {
            let request = read("/v0/sql", "application/x-www-form-urlencoded", sql).await;
            assert_eq!(request.q, sql);
        }
    }

    #[tokio::test]
    async fn the_rest_are_parameters() {
        let uri = "/v0/sql?pipeline=p&a=1&token=t&template_parameters=%7B%22b%22%3A2%7D";
        let request = read(uri, "", "SELECT 1").await;
        assert_eq!(request.pipeline.as_deref(), Some("p"));
        let names: Vec<&str> = request.parameters.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
