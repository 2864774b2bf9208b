//! Rows coming in: events, files, the demo data.
