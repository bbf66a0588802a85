//! Airtable's rate limit: five requests a second for each base, and half a minute of silence for who exceeds it.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// Requests that one window takes.
const REQUESTS: usize = 5;
/// How long the window is, counted back from each arrival.
const WINDOW: Duration = Duration::from_secs(1);
/// How long a base is locked after the first request too many.
const LOCKOUT: Duration = Duration::from_secs(30);

/// What lately arrived, by base.
#[derive(Debug, Default)]
pub struct Limits {
    bases: HashMap<String, Arrivals>,
}

#[derive(Debug, Default)]
struct Arrivals {
    recent: VecDeque<Instant>,
    locked_until: Option<Instant>,
}

impl Limits {
    /// Whether a request to `base` that arrives `now` is let in. Requests during the lock-out do not prolong it.
    pub fn admit(&mut self, base: &str, now: Instant) -> bool {
        if !self.bases.contains_key(base) {
            self.bases.insert(base.to_owned(), Arrivals::default());
        }
        self.bases.get_mut(base).is_some_and(|arrivals| arrivals.admit(now))
    }
}

impl Arrivals {
    fn admit(&mut self, now: Instant) -> bool {
        if self.locked_until.is_some_and(|until| now < until) {
            return false;
        }
        self.locked_until = None;
        while self.recent.front().is_some_and(|earliest| now.duration_since(*earliest) >= WINDOW) {
            self.recent.pop_front();
        }
        if self.recent.len() >= REQUESTS {
            self.locked_until = Some(now + LOCKOUT);
            self.recent.clear();
            return false;
        }
        self.recent.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn five_requests_pass_in_any_second_and_the_sixth_locks_the_base_for_thirty() {
        let mut limits = Limits::default();
        let begin = Instant::now();
        for request in 0..5 {
            assert!(limits.admit("app1", begin + MS * 100 * request));
        }
        let sixth = begin + MS * 999;
        assert!(!limits.admit("app1", sixth));
        assert!(limits.admit("app2", sixth), "another base is not concerned");
        assert!(!limits.admit("app1", sixth + MS * 29_999), "still locked, and not prolonged by this");
        assert!(limits.admit("app1", sixth + MS * 30_000));
    }

    #[test]
    fn the_window_slides() {
        let mut limits = Limits::default();
        let begin = Instant::now();
        for request in 0..50 {
            assert!(limits.admit("app1", begin + MS * 200 * request), "request {request}");
        }
    }
}
