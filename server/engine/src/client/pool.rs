//! How many statements of a kind run at once, how many wait, and the
//! connections that are free.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wire::Wire;
use crate::EngineError;

/// Connections of one kind.
pub(super) struct Pool {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    capacity: usize,
    size: u32,
    free: Mutex<Vec<Connected>>,
}

/// A connection, and of which start of the engine it is.
pub(super) struct Connected {
    pub(super) wire: Wire,
    pub(super) generation: u64,
}

/// The right to run one statement.
pub(super) struct Slot {
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(size: usize, capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(size)),
            waiting: AtomicUsize::new(0),
            capacity,
            size: u32::try_from(size).unwrap_or(u32::MAX),
            free: Mutex::default(),
        })
    }

    /// Waits for a slot, in the order of asking, until `deadline`.
    pub(super) async fn slot(self: &Arc<Self>, deadline: Instant) -> Result<Slot, EngineError> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(tokio::sync::TryAcquireError::Closed) => return Err(closed()),
            Err(tokio::sync::TryAcquireError::NoPermits) => self.wait(deadline).await?,
        };
        Ok(Slot {
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    async fn wait(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, EngineError> {
        let Some(_place) = Place::take(&self.waiting, self.capacity) else {
            return Err(EngineError::QueueFull);
        };
        let permit = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout_at(deadline.into(), permit).await {
            Err(_) => Err(EngineError::DeadlineExceeded),
            Ok(permit) => permit.map_err(|_| closed()),
        }
    }

    /// Lets nobody in any more; who waits is refused.
    pub(super) fn close(&self) {
        self.permits.close();
    }

    /// Waits until no statement runs.
    pub(super) async fn idle(&self) {
        // A closed semaphore still counts what comes back.
        while self.permits.available_permits() < self.size as usize {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

/// A place in the queue, given back when the caller leaves it.
struct Place<'pool>(&'pool AtomicUsize);

impl<'pool> Place<'pool> {
    fn take(waiting: &'pool AtomicUsize, capacity: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        let place = Self(waiting);
        (before < capacity).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Slot {
    /// A connection of this start of the engine that is still open.
    pub(super) async fn free(&self, generation: u64) -> Option<Wire> {
        loop {
            let mut connected = self.lock().pop()?;
            if connected.generation == generation && !connected.wire.is_closed().await {
                return Some(connected.wire);
            }
        }
    }

    /// Gives a connection back for the next statement.
    pub(super) fn keep(&self, wire: Wire, generation: u64) {
        self.lock().push(Connected { wire, generation });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connected>> {
        self.pool
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn closed() -> EngineError {
    EngineError::Unavailable("it is closed".to_owned())
}
