//! The queue in front of the upstream: [`Budget`] with a clock, a lock and somebody to wake who waits.

pub mod budget;
pub mod caller;
pub mod closing;
mod cut_off;
mod limits;
pub mod pace;
mod permit;
pub mod permits;
mod places;
mod seat;
mod shared;
pub mod slots;
mod state;
pub mod turns;
pub mod urgency;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{
        Notify,
        oneshot::{self, error::RecvError},
    },
    time::Instant,
};

use self::{
    budget::{Budget, Full, Joined},
    closing::Closing,
    cut_off::CutOff,
    permits::Permits,
    seat::Seat,
    slots::{Desk, Slot, Slots},
    state::{State, Waiting},
    turns::Ask,
};
pub use self::{limits::Limits, permit::Permit};
use crate::{company::Member, metrics::Metrics};

/// A second, and a margin for timers and clocks that run a little apart.
const WINDOW: Duration = Duration::from_millis(1005);
/// Added to a lock-out: what is sent too early may begin another one.
const LOCKOUT_MARGIN: Duration = Duration::from_millis(200);

/// Why there was no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPermit {
    /// There was no place, or it had to go to another client.
    Full,
    Deadline,
    /// The process stops.
    Closed,
    /// The deadline, while the store that shares the budget could not be used.
    Store,
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
    /// Where permits are shared.
    desk: Option<Desk>,
    cut_off: CutOff,
}

/// What waiting comes to.
pub enum Turn {
    /// To send, with all members of the company: oneself, where one is a member, and others that came along.
    Send(Permit, Vec<Member>),
    /// Somebody else sends it.
    Carried,
}

impl Queue {
    /// An empty queue with permits of its own; a task wakes who waits, until the last clone is dropped.
    pub fn new(limits: Limits, metrics: Metrics) -> Self {
        let permits = Permits::own(limits.permits(), WINDOW, Instant::now());
        let queue = Self::with(permits, limits, metrics, None);
        tokio::spawn(serve(Arc::downgrade(&queue.0), queue.0.changed.clone()));
        queue
    }

    /// An empty queue whose permits are slots of a store.
    pub fn shared(limits: Limits, metrics: Metrics, slots: Slots) -> Self {
        let permits = Permits::shared(limits.permits(), WINDOW);
        let queue = Self::with(permits, limits, metrics, Some(slots.desk().clone()));
        tokio::spawn(shared::serve(Arc::downgrade(&queue.0), queue.0.changed.clone(), slots));
        queue
    }

    fn with(permits: Permits, limits: Limits, metrics: Metrics, desk: Option<Desk>) -> Self {
        let budget = Budget::new(permits, limits.length);
        Self(Arc::new(Shared {
            state: Mutex::new(State { budget, seats: HashMap::new(), alarm: None }),
            changed: Arc::new(Notify::new()),
            closing: Closing::default(),
            lockout: limits.lockout + LOCKOUT_MARGIN,
            metrics,
            desk,
            cut_off: CutOff::default(),
        }))
    }

    /// Waits for a turn, at most until `deadline`. Dropping the future leaves the queue.
    pub async fn turn(&self, ask: Ask, deadline: Instant, member: Option<Member>) -> Result<Turn, NoPermit> {
        if self.0.closing.is_over() {
            return Err(NoPermit::Closed);
        }
        let begun = Instant::now();
        if let Some(permit) = self.0.take(&ask, begun) {
            self.0.metrics.queued(Duration::ZERO);
            return Ok(Turn::Send(permit, member.into_iter().collect()));
        }
        let (mut seat, mut granted) = self.0.sit(ask, member)?;
        let turn = tokio::select! {
            biased;
            turn = &mut granted => {
                seat.served();
                turn.map_err(gave_way)
            }
            none = self.0.closing.or(deadline) => {
                // It may be its turn at the last moment; where somebody else sends it, it is too late to say that it
                // never left.
                if seat.leave() { Err(none) } else { granted.await.map_err(gave_way) }
            }
        };
        self.0.metrics.queued(begun.elapsed());
        turn.map_err(|none| self.0.why(none))
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
        if let Some(desk) = &self.0.desk {
            desk.lock_out(self.0.lockout);
        }
        self.0.changed.notify_one();
    }

    /// All that is to go back to the store is there, or does not get there in time.
    pub async fn settle(&self) {
        if let Some(desk) = &self.0.desk {
            desk.settle().await;
        }
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
            permits: state.budget.permits.count(),
            free: state.budget.permits.free(),
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

    /// Why there was no turn: the store, where that could not be used until the deadline.
    fn why(&self, none: NoPermit) -> NoPermit {
        if none == NoPermit::Deadline && self.cut_off.is() { NoPermit::Store } else { none }
    }

    /// A permit for who need not wait.
    fn take(self: &Arc<Self>, ask: &Ask, now: Instant) -> Option<Permit> {
        let takes = self.lock().budget.take(ask, now);
        takes.then(|| Permit::new(self.clone(), None))
    }

    fn sit(
        self: &Arc<Self>,
        ask: Ask,
        member: Option<Member>,
    ) -> Result<(Seat, oneshot::Receiver<Turn>), NoPermit> {
        let (turn, granted) = oneshot::channel();
        let mut state = self.lock();
        let joined = state.budget.join(ask, Instant::now()).map_err(|Full| NoPermit::Full)?;
        let Joined { ticket, instead_of } = joined;
        let gives_way = instead_of.and_then(|other| state.seats.remove(&other));
        state.seats.insert(ticket, Waiting { turn, member });
        self.metrics.queue_length(state.budget.waiting());
        let is_sooner = state.is_sooner();
        drop(state);
        // Which tells it.
        drop(gives_way);
        if is_sooner {
            self.changed.notify_one();
        }
        Ok((Seat::new(self.clone(), ticket), granted))
    }

    /// Hands out what is to be had, or the slot that has come; returns when there may be more. Turns are told outside of
    /// the lock, since a permit that nobody receives is dropped, and takes the lock.
    fn hand_out(self: &Arc<Self>, mut slot: Option<Slot>) -> Option<Instant> {
        let mut state = self.lock();
        state.budget.permits.set_arrived(slot.is_some());
        let mut turns = Vec::new();
        while let Some(granted) = state.grant(Instant::now()) {
            let mut seats = granted.iter().filter_map(|ticket| state.seats.remove(ticket));
            let Some(lead) = seats.next() else {
                drop(seats);
                state.budget.permits.give_back();
                continue;
            };
            let permit = Permit::new(self.clone(), slot.take());
            let mut company: Vec<Member> = lead.member.into_iter().collect();
            for along in seats {
                company.extend(along.member);
                turns.push((along.turn, Turn::Carried));
            }
            turns.push((lead.turn, Turn::Send(permit, company)));
        }
        state.budget.permits.set_arrived(false);
        let next = state.budget.next_change();
        state.alarm = next;
        self.metrics.queue_length(state.budget.waiting());
        drop(state);
        for (seat, turn) in turns {
            let _nobody_waits_any_more = seat.send(turn);
        }
        next
    }
}

/// Who is told nothing had to give way: its seat was dropped by who has its place now.
fn gave_way(_: RecvError) -> NoPermit {
    NoPermit::Full
}

async fn serve(queue: Weak<Shared>, changed: Arc<Notify>) {
    while let Some(shared) = queue.upgrade() {
        let next = shared.hand_out(None);
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

#[cfg(test)]
mod tests;
