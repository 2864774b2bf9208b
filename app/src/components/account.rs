//! Who is signed in: what only they see, and the ways in, out and over to
//! another organization. Everything here works without wasm: links and forms
//! that `web` answers.

use leptos::prelude::*;

use super::Icon;
use crate::{
    address, dynamic,
    location::use_location,
    markup::Markup,
    session::{Standing, Viewer, use_session},
};

/// Shows its children to signed-in people. This hides and nothing more: what
/// must stay secret is not sent by the servers in the first place.
#[component]
pub fn SignedIn(children: ChildrenFn) -> impl IntoView {
    only_when(|standing| standing != Standing::SignedOut, children)
}

/// Shows its children to everybody else.
#[component]
pub fn SignedOut(children: ChildrenFn) -> impl IntoView {
    only_when(|standing| standing == Standing::SignedOut, children)
}

fn only_when(fits: fn(Standing) -> bool, children: ChildrenFn) -> AnyView {
    let standing = use_session().standing;
    let shows = Memo::new(move |_| fits(standing.get()));
    dynamic::view(move || {
        if shows.get() {
            children()
        } else {
            ().into_any()
        }
    })
}

/// Path and query of the present page, to come back to.
fn here() -> impl Fn() -> String + Clone + Send {
    let location = use_location();
    move || location.address()
}

/// Leads to the sign-in and back to `return_to`, or to the present page.
#[component]
pub fn SignInButton(
    /// Where to go afterwards.
    #[prop(optional)]
    return_to: Option<&'static str>,
    /// What the button says.
    #[prop(default = "Sign in")]
    label: &'static str,
    /// Its classes.
    #[prop(default = "button primary")]
    class: &'static str,
) -> impl IntoView {
    let link = sign_in_link();
    dynamic::block(move || link(return_to, label, class))
}

/// Makes links to the sign-in: where to go afterwards, else back to the
/// present page, the label and the classes. Follows the location.
pub(crate) fn sign_in_link() -> impl Fn(Option<&str>, &str, &str) -> Markup + Send {
    let here = here();
    move |return_to, label, class| {
        let target = return_to.map_or_else(&here, str::to_owned);
        let address = format!("/sign-in?return_to={}", address::escape(&target));
        // `external`: the router does not know this address, the server does.
        let attributes = [("class", class), ("rel", "external"), ("href", &address)];
        Markup::element_of_text("a", &attributes, label)
    }
}

/// Ends the session, here and at the provider. The other tabs hear of it at
/// once.
#[component]
pub fn SignOutButton() -> impl IntoView {
    dynamic::block(|| sign_out_form("button quiet"))
}

/// The form behind the button; `crate::enhance` listens to it.
pub(crate) fn sign_out_form(class: &str) -> Markup {
    let button = Markup::element_of_text(
        "button",
        &[("type", "submit"), ("class", class)],
        "Sign out",
    );
    let form = [("method", "post"), ("action", "/sign-out")];
    Markup::element("form", &form, return_to("/") + button)
}

fn return_to(address: &str) -> Markup {
    let field = [
        ("type", "hidden"),
        ("name", "return_to"),
        ("value", address),
    ];
    Markup::empty_element("input", &field)
}

/// Shows the active organization, and the others to switch to.
#[component]
pub fn OrganizationSwitcher() -> impl IntoView {
    let session = use_session();
    let here = here();
    dynamic::block(move || {
        session
            .viewer
            .with(|viewer| viewer.as_ref().map(|viewer| switcher(viewer, &here())))
            .unwrap_or_default()
    })
}

/// A popover opens and closes by itself, with scripts or without.
fn switcher(viewer: &Viewer, here: &str) -> Markup {
    const MENU: &str = "organizations";
    let active = viewer.active();
    let name = active.map_or("No organization", |organization| &organization.name);
    let others = viewer
        .organizations
        .iter()
        .filter(|other| active != Some(*other));
    let item = others.map(|other| {
        let attributes = [
            ("type", "submit"),
            ("class", "menu-item"),
            ("name", "organization"),
            ("value", &other.slug),
        ];
        let name = Markup::element_of_text("span", &[], &other.name);
        let role = Markup::element_of_text("span", &[("class", "role")], &other.role);
        Markup::element("button", &attributes, name + Markup::text(" ") + role)
    });
    let items: Markup = item.sum();
    if items == Markup::default() {
        return Markup::element_of_text("p", &[("class", "organization alone")], name);
    }
    let label = Markup::fixed("<span class=\"visually-hidden\">Organization: </span>")
        + Markup::element_of_text("span", &[("class", "organization")], name)
        + Icon::Choose.draw();
    let button = [
        ("type", "button"),
        ("class", "button quiet menu-button"),
        ("popovertarget", MENU),
    ];
    let form = [
        ("id", MENU),
        ("class", "menu-sheet"),
        ("popover", "auto"),
        ("method", "post"),
        ("action", "/organization"),
    ];
    let title = Markup::fixed("<p class=\"menu-title\">Switch to</p>");
    Markup::element("button", &button, label)
        + Markup::element("form", &form, title + return_to(here) + items)
}
