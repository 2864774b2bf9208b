//! The browser's entry: takes over the page that the server rendered.
//! Nothing else lives here; the interface is the crate `app`.

/// Attaches the interface to the server's HTML. Called by the page's script
/// once the wasm module is loaded.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        app::tell_broken();
    }));
    leptos::mount::hydrate_body(app::App);
}
