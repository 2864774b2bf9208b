//! All integration tests of the analytics server, in one binary.

mod template {
    mod declarations;
    mod golden;
    mod structure;
}
