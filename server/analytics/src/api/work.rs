//! Work that goes on after its request was answered: jobs, and the copies and
//! populations that are run as such.

pub(super) mod copies;
pub(super) mod jobs;
pub(super) mod populations;
