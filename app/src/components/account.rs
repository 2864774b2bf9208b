//! Who is signed in: what only they see, and the ways in, out and over to
//! another organization. Everything here works without wasm: links and forms
//! that `web` answers.

use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_router::hooks::use_location;

use super::{Icon, icon};
use crate::{
    address, dynamic,
    markup::Markup,
    session::{Standing, Viewer, use_session},
    token::{AnalyticsToken, use_analytics_token},
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
fn here() -> impl Fn() -> String + Clone + Send + Sync {
    let location = use_location();
    move || {
        let (path, search) = (location.pathname.get(), location.search.get());
        if search.is_empty() {
            path
        } else {
            format!("{path}?{search}")
        }
    }
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
    let here = here();
    let address = dynamic::attribute(move || {
        let target = return_to.map_or_else(&here, str::to_owned);
        Some(format!("/sign-in?return_to={}", address::escape(&target)))
    });
    // `external`: the router does not know this address, the server does.
    view! { <a class=class rel="external" href=address>{label}</a> }.into_any()
}

/// Ends the session, here and at the provider. The other tabs hear of it at
/// once.
#[component]
pub fn SignOutButton(
    /// Its classes.
    #[prop(default = "button quiet")]
    class: &'static str,
) -> impl IntoView {
    let token = use_analytics_token();
    view! {
        <form method="post" action="/sign-out" on:submit=move |_| announce_after_submit(token)>
            <input type="hidden" name="return_to" value="/" />
            <button type="submit" class=class>"Sign out"</button>
        </form>
    }
    .into_any()
}

/// Dropping the token takes this form out of the page, so it has to wait
/// until the browser has sent it.
fn announce_after_submit(token: AnalyticsToken) {
    set_timeout(move || token.drop_everywhere(), std::time::Duration::ZERO);
}

/// Shows the active organization, and the others to switch to.
#[component]
pub fn OrganizationSwitcher() -> impl IntoView {
    let session = use_session();
    let here = here();
    dynamic::view(move || {
        let viewer = session.viewer.get().unwrap_or_default();
        let name = viewer
            .active()
            .map_or("No organization", |organization| &organization.name)
            .to_owned();
        let others = others(&viewer);
        if others == Markup::default() {
            return view! { <p class="organization alone">{name}</p> }.into_any();
        }
        let return_to = here.clone();
        view! {
            <details class="menu organization-menu" on:focusout=close_when_left on:keydown=close_on_escape>
                <summary class="button quiet">
                    <span class="visually-hidden">"Organization: "</span>
                    <span class="organization">{name}</span>
                    {icon(Icon::Choose)}
                </summary>
                <form class="menu-sheet" method="post" action="/organization">
                    <p class="menu-title">"Switch to"</p>
                    <input
                        type="hidden"
                        name="return_to"
                        value=dynamic::attribute(move || Some(return_to()))
                    />
                    <div inner_html=others.into_html()></div>
                </form>
            </details>
        }
        .into_any()
    })
}

/// A button for each organization that is not the active one.
fn others(viewer: &Viewer) -> Markup {
    let active = viewer.active();
    let others = viewer
        .organizations
        .iter()
        .filter(|other| active != Some(*other));
    let button = others.map(|other| {
        let attributes = [
            ("type", "submit"),
            ("class", "menu-item"),
            ("name", "organization"),
            ("value", other.slug.as_str()),
        ];
        let name = Markup::element_of_text("span", &[], &other.name);
        let role = Markup::element_of_text("span", &[("class", "role")], &other.role);
        Markup::element("button", &attributes, name + Markup::text(" ") + role)
    });
    button.sum()
}

/// Closes a menu when the focus goes elsewhere.
fn close_when_left(event: ev::FocusEvent) {
    let Some(menu) = menu_of(&event) else { return };
    let next = event
        .related_target()
        .and_then(|next| next.dyn_into::<web_sys::Node>().ok());
    if next.is_some_and(|next| !menu.contains(Some(&next))) {
        close(&menu);
    }
}

/// Closes a menu with the Escape key.
fn close_on_escape(event: ev::KeyboardEvent) {
    if let Some(menu) = menu_of(&event).filter(|_| event.key() == "Escape") {
        close(&menu);
    }
}

fn menu_of(event: &web_sys::Event) -> Option<web_sys::Element> {
    event.current_target()?.dyn_into().ok()
}

fn close(menu: &web_sys::Element) {
    // It fails only for a name that is no name.
    let _ = menu.remove_attribute("open");
}
