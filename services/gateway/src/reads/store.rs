//! Answers that are kept, bounded in bytes: those not asked for longest go first. No clock, no locks.

use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use super::{
    marks::{Marks, Reading},
    question::Key,
    replicas::Told,
    scope::Keep,
};
use crate::answer::Answer;

/// The URLs of attachments expire two hours after they were answered; whoever gets one should have time to use it.
const OLDEST_WITH_ATTACHMENTS: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
/// What an entry takes beside its body: key, headers, and its places in the maps.
const OVERHEAD: usize = 1 << 10;

/// Answers by what was asked.
#[derive(Debug)]
pub struct Store {
    entries: LruCache<Key, Entry>,
    bytes: usize,
    capacity: usize,
    /// The URLs of attachments are the gateway's own, which don't expire.
    has_links: bool,
}

#[derive(Debug)]
struct Entry {
    reading: Reading,
    answered: Instant,
    /// How old it may ever be given.
    limit: Duration,
    answer: Answer,
}

/// An answer that holds.
#[derive(Debug, Clone)]
pub struct Found {
    pub answer: Answer,
    pub age: Duration,
    pub limit: Duration,
    /// A write to what it depends on is under way.
    pub is_unsettled: bool,
}

impl Store {
    /// An empty store for so many bytes; of answers with the gateway's own URLs of attachments where it `has_links`.
    pub fn new(capacity: usize, has_links: bool) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, capacity, has_links }
    }

    /// The answer to `key`, where there is one that holds. One that does not is dropped; of none is known that it holds
    /// while nobody knows what other replicas wrote.
    pub fn find(&mut self, key: &Key, marks: &Marks, told: &Told, now: Instant) -> Option<Found> {
        if *told == Told::Silence {
            return None;
        }
        let entry = self.entries.get(key)?;
        let age = now.saturating_duration_since(entry.answered);
        let holds = marks.holds(&entry.reading) && told.holds(entry.reading.told());
        if !holds || age >= entry.limit {
            self.forget(key);
            return None;
        }
        let is_unsettled = marks.is_unsettled(&entry.reading) || told.is_unsettled();
        Some(Found { answer: entry.answer.clone(), age, limit: entry.limit, is_unsettled })
    }

    /// Keeps an answer that came `now`, whose body takes no more than its length.
    pub fn keep(
        &mut self,
        key: Key,
        reading: Reading,
        keep: Keep,
        answer: &Answer,
        marks: &Marks,
        now: Instant,
    ) {
        if keep == Keep::Never || !marks.may_be_kept(&reading) || weight(answer) > self.capacity {
            return;
        }
        self.forget(&key);
        self.bytes += weight(answer);
        let limit = limit(keep, &answer.body, self.has_links);
        self.entries.put(key, Entry { reading, answered: now, limit, answer: answer.clone() });
        while self.bytes > self.capacity
            && let Some((_, oldest)) = self.entries.pop_lru()
        {
            self.bytes -= weight(&oldest.answer);
        }
    }

    /// Bytes that are taken.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.entries.pop(key) {
            self.bytes -= weight(&entry.answer);
        }
    }
}

fn weight(answer: &Answer) -> usize {
    let headers: usize = answer
        .headers
        .iter()
        .map(|(name, value): (&http::HeaderName, &http::HeaderValue)| name.as_str().len() + value.len())
        .sum();
    answer.body.len() + headers + OVERHEAD
}

fn limit(keep: Keep, body: &[u8], has_links: bool) -> Duration {
    match keep {
        Keep::Minute => MINUTE,
        _ if may_expire(body, has_links) => OLDEST_WITH_ATTACHMENTS,
        _ => Duration::MAX,
    }
}

/// Whether Airtable's URLs of attachments may be in it. One has an id and a URL; as text it is the URL alone, which no link
/// of ours replaces. What only looks like one is given up sooner.
fn may_expire(body: &[u8], has_links: bool) -> bool {
    let holds = |text: &[u8]| body.windows(text.len()).any(|window| window == text);
    (!has_links && holds(b"\"att") && holds(b"\"url\"")) || holds(b"airtableusercontent.com")
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
