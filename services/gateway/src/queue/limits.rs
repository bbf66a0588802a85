//! Bounds of a queue.

use std::time::Duration;

use super::{WINDOW, slots::Terms};

/// How much may be sent, and how many may wait.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To the base, and with one token, to all bases.
    pub requests_per_second: usize,
    pub token_requests_per_second: usize,
    pub length: usize,
    pub lockout: Duration,
}

impl Limits {
    /// How many requests one gateway may send in a second, whatever others send.
    pub fn permits(&self) -> usize {
        self.requests_per_second.min(self.token_requests_per_second)
    }

    /// The terms of slots that replicas share.
    pub fn terms(&self) -> Terms {
        Terms::new(self.requests_per_second, self.token_requests_per_second, WINDOW)
    }
}
