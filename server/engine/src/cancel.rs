//! Stopping what runs inside the engine.
//!
//! chDB gives no call that stops another thread's query, so a connection of
//! its own sends `KILL QUERY`. A query is known by its connection: each one
//! carries a `log_comment` of its own in its session. A [`Ticket`] makes sure
//! that only the query meant is killed: while the kill is sent the ticket is
//! locked, and the connection's thread must pass that lock before it takes
//! the next query.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

    /// Ends the killing thread.
    pub(super) fn stop(&self) {
        let _ = self.0.send(Order::Stop);
    }
}

/// The text in `log_comment` by which a connection's query is known.
pub(super) fn connection_name(connection: usize) -> String {
    format!("rookery-connection-{connection}")
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
            Order::Stop => return,
        }
    }
}

/// Sends one kill; false when the statement does not run (any more).
fn kill(ticket: &Ticket, control: &mut Connection) -> bool {
    let stage = ticket.lock();
    let Stage::Running { connection } = *stage else {
        return false;
    };
    let name = connection_name(connection);
    let sql = format!("KILL QUERY WHERE Settings['log_comment'] = '{name}' ASYNC");
    if let Err(error) = control.query(&sql, "Null", &[]) {
        tracing::warn!(%error, "a query could not be killed");
    }
    drop(stage);
    true
}
