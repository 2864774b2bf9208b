//! Who is signed in where. For a person: `GET /sessions` with its forms, and
//! `/api/sessions` for programs. For an administrator: `/api/admin/v1/sessions`.

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query, Request, State};
use axum::middleware::Next as Inner;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use service::ApiError;
use tower_sessions::Session;
use tower_sessions::session::Error as SessionError;

use crate::control::{SessionSummary, whose};
use crate::problem::{Next, Problem, Reader};
use crate::return_to::ReturnTo;
use crate::session::{Open, Whose};
use crate::site::{Shared, Site, see_other};
use crate::visitor::{Carries, Visitor};

/// The page.
pub(crate) const PAGE: &str = "/sessions";

/// The person's sessions as a page.
pub(crate) async fn page(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    reader: Reader,
) -> Result<Response, ApiError> {
    let Some(open) = visitor.signed_in else {
        return Ok(reader.tell(&signed_out()));
    };
    let sessions = site.own(&open).await.map_err(ApiError::unavailable)?;
    let current = open.handle.to_string();
    Ok(reader.sessions(&sessions, &current))
}

#[derive(Deserialize)]
pub(crate) struct Named {
    session: String,
}

/// Ends one of the person's sessions; their present one as signing out does.
pub(crate) async fn end_by_form(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
    reader: Reader,
    form: Result<Form<Named>, FormRejection>,
) -> Result<Response, ApiError> {
    let Some(open) = visitor.signed_in else {
        return Ok(reader.tell(&signed_out()));
    };
    let Ok(Form(named)) = form else {
        return Ok(reader.tell(&NO_SESSION_NAMED));
    };
    let ended = site
        .end_own(&session, &open, &named.session)
        .await
        .map_err(ApiError::unavailable)?;
    match ended {
        None => Ok(reader.tell(&NO_SUCH_SESSION)),
        Some(here) => Ok(after(here, PAGE)),
    }
}

/// Ends all of the person's sessions, the present one too.
pub(crate) async fn end_all_by_form(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
    reader: Reader,
) -> Result<Response, ApiError> {
    let Some(open) = visitor.signed_in else {
        return Ok(reader.tell(&signed_out()));
    };
    site.end_all_own(&session, &open)
        .await
        .map_err(ApiError::unavailable)?;
    Ok(after(Here::Ended, PAGE))
}

/// The person's sessions for programs.
pub(crate) async fn list(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, ApiError> {
    let open = visitor.signed_in.ok_or_else(nobody)?;
    let sessions = site.own(&open).await.map_err(ApiError::unavailable)?;
    let current = open.handle.to_string();
    Ok(Json(json!({"sessions": sessions, "current": current})).into_response())
}

/// Ends one of the person's sessions.
pub(crate) async fn end(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let open = visitor.signed_in.ok_or_else(nobody)?;
    let ended = site
        .end_own(&session, &open, &id)
        .await
        .map_err(ApiError::unavailable)?;
    let here = ended.ok_or_else(no_such_session)?;
    Ok(told(here, 1))
}

/// Ends all of the person's sessions.
pub(crate) async fn end_all(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    session: Session,
) -> Result<Response, ApiError> {
    let open = visitor.signed_in.ok_or_else(nobody)?;
    let count = site
        .end_all_own(&session, &open)
        .await
        .map_err(ApiError::unavailable)?;
    Ok(told(Here::Ended, count))
}

/// Whether the session of the request is among those that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    Ended,
    Stays,
}

fn after(here: Here, page: &str) -> Response {
    match here {
        Here::Stays => see_other(page),
        Here::Ended => {
            let mut response = see_other("/");
            response.extensions_mut().insert(Carries(None));
            response
        }
    }
}

fn told(here: Here, count: usize) -> Response {
    let mut response = Json(json!({ "ended": count })).into_response();
    if here == Here::Ended {
        response.extensions_mut().insert(Carries(None));
    }
    response
}

impl Site {
    async fn own(&self, open: &Open) -> Result<Vec<SessionSummary>, SessionError> {
        self.ending.list(person(open)).await
    }

