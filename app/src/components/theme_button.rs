//! Switches between light and dark. The choice is a cookie, so that the
//! server renders it and nothing flashes; choosing what the system has anyway
//! removes it.

use leptos::prelude::*;

use super::{Icon, icon};

/// The button in the header.
#[component]
pub fn ThemeButton() -> impl IntoView {
    view! {
        <button
            type="button"
            class="button quiet square needs-script theme-button"
            aria-label="Switch between light and dark"
            on:click=move |_| switch()
        >
            <span class="when-light">{icon(Icon::Moon)}</span>
            <span class="when-dark">{icon(Icon::Sun)}</span>
        </button>
    }
}

#[cfg(feature = "hydrate")]
fn switch() {
    use wasm_bindgen::JsValue;

    let Some(root) = document().document_element() else {
        return;
    };
    let system_is_dark = window()
        .match_media("(prefers-color-scheme: dark)")
        .ok()
        .flatten()
        .is_some_and(|query| query.matches());
    let is_dark = root
        .get_attribute("data-theme")
        .map_or(system_is_dark, |theme| theme == "dark");
    let theme = if is_dark { "light" } else { "dark" };
    let follows_system = is_dark != system_is_dark;
    // These fail only for names that are no names.
    let age = if follows_system {
        let _ = root.remove_attribute("data-theme");
        0
    } else {
        let _ = root.set_attribute("data-theme", theme);
        31_536_000
    };
    let cookie = format!("theme={theme}; Path=/; Max-Age={age}; SameSite=Lax");
    let _ = js_sys::Reflect::set(
        &document(),
        &JsValue::from_str("cookie"),
        &JsValue::from_str(&cookie),
    );
}

#[cfg(not(feature = "hydrate"))]
fn switch() {}
