//! The browser's entry: takes over the page that the server rendered.
//! Nothing else lives here; the interface is the crate `app`.

#[cfg(target_arch = "wasm32")]
use app as _;

/// Attaches the interface to the server's HTML. Called by the page's script
/// once the wasm module is loaded.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
