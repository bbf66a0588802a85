//! Who may send when, as a state machine without clock or locks: who may wait, whose turn it is, at which pace, with which
//! of the [`Permits`], and that nobody sends during a lock-out.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    pace::Pace,
    permits::Permits,
    places::Places,
    turns::{Ask, Place, Turns},
};

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// A place that was to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    pub ticket: Ticket,
    /// Who had to give way, and does not wait any more.
    pub instead_of: Option<Ticket>,
}

/// The queue has no place left for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Permits, the queue for them, and the lock-out.
#[derive(Debug)]
pub struct Budget {
    pub permits: Permits,
    capacity: usize,
    turns: Turns<Ticket>,
    pace: Pace<Ticket>,
    places: Places<Ticket>,
    locked_until: Option<Instant>,
    last_ticket: u64,
}

impl Budget {
    /// A budget of `permits`, with a queue of at most `capacity`.
    pub fn new(permits: Permits, capacity: usize) -> Self {
        let (turns, pace, places) = (Turns::default(), Pace::default(), Places::default());
        Self { permits, capacity, turns, pace, places, locked_until: None, last_ticket: 0 }
    }

    /// Queues for a permit. When the queue is full, somebody gives way; at the front there is always a place, which nobody
    /// else gets.
    pub fn join(&mut self, ask: Ask, now: Instant) -> Result<Joined, Full> {
        let is_full = self.waiting() >= self.capacity;
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let instead_of = if ask.place == Place::Back { self.admit(ticket, &ask, is_full)? } else { None };
        self.pass(now);
        let (distance, goes_on) = (self.distance(), ask.place == Place::Front || self.turns.have(&ask));
        let ask = if goes_on { Some(ask) } else { self.pace.hold(ticket, ask, now, distance) };
        if let Some(ask) = ask {
            self.turns.join(ticket, ask);
        }
        Ok(Joined { ticket, instead_of })
    }

    /// A place for `ticket`, and who had to give way for it.
    fn admit(&mut self, ticket: Ticket, ask: &Ask, is_full: bool) -> Result<Option<Ticket>, Full> {
        self.places.join(ticket, ask);
        let surplus = is_full.then(|| self.places.surplus(ticket));
        if let Some(surplus) = surplus {
            self.leave(surplus);
        }
        if surplus == Some(ticket) { Err(Full) } else { Ok(surplus) }
    }

    /// A permit without queueing for it: where one is to be had, nobody waits, and no company may come along.
    pub fn take(&mut self, ask: &Ask, now: Instant) -> bool {
        self.pass(now);
        ask.kind.is_none() && self.waiting() == 0 && self.locked_until.is_none() && self.permits.take()
    }

    /// Leaves the queue; without effect for who is not in it.
    pub fn leave(&mut self, ticket: Ticket) {
        self.turns.leave(ticket);
        self.pace.leave(ticket);
        self.places.leave(ticket);
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
        if self.locked_until.is_some() || self.turns.len() == 0 || !self.permits.take() {
            return None;
        }
        let (kind, granted) = self.turns.next(most, fits)?;
        for ticket in &granted {
            self.places.leave(*ticket);
        }
        if let Some(kind) = kind {
            self.pace.departed(&kind, now);
        }
        Some(granted)
    }

    /// Time has passed: permits are to be had again, a lock-out is over.
    pub fn pass(&mut self, now: Instant) {
        self.permits.pass(now);
        if self.locked_until.is_some_and(|until| until <= now) {
            self.locked_until = None;
        }
        for (ticket, ask) in self.pace.release(now, now.checked_sub(self.permits.window())) {
            self.turns.join(ticket, ask);
        }
    }

    /// Grants nothing until `until`. True when a lock-out begins, false when one goes on.
    pub fn lock_out(&mut self, until: Instant) -> bool {
        let begins = self.locked_until.is_none();
        self.locked_until = self.locked_until.max(Some(until));
        begins
    }

    /// When [`Budget::grant`] may next grant more without another event.
    pub fn next_change(&self) -> Option<Instant> {
        let more =
            if self.turns.len() == 0 { None } else { self.locked_until.or_else(|| self.permits.next()) };
        [more, self.pace.next()].into_iter().flatten().min()
    }

    /// Between writes of one kind: nothing while all permits are free, a permit's part of a window when they are used
    /// up. Who has to wait for a permit anyway waits for nothing else.
    fn distance(&self) -> Duration {
        let (count, free) = (self.permits.count(), self.permits.free());
        match (count.try_into(), (count - free).try_into()) {
            (Ok(count), Ok(used)) if free > 0 => self.permits.window() / count * used / count,
            _ => Duration::ZERO,
        }
    }

    /// When there is a permit to be had again at the latest as far as is known; none while all of them are held.
    pub fn more_at(&self) -> Option<Instant> {
        self.locked_until.or_else(|| self.permits.more_at())
    }

    /// Whether a permit of the store would be granted at once.
    pub fn wants(&self) -> bool {
        self.permits.are_shared() && self.locked_until.is_none() && self.turns.len() > 0
    }

    /// Whether [`Budget::grant`] would grant, as far as it has been told of time.
    pub fn may_grant(&self) -> bool {
        self.turns.len() > 0 && self.locked_until.is_none() && self.permits.has()
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
