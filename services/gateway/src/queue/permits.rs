//! How many may send: pure.
//!
//! There are as many permits as the base allows requests in a second. A permit comes back one window after the answer
//! of the request that held it: whenever the upstream saw that request arrive, it was before its answer, so that two
//! requests with one permit are at least a window apart, whatever the network does. Hence no window sees more
//! requests than there are permits.
//!
//! Permits that replicas share are kept by a store in the same way. Here is what it said last, and one that arrived is
//! granted at once or goes back.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Permits of this process, or what it knows of those that it shares.
#[derive(Debug)]
pub struct Permits {
    count: usize,
    window: Duration,
    held: usize,
    /// When each permit that was given back may be used again; in order of time.
    cooling: VecDeque<Instant>,
    shared: Option<Told>,
}

/// What the store said.
#[derive(Debug, Default)]
struct Told {
    has_arrived: bool,
    /// So many were in use, by all replicas, and until when that is worth believing.
    used: Option<(usize, Instant)>,
}

impl Permits {
    /// `count` permits in any `window`, all of them used at `now` by a predecessor: a process that was restarted does
    /// not know what was sent just before.
    pub fn own(count: usize, window: Duration, now: Instant) -> Self {
        let cooling = std::iter::repeat_n(now + window, count).collect();
        Self { count, window, held: 0, cooling, shared: None }
    }

    /// `count` permits in any `window` that a store gives out.
    pub fn shared(count: usize, window: Duration) -> Self {
        Self { count, window, held: 0, cooling: VecDeque::new(), shared: Some(Told::default()) }
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Instant) {
        while self.cooling.front().is_some_and(|ready| *ready <= now) {
            self.cooling.pop_front();
        }
        if let Some(told) = &mut self.shared {
            told.used = told.used.filter(|(_, until)| *until > now);
        }
    }

    /// Whether there is one to be had.
    pub fn has(&self) -> bool {
        self.shared.as_ref().map_or_else(|| self.free() > 0, |told| told.has_arrived)
    }

    /// Takes one, if there is one to be had.
    pub fn take(&mut self) -> bool {
        let has = self.has();
        self.set_arrived(false);
        self.held += usize::from(has);
        has
    }

    /// One is back that was used until `now`.
    pub fn release(&mut self, now: Instant) {
        self.held = self.held.saturating_sub(1);
        self.cooling.push_back(now + self.window);
    }

    /// One is back that was not used.
    pub fn give_back(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// Whether one of the store is here to be taken.
    pub fn set_arrived(&mut self, has_arrived: bool) {
        if let Some(told) = &mut self.shared {
            told.has_arrived = has_arrived;
        }
    }

    /// The store says how many are used by all replicas, which may change at `until`.
    pub fn set_used(&mut self, used: usize, until: Instant) {
        if let Some(told) = &mut self.shared {
            told.used = Some((used, until));
        }
    }

    /// Whether a store gives them out.
    pub fn are_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The time of their count.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// To be had at once; of shared ones as far as is known here.
    pub fn free(&self) -> usize {
        let told = self.told().map_or(0, |(used, _)| used);
        self.count.saturating_sub(told.max(self.held + self.cooling.len()))
    }

    /// When there is one more, as far as is known; none while all are held.
    pub fn more_at(&self) -> Option<Instant> {
        self.told().map(|(_, until)| until).or_else(|| self.cooling.front().copied())
    }

    /// When [`Permits::take`] may succeed without another event.
    pub fn next(&self) -> Option<Instant> {
        if self.are_shared() { None } else { self.cooling.front().copied() }
    }

    fn told(&self) -> Option<(usize, Instant)> {
        self.shared.as_ref().and_then(|told| told.used)
    }
}
