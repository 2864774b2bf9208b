//! The gate in front of every route that needs a token: who calls, and is it
//! too often? Whether the caller may do what it asks is the route's question.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use service::ApiError;

use crate::access::{Access, AccessError};
use crate::api::request::input::Input;
use crate::api::resources::pipes;
use crate::api::state::Api;
use crate::api::unix_now;
use crate::limit::{Allowance, Exceeded, Layer, Rule};
use datafile::Pipe;

/// The headers that tell a client how its limit stands.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// Requests left at this moment.
pub(crate) const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Seconds until the limit is untouched again.
pub(crate) const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The authenticated caller of a route behind [`gate`].
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Arc<Access>);

/// The endpoint that a request behind [`gate`] calls, if it calls one.
#[derive(Clone, Debug)]
pub(crate) struct Called(pub(crate) Option<Arc<Pipe>>);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::internal("a route that needs a caller stands outside the gate")
        })
    }
}

/// What the rate headers say where nothing limits: the largest number that
/// every client reads, and nothing to wait for.
const UNLIMITED: Allowance = Allowance {
    limit: i32::MAX as u32,
    remaining: i32::MAX as u32,
    reset_seconds: 0,
};

/// Lets a request through when its token is good and its limits allow it, and
/// adds the rate headers to whatever it is answered with.
pub(crate) async fn gate(
    State(api): State<Api>,
    route: MatchedPath,
    parameters: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let token = token_of(request.headers(), request.uri());
    let access = match caller(&api, token).await {
        Ok(access) => access,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let parameter = parameters.iter().next().map(|(_, value)| value);
    let endpoint = pipes::called_endpoint(&api.served(), route.as_str(), parameter);
    let allowance = match count(&api, &access, endpoint.as_deref()) {
        Ok(allowance) => allowance,
        Err(exceeded) => return too_many(&exceeded),
    };
    request.extensions_mut().insert(Caller(access));
    request.extensions_mut().insert(Called(endpoint));
    let mut response = next.run(request).await;
    if let Some(allowance) = allowance {
        add_headers(response.headers_mut(), allowance);
    }
    response
}

/// Adds the rate headers to answers that no limit has put its own on.
pub(crate) async fn show_rate(mut response: Response) -> Response {
    if !response.headers().contains_key(RATE_LIMIT) {
        add_headers(response.headers_mut(), UNLIMITED);
    }
    response
}

async fn caller(api: &Api, token: Option<String>) -> Result<Arc<Access>, AccessError> {
    let token = token.ok_or(AccessError::Missing)?;
    api.authority().authenticate(&token, unix_now()).await
}

/// The token of a request: the header, or else the query parameter.
fn token_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    });
    bearer
        .or_else(|| Input::from_uri(uri).ok()?.text("token").map(str::to_owned))
        .filter(|token| !token.is_empty())
}

/// Counts the request: by the token's name first, so that one caller's refused
/// requests use up nobody else's.
fn count(
    api: &Api,
    access: &Access,
    endpoint: Option<&Pipe>,
) -> Result<Option<Allowance>, Exceeded> {
    let limits = &api.settings().limits;
    let mut rules = vec![Rule {
        layer: Layer::Token,
        name: &access.token_name,
        rps: access.rps,
    }];
    if let Some(pipe) = endpoint {
        let default = limits.endpoint_rps.map_or(0, i64::from);
        let rps = pipes::tagged_rps(pipe).unwrap_or(default);
        rules.push(Rule {
            layer: Layer::Endpoint,
            name: &pipe.name,
            rps,
        });
    }
    let rps = limits.workspace_rps.map_or(0, i64::from);
    rules.push(Rule {
        layer: Layer::Workspace,
        name: "",
        rps,
    });
    api.limiter().check(&rules)
}

fn too_many(exceeded: &Exceeded) -> Response {
    let message = format!(
        "{exceeded}; try again in {} s",
        exceeded.retry_after_seconds
    );
    let error = ApiError::new(http::StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        .with_header(
            header::RETRY_AFTER,
            HeaderValue::from(exceeded.retry_after_seconds),
        );
    let mut response = error.into_response();
    add_headers(response.headers_mut(), exceeded.allowance);
    response
}

fn add_headers(headers: &mut HeaderMap, allowance: Allowance) {
    headers.insert(RATE_LIMIT, HeaderValue::from(allowance.limit));
    headers.insert(RATE_REMAINING, HeaderValue::from(allowance.remaining));
    headers.insert(RATE_RESET, HeaderValue::from(allowance.reset_seconds));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(authorization: &str, uri: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            headers.insert(
                header::AUTHORIZATION,
                HeaderValue::from_str(authorization).unwrap(),
            );
        }
        token_of(&headers, &uri.parse().unwrap())
    }

    #[test]
    fn the_token_comes_from_the_header_or_the_query_string() {
        assert_eq!(token("Bearer abc", "/").as_deref(), Some("abc"));
        assert_eq!(token("bearer  abc ", "/").as_deref(), Some("abc"));
        assert_eq!(token("", "/?x=1&token=abc").as_deref(), Some("abc"));
        assert_eq!(token("Bearer abc", "/?token=def").as_deref(), Some("abc"));
    }

    #[test]
    fn other_schemes_and_empty_values_are_no_token() {
        assert_eq!(token("Basic YWJj", "/"), None);
        assert_eq!(token("Bearer", "/"), None);
        assert_eq!(token("Bearer ", "/"), None);
        assert_eq!(token("", "/?token="), None);
    }
}
