//! The provider from outside: HTTP messages in, HTTP messages out, as browsers
//! and relying parties exchange them. One binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose provider does not start or answer has failed"
)]

mod authorization;
mod conformance;
mod directory;
mod discovery;
mod every_route;
mod notices;
mod operation;
mod relying_party;
mod sign_in;
mod sign_out;
mod support;
mod throttling;
mod tokens;
mod userinfo;
