//! Who is signed in: what only they see, and the ways in, out and over to
//! another organization. Everything here works without wasm: links and forms
//! that `web` answers.

use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_router::hooks::use_location;

use super::{Icon, icon};
use crate::{
    address,
    session::{Organization, Standing, use_session},
    token::use_analytics_token,
};

/// Shows its children to signed-in people. This hides and nothing more: what
/// must stay secret is not sent by the servers in the first place.
#[component]
pub fn SignedIn(children: ChildrenFn) -> impl IntoView {
    let session = use_session();
    let signed_in = Memo::new(move |_| session.standing() != Standing::SignedOut);
    move || signed_in.get().then(|| children())
}

/// Shows its children to everybody else.
#[component]
pub fn SignedOut(children: ChildrenFn) -> impl IntoView {
    let session = use_session();
    let signed_out = Memo::new(move |_| session.standing() == Standing::SignedOut);
    move || signed_out.get().then(|| children())
}

/// Path and query of the present page, to come back to.
fn here() -> Signal<String> {
    let location = use_location();
    Signal::derive(move || {
        let (path, search) = (location.pathname.get(), location.search.get());
        if search.is_empty() {
            path
        } else {
            format!("{path}?{search}")
        }
    })
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
    /// Further classes.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let here = here();
    let address = move || {
        let target = return_to.map_or_else(|| here.get(), str::to_owned);
        format!("/sign-in?return_to={}", address::escape(&target))
    };
    // `external`: the router does not know this address, the server does.
    view! { <a class=format!("button primary {class}") rel="external" href=address>{label}</a> }
}

/// Ends the session, here and at the provider. The other tabs hear of it at
/// once.
#[component]
pub fn SignOutButton(
    /// Further classes.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let token = use_analytics_token();
    view! {
        <form method="post" action="/sign-out" on:submit=move |_| announce_after_submit(token)>
            <input type="hidden" name="return_to" value="/" />
            <button type="submit" class=format!("button quiet {class}")>"Sign out"</button>
        </form>
    }
}

/// Dropping the token takes this form out of the page, so it has to wait
/// until the browser has sent it.
fn announce_after_submit(token: crate::token::AnalyticsToken) {
    set_timeout(move || token.drop_everywhere(), std::time::Duration::ZERO);
}

/// Shows the active organization, and the others to switch to.
#[component]
pub fn OrganizationSwitcher() -> impl IntoView {
    let session = use_session();
    let here = here();
    move || {
        let viewer = session.viewer.get()?;
        let active = viewer.active().cloned();
        let name = active
            .as_ref()
            .map_or("No organization", |organization| &organization.name)
            .to_owned();
        let others: Vec<_> = viewer
            .organizations
            .into_iter()
            .filter(|organization| {
                active
                    .as_ref()
                    .is_none_or(|active| active.slug != organization.slug)
            })
            .collect();
        let view = if others.is_empty() {
            view! { <p class="organization alone">{name}</p> }.into_any()
        } else {
            let items = others.into_iter().map(organization_button).collect_view();
            view! {
                <details class="menu organization-menu" on:focusout=close_when_left on:keydown=close_on_escape>
                    <summary class="button quiet">
                        <span class="visually-hidden">"Organization: "</span>
                        <span class="organization">{name}</span>
                        {icon(Icon::Choose)}
                    </summary>
                    <form class="menu-sheet" method="post" action="/organization">
                        <p class="menu-title">"Switch to"</p>
                        <input type="hidden" name="return_to" value=here />
                        {items}
                    </form>
                </details>
            }
            .into_any()
        };
        Some(view)
    }
}

fn organization_button(organization: Organization) -> impl IntoView {
    view! {
        <button type="submit" class="menu-item" name="organization" value=organization.slug>
            <span>{organization.name}</span>
            <span class="role">{organization.role}</span>
        </button>
    }
}

/// Closes a menu when the focus goes elsewhere.
fn close_when_left(event: ev::FocusEvent) {
    let Some(menu) = event
        .current_target()
        .and_then(|menu| menu.dyn_into::<web_sys::Element>().ok())
    else {
        return;
    };
    let next = event
        .related_target()
        .and_then(|next| next.dyn_into::<web_sys::Node>().ok());
    if next.is_some_and(|next| !menu.contains(Some(&next))) {
        close(&menu);
    }
}

/// Closes a menu with the Escape key.
fn close_on_escape(event: ev::KeyboardEvent) {
    let menu = event
        .current_target()
        .and_then(|menu| menu.dyn_into::<web_sys::Element>().ok());
    if let Some(menu) = menu.filter(|_| event.key() == "Escape") {
        close(&menu);
    }
}

fn close(menu: &web_sys::Element) {
    // It fails only for a name that is no name.
    let _ = menu.remove_attribute("open");
}
