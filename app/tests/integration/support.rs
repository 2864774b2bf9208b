//! Renders a page the way `web` does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use app::{
    analytics::{ServerTransport, Transport, TransportError, TransportRequest, TransportResponse},
    session::{Organization, PageContext, TokenGrant, Viewer},
};
use futures::{StreamExt, stream::once};
use leptos::prelude::*;
use leptos_integration_utils::{BoxedFnOnce, PinnedFuture, PinnedStream, build_response};
use leptos_router::location::RequestUrl;

/// 21 Nov 2026, 14:03:12 UTC.
pub(crate) const NOW: i64 = 1_795_269_792;

/// A token without a signature: the pages only show and send it.
pub(crate) const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ3b3Jrc3BhY2VfaWQiOiJ3IiwiZXhwIjoxNzY0LCJzY29wZXMiOlt7InR5cGUiOiJQSVBFUzpSRUFEIiwicmVzb3VyY2UiOiJmbGlnaHRzX3Blcl9kYXkiLCJmaXhlZF9wYXJhbXMiOnsib3JnIjoidWEiLCJ1c2VyIjoiYWRhIn19LHsidHlwZSI6IlBJUEVTOlJFQUQiLCJyZXNvdXJjZSI6WyJhIiwiYiJdLCJmaXhlZF9wYXJhbXMiOnsib3JnIjoidWEifX1dLCJsaW1pdHMiOnsicnBzIjoxMH19.c2ln";

/// Hands out prepared answers and remembers what was asked.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    prepared: HashMap<&'static str, Result<TransportResponse, TransportError>>,
    asked: Mutex<Vec<TransportRequest>>,
}

impl Answers {
    /// What the demo's endpoints answer for United.
    pub(crate) fn of_united() -> Self {
        Self::default()
            .with(
                "flights_period",
                200,
                include_str!("answers/flights_period.json"),
            )
            .with(
                "flights_summary",
                200,
                include_str!("answers/flights_summary.json"),
            )
            .with(
                "flights_per_day",
                200,
                include_str!("answers/flights_per_day.json"),
            )
            .with(
                "delay_by_hour",
                200,
                include_str!("answers/delay_by_hour.json"),
            )
            .with(
                "top_destinations",
                200,
                include_str!("answers/top_destinations.json"),
            )
    }

    /// The same with another answer of one pipe.
    pub(crate) fn with(mut self, pipe: &'static str, status: u16, body: &str) -> Self {
        let response = TransportResponse {
            status,
            request_id: Some(format!("request-of-{pipe}")),
            retry_after: (status == 429).then_some(1),
            body: body.to_owned(),
        };
        self.prepared.insert(pipe, Ok(response));
        self
    }

    /// The same with no answer of one pipe.
    pub(crate) fn without(mut self, pipe: &'static str, error: TransportError) -> Self {
        self.prepared.insert(pipe, Err(error));
        self
    }

    /// Paths and queries of all requests so far, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let requests = self.requests();
        let mut paths: Vec<_> = requests
            .iter()
            .map(|request| request.path_and_query.clone())
            .collect();
        paths.sort();
        paths
    }

    /// The tokens of all requests so far.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.requests()
            .iter()
            .map(|request| request.token.clone())
            .collect()
    }

    fn requests(&self) -> MutexGuard<'_, Vec<TransportRequest>> {
        self.asked
            .lock()
            .expect("nobody panics while they hold the lock")
    }
}

#[async_trait::async_trait]
impl Transport for Answers {
    async fn get(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let pipe = request
            .path_and_query
            .trim_start_matches("/v0/pipes/")
            .split(".json")
            .next();
        let answer = self.prepared.get(pipe.unwrap_or_default()).cloned();
        self.requests().push(request);
        answer.unwrap_or(Err(TransportError::Unreachable))
    }
}

/// A visitor who is not signed in.
pub(crate) fn nobody() -> PageContext {
    PageContext {
        analytics_origin: "http://localhost:7181".into(),
        now: NOW,
        ..PageContext::default()
    }
}

/// A person in no organization, who so has no token.
pub(crate) fn dan() -> PageContext {
    let viewer = Viewer {
        id: "dan".into(),
        name: "Dan Nowhere".into(),
        email: Some("dan@nowhere.example".into()),
        ..Viewer::default()
    };
    PageContext {
        viewer: Some(viewer),
        ..nobody()
    }
}

/// An administrator of United, and of nothing else.
pub(crate) fn ada() -> PageContext {
    member("Ada Lovelace", &[("ua", "United Air Lines", "admin")])
}

/// A member of two airlines, at the moment at Delta.
pub(crate) fn cleo() -> PageContext {
    member(
        "Cleo Clerk",
        &[
            ("dl", "Delta Air Lines", "admin"),
            ("9e", "Endeavor Air", "member"),
        ],
    )
}

fn member(name: &str, organizations: &[(&str, &str, &str)]) -> PageContext {
    let organization = |(slug, name, role): &(&str, &str, &str)| Organization {
        slug: (*slug).to_owned(),
        name: (*name).to_owned(),
        role: (*role).to_owned(),
    };
    let slug = organizations[0].0.to_owned();
    let viewer = Viewer {
        id: name.to_lowercase(),
        name: name.to_owned(),
        email: None,
        organizations: organizations.iter().map(organization).collect(),
        active_organization: Some(slug.clone()),
    };
    let grant = TokenGrant {
        token: TOKEN.into(),
        expires_at: NOW + 899,
        org: Some(slug),
    };
    PageContext {
        viewer: Some(viewer),
        grant: Some(grant),
        ..nobody()
    }
}

/// The document at an address, with nothing to be had from the analytics
/// server.
pub(crate) async fn document(address: &str, page: PageContext) -> String {
    document_with(address, page, Arc::new(Answers::default())).await
}

/// The document at an address.
pub(crate) async fn document_with(
    address: &str,
    page: PageContext,
    answers: Arc<Answers>,
) -> String {
    // A second call in the same process finds it initialized.
    let _ = any_spawner::Executor::init_tokio();
    let address = address.to_owned();
    let provide = move || {
        provide_context(RequestUrl::new(&address));
        provide_context(page);
        provide_context::<ServerTransport>(answers);
    };
    let options = LeptosOptions::builder().output_name("rookery").build();
    let (owner, stream) = build_response(move || app::shell(options), provide, whole, false);
    let html = stream.await.collect::<String>().await;
    owner.unset_with_forced_cleanup();
    html
}

/// Waits for everything, as the rendering mode `Async` does.
fn whole<View: IntoView + 'static>(
    view: View,
    chunks: BoxedFnOnce<PinnedStream<String>>,
    _: bool,
) -> PinnedFuture<PinnedStream<String>> {
    Box::pin(async move {
        let html = view.to_html_stream_in_order().collect::<String>().await;
        Box::pin(once(async move { html }).chain(chunks())) as PinnedStream<String>
    })
}

/// The text between the tags of the body, with single spaces: what a reader
/// sees.
pub(crate) fn text(html: &str) -> String {
    let body = html.split("<body").nth(1).unwrap_or(html);
    let body = body.split("<script").next().unwrap_or_default();
    let mut texts = Vec::new();
    for piece in body.split('<').skip(1) {
        // A piece is the rest of a tag or a comment, and the text after it.
        let text = piece.split_once('>').map_or("", |(_, text)| text);
        texts.extend(text.split_whitespace());
    }
    texts.join(" ")
}
