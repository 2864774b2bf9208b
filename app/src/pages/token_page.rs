//! The token page: what the token of this page is, what it says, how long it
//! lasts, and what the analytics server answers to it.

mod examples;
mod request;

use leptos::prelude::*;
use leptos_meta::Title;

use super::standing::{no_organization, sign_in_first};
use crate::{
    calendar,
    components::CopyButton,
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
        move |_| match (grant.with(Option::is_some), session.standing()) {
            (true, _) => Content::Token,
            (false, Standing::SignedOut) => Content::SignIn,
            (false, Standing::NoOrganization) => Content::NoOrganization,
            (false, Standing::Member) => Content::Waiting,
        },
    );
    view! {
        <Title text="Token" />
        {move || match content.get() {
            Content::Token => token(grant),
            Content::SignIn => {
                sign_in_first(
                    "Sign in to get a token",
                    "The token carries who you are and which organization you read for, so there is none without a person.",
                )
            }
            Content::NoOrganization => no_organization(),
            Content::Waiting => {
                view! {
                    <section class="message">
                        <h1>"Your token is on its way"</h1>
                        <p>"It appears here by itself."</p>
                    </section>
                }
                    .into_any()
            }
        }}
    }
}

fn token(grant: Signal<Option<TokenGrant>>) -> AnyView {
    let raw = Memo::new(move |_| grant.get().map(|grant| grant.token).unwrap_or_default());
    let decoded = Memo::new(move |_| raw.with(|raw| decode(raw)).unwrap_or_default());
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
                    <CopyButton text=raw what="token" />
                </div>
                <pre class="code raw-token" tabindex="0">
                    <code>{move || raw.with(|raw| coloured(raw))}</code>
                </pre>
                {time_left(grant)}
            </section>
            <section class="panel" aria-labelledby="claims">
                <div class="panel-head">
                    <h2 id="claims">"What it says"</h2>
                    <CopyButton text=Signal::derive(move || decoded.with(|decoded| decoded.payload.clone())) what="claims" />
                </div>
                {move || decoded.with(meaning)}
                <pre class="code claims" tabindex="0">
                    <code>{move || decoded.with(|decoded| decoded.payload.clone())}</code>
                </pre>
            </section>
        </div>
        {request::section(raw, decoded)}
    }
    .into_any()
}

/// The three parts of a token in their own colours, still one text.
fn coloured(raw: &str) -> AnyView {
    raw.split_inclusive('.')
        .zip(["token-header", "token-payload", "token-signature"])
        .map(|(part, class)| view! { <span class=class>{part.to_owned()}</span> })
        .collect_view()
        .into_any()
}

/// The claims in words.
fn meaning(decoded: &DecodedToken) -> AnyView {
    if decoded.payload.is_empty() {
        return view! { <p>"This is a static token; what it may read is known to the analytics server alone."</p> }
            .into_any();
    }
    let fixed = decoded
        .fixed_parameters
        .iter()
        .map(|(name, value)| view! { <li><code>{format!("{name} = {value}")}</code></li> })
        .collect_view();
    let pipes = decoded
        .pipes
        .iter()
        .map(|pipe| view! { <li><code>{pipe.clone()}</code></li> })
        .collect_view();
    let limit = decoded.requests_per_second.map(|limit| {
        let text = numbers::count(limit as f64, "request a second", "requests a second");
        view! { <dt>"At most"</dt><dd>{text}</dd> }
    });
    view! {
        <dl class="meaning">
            <dt>"Always sets"</dt>
            <dd><ul class="chips">{fixed}</ul></dd>
            <dt>"May read"</dt>
            <dd><ul class="chips">{pipes}</ul></dd>
            {limit}
        </dl>
    }
    .into_any()
}

/// How long the token still lasts, by the second.
fn time_left(grant: Signal<Option<TokenGrant>>) -> AnyView {
    let now = RwSignal::new(use_session().rendered_at);
    #[cfg(feature = "hydrate")]
    {
        let token = use_analytics_token();
        Effect::new(move |_| {
            now.set(token.now());
            let tick = set_interval_with_handle(
                move || {
                    now.try_set(token.now());
                },
                std::time::Duration::from_secs(1),
            );
            if let Ok(tick) = tick {
                on_cleanup(move || tick.clear());
            }
        });
    }
    let expires_at = Memo::new(move |_| {
        grant
            .get()
            .map(|grant| grant.expires_at)
            .unwrap_or_default()
    });
    let line = move || {
        let expires_at = expires_at.get();
        if expires_at <= 0 {
            return view! { <p class="time-left">"It does not expire."</p> }.into_any();
        }
        view! {
            <p class="time-left">
                <strong class="figure" data-seconds=move || (expires_at - now.get()).max(0).to_string()>
                    {move || numbers::clock(expires_at - now.get())}
                </strong>
                " left, until " {calendar::moment(expires_at)} ". A new one takes its place before that."
            </p>
        }
        .into_any()
    };
    line.into_any()
}
