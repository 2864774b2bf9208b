//! The token page: what the token of this page is, what it says, how long it
//! lasts, and what the analytics server answers to it.

mod examples;
mod request;

use leptos::prelude::*;
use leptos_meta::Title;

use super::standing::{no_organization, sign_in_first};
use crate::{
    calendar,
    components::copy_button,
    dynamic,
    markup::Markup,
    numbers,
    session::{Standing, TokenGrant, use_session},
    token::{
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
    let grant = use_analytics_token().grant();
    let content = Memo::new(
        move |_| match (grant.with(Option::is_some), session.standing.get()) {
            (true, _) => Content::Token,
            (false, Standing::SignedOut) => Content::SignIn,
            (false, Standing::NoOrganization) => Content::NoOrganization,
            (false, Standing::Member) => Content::Waiting,
        },
    );
    view! {
        <Title text="Token" />
        {dynamic::view(move || match content.get() {
            Content::Token => token(grant),
            Content::SignIn => {
                sign_in_first(
                    "Sign in to get a token",
                    "The token carries who you are and which organization you read for, so there is none without a person.",
                )
            }
            Content::NoOrganization => no_organization(),
            Content::Waiting => waiting(),
        })}
    }
}

fn waiting() -> AnyView {
    view! {
        <section class="message">
            <h1>"Your token is on its way"</h1>
            <p>"It appears here by itself."</p>
        </section>
    }
    .into_any()
}

fn token(grant: Signal<Option<TokenGrant>>) -> AnyView {
    let raw = move || {
        grant
            .with(|grant| grant.as_ref().map(|grant| grant.token.clone()))
            .unwrap_or_default()
    };
    let decoded = Memo::new(move |_| decode(&raw()).unwrap_or_default());
    let payload = move || decoded.with(|decoded| decoded.payload.clone());
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
            <section class="panel" aria-labelledby="raw">
                <div class="panel-head">
                    <h2 id="raw">"As it is sent"</h2>
                    {copy_button("token", raw)}
                </div>
                <pre class="code raw-token" tabindex="0">
                    <code inner_html=dynamic::text(move || coloured(&raw()).into_html())></code>
                </pre>
                {time_left(grant)}
            </section>
            <section class="panel" aria-labelledby="claims">
                <div class="panel-head">
                    <h2 id="claims">"What it says"</h2>
                    {copy_button("claims", payload)}
                </div>
                <div inner_html=dynamic::text(move || decoded.with(meaning).into_html())></div>
                <pre class="code claims" tabindex="0">
                    <code>{dynamic::text(payload)}</code>
                </pre>
            </section>
        </div>
        {request::section(raw, decoded)}
    }
    .into_any()
}

/// The three parts of a token in their own colours, still one text.
fn coloured(raw: &str) -> Markup {
    raw.split_inclusive('.')
        .zip(["token-header", "token-payload", "token-signature"])
        .map(|(part, class)| Markup::element_of_text("span", &[("class", class)], part))
        .sum()
}

/// The claims in words.
fn meaning(decoded: &DecodedToken) -> Markup {
    if decoded.payload.is_empty() {
        let said =
            "This is a static token; what it may read is known to the analytics server alone.";
        return Markup::element_of_text("p", &[], said);
    }
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
fn time_left(grant: Signal<Option<TokenGrant>>) -> AnyView {
    let now = RwSignal::new(use_session().rendered_at);
    #[cfg(feature = "hydrate")]
    tick(now);
    let expires_at = move || grant.with(|grant| grant.as_ref().map_or(0, |grant| grant.expires_at));
    let left = move || (expires_at() - now.get()).max(0);
    let clock = dynamic::text(move || {
        if expires_at() > 0 {
            numbers::clock(left())
        } else {
            String::new()
        }
    });
    let until = dynamic::text(move || match expires_at() {
        0 => "It does not expire.".to_owned(),
        moment => format!(
            " left, until {}. A new one takes its place before that.",
            calendar::moment(moment)
        ),
    });
    view! {
        <p class="time-left">
            <strong class="figure" data-seconds=dynamic::attribute(move || Some(left().to_string()))>
                {clock}
            </strong>
            {until}
        </p>
    }
    .into_any()
}

/// Moves `now` on, every second while the page is shown.
#[cfg(feature = "hydrate")]
fn tick(now: RwSignal<i64>) {
    let token = use_analytics_token();
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
