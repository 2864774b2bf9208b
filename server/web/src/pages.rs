//! Renders the pages of `app`: gives each its context and agrees with the
//! response header on the nonce.
//!
//! What the pages are and which addresses they have is known to `app` alone.

use std::sync::Arc;

use any_spawner::Executor;
use app::analytics::ServerTransport;
use app::session::{Organization, PageContext, Viewer};
use app::{PAGES, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::get;
use http::request::Parts;
use http::{Method, StatusCode};
use leptos::config::LeptosOptions;
use leptos::context::provide_context;
use leptos::nonce::Nonce;
use leptos::reactive::owner::with_context;
use service::ApiError;

use crate::security::PageNonce;
use crate::session::cookie::cookies;
use crate::session::{Account, Membership};
use crate::site::Shared;
use crate::visitor::Visitor;

/// The cookie in which the interface remembers a chosen theme.
const THEME: &str = "theme";

/// Addresses below this are for programs and never pages.
const API: &str = "/api/";

/// What the pages need beside their request.
#[derive(Clone)]
pub(crate) struct Pages {
    site: Shared,
    transport: ServerTransport,
    options: LeptosOptions,
}

impl Pages {
    /// The pages of `site`; while they are rendered, data come by `transport`.
    pub(crate) fn new(site: Shared, transport: ServerTransport, options: LeptosOptions) -> Self {
        // Leptos spawns on the runtime it is told of. It is refused where it was
        // told before, by another site of the process.
        Executor::init_tokio().ok();
        Self {
            site,
            transport,
            options,
        }
    }

    /// The addresses `app` has pages for.
    pub(crate) fn router(&self) -> Router {
        let (pages, options) = (self.clone(), self.options.clone());
        // Whole, not in pieces: what the server can find out is in the first
        // HTML, for readers without scripts too.
        let render = leptos_axum::render_app_async_with_context(
            move || pages.provide(),
            move || shell(options.clone()),
        );
        PAGES.iter().fold(Router::new(), |router, page| {
            let render = render.clone();
            router.route(page, get(move |request: Request<Body>| render(request)))
        })
    }

    /// Answers what has no address: by `app`'s own page where a page was asked
    /// for.
    pub(crate) fn not_found(&self) -> Router {
        let (pages, options) = (self.clone(), self.options.clone());
        let render = leptos_axum::render_app_async_with_context(
            move || pages.provide(),
            move || shell(options.clone()),
        );
        Router::new().fallback(move |request: Request<Body>| {
            let render = render.clone();
            async move {
                if !asks_for_page(&request) {
                    return no_such_address().into_response();
                }
                let mut response = render(request).await;
                if response.status() == StatusCode::OK {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                response
            }
        })
    }

    /// Provides the context of the page being rendered. The request is one of
    /// the contexts already.
    fn provide(&self) {
        // Providing while reading a context would wait for itself.
        let read = with_context::<Parts, _>(|parts| {
            let nonce = parts.extensions.get::<PageNonce>().cloned();
            (self.page_context(parts), nonce)
        });
        if let Some((page, nonce)) = read {
            provide_context(page);
            if let Some(PageNonce(nonce)) = nonce {
                provide_context(Nonce::from_value(nonce));
            }
        }
        provide_context(Arc::clone(&self.transport));
    }

    fn page_context(&self, parts: &Parts) -> PageContext {
        let visitor = parts.extensions.get::<Visitor>();
        PageContext {
            viewer: visitor.and_then(Visitor::account).map(viewer),
            grant: visitor
                .and_then(|visitor| visitor.grant.as_ref())
                .map(|grant| grant.token.clone()),
            unconfirmed: visitor.is_some_and(|visitor| visitor.unconfirmed),
            analytics_origin: self.site.analytics_origin.as_str().to_owned(),
            now: self.site.clock.now(),
            theme: theme(parts),
        }
    }
}

fn asks_for_page(request: &Request<Body>) -> bool {
    let path = request.uri().path();
    matches!(*request.method(), Method::GET | Method::HEAD)
        && path.starts_with('/')
        && !path.starts_with(API)
}

fn no_such_address() -> ApiError {
    ApiError::not_found("no_such_address", "there is nothing at this address")
}

fn theme(parts: &Parts) -> Option<String> {
    cookies(&parts.headers)
        .find(|cookie| cookie.name() == THEME)
        .map(|cookie| cookie.value().to_owned())
        .filter(|theme| matches!(theme.as_str(), "dark" | "light"))
}

fn viewer(account: &Account) -> Viewer {
    Viewer {
        id: account.profile.subject.clone(),
        name: account.profile.name.clone(),
        email: account.profile.email.clone(),
        organizations: account.memberships.iter().map(organization).collect(),
        active_organization: account.active.clone(),
    }
}

fn organization(membership: &Membership) -> Organization {
    Organization {
        slug: membership.slug.clone(),
        name: membership.name.clone(),
        role: membership.role.clone(),
    }
}
