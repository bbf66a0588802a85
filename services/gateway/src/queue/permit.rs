//! The right to send one request.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Shared, slots::Slot};

/// Dropped when the answer is there, it comes back a window later; unused, at once.
pub struct Permit {
    queue: Arc<Shared>,
    /// Where permits are shared; it goes back with this.
    slot: Option<Slot>,
    is_used: bool,
}

impl Permit {
    pub(super) fn new(queue: Arc<Shared>, slot: Option<Slot>) -> Self {
        Self { queue, slot, is_used: false }
    }

    /// From now on it counts as a request. False when it must not be used any more, since it was kept for too long.
    #[must_use]
    pub fn used(&mut self) -> bool {
        self.is_used = self.slot.as_mut().is_none_or(Slot::used);
        self.is_used
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        if self.is_used {
            state.budget.permits.release(Instant::now());
        } else {
            state.budget.permits.give_back();
        }
        let is_sooner = state.is_sooner();
        drop(state);
        if is_sooner {
            self.queue.changed.notify_one();
        }
    }
}
