//! What every HTTP service of Rookery shares: the error envelope, request
//! ids with the access log, health and metrics routes, serving with time-outs
//! and a graceful end, and secrets of the configuration that are never printed.
//!
//! Nothing here knows what a service does; no routes of the product live here.

mod body;
mod error;
mod health;
mod observe;
mod secret;
mod serve;

pub use body::unread_body;
pub use error::{ApiError, Cause, DOCUMENTATION};
pub use health::{Readiness, health_routes};
pub use observe::{current_request_id, observe};
pub use secret::Secret;
pub use serve::{BindError, ConnectionSettings, bind, serve};
