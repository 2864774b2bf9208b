//! The top and the bottom of every page.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{OrganizationSwitcher, SignInButton, SignOutButton, SignedIn, SignedOut, ThemeButton};
use crate::{dynamic, session::use_session};

/// Name, navigation, organization, person.
#[component]
pub fn Header() -> impl IntoView {
    let session = use_session();
    let path = use_location().pathname;
    let current =
        move |page| dynamic::attribute(move || (path.get() == page).then(|| "page".to_owned()));
    view! {
        <a class="skip-link" href="#content">"Skip to content"</a>
        <header class="header">
            <a class="brand" href="/">
                <Logo />
                <span>"Rookery"</span>
            </a>
            <nav class="navigation" aria-label="Main">
                <a href="/dashboard" aria-current=current("/dashboard")>"Dashboard"</a>
                <a href="/token" aria-current=current("/token")>"Token"</a>
            </nav>
            <SignedIn>
                <OrganizationSwitcher />
            </SignedIn>
            <div class="account">
                <SignedIn>
                    <span class="person">{dynamic::text(move || session.viewer_name())}</span>
                    <SignOutButton />
                </SignedIn>
                <SignedOut>
                    <SignInButton />
                </SignedOut>
                <ThemeButton />
            </div>
        </header>
    }
    .into_any()
}

/// The rook: a tower whose battlements are columns of a chart.
#[component]
fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
            <path d="M7 13V8h4v5zM14 13V3.500h4V13zM21 13V6h4v7zM8.500 15.500h15l-1.700 8.500H10.200zM6.500 26.500h19V29h-19z" />
        </svg>
    }
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
