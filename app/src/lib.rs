//! The user interface: pages, components, charts, the token provider and the
//! client of the analytics server, compiled for the server and the browser.
//!
//! Sessions, sign-in and everything else that needs a secret live in `web`.

mod address;
pub mod analytics;
#[cfg(feature = "hydrate")]
mod browser;
pub mod calendar;
pub mod charts;
pub mod components;
mod dynamic;
#[cfg(feature = "hydrate")]
mod enhance;
mod json;
mod location;
pub mod markup;
pub mod numbers;
pub mod pages;
pub mod period;
pub mod session;
#[cfg(feature = "ssr")]
mod shell;
mod title;
pub mod token;

#[cfg(feature = "hydrate")]
pub use enhance::tell_broken;
use leptos::prelude::*;
#[cfg(feature = "ssr")]
pub use shell::shell;

pub use location::PAGES;

use crate::{
    components::{Footer, Header, Notices},
    location::{Location, use_location},
    pages::{Dashboard, Landing, NotFound, TokenPage},
    token::AnalyticsProvider,
};

/// The whole interface: the content of the document's body.
#[component]
pub fn App() -> impl IntoView {
    provide_context(Location::of_page());
    view! {
        <AnalyticsProvider>
            <Header />
            <Notices />
            <main id="content" class="content" tabindex="-1">
                <Page />
            </main>
            <Footer />
        </AnalyticsProvider>
    }
}

/// The page at the document's path.
#[component]
fn Page() -> impl IntoView {
    use_location().path.with_value(|path| match path.as_str() {
        "/" => view! { <Landing /> }.into_any(),
        "/token" => view! { <TokenPage /> }.into_any(),
        "/dashboard" => view! { <Dashboard /> }.into_any(),
        _ => view! { <NotFound /> }.into_any(),
    })
}
