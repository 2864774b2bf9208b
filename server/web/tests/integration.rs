//! The web server as a browser and a provider see it: over HTTP messages only.
//!
//! `provider` is an OpenID Connect provider that can be told to misbehave in
//! one thing at a time; `embedded` is the real one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "integration/access_ends.rs"]
mod access_ends;
#[path = "integration/browser.rs"]
mod browser;
#[path = "integration/embedded.rs"]
mod embedded;
#[path = "integration/every_route.rs"]
mod every_route;
#[path = "integration/house.rs"]
mod house;
#[path = "integration/pages.rs"]
mod pages;
#[path = "integration/provider.rs"]
mod provider;
#[path = "integration/routes.rs"]
mod routes;
#[path = "integration/sessions.rs"]
mod sessions;
#[path = "integration/sign_in.rs"]
mod sign_in;
#[path = "integration/signed_in_where.rs"]
mod signed_in_where;
#[path = "integration/verification.rs"]
mod verification;
