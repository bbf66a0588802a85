//! The queue in front of the upstream: [`Budget`] with a clock, a lock and somebody to wake who waits.

pub mod budget;
pub mod caller;
pub mod closing;
pub mod pace;
pub mod turns;
pub mod urgency;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use self::{
    budget::{Budget, Full, Ticket},
    closing::Closing,
    turns::Ask,
};
use crate::{
    company::{Member, batch},
    metrics::Metrics,
};

/// Added to a window, for timers and clocks that run a little apart.
const MARGIN: Duration = Duration::from_millis(5);
/// Added to a lock-out: what is sent too early may begin another one.
const LOCKOUT_MARGIN: Duration = Duration::from_millis(200);

/// Bounds of a queue.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub requests_per_second: usize,
    pub length: usize,
    pub lockout: Duration,
}

/// Why there was no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPermit {
    Full,
    Deadline,
    /// The process stops.
    Closed,
}

/// What a queue looks like now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    pub permits: usize,
    pub free: usize,
    pub waiting: usize,
    pub locked: Duration,
    /// Until there is another permit to be had, as far as is known.
    pub more_in: Duration,
}

/// A fair, bounded queue; clones share it.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Arc<Notify>,
    closing: Closing,
    lockout: Duration,
    metrics: Metrics,
}

struct State {
    budget: Budget,
    seats: HashMap<Ticket, Waiting>,
}

/// One that waits; a member of a company where it is a write that may travel with others.
struct Waiting {
    turn: oneshot::Sender<Turn>,
    member: Option<Member>,
}

/// What waiting comes to.
pub enum Turn {
    /// To send, with all members of the company: oneself, where one is a member, and others that came along.
    Send(Permit, Vec<Member>),
    /// Somebody else sends it.
    Carried,
}

/// The right to send one request. Dropped when the answer is there, it comes back a window later; unused, at once.
pub struct Permit {
    queue: Arc<Shared>,
    is_used: bool,
}

impl Permit {
    /// From now on it counts as a request.
    pub fn used(&mut self) {
        self.is_used = true;
    }
}

impl Queue {
    /// An empty queue; a task of its own wakes who waits, until the last clone is dropped.
    pub fn new(limits: Limits, metrics: Metrics) -> Self {
        let window = Duration::from_secs(1) + MARGIN;
        let budget = Budget::new(limits.requests_per_second, window, limits.length, Instant::now());
        let shared = Arc::new(Shared {
            state: Mutex::new(State { budget, seats: HashMap::new() }),
            changed: Arc::new(Notify::new()),
            closing: Closing::default(),
            lockout: limits.lockout + LOCKOUT_MARGIN,
            metrics,
        });
        tokio::spawn(serve(Arc::downgrade(&shared), shared.changed.clone()));
        Self(shared)
    }

    /// Waits for a turn, at most until `deadline`. Dropping the future leaves the queue.
    pub async fn turn(&self, ask: Ask, deadline: Instant, member: Option<Member>) -> Result<Turn, NoPermit> {
        if self.0.closing.is_over() {
            return Err(NoPermit::Closed);
        }
        let begun = Instant::now();
        let (seat, mut granted) = self.0.sit(ask, member)?;
        let none = tokio::select! {
            biased;
            turn = &mut granted => {
                self.0.metrics.queued(begun.elapsed());
                return turn.map_err(|_| NoPermit::Deadline);
            }
            () = tokio::time::sleep_until(deadline) => NoPermit::Deadline,
            () = self.0.closing.over() => NoPermit::Closed,
        };
        // It may be its turn at the last moment; where somebody else sends it, it is too late to say that it never left.
        let turn = if seat.leave() { Err(none) } else { granted.await.map_err(|_| none) };
        self.0.metrics.queued(begun.elapsed());
        turn
    }

    /// When nobody gets a turn any more.
    pub fn closing(&self) -> &Closing {
        &self.0.closing
    }

