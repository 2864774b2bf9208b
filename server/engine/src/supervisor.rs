//! The child process: starting it, starting it again when it dies, ending it
//! when a statement holds it or its memory passes a bound.
//!
//! Statements go through `client`; here is only whether there is somebody who
//! answers them, and if not, why.

mod launch;
mod memory;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::child::{ChildSettings, Listen};
use crate::client::settings;
use crate::client::wire::Wire;
use launch::Launched;
pub use memory::default_bound;

/// Which program is the engine, and what it works on.
#[derive(Debug, Clone)]
pub struct SupervisorSettings {
    /// The program and its arguments; `rookery engine`.
    pub program: PathBuf,
    /// Arguments of the program.
    pub arguments: Vec<String>,
    /// The file `libchdb.so`.
    pub library: PathBuf,
    /// Where the data lives; created when missing.
    pub data_directory: PathBuf,
    /// The socket; its directory must exist.
    pub socket: PathBuf,
    /// The database of unqualified table names; created when missing.
    pub database: String,
    /// Bytes of memory above which the process is ended.
    pub memory_bound: u64,
}

/// Why the engine was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A statement went on past its deadline and the grace after it.
    Time,
    /// The process had more memory than it may.
    Memory,
}

/// Whether somebody answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Starting,
    /// The so-manieth start is up.
    Up(u64),
    /// The last start failed; another follows.
    Down(String),
    Closed,
}

/// The first wait before another start; doubled until the longest.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// After so long a life a death is the first again.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// How long the process may take to close its files.
const CLOSING: Duration = Duration::from_secs(10);
/// How soon a death is noticed here, after others saw their connections end.
const NOTICING: Duration = Duration::from_secs(1);
/// Statements to blame that are remembered.
const REMEMBERED: usize = 32;

/// Keeps one child process running.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

struct Shared {
    child: ChildSettings,
    socket: PathBuf,
    state: watch::Sender<State>,
    process: AtomicU32,
    blamed: Mutex<VecDeque<(String, Ending)>>,
}

enum Order {
    End,
    Stop,
}

impl Supervisor {
    /// Starts the process in the background; [`Supervisor::up`] tells how that
    /// went.
    pub(crate) fn start(settings: SupervisorSettings, readers: usize, writers: usize) -> Self {
        let child = ChildSettings {
            library: settings.library.clone(),
            data_directory: settings.data_directory.clone(),
            database: settings.database.clone(),
            listen: Listen::Socket(settings.socket.clone()),
            token: token(),
            readers,
            writers,
            session: settings::base(),
        };
        let shared = Arc::new(Shared {
            child,
            socket: settings.socket.clone(),
            state: watch::Sender::new(State::Starting),
            process: AtomicU32::new(0),
            blamed: Mutex::default(),
        });
        let (orders, received) = mpsc::unbounded_channel();
        let task = tokio::spawn(keep_running(settings, Arc::clone(&shared), received));
        Self {
            shared,
            orders,
            task,
        }
    }

    /// Waits while the process starts; its start's number, or why there is none.
    pub(crate) async fn up(&self) -> Result<u64, String> {
        // Almost always it is up, and nobody need wait.
        if let State::Up(generation) = *self.shared.state.borrow() {
            return Ok(generation);
        }
        let mut state = self.shared.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Starting).await;
        match settled.as_deref() {
            Ok(State::Up(generation)) => Ok(*generation),
            Ok(State::Down(why)) => Err(why.clone()),
            Ok(State::Starting | State::Closed) | Err(_) => Err("it is closed".to_owned()),
        }
    }

    /// Ends the process because of a statement; another is started.
    pub(crate) fn end(&self, id: &str, ending: Ending) {
        self.shared.blame(id, ending);
        let _ = self.orders.send(Order::End);
    }

    /// Whether the process was ended because of this statement. Told once.
    pub(crate) fn ending(&self, id: &str) -> Option<Ending> {
        let mut blamed = self.shared.blamed();
        let found = blamed.iter().position(|(blamed, _)| blamed == id)?;
        blamed.remove(found).map(|(_, ending)| ending)
    }

    /// Lets the process close its files and end, for good.
    pub(crate) async fn stop(&self) {
        let _ = self.orders.send(Order::Stop);
        let mut state = self.shared.state.subscribe();
        // The task only ends closed.
        let _ = state.wait_for(|state| *state == State::Closed).await;
    }

    /// A new connection to the process. Where it has just gone away, to the
    /// one that takes its place.
    pub(crate) async fn connect(&self) -> Result<(Wire, u64), String> {
        let generation = self.up().await?;
        let refused = match Wire::socket(&self.shared.socket).await {
            Ok(wire) => return Ok((wire, generation)),
            Err(refused) => refused,
        };
        let mut state = self.shared.state.subscribe();
        let gone = state.wait_for(|state| *state != State::Up(generation));
        if tokio::time::timeout(NOTICING, gone).await.is_err() {
            return Err(refused);
        }
        let generation = self.up().await?;
        Ok((Wire::socket(&self.shared.socket).await?, generation))
    }

    pub(crate) fn token(&self) -> &str {
        &self.shared.child.token
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        match self.shared.process.load(Ordering::Acquire) {
            0 => None,
            id => Some(id),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // The child is killed with the task that owns it.
        self.task.abort();
    }
}

