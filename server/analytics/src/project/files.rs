//! The project's directory: reading its datafiles (those of Tinybird Classic, too),
//! watching them, putting others in their place.

pub(super) mod classic;
pub(super) mod placement;
pub(super) mod source;
pub(super) mod watch;