    /// Ends the session called `id`, if it is the person's.
    async fn end_own(
        &self,
        session: &Session,
        open: &Open,
        id: &str,
    ) -> Result<Option<Here>, SessionError> {
        let own = self.own(open).await?;
        if !own.iter().any(|each| each.id == id) {
            return Ok(None);
        }
        self.ending.end_named(id).await?;
        if open.handle.to_string() != id {
            return Ok(Some(Here::Stays));
        }
        session.flush().await?;
        Ok(Some(Here::Ended))
    }

    async fn end_all_own(&self, session: &Session, open: &Open) -> Result<usize, SessionError> {
        let count = self.end_all(person(open)).await?;
        session.flush().await?;
        Ok(count)
    }
}

fn person(open: &Open) -> Whose<'_> {
    Whose::Person {
        issuer: &open.account.issuer,
        subject: &open.account.profile.subject,
    }
}

/// Whose sessions an administrator means.
#[derive(Deserialize)]
pub(crate) struct Asked {
    user: Option<String>,
}

/// Lets through who shows the token of the administrators.
pub(crate) async fn administrators_only(
    State(site): State<Shared>,
    request: Request,
    next: Inner,
) -> Response {
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let allowed = match (&site.admin_token, shown) {
        (None, _) => Err(ApiError::not_found(
            "admin_api_off",
            "the administrators' API is switched off: set web.admin_token",
        )),
        (Some(token), Some(shown)) if same(token.reveal().as_bytes(), shown) => Ok(()),
        _ => Err(ApiError::unauthorized(
            "wrong_admin_token",
            "send the token of web.admin_token as `Authorization: Bearer`",
        )),
    };
    let mut response = match allowed {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// All sessions, or those of a user.
pub(crate) async fn list_for_administrators(
    State(site): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(asked) = asked.map_err(|_| one_user())?;
    let sessions = site
        .ending
        .list(whose(asked.user.as_deref()))
        .await
        .map_err(ApiError::unavailable)?;
    Ok(Json(json!({ "sessions": sessions })).into_response())
}

/// Ends the sessions of a user.
pub(crate) async fn end_of_user(
    State(site): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let user = asked.ok().and_then(|Query(asked)| asked.user);
    let user = user.ok_or_else(one_user)?;
    let count = site
        .end_all(Whose::Subject(&user))
        .await
        .map_err(ApiError::unavailable)?;
    Ok(Json(json!({ "ended": count })).into_response())
}

/// Ends one session.
pub(crate) async fn end_by_administrator(
    State(site): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let ended = site
        .ending
        .end_named(&id)
        .await
        .map_err(ApiError::unavailable)?;
    if ended {
        Ok(Json(json!({ "ended": 1 })).into_response())
    } else {
        Err(no_such_session())
    }
}

fn one_user() -> ApiError {
    ApiError::bad_request("invalid_query", "name one user: ?user=<subject identifier>")
}

fn nobody() -> ApiError {
    ApiError::unauthorized("signed_out", "nobody is signed in: sign in at /sign-in")
}

fn no_such_session() -> ApiError {
    ApiError::not_found(
        "session_not_found",
        "there is no such session; it may have ended",
    )
}

fn signed_out() -> Problem {
    Problem {
        status: StatusCode::UNAUTHORIZED,
        code: "signed_out",
        title: "You are not signed in",
        text: "Sign in to see where you are signed in.",
        next: Next::SignIn(ReturnTo::new(Some(PAGE))),
    }
}

const NO_SESSION_NAMED: Problem = Problem {
    status: StatusCode::BAD_REQUEST,
    code: "invalid_form",
    title: "No session was named",
    text: "The form did not say which session is to end. Go back and choose one.",
    next: Next::Home,
};

const NO_SUCH_SESSION: Problem = Problem {
    status: StatusCode::NOT_FOUND,
    code: "session_not_found",
    title: "This session has ended already",
    text: "There is no such session of yours any more.",
    next: Next::Home,
};
