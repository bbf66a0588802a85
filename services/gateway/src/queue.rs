//! The queue in front of the upstream: [`Budget`] with a clock, a lock and somebody to wake who waits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use crate::{
    budget::{Budget, Full, Place, Ticket},
    metrics::Metrics,
};

/// Added to a window, for timers and clocks that run a little apart.
const MARGIN: Duration = Duration::from_millis(20);
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
}

/// What a queue looks like now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    pub free: usize,
    pub waiting: usize,
    pub locked: Duration,
}

/// A fair, bounded queue; clones share it.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Arc<Notify>,
    lockout: Duration,
    metrics: Metrics,
}

struct State {
    budget: Budget,
    seats: HashMap<Ticket, oneshot::Sender<Permit>>,
}

/// The right to send one request. Dropped when the answer is there, it comes back a window later.
pub struct Permit(Arc<Shared>);

impl Queue {
    /// An empty queue; a task of its own wakes who waits, until the last clone is dropped.
    pub fn new(limits: Limits, metrics: Metrics) -> Self {
        let window = Duration::from_secs(1) + MARGIN;
        let budget = Budget::new(limits.requests_per_second, window, limits.length, Instant::now());
        let shared = Arc::new(Shared {
            state: Mutex::new(State { budget, seats: HashMap::new() }),
            changed: Arc::new(Notify::new()),
            lockout: limits.lockout + LOCKOUT_MARGIN,
            metrics,
        });
        tokio::spawn(serve(Arc::downgrade(&shared), shared.changed.clone()));
        Self(shared)
    }

    /// Waits for a permit, at most until `deadline`. Dropping the future leaves the queue.
    pub async fn permit(&self, place: Place, deadline: Instant) -> Result<Permit, NoPermit> {
        let begun = Instant::now();
        let (seat, granted) = self.0.sit(place)?;
        let permit = tokio::time::timeout_at(deadline, granted).await;
        drop(seat);
        self.0.metrics.queued(begun.elapsed());
        permit.ok().and_then(Result::ok).ok_or(NoPermit::Deadline)
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
        let locked = state.budget.locked_until();
        Snapshot {
            free: state.budget.free(),
            waiting: state.budget.waiting(),
            locked: locked.map(|until| until.saturating_duration_since(now)).unwrap_or_default(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sit(self: &Arc<Self>, place: Place) -> Result<(Seat, oneshot::Receiver<Permit>), NoPermit> {
        let (sender, granted) = oneshot::channel();
        let mut state = self.lock();
        let ticket = state.budget.join(place).map_err(|Full| NoPermit::Full)?;
        state.seats.insert(ticket, sender);
        self.metrics.queue_length(state.budget.waiting());
        drop(state);
        self.changed.notify_one();
        Ok((Seat { shared: self.clone(), ticket }, granted))
    }

    /// Hands out what is to be had; returns when there may be more. Permits are sent outside of the lock, since one
    /// that nobody receives is dropped, and takes the lock.
    fn hand_out(self: &Arc<Self>) -> Option<Instant> {
        let mut state = self.lock();
        let granted = state.budget.grant(Instant::now());
        let seats: Vec<_> = granted.iter().filter_map(|ticket| state.seats.remove(ticket)).collect();
        let next = state.budget.next_change();
        self.metrics.queue_length(state.budget.waiting());
        drop(state);
        for seat in seats {
            let _nobody_waits_any_more = seat.send(Permit(self.clone()));
        }
        next
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
        self.0.lock().budget.release(Instant::now());
        self.0.changed.notify_one();
    }
}

/// A place in the queue, given up on drop.
struct Seat {
    shared: Arc<Shared>,
    ticket: Ticket,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.budget.leave(self.ticket);
        let unused = state.seats.remove(&self.ticket);
        self.shared.metrics.queue_length(state.budget.waiting());
        drop(state);
        drop(unused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(requests_per_second: usize, length: usize) -> Queue {
        let limits = Limits { requests_per_second, length, lockout: Duration::from_secs(30) };
        Queue::new(limits, Metrics::register(&telemetry::metrics::Metrics::new()).unwrap())
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(2)
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_request_waits_until_a_window_after_the_answer_of_the_first() {
        let queue = queue(1, 10);
        let first = queue.permit(Place::Back, soon()).await.unwrap();
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(first);
        let _second = queue.permit(Place::Back, soon()).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_millis(1600), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_counts_permits_that_came_back() {
        let queue = queue(2, 10);
        drop(queue.permit(Place::Back, soon()).await.unwrap());
        assert_eq!(queue.snapshot().free, 1);
        tokio::time::sleep(Duration::from_secs(1) + MARGIN).await;
        assert_eq!(queue.snapshot().free, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_leaves_the_queue_and_who_waits_too_long_is_told() {
        let queue = queue(1, 1);
        let held = queue.permit(Place::Back, soon()).await.unwrap();
        let gone = tokio::time::timeout(Duration::from_secs(1), queue.permit(Place::Back, soon())).await;
        assert!(gone.is_err());
        assert_eq!(queue.snapshot().waiting, 0);
        let late = queue.permit(Place::Back, Instant::now() + Duration::from_secs(2)).await;
        assert_eq!(late.err(), Some(NoPermit::Deadline));
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.permit(Place::Back, soon()).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(queue.permit(Place::Back, soon()).await.err(), Some(NoPermit::Full));
        drop(held);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_out_holds_everybody() {
        let queue = queue(5, 10);
        queue.lock_out();
        let begun = Instant::now();
        let _permit = queue.permit(Place::Back, soon()).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
