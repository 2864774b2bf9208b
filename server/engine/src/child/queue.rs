//! The bounded queue between async callers and the connections' threads.
//! Putting in never blocks; taking out does.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Why an item was not taken in; the item comes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State {
            items: VecDeque::new(),
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            filled: Condvar::new(),
            capacity,
        }
    }

    /// Puts an item at the end. When the queue is full, items that are no
    /// longer `wanted` are dropped first.
    pub(super) fn push(&self, item: T, wanted: impl Fn(&T) -> bool) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.items.len() >= self.capacity {
            state.items.retain(wanted);
        }
        if state.items.len() >= self.capacity {
            return Err(Refused::Full);
        }
        state.items.push_back(item);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for the next item; `None` once the queue is closed.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets nothing in or out any more and drops what waits.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let items = std::mem::take(&mut state.items);
        drop(state);
        drop(items);
        self.filled.notify_all();
    }

    /// A panic elsewhere leaves the queue as good as it was: every change
    /// under the lock is a single step.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_leave_in_the_order_they_came() {
        let queue = Queue::new(2);
        queue.push(1, |_| true).unwrap();
        queue.push(2, |_| true).unwrap();
        assert_eq!((queue.pop(), queue.pop()), (Some(1), Some(2)));
    }

    #[test]
    fn a_full_queue_refuses_until_unwanted_items_make_room() {
        let queue = Queue::new(2);
        queue.push(1, |_| true).unwrap();
        queue.push(2, |_| true).unwrap();
        assert_eq!(queue.push(3, |_| true), Err(Refused::Full));
        queue.push(3, |item| *item != 1).unwrap();
        assert_eq!((queue.pop(), queue.pop()), (Some(2), Some(3)));
    }

    #[test]
    fn closing_wakes_those_who_wait_and_drops_the_rest() {
        let queue = std::sync::Arc::new(Queue::<i32>::new(2));
        let waiting = std::thread::spawn({
            let queue = queue.clone();
            move || queue.pop()
        });
        queue.close();
        assert_eq!(waiting.join().unwrap(), None);
        assert_eq!(queue.push(1, |_| true), Err(Refused::Closed));
    }
}
