//! Stopping what runs inside the engine.
//!
//! chDB gives no call that stops another thread's query, so a connection of
//! its own sends `KILL QUERY`. A query is known by its connection: each one
//! carries a `log_comment` of its own in its session. A [`Ticket`] makes sure
//! that only the query meant is killed: while the kill is sent the ticket is
//! locked, and the connection's thread must pass that lock before it takes
//! the next query.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::library::Connection;

/// How long to wait before the kill is sent again: the first one may come
/// before the engine has registered the query.
const KILL_AGAIN: Duration = Duration::from_millis(50);

/// Where one statement is on its way through the engine.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    cancelled: AtomicBool,
    stage: Mutex<Stage>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Queued,
    Running {
        connection: usize,
    },
    Done,
}

impl Ticket {
    /// Says that `connection` begins with the statement; false when nobody
    /// wants it any more.
    pub(super) fn start(&self, connection: usize) -> bool {
        let mut stage = self.lock();
        if self.is_cancelled() {
            *stage = Stage::Done;
            return false;
        }
        *stage = Stage::Running { connection };
        true
    }

    /// Says that the statement has left the engine; waits for a kill that is
    /// on its way.
    pub(super) fn finish(&self) {
        *self.lock() = Stage::Done;
    }

    pub(super) fn is_done(&self) -> bool {
        *self.lock() == Stage::Done
    }

    /// The connection that runs the statement, while it does.
    pub(super) fn connection(&self) -> Option<usize> {
        match *self.lock() {
            Stage::Running { connection } => Some(connection),
            Stage::Queued | Stage::Done => None,
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the killing thread is told.
#[derive(Debug)]
pub(super) enum Order {
    Kill(Arc<Ticket>),
    Memory(oneshot::Sender<HashMap<usize, u64>>),
    Stop,
}

/// Gives orders to the thread that kills.
#[derive(Debug, Clone)]
pub(super) struct Canceller(Sender<Order>);

impl Canceller {
    pub(super) fn new(orders: Sender<Order>) -> Self {
        Self(orders)
    }

    /// Stops a statement wherever it is. Never blocks.
    pub(super) fn cancel(&self, ticket: &Arc<Ticket>) {
        if !ticket.cancelled.swap(true, Ordering::AcqRel) {
            // Nobody listens only after the engine was closed.
            let _ = self.0.send(Order::Kill(Arc::clone(ticket)));
        }
    }

    /// Bytes of memory by connection, of statements that run.
    pub(super) async fn memory(&self) -> HashMap<usize, u64> {
        let (reply, answer) = oneshot::channel();
        let _ = self.0.send(Order::Memory(reply));
        answer.await.unwrap_or_default()
    }

    /// Ends the killing thread.
    pub(super) fn stop(&self) {
        let _ = self.0.send(Order::Stop);
    }
}

/// What the texts begin with by which connections are known.
const CONNECTION: &str = "rookery-connection-";

/// The text in `log_comment` by which a connection's query is known.
pub(super) fn connection_name(connection: usize) -> String {
    format!("{CONNECTION}{connection}")
}

/// The killing thread: sends `KILL QUERY` for each ticket until its statement
/// has left the engine.
pub(super) fn kill_until_gone(orders: &Receiver<Order>, mut control: Connection) {
    let mut pending: Vec<Arc<Ticket>> = Vec::new();
    loop {
        let order = if pending.is_empty() {
            orders.recv().unwrap_or(Order::Stop)
        } else {
            match orders.recv_timeout(KILL_AGAIN) {
                Ok(order) => order,
                Err(RecvTimeoutError::Disconnected) => Order::Stop,
                Err(RecvTimeoutError::Timeout) => {
                    pending.retain(|ticket| kill(ticket, &mut control));
                    continue;
                }
            }
        };
        match order {
            Order::Kill(ticket) if kill(&ticket, &mut control) => pending.push(ticket),
            Order::Kill(_) => {}
            Order::Memory(reply) => {
                let _ = reply.send(memory(&mut control));
            }
            Order::Stop => return,
        }
    }
}

/// What the statements on each connection hold now.
fn memory(control: &mut Connection) -> HashMap<usize, u64> {
    let sql = format!(
        "SELECT substring(Settings['log_comment'], {}), memory_usage FROM system.processes \
         WHERE startsWith(Settings['log_comment'], '{CONNECTION}')",
        CONNECTION.len() + 1
    );
    let Ok(output) = control.query(sql.as_bytes(), "TSV", &[]) else {
        return HashMap::new();
    };
    String::from_utf8_lossy(&output.body)
        .lines()
        .filter_map(|line| {
            let (connection, bytes) = line.split_once('\t')?;
            // What the engine gave back is counted as less than nothing.
            Some((connection.parse().ok()?, bytes.parse().unwrap_or(0)))
        })
        .collect()
}

/// Sends one kill; false when the statement does not run (any more).
fn kill(ticket: &Ticket, control: &mut Connection) -> bool {
    let stage = ticket.lock();
    let Stage::Running { connection } = *stage else {
        return false;
    };
    let name = connection_name(connection);
    let sql = format!("KILL QUERY WHERE Settings['log_comment'] = '{name}' ASYNC");
    if let Err(error) = control.query(sql.as_bytes(), "Null", &[]) {
        tracing::warn!(%error, "a query could not be killed");
    }
    drop(stage);
    true
}
