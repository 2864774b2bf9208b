//! All integration tests of the analytics server, in one binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod api {
    mod bodies;
    mod browsers;
    mod cancellation;
    mod clock;
    mod copies;
    mod deployments {
        mod builds;
        mod fixture;
        mod lifecycle;
    }
    mod golden;
    mod jobs;
    pub(crate) mod reload;
    mod replacing;
    mod restarts;
    pub(crate) mod server;
    mod tokens;
    mod views;
    mod writing;
}
mod tenancy {
    mod attacks;
    mod doors;
    mod grammar;
    mod isolation;
    mod property;
    mod world;
    mod worlds;
}
