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
pub mod markup;
pub mod numbers;
pub mod pages;
pub mod period;
pub mod session;
#[cfg(feature = "ssr")]
mod shell;
mod title;
pub mod token;

use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

#[cfg(feature = "ssr")]
pub use shell::shell;

use crate::{
    components::{Footer, Header, Notices},
    pages::{Dashboard, Landing, NotFound, TokenPage},
    token::AnalyticsProvider,
};

/// The whole interface: the content of the document's body.
#[component]
pub fn App() -> impl IntoView {
    // One type for all pages: the router is compiled once for each.
    type Page = fn() -> AnyView;
    let landing: Page = || view! { <Landing /> }.into_any();
    let token: Page = || view! { <TokenPage /> }.into_any();
    let dashboard: Page = || view! { <Dashboard /> }.into_any();
    let not_found: Page = || view! { <NotFound /> }.into_any();
    view! {
        <AnalyticsProvider>
            <Router>
                <Header />
                <Notices />
                <main id="content" class="content">
                    <FlatRoutes fallback=not_found>
                        <Route path=path!("/") view=landing />
                        <Route path=path!("/token") view=token />
                        <Route path=path!("/dashboard") view=dashboard ssr=SsrMode::Async />
                    </FlatRoutes>
                </main>
                <Footer />
            </Router>
        </AnalyticsProvider>
    }
}
