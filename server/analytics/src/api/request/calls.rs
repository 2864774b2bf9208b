//! Notes every call of an endpoint and of the Query API among the service
//! data, beside its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{StatusCode, Uri, header};
use serde_json::Value;
use service::Cause;

use crate::api::request::auth::{Called, Caller};
use crate::api::state::Api;
use crate::service_data::Call;
use datafile::Pipe;
use engine::Statistics;

/// Characters of one noted text.
const LONGEST: usize = 1_000;
/// Parameters that are noted of one call.
const MOST_PARAMETERS: usize = 50;

/// Stands behind the gate: who calls is known.
pub(crate) async fn note(
    State(api): State<Api>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let called = request.extensions().get::<Called>();
    let pipe = called.and_then(|Called(pipe)| pipe.clone());
    if pipe.is_none() && route.as_str() != "/v0/sql" {
        return next.run(request).await;
    }
    let call = begin(&api, pipe, &request);
    let started = Instant::now();
    let response = next.run(request).await;
    end(&api, call, started, response).await
}

fn begin(api: &Api, pipe: Option<Arc<Pipe>>, request: &Request) -> Call {
    let (url, parameters) = without_tokens(request.uri());
    let caller = request.extensions().get::<Caller>();
    let (token, token_name) = caller
        .map(|Caller(access)| (access.token_id.clone(), access.token_name.clone()))
        .unwrap_or_default();
    let user_agent = request.headers().get(header::USER_AGENT);
    let named = pipe.map(|pipe| (api.served().id(&pipe.name), pipe));
    let (pipe_id, pipe_name, resource_tags) = match named {
        Some((id, pipe)) => (id, pipe.name.clone(), pipe.tags.labels.clone()),
        None => ("query_api".to_owned(), "query_api".to_owned(), Vec::new()),
    };
    Call {
        start_datetime: api.clock().now().unix_timestamp(),
        pipe_id,
        pipe_name,
        resource_tags,
        token: token.unwrap_or_default(),
        token_name: shortened(&token_name),
        url,
        parameters,
        request_id: service::current_request_id().unwrap_or_default(),
        method: request.method().to_string(),
        user_agent: user_agent.map(|agent| shortened(&String::from_utf8_lossy(agent.as_bytes()))),
        ..Call::default()
    }
}

async fn end(api: &Api, mut call: Call, started: Instant, response: Response) -> Response {
    let (parts, mut body) = response.into_parts();
    call.duration = started.elapsed().as_secs_f64();
    call.status_code = parts.status.as_u16();
    if let Some(statistics) = parts.extensions.get::<Statistics>() {
        call.read_rows = statistics.rows_read;
        call.read_bytes = statistics.bytes_read;
    }
    if parts.status >= StatusCode::BAD_REQUEST {
        // Errors are whole and at hand: reading one takes no time.
        let text = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let told: Value = serde_json::from_slice(&text).unwrap_or_default();
        let message = match &told["error"] {
            Value::String(message) => message.clone(),
            other => other.to_string(),
        };
        // What a person's token is not told is noted for administrators.
        let cause = parts.extensions.get::<Cause>();
        let message = match cause {
            Some(Cause(cause)) => format!("{message}: {cause}"),
            None => message,
        };
        call.error = 1;
        call.error_message = Some(shortened(&message));
        body = Body::from(text);
    }
    api.service_data().call(call);
    Response::from_parts(parts, body)
}

/// A request's address and its parameters, with whatever is or looks like a
/// token taken out.
fn without_tokens(uri: &Uri) -> (String, BTreeMap<String, String>) {
    let query = uri.query().unwrap_or_default();
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let pairs: Vec<(String, String)> = pairs
        .into_iter()
        .filter(|(name, _)| name != "token")
        .take(MOST_PARAMETERS)
        .map(|(name, value)| (shortened(&name), shortened(&value)))
        .collect();
    let mut url = uri.path().to_owned();
    if let Ok(query) = serde_urlencoded::to_string(&pairs)
        && !query.is_empty()
    {
        url = format!("{url}?{query}");
    }
    (url, pairs.into_iter().collect())
}

/// The beginning of a text, or a mark in the place of one that holds a token:
/// static tokens and JWTs carry JSON in base64.
fn shortened(text: &str) -> String {
    if text.contains("eyJ") {
        return "(hidden)".to_owned();
    }
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_noted_wherever_it_stands() {
        let uri: Uri = "/v0/pipes/p.json?token=p.eyJ1.x&a=1&b=x%20y&c=Bearer+eyJhbGci.eyJ4.z"
            .parse()
            .unwrap();
        let (url, parameters) = without_tokens(&uri);
        assert_eq!(url, "/v0/pipes/p.json?a=1&b=x+y&c=%28hidden%29");
        let names: Vec<_> = parameters.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(parameters["c"], "(hidden)");
    }
}
