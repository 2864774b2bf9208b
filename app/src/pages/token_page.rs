//! The token page: what the token of this page is, what it says, how long it
//! lasts, and what the analytics server answers to it.

mod examples;
mod request;

use leptos::prelude::*;

use super::standing::{message, no_organization, sign_in_first};
use crate::{
    calendar,
    components::{copy_button, panel},
    dynamic,
    markup::Markup,
    numbers,
    session::{Standing, use_session},
    token::{
        AnalyticsToken,
        jwt::{DecodedToken, decode},
        use_analytics_token,
    },
};

/// What there is to show.
#[derive(Clone, Copy, PartialEq)]
enum Content {
    Token,
    SignIn,
    NoOrganization,
    /// A member without a token: it is on its way.
    Waiting,
}

/// The page at `/token`.
#[component]
pub fn TokenPage() -> impl IntoView {
    let session = use_session();
    let token = use_analytics_token();
    let content = Memo::new(
        move |_| match (token.grant().is_some(), session.standing.get()) {
            (true, _) => Content::Token,
            (false, Standing::SignedOut) => Content::SignIn,
            (false, Standing::NoOrganization) => Content::NoOrganization,
            (false, Standing::Member) => Content::Waiting,
        },
    );
    dynamic::view(move || match content.get() {
        Content::Token => show(token),
        Content::SignIn => sign_in_first(
            "Sign in to get a token",
            "The token carries who you are and which organization you read for, so there is none without a person.",
        ),
        Content::NoOrganization => no_organization(),
        Content::Waiting => dynamic::block(waiting),
    })
}

fn waiting() -> Markup {
    message(Markup::fixed(
        "<h1>Your token is on its way</h1><p>It appears here by itself.</p>",
    ))
}

fn show(token: AnalyticsToken) -> AnyView {
    let raw = move || token.grant().map(|grant| grant.token).unwrap_or_default();
    let decoded = move || decode(&raw()).unwrap_or_default();
    let idle = || dynamic::flag(|| false);
    let sent = vec![dynamic::block(move || as_sent(&raw())), time_left(token)];
    let said = vec![dynamic::block(move || as_read(&decoded()))];
    view! {
        <header class="page-head">
            <div>
                <h1>"Your token"</h1>
                <p class="lead">
                    "It came with this page, in the header " <code>"x-tinybird-token"</code>
                    ". The browser sends it to the analytics server itself; no proxy stands between."
                </p>
            </div>
        </header>
        <div class="token-grid">
            {panel("sent", "As it is sent", "panel", idle(), sent)}
            {panel("read", "What it says", "panel", idle(), said)}
        </div>
        {request::section(raw, decoded)}
    }
    .into_any()
}

/// The token itself, its three parts in their own colours, still one text.
fn as_sent(raw: &str) -> Markup {
    let parts = raw
        .split_inclusive('.')
        .zip(["token-header", "token-payload", "token-signature"]);
    let coloured =
        parts.map(|(part, class)| Markup::element_of_text("span", &[("class", class)], part));
    copy_button("raw-token", "token") + code("raw-token", "raw-token", coloured.sum())
}

/// What the token says, in words and in JSON.
fn as_read(decoded: &DecodedToken) -> Markup {
    if decoded.payload.is_empty() {
        let said =
            "This is a static token; what it may read is known to the analytics server alone.";
        return Markup::element_of_text("p", &[], said);
    }
    copy_button("claims-json", "claims")
        + meaning(decoded)
        + code("claims", "claims-json", Markup::text(&decoded.payload))
}

/// A block of code, with a class of its own, that a copy button can name.
fn code(class: &str, id: &str, content: Markup) -> Markup {
    let frame = [("class", &*format!("code {class}")), ("tabindex", "0")];
    Markup::element(
        "pre",
        &frame,
        Markup::element("code", &[("id", id)], content),
    )
}

/// The claims in words.
fn meaning(decoded: &DecodedToken) -> Markup {
    let chips = |texts: &mut dyn Iterator<Item = String>| {
        let chip =
            |text: String| Markup::element("li", &[], Markup::element_of_text("code", &[], &text));
        Markup::element("ul", &[("class", "chips")], texts.map(chip).sum())
    };
    let line = |term: &str, content| {
        Markup::element_of_text("dt", &[], term) + Markup::element("dd", &[], content)
    };
    let mut fixed = decoded
        .fixed_parameters
        .iter()
        .map(|(name, value)| format!("{name} = {value}"));
    let limit = decoded.requests_per_second.map(|limit| {
        let limit = numbers::count(limit as f64, "request a second", "requests a second");
        line("At most", Markup::text(&limit))
    });
    let lines = line("Always sets", chips(&mut fixed))
        + line("May read", chips(&mut decoded.pipes.iter().cloned()))
        + limit.unwrap_or_default();
    Markup::element("dl", &[("class", "meaning")], lines)
}

/// How long the token still lasts, by the second.
fn time_left(token: AnalyticsToken) -> AnyView {
    let now = RwSignal::new(use_session().rendered_at);
    #[cfg(feature = "hydrate")]
    tick(token, now);
    dynamic::block(move || {
        let expires_at = token.grant().map_or(0, |grant| grant.expires_at);
        draw_time_left(expires_at, now.get())
    })
}

fn draw_time_left(expires_at: i64, now: i64) -> Markup {
    let content = if expires_at <= 0 {
        Markup::text("It does not expire.")
    } else {
        let left = (expires_at - now).max(0);
        let figure = [("class", "figure"), ("data-seconds", &*left.to_string())];
        let until = calendar::moment(expires_at);
        Markup::element_of_text("strong", &figure, &numbers::clock(left))
            + Markup::text(&format!(
                " left, until {until}. A new one takes its place before that."
            ))
    };
    Markup::element("p", &[("class", "time-left")], content)
}

/// Moves `now` on, every second while the page is shown.
#[cfg(feature = "hydrate")]
fn tick(token: AnalyticsToken, now: RwSignal<i64>) {
    Effect::new(move |_| {
        now.set(token.now());
        let every_second = std::time::Duration::from_secs(1);
        let timer = set_interval_with_handle(
            move || {
                now.try_set(token.now());
            },
            every_second,
        );
        if let Ok(timer) = timer {
            on_cleanup(move || timer.clear());
        }
    });
}
