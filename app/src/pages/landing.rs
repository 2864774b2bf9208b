//! The landing page: what Rookery is for, to those who do not know it yet,
//! and the way in.

use leptos::prelude::*;

use crate::{
    components::sign_in_link,
    dynamic,
    markup::Markup,
    session::{Session, Standing, use_session},
};

/// The parts of the page that are the same for everybody. Plain HTML: it
/// needs no hydration, and writing it takes no Rust.
const PICTURE: &str = include_str!("landing/picture.html");
const STORY: &str = include_str!("landing/story.html");

/// The page at `/`.
#[component]
pub fn Landing() -> impl IntoView {
    view! {
        <section class="hero">
            <div class="hero-text">
                <h1>"Show every customer their own numbers"</h1>
                <p class="lead">
                    "Rookery signs your customers in, writes their organization into a fifteen-minute token, and lets their browsers ask the analytics server directly. Each sees their rows. Nobody sees another’s."
                </p>
                {ways_on("Try it on real flights", true)}
            </div>
            <div class="hero-picture" inner_html=PICTURE></div>
        </section>
        <div class="story" inner_html=STORY></div>
        <section class="closing">
            <h2>"See it with your own eyes"</h2>
            <p>
                "The demo holds the flights of a year from New York’s airports. Sixteen airlines are the organizations, and each sees its own."
            </p>
            {ways_on("Sign in to the demo", false)}
        </section>
    }
}

/// The way in for visitors and on for signed-in people.
fn ways_on(invitation: &'static str, is_first: bool) -> AnyView {
    let session = use_session();
    let sign_in = sign_in_link();
    dynamic::block(move || {
        let is_signed_in = session.standing.get() != Standing::SignedOut;
        let welcome = (is_signed_in && is_first).then(|| welcome(session));
        let way = if is_signed_in {
            Markup::fixed(
                "<a class=\"button primary large\" href=\"/dashboard\">Open the dashboard</a>",
            )
        } else {
            sign_in(Some("/dashboard"), invitation, "button primary large")
        };
        let other = match (is_first, is_signed_in) {
            (false, _) => "",
            (true, true) => {
                "<a class=\"button quiet large\" href=\"/token\">Look at your token</a>"
            }
            (true, false) => {
                "<a class=\"button quiet large\" rel=\"external\" href=\"#how\">How it works</a>"
            }
        };
        let actions = Markup::element("div", &[("class", "actions")], way + Markup::fixed(other));
        welcome.unwrap_or_default() + actions
    })
}

fn welcome(session: Session) -> Markup {
    let place = match session.organization_name() {
        Some(organization) => format!(". Your organization here: {organization}"),
        None => ". You are in no organization yet.".to_owned(),
    };
    let name = Markup::element_of_text("strong", &[], &session.viewer_name());
    let welcome = Markup::text("Welcome, ") + name + Markup::text(&place);
    Markup::element("p", &[("class", "welcome")], welcome)
}
