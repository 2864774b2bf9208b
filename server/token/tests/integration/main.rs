//! The token path from outside, through the public interface only. One binary,
//! so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot make its own token or key has failed"
)]

mod attacks;
mod keys;
mod properties;
mod support;
mod verifying;
