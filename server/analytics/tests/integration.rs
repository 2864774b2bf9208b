//! All integration tests of the analytics server, in one binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod api {
    mod golden;
    mod server;
}
mod template {
    mod declarations;
    mod golden;
    mod structure;
}
