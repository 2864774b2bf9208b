//! From a call's parameters to the SQL that runs.
