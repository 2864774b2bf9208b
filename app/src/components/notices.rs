//! What the person should know about the session of this page, above
//! everything else.

use leptos::prelude::*;

use crate::{
    dynamic,
    markup::Markup,
    session::use_session,
    token::{Elsewhere, Refusal, use_analytics_token},
};

/// A notice and what the link in it says; the link loads the page anew.
type Notice = (String, Option<&'static str>);

/// The line above the page; empty while all is well.
#[component]
pub fn Notices() -> impl IntoView {
    let session = use_session();
    let token = use_analytics_token();
    let name_of = move |slug: &str| {
        session.viewer.with(|viewer| {
            let organizations = &viewer.as_ref()?.organizations;
            let known = organizations
                .iter()
                .find(|organization| organization.slug == slug);
            known.map(|organization| organization.name.clone())
        })
    };
    let notice = dynamic::block(move || {
        let notice =
            elsewhere(session.elsewhere.get(), name_of).or_else(|| trouble(token.problem()?));
        notice.map(draw).unwrap_or_default()
    });
    view! {
        <div role="status" class="notices">
            {notice}
        </div>
    }
}

fn draw((text, action): Notice) -> Markup {
    // `external`: the page is to come from the server.
    let link = action.map(|action| {
        let link = [("rel", "external"), ("href", "")];
        Markup::text(" ") + Markup::element_of_text("a", &link, action)
    });
    Markup::element(
        "p",
        &[("class", "notice")],
        Markup::text(&text) + link.unwrap_or_default(),
    )
}

fn elsewhere(news: Option<Elsewhere>, name_of: impl Fn(&str) -> Option<String>) -> Option<Notice> {
    Some(match news? {
        Elsewhere::SignedOut => ("You signed out in another tab.".to_owned(), None),
        Elsewhere::OtherPerson => (
            "Somebody signed in in another tab.".to_owned(),
            Some("Load their page"),
        ),
        Elsewhere::OtherOrganization(slug) => {
            let name = name_of(&slug).unwrap_or(slug);
            (
                format!("Another tab switched to {name}; this one stays as it was."),
                Some("Switch here too"),
            )
        }
    })
}

fn trouble(problem: Refusal) -> Option<Notice> {
    Some(match problem {
        Refusal::SignedOut => (
            "Your session has ended. Please sign in again.".to_owned(),
            None,
        ),
        Refusal::NotAMember => (
            "You no longer belong to this organization.".to_owned(),
            Some("Load the page again"),
        ),
        Refusal::Unconfirmed => (
            "The sign-in provider does not answer, so your access to the data cannot be \
             confirmed; trying again."
                .to_owned(),
            None,
        ),
        Refusal::Offline => (
            "You are offline. What is shown stays; the rest follows when you are back.".to_owned(),
            None,
        ),
        Refusal::Failed => (
            "The access to your data could not be renewed yet; trying again.".to_owned(),
            None,
        ),
    })
}
