//! What pages show to those who have nothing to see there yet.

use leptos::prelude::*;

use crate::{
    components::{SignInButton, SignOutButton},
    session::use_session,
};

/// Asks a visitor to sign in; `reason` says what for.
pub(crate) fn sign_in_first(title: &'static str, reason: &'static str) -> AnyView {
    view! {
        <section class="message">
            <h1>{title}</h1>
            <p>{reason}</p>
            <p class="actions">
                <SignInButton />
                <a class="button quiet" href="/">"What Rookery is"</a>
            </p>
        </section>
    }
    .into_any()
}

/// Explains to a person in no organization why there is nothing, and what to
/// do about it.
pub(crate) fn no_organization() -> AnyView {
    let viewer = use_session().viewer.get_untracked().unwrap_or_default();
    let address = viewer
        .email
        .map(|email| format!(" ({email})"))
        .unwrap_or_default();
    view! {
        <section class="message">
            <h1>"You are in no organization yet"</h1>
            <p>
                "You are signed in as " <strong>{viewer.name}</strong> {address}
                ". Figures belong to organizations, and every token carries the one it reads for. Without an organization there is no token, and so there are no figures: an empty one is never sent in its place."
            </p>
            <ul class="hints">
                <li>"Ask an administrator of your organization to add you, then sign in again."</li>
                <li>"If you have another account, sign out and use that one."</li>
            </ul>
            <div class="actions">
                <SignOutButton class="button primary" />
                <a class="button quiet" rel="external" href="/dashboard">"Look again"</a>
            </div>
        </section>
    }
    .into_any()
}
