//! Who may send when, as a state machine without clock or locks.
//!
//! There are as many permits as the base allows requests in a second. A permit comes back one window after the answer
//! of the request that held it: whenever the upstream saw that request arrive, it was before its answer, so that two
//! requests with one permit are at least a window apart, whatever the network does. Hence no window sees more
//! requests than there are permits.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{
    pace::Pace,
    turns::{Ask, Place, Turns},
};

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The queue has no place left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Permits, the queue for them, and the lock-out.
#[derive(Debug)]
pub struct Budget {
    permits: usize,
    window: Duration,
    capacity: usize,
    held: usize,
    /// When each permit that was given back may be used again; in order of time.
    cooling: VecDeque<Instant>,
    turns: Turns<Ticket>,
    pace: Pace<Ticket>,
    locked_until: Option<Instant>,
    last_ticket: u64,
}

impl Budget {
    /// A budget of `permits` requests in any `window`, with a queue of at most `capacity`.
    ///
    /// The first window belongs to whoever sent before: a process that was restarted does not know what its
    /// predecessor sent just now.
    pub fn new(permits: usize, window: Duration, capacity: usize, now: Instant) -> Self {
        Self {
            permits,
            window,
            capacity,
            held: 0,
            cooling: std::iter::repeat_n(now + window, permits).collect(),
            turns: Turns::default(),
            pace: Pace::default(),
            locked_until: None,
            last_ticket: 0,
        }
    }

    /// Queues for a permit. At the front there is always a place.
    pub fn join(&mut self, ask: Ask, now: Instant) -> Result<Ticket, Full> {
        if ask.place == Place::Back && self.waiting() >= self.capacity {
            return Err(Full);
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.pass(now);
        let (distance, goes_on) = (self.distance(), ask.place == Place::Front || self.turns.have(&ask));
        let ask = if goes_on { Some(ask) } else { self.pace.hold(ticket, ask, now, distance) };
        if let Some(ask) = ask {
            self.turns.join(ticket, ask);
        }
        Ok(ticket)
    }

    /// Leaves the queue; without effect for who is not in it.
    pub fn leave(&mut self, ticket: Ticket) {
        self.turns.leave(ticket);
        self.pace.leave(ticket);
    }

    /// Gives a permit to whose turn it is, if there is one to be had. The first ticket holds it from now on; up to `most`
    /// others that `fits` admits come along, and wait no more. To be repeated until there is none.
    pub fn grant(
        &mut self,
        now: Instant,
        most: usize,
        fits: impl FnMut(&[Ticket], Ticket) -> bool,
    ) -> Option<Vec<Ticket>> {
        self.pass(now);
        if self.locked_until.is_some() || self.free() == 0 {
            return None;
        }
        let (kind, granted) = self.turns.next(most, fits)?;
        self.held += 1;
        if let Some(kind) = kind {
            self.pace.departed(&kind, now);
        }
        Some(granted)
    }

    /// Time has passed: permits are to be had again, a lock-out is over.
    pub fn pass(&mut self, now: Instant) {
        while self.cooling.front().is_some_and(|ready| *ready <= now) {
            self.cooling.pop_front();
        }
        if self.locked_until.is_some_and(|until| until <= now) {
            self.locked_until = None;
        }
        for (ticket, ask) in self.pace.release(now, now.checked_sub(self.window)) {
            self.turns.join(ticket, ask);
        }
    }

    /// Takes a permit back: its request was answered `now`, or can't arrive any more.
    pub fn release(&mut self, now: Instant) {
        self.held = self.held.saturating_sub(1);
        self.cooling.push_back(now + self.window);
    }

    /// Takes back a permit with which nothing was sent: it may be used again at once.
    pub fn give_back(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// Grants nothing until `until`. True when a lock-out begins, false when one goes on.
    pub fn lock_out(&mut self, until: Instant) -> bool {
        let begins = self.locked_until.is_none();
        self.locked_until = self.locked_until.max(Some(until));
        begins
    }

    /// When [`Budget::grant`] may next grant more without another event.
    pub fn next_change(&self) -> Option<Instant> {
        let more = if self.turns.len() == 0 { None } else { self.more_at() };
        [more, self.pace.next()].into_iter().flatten().min()
    }

    /// Between writes of one kind: nothing while all permits are free, a permit's part of a window when they are used
    /// up. Who has to wait for a permit anyway waits for nothing else.
    fn distance(&self) -> Duration {
        match (self.permits.try_into(), (self.permits - self.free()).try_into()) {
            (Ok(permits), Ok(used)) if self.free() > 0 => self.window / permits * used / permits,
            _ => Duration::ZERO,
        }
    }

    /// When there is a permit to be had again at the latest as far as is known; none while all of them are held.
    pub fn more_at(&self) -> Option<Instant> {
        self.locked_until.or_else(|| self.cooling.front().copied())
    }

    /// How many permits there are.
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Permits to be had at once.
    pub fn free(&self) -> usize {
        self.permits.saturating_sub(self.held + self.cooling.len())
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.turns.len() + self.pace.len()
    }

    /// Until when nobody sends.
    pub fn locked_until(&self) -> Option<Instant> {
        self.locked_until
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
