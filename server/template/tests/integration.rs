//! The template language from outside, in one binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it stands"
)]

mod integration {
    mod declarations;
    mod golden;
    mod structure;
}
