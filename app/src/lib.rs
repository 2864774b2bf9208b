//! The user interface.
use leptos::prelude::*;

/// The whole interface.
#[component]
pub fn App() -> impl IntoView {}
