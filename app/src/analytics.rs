//! The client of the analytics server, the same on the server and in the
//! browser.
//!
//! What carries the request differs: [`ServerTransport`], given by `web`,
//! while a page is rendered, and `fetch` in the browser afterwards.

mod answer;
mod client;
mod failure;
mod query;
mod rows;
mod transport;

pub use answer::{Column, Statistics, Table, Values};
#[cfg(feature = "hydrate")]
pub(crate) use client::read as read_answer;
pub use client::{Client, endpoint};
pub use failure::{Failure, FailureKind};
pub(crate) use query::read_outcome;
pub use query::{Outcome, Query, use_query};
pub use rows::{DataSpan, Day, Destination, Hour, Summary};
#[cfg(feature = "ssr")]
pub use transport::{ServerTransport, Transport};
pub use transport::{TransportError, TransportRequest, TransportResponse};
