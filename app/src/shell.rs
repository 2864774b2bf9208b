//! The document around the interface: head, assets, theme.

use leptos::prelude::*;

use crate::App;

/// The HTML document that `web` renders for every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <HydrationScripts options />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}
