//! A place in the queue of one that waits.

use std::sync::Arc;

use super::{Shared, budget::Ticket};

/// It is given up on drop.
pub struct Seat {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Seat {
    pub(super) fn new(shared: Arc<Shared>, ticket: Ticket) -> Self {
        Self { shared, ticket }
    }

    /// Whether it was still waiting.
    pub fn leave(&self) -> bool {
        let mut state = self.shared.lock();
        state.budget.leave(self.ticket);
        let seat = state.seats.remove(&self.ticket);
        self.shared.metrics.queue_length(state.budget.waiting());
        drop(state);
        seat.is_some()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}