impl Shared {
    fn blame(&self, id: &str, ending: Ending) {
        let mut blamed = self.blamed();
        if blamed.len() == REMEMBERED {
            blamed.pop_front();
        }
        blamed.push_back((id.to_owned(), ending));
    }

    fn blamed(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, Ending)>> {
        self.blamed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A password nobody guesses, as long as the process lives.
fn token() -> String {
    format!(
        "{}{}",
        uuid::Uuid::new_v4().simple(),
        uuid::Uuid::new_v4().simple()
    )
}

async fn keep_running(
    settings: SupervisorSettings,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut wait = SHORTEST_WAIT;
    let mut generation = 0;
    loop {
        let begun = Instant::now();
        match launch::launch(&settings, &shared.child).await {
            Ok(launched) => {
                generation += 1;
                shared
                    .process
                    .store(launched.child.id().unwrap_or(0), Ordering::Release);
                shared.state.send_replace(State::Up(generation));
                let ended = life(launched, &settings, &shared, &mut orders).await;
                shared.process.store(0, Ordering::Release);
                if ended == Ended::Stopped {
                    shared.state.send_replace(State::Closed);
                    return;
                }
                shared.state.send_replace(State::Starting);
            }
            Err(why) => {
                tracing::error!(why, "the engine does not start");
                shared.state.send_replace(State::Down(why));
                wait = (wait * 2).min(LONGEST_WAIT);
                if stopped_within(wait, &mut orders).await {
                    shared.state.send_replace(State::Closed);
                    return;
                }
                shared.state.send_replace(State::Starting);
                continue;
            }
        }
        if begun.elapsed() > GOOD_LIFE {
            wait = SHORTEST_WAIT;
        } else if stopped_within(wait, &mut orders).await {
            shared.state.send_replace(State::Closed);
            return;
        } else {
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Waits, unless it is told to stop.
async fn stopped_within(wait: Duration, orders: &mut mpsc::UnboundedReceiver<Order>) -> bool {
    let stop = async {
        loop {
            match orders.recv().await {
                Some(Order::End) => {}
                Some(Order::Stop) | None => return,
            }
        }
    };
    tokio::time::timeout(wait, stop).await.is_ok()
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// By itself, or because of a statement.
    Died,
    /// As it was told to.
    Stopped,
}

/// Watches one process until it has ended.
async fn life(
    launched: Launched,
    settings: &SupervisorSettings,
    shared: &Shared,
    orders: &mut mpsc::UnboundedReceiver<Order>,
) -> Ended {
    let Launched {
        mut child,
        lifeline,
    } = launched;
    let process = child.id().unwrap_or(0);
    tokio::select! {
        status = child.wait() => {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            tracing::error!(process, status, "the engine ended by itself; it is started again");
            Ended::Died
        }
        bytes = memory::passes(process, settings.memory_bound) => {
            memory::blame(shared, bytes, settings.memory_bound).await;
            kill(&mut child).await;
            Ended::Died
        }
        order = orders.recv() => match order {
            Some(Order::End) => {
                kill(&mut child).await;
                // What was asked for meanwhile was asked of the process that is gone.
                while let Ok(Order::End) = orders.try_recv() {}
                Ended::Died
            }
            Some(Order::Stop) | None => {
                // It closes its files and ends as its standard input does.
                drop(lifeline);
                close(&mut child).await;
                Ended::Stopped
            }
        }
    }
}

/// Waits for the process to close its files.
async fn close(child: &mut Child) {
    if tokio::time::timeout(CLOSING, child.wait()).await.is_err() {
        tracing::warn!("the engine did not end in time and was killed");
        kill(child).await;
    }
}

async fn kill(child: &mut Child) {
    if let Err(error) = child.kill().await {
        tracing::error!(%error, "the engine could not be killed");
    }
}
