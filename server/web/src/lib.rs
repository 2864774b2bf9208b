//! The web server: renders the pages of `app`, keeps sessions, signs people in
//! at an OpenID Connect provider, and gives each page the scoped token with
//! which it asks the analytics server directly.
//!
//! SQL over analytics data, users and passwords live elsewhere: the analytics
//! server and the provider are reached over HTTP only. One request passes, from
//! the outside in: `security` (headers, nonce), `session` (the cookie),
//! `csrf`, `visitor` (who is it, which token; `checks` says whether they still
//! may), and a handler of `routes` or `pages`. Static files (`assets`) see only the first.

mod assets;
mod checks;
mod clock;
mod control;
mod csrf;
mod ending;
mod grant;
mod oidc;
mod origin;
mod pages;
mod problem;
mod return_to;
mod revocations;
mod routes;
mod sealed;
mod security;
mod session;
mod settings;
mod site;
mod start;
mod transport;
mod visitor;

pub use assets::ListingError;
pub use clock::Clock;
pub use control::{ControlError, ControlOptions, SessionControl, SessionSummary};
pub use oidc::OidcError;
pub use origin::OriginError;
pub use revocations::{RevocationError, RevocationList};
pub use settings::{ClaimMapping, OidcSettings, Settings, Shape};
pub use start::{Running, StartError, StartOptions, migrations, start};
