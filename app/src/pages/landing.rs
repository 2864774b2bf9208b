//! The landing page: what Rookery is for, to those who do not know it yet,
//! and the way in.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    components::{SignInButton, SignedIn, SignedOut},
    dynamic,
    session::use_session,
};

/// The parts of the page that are the same for everybody. Plain HTML: it
/// needs no hydration, and writing it takes no Rust.
const PICTURE: &str = include_str!("landing/picture.html");
const STORY: &str = include_str!("landing/story.html");

/// The page at `/`.
#[component]
pub fn Landing() -> impl IntoView {
    view! {
        <Title text="Analytics for your customers, each seeing their own" />
        <section class="hero">
            <div class="hero-text">
                <h1>"Show every customer their own numbers"</h1>
                <p class="lead">
                    "Rookery signs your customers in, writes their organization into a fifteen-minute token, and lets their browsers ask the analytics server directly. Each sees their rows. Nobody sees another’s."
                </p>
                <SignedOut>
                    <p class="actions">
                        <SignInButton label="Try it on real flights" return_to="/dashboard" class="button primary large" />
                        <a class="button quiet large" href="#how">"How it works"</a>
                    </p>
                </SignedOut>
                <SignedIn>{welcome()}</SignedIn>
            </div>
            <div class="hero-picture" inner_html=PICTURE></div>
        </section>
        <div class="story" inner_html=STORY></div>
        <section class="closing">
            <h2>"See it with your own eyes"</h2>
            <p>
                "The demo holds the flights of a year from New York’s airports. Sixteen airlines are the organizations, and each sees its own."
            </p>
            <p class="actions">
                <SignedOut>
                    <SignInButton label="Sign in to the demo" return_to="/dashboard" class="button primary large" />
                </SignedOut>
                <SignedIn>
                    <a class="button primary large" href="/dashboard">"Open the dashboard"</a>
                </SignedIn>
            </p>
        </section>
    }
}

/// Where signed-in people go on.
fn welcome() -> AnyView {
    let session = use_session();
    let place = dynamic::text(move || match session.organization_name() {
        Some(organization) => format!(". You read for {organization}."),
        None => ". You are in no organization yet.".to_owned(),
    });
    view! {
        <p class="welcome">
            "Welcome, " <strong>{dynamic::text(move || session.viewer_name())}</strong> {place}
        </p>
        <p class="actions">
            <a class="button primary large" href="/dashboard">"Open the dashboard"</a>
            <a class="button quiet large" href="/token">"Look at your token"</a>
        </p>
    }
    .into_any()
}
