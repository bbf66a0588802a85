//! Claims: within a process, at most one holder of the right to settle a key.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Error, Ledger,
    decide::{self, Settle},
};

/// The keys that are claimed in this process.
#[derive(Debug, Clone, Default)]
pub struct Claimed(Arc<Mutex<HashSet<Arc<str>>>>);

impl Claimed {
    pub fn contains(&self, key: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// Claims `key`. Only the writer calls it, and only after it found the key unclaimed.
    pub fn take(&self, key: &str) -> Lease {
        let key: Arc<str> = key.into();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Lease { key, claimed: self.clone() }
    }
}

/// A key in the set of the claimed; leaves it on drop.
#[derive(Debug)]
pub struct Lease {
    key: Arc<str>,
    claimed: Claimed,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.claimed.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The exclusive right to settle a key in this process.
///
/// Dropped unsettled, the intent stays on disk and whoever uses the key next meets it as interrupted.
#[derive(Debug)]
#[must_use = "a claim that is dropped leaves its key interrupted"]
pub struct Claim {
    ledger: Ledger,
    lease: Lease,
}

impl Claim {
    pub(crate) fn new(ledger: Ledger, lease: Lease) -> Self {
        Self { ledger, lease }
    }

    /// The key that is claimed.
    pub fn key(&self) -> &str {
        &self.lease.key
    }

    /// Keeps another JSON note with the intent, durably before it returns.
    pub async fn note(&self, note: Value) -> Result<(), Error> {
        let key = self.lease.key.clone();
        self.ledger
            .write(move |transaction| {
                let entry = transaction.entry(&key)?;
                transaction.apply(&key, decide::note(entry, note))
            })
            .await
    }

    /// The work took effect; `outcome` is answered to whoever begins it again.
    pub async fn finish(self, outcome: Value, now: Timestamp) -> Result<(), Error> {
        self.settle(Settle::Finish { outcome, now }).await
    }

    /// The work is proven to be without effect: the key is unknown again.
    pub async fn forget(self) -> Result<(), Error> {
        self.settle(Settle::Forget).await
    }

    /// The work must not be done from now on; `found` is what had been done.
    pub async fn close(self, found: Option<Value>, now: Timestamp) -> Result<(), Error> {
        self.settle(Settle::Close { found, now }).await
    }

    /// The lease travels with the operation, so that the key is claimed until the entry is settled, also when
    /// the caller stops waiting.
    async fn settle(self, settle: Settle) -> Result<(), Error> {
        let Self { ledger, lease } = self;
        ledger
            .write(move |transaction| {
                let entry = transaction.entry(&lease.key)?;
                transaction.apply(&lease.key, decide::settle(entry, settle))
            })
            .await
    }
}
