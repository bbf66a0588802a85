//! What becomes of a key: pure functions from (entry, event) to (change of the entry, answer).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Begin, Close, Intent, Look, Resume};

/// What is on disk for a key; a key without an entry was never used, or is forgotten.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Entry {
    /// Begun. Claimed by this process: in flight. Claimed by nobody: interrupted.
    Intent(Intent),
    /// Done, with an outcome to answer again.
    Done { at: Timestamp, fingerprint: String, outcome: Value },
    /// Never to be done from now on; `outcome` is what had been done before, if anything.
    Closed { at: Timestamp, outcome: Option<Value> },
}

impl Entry {
    /// When it was begun or settled.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Intent(intent) => intent.at,
            Self::Done { at, .. } | Self::Closed { at, .. } => *at,
        }
    }
}

/// What to do to the entry of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Keep,
    Put(Entry),
    Remove,
}

/// How a claimed key is settled.
#[derive(Debug, Clone, PartialEq)]
pub enum Settle {
    Finish { outcome: Value, now: Timestamp },
    Forget,
    Close { found: Option<Value>, now: Timestamp },
}

impl Settle {
    /// When names are given to the key: what is forgotten has none.
    pub fn gives_at(&self) -> Option<Timestamp> {
        match self {
            Self::Finish { now, .. } | Self::Close { now, .. } => Some(*now),
            Self::Forget => None,
        }
    }
}

/// A key as an event meets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub entry: Option<Entry>,
    /// Somebody in this process holds its claim.
    pub claimed: bool,
    /// When the caller first used the key, where that is before what this ledger can know about.
    pub forgotten: Option<Timestamp>,
}

/// Begins the work under a key. An unknown fingerprint (empty, see [`close`]) takes on the one given.
pub fn begin(key: Key, fingerprint: String, note: Value, now: Timestamp) -> (Change, Begin<()>) {
    match key.entry {
        None => {
            let intent = Intent { at: key.forgotten.unwrap_or(now), fingerprint, note };
            let answer = match key.forgotten {
                None => Begin::Fresh(()),
                Some(_) => Begin::Interrupted((), intent.clone()),
            };
            (Change::Put(Entry::Intent(intent)), answer)
        }
        Some(Entry::Intent(_)) if key.claimed => (Change::Keep, Begin::InFlight),
        Some(Entry::Intent(intent)) if intent.fingerprint.is_empty() => {
            let intent = Intent { at: intent.at, fingerprint, note };
            (Change::Put(Entry::Intent(intent.clone())), Begin::Interrupted((), intent))
        }
        Some(Entry::Intent(intent)) if intent.fingerprint == fingerprint => {
            (Change::Keep, Begin::Interrupted((), intent))
        }
        Some(Entry::Done { fingerprint: first, outcome, .. }) if first == fingerprint || first.is_empty() => {
            (Change::Keep, Begin::Done(outcome))
        }
        Some(Entry::Intent(_) | Entry::Done { .. }) => (Change::Keep, Begin::Reused),
        Some(Entry::Closed { outcome, .. }) => (Change::Keep, Begin::Closed(outcome)),
    }
}

/// Closes a key: a tombstone at once where it is known what was done, else a claim to find it out.
///
/// A forgotten key gets an intent with an empty fingerprint, since nobody knows what the work was.
pub fn close(key: Key, now: Timestamp) -> (Change, Close<()>) {
    match (key.entry, key.forgotten) {
        (None, None) => (Change::Put(Entry::Closed { at: now, outcome: None }), Close::Closed(None)),
        (None, Some(since)) => {
            let intent = Intent { at: since, fingerprint: String::new(), note: Value::Null };
            (Change::Put(Entry::Intent(intent.clone())), Close::Interrupted((), intent))
        }
        (Some(Entry::Intent(_)), _) if key.claimed => (Change::Keep, Close::InFlight),
        (Some(Entry::Intent(intent)), _) => (Change::Keep, Close::Interrupted((), intent)),
        (Some(Entry::Done { outcome, .. }), _) => {
            let entry = Entry::Closed { at: now, outcome: Some(outcome.clone()) };
            (Change::Put(entry), Close::Closed(Some(outcome)))
        }
        (Some(Entry::Closed { outcome, .. }), _) => (Change::Keep, Close::Closed(outcome)),
    }
}

/// Takes up a key that was begun and that nobody is at; changes nothing.
pub fn resume(key: Key) -> Resume<()> {
    match look(key) {
        Look::Interrupted(intent) => Resume::Interrupted((), intent),
        other => Resume::Not(other),
    }
}

/// What is known of a key; changes nothing.
pub fn look(key: Key) -> Look {
    match key.entry {
        None => Look::Unknown,
        Some(Entry::Intent(_)) if key.claimed => Look::InFlight,
        Some(Entry::Intent(intent)) => Look::Interrupted(intent),
        Some(Entry::Done { outcome, .. }) => Look::Done(outcome),
        Some(Entry::Closed { outcome, .. }) => Look::Closed(outcome),
    }
}

/// Another note for an intent, by the holder of its claim.
pub fn note(entry: Option<Entry>, note: Value) -> Change {
    match entry {
        Some(Entry::Intent(intent)) => Change::Put(Entry::Intent(Intent { note, ..intent })),
        _ => Change::Keep,
    }
}

/// The end of a claim.
pub fn settle(entry: Option<Entry>, settle: Settle) -> Change {
    match settle {
        Settle::Finish { outcome, now } => {
            let fingerprint = match entry {
                Some(Entry::Intent(intent)) => intent.fingerprint,
                _ => String::new(),
            };
            Change::Put(Entry::Done { at: now, fingerprint, outcome })
        }
        Settle::Forget => Change::Remove,
        Settle::Close { found, now } => Change::Put(Entry::Closed { at: now, outcome: found }),
    }
}

/// What it takes to give a name to an owner.
#[derive(Debug, Clone, PartialEq)]
pub enum Assign {
    /// It becomes the owner's by this change.
    Take(Change),
    /// It belongs to somebody else.
    Taken,
}

/// Gives a name that is nobody's, or is this owner's already.
pub fn assign(entry: Option<Entry>, owner: &str, now: Timestamp) -> Assign {
    let fingerprint = match entry {
        None => String::new(),
        Some(Entry::Intent(intent)) => intent.fingerprint,
        Some(Entry::Done { fingerprint, .. }) => fingerprint,
        Some(Entry::Closed { .. }) => return Assign::Taken,
    };
    if fingerprint.is_empty() || fingerprint == owner {
        let owner = owner.to_owned();
        Assign::Take(Change::Put(Entry::Done { at: now, fingerprint: owner.clone(), outcome: owner.into() }))
    } else {
        Assign::Taken
    }
}

/// Whether a sweep may forget the entry: settled before `older_than`, or begun before and said to be over.
pub fn is_forgettable(entry: &Entry, older_than: Timestamp, is_over: impl Fn(&Intent) -> bool) -> bool {
    match entry {
        Entry::Intent(intent) => intent.at < older_than && is_over(intent),
        Entry::Done { at, .. } | Entry::Closed { at, .. } => *at < older_than,
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
