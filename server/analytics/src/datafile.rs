//! The grammar of datafiles.
