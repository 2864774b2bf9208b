//! The top and the bottom of every page.

use leptos::prelude::*;

use super::{Icon, OrganizationSwitcher, SignInButton, SignOutButton, SignedIn, SignedOut, link};
use crate::{dynamic, location::use_location, markup::Markup, session::use_session};

/// Name, navigation, organization, person.
#[component]
pub fn Header() -> impl IntoView {
    let session = use_session();
    let location = use_location();
    let page = |address: &'static str, label| {
        let current =
            dynamic::attribute(move || location.is_at(address).then(|| "page".to_owned()));
        link(address.to_owned(), label, None, current)
    };
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        document().set_title(&crate::title::title(
            &location.path.get_value(),
            session.organization_name().as_deref(),
        ));
    });
    let person =
        move || Markup::element_of_text("span", &[("class", "person")], &session.viewer_name());
    view! {
        <a class="skip-link" rel="external" href="#content">"Skip to content"</a>
        <header class="header">
            <Brand />
            <nav class="navigation" aria-label="Main">
                {page("/dashboard", "Dashboard")}
                {page("/token", "Token")}
            </nav>
            <SignedIn>
                <OrganizationSwitcher />
            </SignedIn>
            <div class="account">
                <SignedIn>{dynamic::block(person)} <SignOutButton /></SignedIn>
                <SignedOut>
                    <SignInButton />
                </SignedOut>
                {dynamic::block(theme_button)}
            </div>
        </header>
    }
    .into_any()
}

/// The name and its sign, the rook: a tower whose battlements are columns of a
/// chart.
#[component]
fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href="/">
            <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
                <path d="M7 13V8h4v5zM14 13V3.500h4V13zM21 13V6h4v7zM8.500 15.500h15l-1.700 8.500H10.200zM6.500 26.500h19V29h-19z" />
            </svg>
            <span>"Rookery"</span>
        </a>
    }
}

/// Switches between light and dark; what it does is in `crate::enhance`.
fn theme_button() -> Markup {
    let attributes = [
        ("type", "button"),
        ("class", "button quiet square needs-script theme-button"),
        ("aria-label", "Switch between light and dark"),
    ];
    let icon = |class, icon: Icon| Markup::element("span", &[("class", class)], icon.draw());
    let icons = icon("when-light", Icon::Moon) + icon("when-dark", Icon::Sun);
    Markup::element("button", &attributes, icons)
}

/// What this is and where it comes from.
#[component]
pub fn Footer() -> impl IntoView {
    view! {
        <footer class="footer">
            <p>"Rookery " {env!("CARGO_PKG_VERSION")} ". Free software under the MIT licence."</p>
        </footer>
    }
}
