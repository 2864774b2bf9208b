//! The user interface: pages, components, charts, the token provider and the
//! client of the analytics server, compiled for the server and the browser.
//!
//! Sessions, sign-in and everything else that needs a secret live in `web`.

pub mod analytics;
pub mod session;
mod shell;

use leptos::prelude::*;

pub use shell::shell;

/// The whole interface: the content of the document's body.
#[component]
pub fn App() -> impl IntoView {}
