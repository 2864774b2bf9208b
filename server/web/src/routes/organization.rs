//! `POST /organization`: acting for another one of one's organizations.

use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use service::ApiError;

use crate::checks::Standing;
use crate::problem::{Next, Problem, Reader};
use crate::return_to::ReturnTo;
use crate::site::{Shared, see_other};
use crate::visitor::{Carries, Visitor};

#[derive(Deserialize)]
pub(crate) struct Choice {
    organization: String,
    return_to: Option<String>,
}

/// Makes one of the person's organizations the active one.
pub(crate) async fn switch(
    State(site): State<Shared>,
    Extension(visitor): Extension<Visitor>,
    reader: Reader,
    choice: Result<Form<Choice>, FormRejection>,
) -> Result<Response, ApiError> {
    let Ok(Form(choice)) = choice else {
        return Ok(reader.tell(&NO_ORGANIZATION_NAMED));
    };
    let return_to = ReturnTo::new(choice.return_to.as_deref());
    let Some(open) = visitor.signed_in else {
        return Ok(reader.tell(&signed_out(return_to)));
    };
    let standing = site
        .standing(open, Some(&choice.organization))
        .await
        .map_err(ApiError::unavailable)?;
    let open = match standing {
        // Without an answer no token is made, wherever the person goes.
        Standing::Good(open) | Standing::Unconfirmed(open) => open,
        Standing::Ended => return Ok(reader.tell(&signed_out(return_to))),
    };
    if open.account.membership(&choice.organization).is_none() {
        let mut refused = reader.tell(&NOT_A_MEMBER);
        // No token is part of a refusal to act for somebody else.
        refused.extensions_mut().insert(Carries(None));
        return Ok(refused);
    }
    let mut account = (*open.account).clone();
    site.sessions
        .activate(open.handle, &mut account, &choice.organization)
        .await
        .map_err(ApiError::unavailable)?;
    let grant = match visitor.unconfirmed {
        true => None,
        false => site
            .grants
            .of(open.handle, &account, account.active_membership())
            .ok(),
    };
    let mut response = see_other(return_to.as_str());
    response.extensions_mut().insert(Carries(grant));
    Ok(response)
}

/// Not a redirect to the sign-in: browsers hold the redirects after a form to
/// the page's policy, and signing in leaves the site.
fn signed_out(return_to: ReturnTo) -> Problem {
    Problem {
        status: StatusCode::UNAUTHORIZED,
        code: "signed_out",
        title: "Your session has ended",
        text: "Sign in again to go on where you were.",
        next: Next::SignIn(return_to),
    }
}

const NO_ORGANIZATION_NAMED: Problem = Problem {
    status: StatusCode::BAD_REQUEST,
    code: "invalid_form",
    title: "No organization was named",
    text: "The form has to name one of your organizations in the field `organization`. Nothing was changed.",
    next: Next::Home,
};

const NOT_A_MEMBER: Problem = Problem {
    status: StatusCode::FORBIDDEN,
    code: "not_a_member",
    title: "You do not belong to this organization",
    text: "Your account is not a member of the organization you chose.",
    next: Next::Home,
};