    /// Nobody sends for the time of a lock-out.
    pub fn lock_out(&self) {
        if self.0.lock().budget.lock_out(Instant::now() + self.0.lockout) {
            tracing::warn!(
                seconds = self.0.lockout.as_secs(),
                "the upstream's rate limit was reached, nobody sends"
            );
            self.0.metrics.locked_out();
        }
        self.0.changed.notify_one();
    }

    /// What the queue looks like now.
    pub fn snapshot(&self) -> Snapshot {
        let now = Instant::now();
        let mut state = self.0.lock();
        state.budget.pass(now);
        let left = |until: Option<Instant>| {
            until.map(|until| until.saturating_duration_since(now)).unwrap_or_default()
        };
        Snapshot {
            permits: state.budget.permits(),
            free: state.budget.free(),
            waiting: state.budget.waiting(),
            locked: left(state.budget.locked_until()),
            more_in: left(state.budget.more_at()),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sit(
        self: &Arc<Self>,
        ask: Ask,
        member: Option<Member>,
    ) -> Result<(Seat, oneshot::Receiver<Turn>), NoPermit> {
        let (turn, granted) = oneshot::channel();
        let mut state = self.lock();
        let ticket = state.budget.join(ask, Instant::now()).map_err(|Full| NoPermit::Full)?;
        state.seats.insert(ticket, Waiting { turn, member });
        self.metrics.queue_length(state.budget.waiting());
        drop(state);
        self.changed.notify_one();
        Ok((Seat { shared: self.clone(), ticket }, granted))
    }

    /// Hands out what is to be had; returns when there may be more. Turns are told outside of the lock, since a permit
    /// that nobody receives is dropped, and takes the lock.
    fn hand_out(self: &Arc<Self>) -> Option<Instant> {
        let mut state = self.lock();
        let mut turns = Vec::new();
        while let Some(granted) = state.grant(Instant::now()) {
            let mut seats = granted.iter().filter_map(|ticket| state.seats.remove(ticket));
            let Some(lead) = seats.next() else {
                drop(seats);
                state.budget.give_back();
                continue;
            };
            let permit = Permit { queue: self.clone(), is_used: false };
            let mut company: Vec<Member> = lead.member.into_iter().collect();
            for along in seats {
                company.extend(along.member);
                turns.push((along.turn, Turn::Carried));
            }
            turns.push((lead.turn, Turn::Send(permit, company)));
        }
        let next = state.budget.next_change();
        self.metrics.queue_length(state.budget.waiting());
        drop(state);
        for (seat, turn) in turns {
            let _nobody_waits_any_more = seat.send(turn);
        }
        next
    }
}

impl State {
    fn grant(&mut self, now: Instant) -> Option<Vec<Ticket>> {
        let Self { budget, seats } = self;
        let member = |ticket: &Ticket| seats.get(ticket).and_then(|seat| seat.member.as_ref());
        budget.grant(now, batch::MOST - 1, |chosen, candidate| {
            let goes_with = |one: &Ticket| match (member(one), member(&candidate)) {
                (Some(one), Some(candidate)) => candidate.goes_with(one),
                _ => false,
            };
            chosen.iter().all(goes_with)
        })
    }
}

async fn serve(queue: Weak<Shared>, changed: Arc<Notify>) {
    while let Some(shared) = queue.upgrade() {
        let next = shared.hand_out();
        drop(shared);
        match next {
            Some(at) => {
                tokio::select! { () = tokio::time::sleep_until(at) => (), () = changed.notified() => () }
            }
            None => changed.notified().await,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        if self.is_used {
            state.budget.release(Instant::now());
        } else {
            state.budget.give_back();
        }
        drop(state);
        self.queue.changed.notify_one();
    }
}

/// A place in the queue, given up on drop.
struct Seat {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Seat {
    /// Whether it was still waiting.
    fn leave(&self) -> bool {
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

#[cfg(test)]
mod tests;
