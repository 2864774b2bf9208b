//! The page for addresses that lead nowhere. `web` sends it with status 404.

use leptos::prelude::*;

/// Says so, and where to go on.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <section class="message">
            <p class="message-mark" aria-hidden="true">"404"</p>
            <h1>"There is nothing at this address"</h1>
            <p>"It may have been mistyped, or the page is gone."</p>
            <p class="actions">
                <a class="button primary" href="/dashboard">"Go to the dashboard"</a>
                <a class="button quiet" href="/">"What Rookery is"</a>
            </p>
        </section>
    }
}
