//! The analytics server: datafiles, templates, the engine and the
//! Tinybird-compatible API. It knows nothing of sessions or users: whoever
//! calls it shows a token.
//!
//! Data flows one way: `api` checks `access` and `limit`, hands parameters to
//! `query`, which renders the `project`'s pipes and runs them on the `engine`.

pub mod access;
mod api;
mod background;
mod clock;
mod deploy;
mod door;
pub mod fixtures;
pub mod ingest;
pub mod limit;
pub mod project;
pub mod query;
mod schedule;
mod service_data;
mod settings;
mod start;
pub mod test_runner;
mod unfinished;

pub use api::DATABASE;
pub use clock::{Clock, SystemClock};
pub use door::{DoorError, open_engine};
pub use settings::{EngineSettings, LimitSettings, QuerySettings, Settings};
pub use start::{
    Running, StartError, StartOptions, migrations, start, start_with_clock, starting_router,
};
