//! The processor's cores, shared fairly among the statements that run.
//!
//! ClickHouse gives every statement a thread per core. Alone that is fastest;
//! beside others the threads only get into each other's way, so each statement
//! is told its share when it begins.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
pub(super) struct Cores {
    count: NonZeroUsize,
    running: AtomicUsize,
}

impl Default for Cores {
    fn default() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }
}

impl Cores {
    fn new(count: NonZeroUsize) -> Self {
        Self {
            count,
            running: AtomicUsize::new(0),
        }
    }

    /// Takes a share for one statement, given back when it is dropped.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        Share {
            cores: Arc::clone(self),
            running,
        }
    }
}

/// A running statement's part of the cores.
#[derive(Debug)]
pub(super) struct Share {
    cores: Arc<Cores>,
    /// Statements that ran when this one began, itself included.
    running: usize,
}

impl Share {
    /// The threads it may have, one at least; `None` when it is alone.
    pub(super) fn threads(&self) -> Option<u32> {
        let each = (self.cores.count.get() / self.running).max(1);
        (self.running > 1).then(|| u32::try_from(each).unwrap_or(u32::MAX))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.cores.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_run_at_once_share_the_cores_and_one_alone_has_them_all() {
        let cores = Arc::new(Cores::new(NonZeroUsize::new(4).unwrap()));
        let first = cores.share();
        assert_eq!(first.threads(), None);
        let others: Vec<Share> = (0..5).map(|_| cores.share()).collect();
        let threads: Vec<Option<u32>> = others.iter().map(Share::threads).collect();
        assert_eq!(threads, [Some(2), Some(1), Some(1), Some(1), Some(1)]);
        drop((first, others));
        assert_eq!(cores.share().threads(), None);
    }
}
