//! `rookery engine`: the process that ClickHouse's library lives in.
//!
//! It loads the library, opens one data directory and speaks ClickHouse's HTTP
//! interface to whoever knows its token, on a Unix socket or a TCP address.
//! What cannot be interrupted is here and nowhere else: whoever started the
//! process ends it. Limits, queues and tenancy are its client's; here are only
//! the protocol (`http`), the engine's connections (`pool`, `worker`) and the
//! one binding with `unsafe` (`library`).

mod answer;
pub mod bare;
mod cancel;
mod http;
mod library;
mod lock;
mod pool;
mod queue;
mod request;
mod session;
mod statement;
mod status;
mod worker;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use library::Library;
use lock::DirectoryLock;
use pool::Pool;

/// What the process needs to know, written to its standard input as one line
/// of JSON. It serves until that input ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChildSettings {
    /// The file `libchdb.so`.
    pub library: PathBuf,
    /// Where the data lives; created when missing. One process at a time.
    pub data_directory: PathBuf,
    /// The database of unqualified table names; created when missing.
    pub database: String,
    /// Where to listen.
    pub listen: Listen,
    /// What callers show as the password of the user `default`.
    pub token: String,
    /// Statements that read at once.
    pub readers: usize,
    /// Statements that change data at once.
    pub writers: usize,
    /// Settings of every statement that does not say otherwise.
    pub session: BTreeMap<String, String>,
}

/// Where the process listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// A socket of this path, made with mode 0600.
    Socket(PathBuf),
    /// An address; port 0 takes a free one.
    Address(SocketAddr),
}

/// What the process says first, as one line of JSON on its standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hello {
    /// It serves.
    Ready {
        /// The version of Rookery it was built from.
        version: String,
        /// Where it listens.
        listen: Listen,
    },
    /// It cannot serve, and has ended.
    Failed(String),
}

/// The version of Rookery: both sides of the door must be of the same.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the process as a supervisor starts it: settings from standard input,
/// [`Hello`] to standard output, then serving until standard input ends.
#[must_use]
pub fn run() -> ExitCode {
    let mut line = String::new();
    let settings = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| error.to_string())
        .and_then(|_| {
            serde_json::from_str::<ChildSettings>(&line).map_err(|_| {
                "it is started by `rookery serve`, which tells it what to do; to run it alone, give it an address with `--listen`"
                    .to_owned()
            })
        });
    finish(settings.and_then(|settings| serve(&settings, parent_ends())))
}

/// Runs the process on its own, until `stop` is done.
///
/// # Errors
/// Why it cannot serve, as one line.
pub fn serve_until(
    settings: &ChildSettings,
    stop: impl Future<Output = ()> + 'static,
) -> Result<(), String> {
    serve(settings, stop)
}

fn finish(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say(&Hello::Failed(why));
            ExitCode::FAILURE
        }
    }
}

/// Done when standard input ends: with the process that started this one,
/// however that ended.
async fn parent_ends() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut rest = String::new();
        while std::io::stdin()
            .lock()
            .read_line(&mut rest)
            .is_ok_and(|read| read > 0)
        {
            rest.clear();
        }
        let _ = ended.send(());
    });
    let _ = wait.await;
}

fn serve(settings: &ChildSettings, stop: impl Future<Output = ()> + 'static) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    std::fs::create_dir_all(&settings.data_directory).map_err(|error| {
        let directory = settings.data_directory.display();
        format!("cannot create the data directory {directory}: {error}")
    })?;
    let _lock = DirectoryLock::take(&settings.data_directory)?;
    let library = load(&settings.library)?;
    let pool = Arc::new(Pool::open(library, settings)?);
    let served = runtime.block_on(async {
        let listener = http::Listener::bind(&settings.listen)?;
        let listen = listener.address()?;
        say(&Hello::Ready {
            version: VERSION.to_owned(),
            listen,
        });
        tokio::select! {
            ended = http::serve(listener, Arc::clone(&pool), settings) => ended,
            () = stop => Ok(()),
        }
    });
    if let Listen::Socket(path) = &settings.listen {
        // Somebody else may have taken it away; the next start would too.
        let _ = std::fs::remove_file(path);
    }
    pool.close();
    served
}

fn load(path: &Path) -> Result<&'static Library, String> {
    Library::load(path).map_err(|error| {
        let library = path.display();
        format!("cannot load the library {library} ({error}): fetch it with `cargo xtask fetch`")
    })
}

/// One line to whoever started the process.
fn say(hello: &Hello) {
    let line = serde_json::to_string(hello).unwrap_or_default();
    // Nobody listens when the process was started by hand and put aside.
    let _ = writeln!(std::io::stdout(), "{line}");
}
