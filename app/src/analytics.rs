//! The client of the analytics server, the same on the server and in the
//! browser.
//!
//! What carries the request differs: [`ServerTransport`], given by `web`,
//! while a page is rendered, and `fetch` in the browser afterwards.

#[cfg(feature = "ssr")]
mod transport;

#[cfg(feature = "ssr")]
pub use transport::{
    ServerTransport, Transport, TransportError, TransportRequest, TransportResponse,
};
