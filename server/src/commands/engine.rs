//! `rookery engine --listen`: the embedded engine as a server that others on
//! the network use by `analytics.engine.url`.

use std::net::SocketAddr;
use std::process::ExitCode;

use engine::child::{ChildSettings, Listen, serve_until};
use engine::{cached_library, default_session};
use service::Secret;

use super::Failure;
use crate::config::Config;
use crate::stop::Stop;

/// Statements that change data at once.
const WRITERS: usize = 2;

/// Serves the state's data until a signal comes.
///
/// # Errors
/// Why it cannot serve, as one line.
pub(crate) fn serve(config: &Config, listen: SocketAddr) -> Result<ExitCode, Failure> {
    let settings = &config.analytics.engine;
    let password = settings.password.as_ref().map(Secret::reveal);
    let password = password
        .filter(|password| !password.is_empty())
        .ok_or("who may ask? set `analytics.engine.password`")?;
    let library = settings.library.clone().or_else(cached_library);
    let child = ChildSettings {
        library: library.ok_or("no engine library: set `analytics.engine.library`, or HOME")?,
        data_directory: config.state.join("engine"),
        database: analytics::DATABASE.to_owned(),
        listen: Listen::Address(listen),
        token: password.to_owned(),
        readers: settings
            .connections
            .unwrap_or_else(|| 2 * std::thread::available_parallelism().map_or(2, usize::from)),
        writers: WRITERS,
        session: default_session(),
    };
    serve_until(&child, async {
        match Stop::on_signal() {
            Ok(stop) => stop.wait().await,
            Err(error) => tracing::error!(%error, "signals cannot be heard"),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
