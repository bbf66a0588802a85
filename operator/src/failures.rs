//! How long to wait before a pass that failed is repeated: longer each time, until one succeeds.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause, short enough that a mended cluster is noticed soon.
const LONGEST: Duration = Duration::from_secs(30);
/// Objects remembered at most; those forgotten begin with the first pause again.
const MOST: usize = 10_000;

/// Failures in a row by uid of the object; cloned cheaply.
#[derive(Clone, Default)]
pub struct Failures {
    counts: Arc<Mutex<HashMap<String, u32>>>,
    spread: RandomState,
}

impl Failures {
    /// Counts a failure, and says how long to wait.
    pub fn count(&self, uid: &str) -> Duration {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST && !counts.contains_key(uid) {
            counts.clear();
        }
        let count = counts.entry(uid.to_owned()).or_default();
        *count = count.saturating_add(1);
        let pause = FIRST.saturating_mul(1 << (*count - 1).min(8)).min(LONGEST);
        // Up to a quarter less, other for each object and time, so that they do not come back all at once.
        let quarter = u32::try_from(self.spread.hash_one((uid, *count)) % 256).unwrap_or(0);
        pause.saturating_sub(pause * quarter / 1024)
    }

    /// A pass went well.
    pub fn clear(&self, uid: &str) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew_after_a_success() {
        let failures = Failures::default();
        let pauses: Vec<Duration> = (0..20).map(|_| failures.count("a")).collect();
        assert!(pauses[0] <= FIRST && pauses[0] >= FIRST * 3 / 4, "{pauses:?}");
        assert!(pauses[3] > pauses[1], "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST), "{pauses:?}");
        assert!(pauses[19] >= LONGEST * 3 / 4, "{pauses:?}");
        assert!(failures.count("b") <= FIRST);
        failures.clear("a");
        assert!(failures.count("a") <= FIRST);
    }
}
