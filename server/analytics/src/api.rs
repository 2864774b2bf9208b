//! The HTTP surface: Tinybird's API.
//!
//! One file per resource, each with its `router()`. A request passes the gate
//! in `auth` (token, rate) and comes to its route as a [`auth::Caller`]; the
//! route asks the caller's access what it may do, and the other modules to do
//! it. No decision about data is made here.

mod answers;
mod error;
mod request;
mod resources;
mod rows;
mod state;
mod work;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use service::{ApiError, Readiness};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

pub(crate) use resources::variables::Variables;
pub(crate) use rows::fetch::Fetcher;
pub(crate) use rows::files::ImportFiles;
pub use state::DATABASE;
pub(crate) use state::{Api, Parts, Served};
pub(crate) use work::jobs::Jobs;

/// ClickHouse's code of a failed query.
pub(crate) const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-db-exception-code");
/// What a query took, as JSON.
pub(crate) const STATISTICS: HeaderName = HeaderName::from_static("x-tb-statistics");

/// All routes, with their health routes, log and errors. Fails when a
/// configured origin is none.
pub(crate) fn router(api: Api, readiness: Readiness) -> Result<Router, String> {
    let cors = request::cors::layer(&api.settings().cors_origins)?;
    let limits = &api.settings().limits;
    let gated = Router::new()
        .merge(rows::analyze::router(limits.file_bytes))
        .merge(rows::append::router(limits.file_bytes))
        .merge(rows::events::router(limits.event_bytes))
        .merge(rows::fixtures::router())
        .merge(work::copies::router())
        .merge(resources::data_sources::router())
        .merge(resources::deployments::router())
        .merge(answers::explain::router())
        .merge(resources::inventory::router())
        .merge(work::jobs::router())
        .merge(answers::openapi::router())
        .merge(resources::pipes::router())
        .merge(work::populations::router())
        .merge(resources::revocations::router())
        .merge(answers::sql::router())
        .merge(resources::tokens::router())
        .merge(resources::variables::router())
        .merge(resources::workspace::router())
        .route_layer(axum::middleware::from_fn_with_state(
            api.clone(),
            request::calls::note,
        ))
        .route_layer(axum::middleware::from_fn_with_state(
            api.clone(),
            request::auth::gate,
        ));
    let routes = gated
        .layer(DefaultBodyLimit::max(request::body::MOST_BYTES))
        .merge(resources::workspace::open_router())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::middleware::map_response(request::auth::show_rate))
        .with_state(api)
        .merge(service::health_routes(readiness));
    // Outermost, so that pages can read the body of a refusal too.
    Ok(service::observe(routes, "analytics").layer(cors))
}

/// The routes while there is no engine: nothing is answered but health, and
/// pages can read that.
pub(crate) fn starting_router(
    cors_origins: &[String],
    readiness: Readiness,
) -> Result<Router, String> {
    let cors = request::cors::layer(cors_origins)?;
    let routes = Router::new()
        .fallback(|| async {
            ApiError::unavailable(Starting)
                .with_header(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
        })
        .merge(service::health_routes(readiness));
    Ok(service::observe(routes, "analytics").layer(cors))
}

/// When to ask again.
const RETRY_SECONDS: u16 = 5;

#[derive(Debug, thiserror::Error)]
#[error("the engine has not started")]
struct Starting;

/// The text of a project's datafile, as it lies on disk.
async fn read_datafile(api: &Api, file: &str) -> Result<PlainText, ApiError> {
    let path = api.workspace().directory().join(file);
    let text = tokio::fs::read_to_string(path).await;
    text.map(PlainText).map_err(|error| {
        let gone = ApiError::not_found("datafile_not_found", format!("the file {file} is gone"));
        gone.with_cause(error)
    })
}

async fn not_found() -> ApiError {
    no_such_route()
}

fn no_such_route() -> ApiError {
    ApiError::not_found("route_not_found", "there is no such route")
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let message = format!("{method} is not allowed for {}", uri.path());
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
    .into_response()
}

/// Text whose media type is exactly `text/plain`: clients compare the whole
/// header before they read it as text.
struct PlainText(String);

impl IntoResponse for PlainText {
    fn into_response(self) -> Response {
        let plain = HeaderValue::from_static("text/plain");
        ([(header::CONTENT_TYPE, plain)], self.0).into_response()
    }
}

/// The time in unix seconds.
fn unix_now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// A time as clients expect it: they cut the last seven characters off.
fn timestamp(time: OffsetDateTime) -> String {
    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6]");
    time.format(FORMAT).unwrap_or_default()
}
