//! A place in the queue of one that waits.

use std::sync::Arc;

use super::{Shared, budget::Ticket};

/// It is given up on drop.
pub struct Seat {
    shared: Arc<Shared>,
    ticket: Ticket,
    is_left: bool,
}

impl Seat {
    pub(super) fn new(shared: Arc<Shared>, ticket: Ticket) -> Self {
        Self { shared, ticket, is_left: false }
    }

    /// Its turn has come: there is nothing to give up.
    pub fn served(&mut self) {
        self.is_left = true;
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
        if !self.is_left {
            self.leave();
        }
    }
}
