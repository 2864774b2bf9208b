//! What pages show to those who have nothing to see there yet.

use leptos::prelude::*;

use crate::{
    components::{sign_in_link, sign_out_form},
    dynamic,
    markup::Markup,
    session::{Viewer, use_session},
};

/// Asks a visitor to sign in; `reason` says what for.
pub(crate) fn sign_in_first(title: &'static str, reason: &'static str) -> AnyView {
    let link = sign_in_link();
    dynamic::block(move || {
        let actions = link(None, "Sign in", "button primary")
            + Markup::fixed("<a class=\"button quiet\" href=\"/\">What Rookery is</a>");
        let content = Markup::element_of_text("h1", &[], title)
            + Markup::element_of_text("p", &[], reason)
            + Markup::element("div", &[("class", "actions")], actions);
        message(content)
    })
}

/// Explains to a person in no organization why there is nothing, and what to
/// do about it.
pub(crate) fn no_organization() -> AnyView {
    let viewer = use_session().viewer;
    dynamic::block(move || {
        viewer
            .with(|viewer| viewer.as_ref().map(explain))
            .unwrap_or_default()
    })
}

fn explain(viewer: &Viewer) -> Markup {
    let address = viewer
        .email
        .as_ref()
        .map(|email| format!(" ({email})"))
        .unwrap_or_default();
    let who = Markup::text("You are signed in as ")
        + Markup::element_of_text("strong", &[], &viewer.name)
        + Markup::text(&address)
        + Markup::fixed(
            ". Figures belong to organizations, and every token carries the one it reads for. \
             Without an organization there is no token, and so there are no figures: an empty one \
             is never sent in its place.",
        );
    let hints = Markup::fixed(
        "<ul class=\"hints\"><li>Ask an administrator of your organization to add you, then sign \
         in again.</li><li>If you have another account, sign out and use that one.</li></ul>",
    );
    let actions = sign_out_form("button primary")
        + Markup::fixed(
            "<a class=\"button quiet\" rel=\"external\" href=\"/dashboard\">Look again</a>",
        );
    let content = Markup::fixed("<h1>You are in no organization yet</h1>")
        + Markup::element("p", &[], who)
        + hints
        + Markup::element("div", &[("class", "actions")], actions);
    message(content)
}

/// A page that has only something to say.
pub(crate) fn message(content: Markup) -> Markup {
    Markup::element("section", &[("class", "message")], content)
}
