//! What buttons do that need nothing but the browser: they are markup, and
//! one pair of listeners serves the whole document.

use std::time::Duration;

use leptos::{ev, prelude::*, task::spawn_local, web_sys};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::token::AnalyticsToken;

/// Listens from now on, and says so to tests and to the style sheet, which
/// hides what would do nothing before.
pub(crate) fn enhance(token: AnalyticsToken) {
    if let Some(body) = document().body() {
        // It fails only for a name that is no name.
        let _ = body.set_attribute("data-hydrated", "");
    }
    let clicks = window_event_listener(ev::click, |event| {
        if let Some(button) = closest(&event, "[data-copy]") {
            copy(button);
        } else if closest(&event, ".theme-button").is_some() {
            switch_theme();
        }
    });
    let submits = window_event_listener(ev::submit, move |event| {
        if closest(&event, "form[action='/sign-out']").is_some() {
            // Dropping the token takes the form out of the page, so it has to
            // wait until the browser has sent it.
            set_timeout(move || token.drop_everywhere(), Duration::ZERO);
        }
    });
    on_cleanup(move || {
        clicks.remove();
        submits.remove();
    });
}

/// Says on the page that it no longer answers: a panic ends the module. The
/// style sheet shows the words.
pub fn tell_broken() {
    if let Some(body) = document().body() {
        // It fails only for a name that is no name.
        let _ = body.set_attribute("data-broken", "");
    }
}

fn closest(event: &web_sys::Event, selector: &str) -> Option<web_sys::Element> {
    let target: web_sys::Element = event.target()?.dyn_into().ok()?;
    target.closest(selector).ok()?
}

/// Puts the text of the element that `data-copy` names on the clipboard, and
/// says on the button what came of it.
fn copy(button: web_sys::Element) {
    let named = button
        .get_attribute("data-copy")
        .and_then(|id| document().get_element_by_id(&id));
    let text = named
        .and_then(|named| named.text_content())
        .unwrap_or_default();
    let clipboard = window().navigator().clipboard();
    spawn_local(async move {
        // Without a secure context there is no clipboard.
        let written =
            !clipboard.is_undefined() && JsFuture::from(clipboard.write_text(&text)).await.is_ok();
        let Ok(Some(said)) = button.query_selector("[role=status]") else {
            return;
        };
        said.set_text_content(Some(if written {
            "Copied"
        } else {
            "Select it and copy"
        }));
        set_timeout(
            move || said.set_text_content(Some("Copy")),
            Duration::from_secs(3),
        );
    });
}

/// Switches between light and dark. The choice is a cookie, so that the
/// server renders it and nothing flashes; choosing what the system has anyway
/// removes it.
fn switch_theme() {
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
    // These fail only for names that are no names.
    let age = if is_dark == system_is_dark {
        let _ = root.set_attribute("data-theme", theme);
        31_536_000
    } else {
        let _ = root.remove_attribute("data-theme");
        0
    };
    let cookie = format!("theme={theme}; Path=/; Max-Age={age}; SameSite=Lax");
    let _ = js_sys::Reflect::set(
        &document(),
        &JsValue::from_str("cookie"),
        &JsValue::from_str(&cookie),
    );
}
