//! The project's directory: reading its datafiles, watching them, putting
//! others in their place.

pub(super) mod placement;
pub(super) mod source;
pub(super) mod watch;
