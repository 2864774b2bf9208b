//! What every HTTP service of Rookery shares: the error envelope, request
//! ids with the access log, health and metrics routes, and serving with a
//! graceful end.
//!
//! Nothing here knows what a service does; no routes of the product live here.

mod error;
mod health;
mod observe;
mod serve;

pub use error::{ApiError, DOCUMENTATION};
pub use health::{Readiness, health_routes};
pub use observe::{current_request_id, observe};
pub use serve::{BindError, bind, serve};
